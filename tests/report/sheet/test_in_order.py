"""Tasks run side by side, and their results come in order; an error is the first one, and nothing runs after it."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from daddy_encode.report.sheet.in_order import in_order


@pytest.fixture(params=[1, 2, 64])
def processors(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(request.param)))
    return int(request.param)


def test_results_come_in_order_and_few_tasks_are_asked_for_before(processors: int) -> None:
    asked = []

    def tasks() -> Iterator[Callable[[], int]]:
        for number in range(20):
            asked.append(number)
            yield partial(pow, number, 2)

    results = []
    for number, result in enumerate(in_order(tasks())):
        results.append(result)
        assert len(asked) <= number + min(processors, 4)
    assert results == [number * number for number in range(20)]


def test_tasks_run_side_by_side(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    # Each waits for the other.
    both = threading.Barrier(2, timeout=60)
    assert sorted(in_order([both.wait, both.wait])) == [0, 1]


def test_the_first_error_in_order_is_raised_and_no_task_runs_any_more(processors: int) -> None:
    def fails(text: str) -> int:
        raise ValueError(text)

    threads = threading.active_count()
    results = in_order([lambda: 1, lambda: fails("first"), lambda: fails("second"), lambda: 2])
    assert next(results) == 1
    with pytest.raises(ValueError, match="first"):
        next(results)
    assert threading.active_count() == threads


def test_what_still_runs_when_one_fails_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    started, go = threading.Event(), threading.Event()
    ended = []

    def fails() -> None:
        assert started.wait(60)
        threading.Timer(0.2, go.set).start()
        raise ValueError

    def goes_on() -> None:
        started.set()
        assert go.wait(60)
        ended.append(True)

    with pytest.raises(ValueError):
        list(in_order([fails, goes_on]))
    assert ended


def test_where_no_thread_can_be_started_tasks_run_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})

    def start(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)
    assert list(in_order([threading.get_ident] * 3)) == [threading.get_ident()] * 3
