"""Whatever a renderer does with its memory after `write`, the pixels on disk are those that it showed."""

from __future__ import annotations

import ctypes
import sys
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pytest
from PIL import Image

from daddy_encode.dump import FrameWriter
from daddy_encode.spool.png.pixels import Pixels
from tests.dump.reading import assert_same, pixels_of
from tests.media import noise

# What a renderer shows, and its memory, which it draws in again as soon as it gets the word.
Shown = tuple[Any, Pixels]
Renderer = Callable[[Path], Iterator[Shown]]
FRAMES = noise(40, 24, 32)


def into(memory: Pixels, show: Callable[[], Any]) -> Iterator[Shown]:
    for frame in FRAMES:
        memory[...] = frame
        yield show(), memory


def one_buffer(_: Path) -> Iterator[Shown]:
    memory = np.empty_like(FRAMES[0])
    return into(memory, lambda: memory)


def views_of_a_ring(_: Path) -> Iterator[Shown]:
    ring = np.empty((2, *FRAMES[0].shape), np.uint8)
    for index, frame in enumerate(FRAMES):
        memory = ring[index % 2]
        memory[...] = frame
        yield memory[:], ring


def a_turned_view(_: Path) -> Iterator[Shown]:
    memory = np.empty(FRAMES[0].transpose(1, 0, 2).shape, np.uint8)
    return into(memory.swapaxes(0, 1), lambda: memory.swapaxes(0, 1))


def freed_when_nobody_refers_to_it(_: Path) -> Iterator[Shown]:
    class Image(np.ndarray[Any, Any]):
        pass

    memory = np.empty_like(FRAMES[0])

    def show() -> Any:
        shown = memory.view(Image)
        # The renderer's pool takes the memory back.
        weakref.finalize(shown, memory.fill, 7)
        return shown

    return into(memory, show)


def a_memory_map(folder: Path) -> Iterator[Shown]:
    mapped = np.memmap(folder / "screen", np.uint8, "w+", shape=FRAMES[0].shape)
    return into(mapped, lambda: mapped)


def a_librarys_memory(_: Path) -> Iterator[Shown]:
    shape = FRAMES[0].shape
    owned = (ctypes.c_ubyte * FRAMES[0].nbytes)()

    class Surface:
        @property
        def __array_interface__(self) -> dict[str, Any]:
            return {"version": 3, "shape": shape, "typestr": "|u1", "data": (ctypes.addressof(owned), False)}

    return into(np.frombuffer(owned, np.uint8).reshape(shape), Surface)


def a_buffer_that_is_no_array(_: Path) -> Iterator[Shown]:
    owned = bytearray(FRAMES[0].nbytes)
    memory = np.frombuffer(owned, np.uint8).reshape(FRAMES[0].shape)
    return into(memory, lambda: memoryview(owned).cast("B", list(FRAMES[0].shape)))


def a_picture(_: Path) -> Iterator[Shown]:
    picture = Image.new("RGB", (32, 24))
    for frame in FRAMES:
        picture.paste(Image.fromarray(frame))
        yield picture, np.empty(0, np.uint8)
        picture.paste((1, 2, 3), (0, 0, 32, 24))


RENDERERS: list[Renderer] = [
    one_buffer,
    views_of_a_ring,
    a_turned_view,
    freed_when_nobody_refers_to_it,
    a_memory_map,
    a_librarys_memory,
    a_buffer_that_is_no_array,
    a_picture,
]


def untraced() -> None:
    pass


def traced() -> None:
    """As a debugger does it, which keeps what it has seen."""
    seen: list[Any] = []

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        seen.append((frame.f_locals, argument))
        return trace

    sys.settrace(trace)


def profiled() -> None:
    sys.setprofile(lambda frame, event, argument: None)


@pytest.fixture(params=[untraced, traced, profiled])
def watched(request: pytest.FixtureRequest) -> Iterator[Callable[[], None]]:
    before = sys.gettrace(), sys.getprofile()
    yield request.param
    sys.settrace(before[0])
    sys.setprofile(before[1])


@pytest.mark.usefixtures("transport")
@pytest.mark.parametrize("renderer", RENDERERS)
def test_what_is_shown_is_what_is_on_disk(renderer: Renderer, watched: Callable[[], None], tmp_path: Path) -> None:
    shows = renderer(tmp_path)
    with FrameWriter(tmp_path / "job", workers=2) as writer:
        watched()
        for shown, memory in shows:
            writer.write(shown)
            # Drawn over at once, while the frame is on its way; and what was shown is let go.
            del shown
            memory.fill(255)
        sys.settrace(None)
        sys.setprofile(None)
    assert_same(pixels_of(tmp_path / "job"), list(FRAMES))
