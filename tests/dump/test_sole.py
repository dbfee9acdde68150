"""Whether somebody else holds an array: real arrays, held in every way that renderers do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from daddy_encode.dump.sole import is_sole

kept: list[Any] = []


def keep(value: Any) -> Any:
    kept.append(value)
    return value


class Picture(np.ndarray):
    """A subclass may hold anything."""


OURS: dict[str, Callable[[], Any]] = {
    "a new array": lambda: np.zeros((4, 6, 3), np.uint8),
    "a view of a new array": lambda: np.zeros((4, 6, 3), np.uint8).transpose(1, 0, 2),
    "a view of a view": lambda: np.zeros((4, 6, 3), np.uint8)[::-1].transpose(1, 0, 2)[1:],
    "a copy of what is kept": lambda: keep(np.zeros((4, 6, 3), np.uint8)).copy(),
}
THEIRS: dict[str, Callable[[], Any]] = {
    "an array that is kept": lambda: keep(np.zeros((4, 6, 3), np.uint8)),
    "a view of one that is kept": lambda: keep(np.zeros((4, 6, 3), np.uint8))[::-1],
    "one of which a view is kept": lambda: keep(np.zeros((4, 6, 3), np.uint8)[:2]).base,
    "a view beside another one": lambda: keep(np.zeros((4, 6, 3), np.uint8)[:2]).base[1:],
    "a library's memory": lambda: np.frombuffer(bytearray(72), np.uint8).reshape(4, 6, 3),
    "a subclass": lambda: np.zeros((4, 6, 3), np.uint8).view(Picture),
    "no array": lambda: [[1, 2], [3, 4]],
}


@pytest.mark.parametrize("make", OURS.values(), ids=OURS)
def test_what_nobody_else_holds_is_ours(make: Callable[[], Any]) -> None:
    array = make()
    assert is_sole(array)
    another = array
    assert not is_sole(array)
    del another


@pytest.mark.parametrize("make", THEIRS.values(), ids=THEIRS)
def test_what_somebody_else_holds_is_not(make: Callable[[], Any]) -> None:
    array = make()
    assert not is_sole(array)
    kept.clear()
