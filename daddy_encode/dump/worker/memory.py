"""The memory of a recording: its frames on their way, and what the server says."""

from __future__ import annotations

import math
import mmap
import os
import weakref

import numpy as np

from daddy_encode.dump.worker.protocol import Layout, Recording
from daddy_encode.errors import DaddyEncodeError, ManifestError, SpoolError, TransientError
from daddy_encode.spool.png.pixels import Pixels

# The memory begins with flags, the number of frames on disk, an error's text, and a byte for each slot. FINISHED: all
# is on disk, or has failed; OVER: nobody serves it any more.
DISCARDED, FAILED, FINISHED, OVER = range(4)
_FRAMES, _TEXT, _SLOTS, _HEAD_BYTES = 8, 16, 4096, 8192
MOST_SLOTS = _HEAD_BYTES - _SLOTS
_PAGE_BYTES = 4096
# What a server reports.
_ERRORS: tuple[type[DaddyEncodeError], ...] = (SpoolError, TransientError, ManifestError)


class Memory:
    """The shared memory of a recording.

    `slots` has a byte for each slot, 1 while a frame in it is to be written; `frames[0]` is how many are on disk.
    """

    def __init__(self, memory: Pixels) -> None:
        """`memory`: of zeros at first, and of `slot_offset`'s length."""
        self._bytes = memory
        whole = memory.data
        self.flags, self.slots = whole[:_FRAMES], whole[_SLOTS:_HEAD_BYTES]
        self.frames, self._text = whole[_FRAMES:_TEXT].cast("Q"), whole[_TEXT:_SLOTS]

    @property
    def error(self) -> DaddyEncodeError | None:
        """What has failed first."""
        if not self.flags[FAILED]:
            return None
        kind, _, text = bytes(self._text).rstrip(b"\0").decode(errors="replace").partition("\n")
        return {known.__name__: known for known in _ERRORS}.get(kind, SpoolError)(text or "out of memory")

    @error.setter
    def error(self, error: DaddyEncodeError) -> None:
        try:
            if not self.flags[FAILED]:
                text = f"{type(error).__name__}\n{error}".encode()[: len(self._text)]
                self._text[: len(text)] = text
        finally:
            self.flags[FAILED] = 1

    def frame(self, slot: int, recording: Recording, layout: Layout) -> Pixels:
        """The frame that begins in a slot, a view of the memory."""
        stored = [layout.shape[axis] for axis in layout.axes]
        pixels = np.ndarray(stored, np.uint8, self._bytes, slot_offset(slot, recording))
        return pixels.transpose(sorted(range(len(stored)), key=layout.axes.__getitem__))


def slot_offset(slot: int, recording: Recording) -> int:
    """Where in the memory a slot begins, in whole pages; slot n of n slots: where the memory ends."""
    return _HEAD_BYTES + slot * _PAGE_BYTES * _pages(recording.layout)


def slots_for(layout: Layout, recording: Recording) -> int:
    """How many slots in a row a frame takes: one, unless it is larger than the first."""
    return -(-_pages(layout) // _pages(recording.layout))


def _pages(layout: Layout) -> int:
    return -(-math.prod(layout.shape) // _PAGE_BYTES)


def map_file(descriptor: int) -> Pixels:
    """All bytes of an open file, shared with whoever maps it too; unmapped with the last view of them.

    Python's own mmap would keep a descriptor for each. Raises OSError, or ImportError in a Python without ctypes.
    """
    import ctypes

    size = os.fstat(descriptor).st_size
    library = ctypes.CDLL(None, use_errno=True)
    library.mmap.restype = ctypes.c_void_p
    library.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
    address = library.mmap(None, size, mmap.PROT_READ | mmap.PROT_WRITE, mmap.MAP_SHARED, descriptor, 0)
    if address == ctypes.c_void_p(-1).value:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    # An array of ctypes, for that can be referred to weakly.
    array = (ctypes.c_ubyte * size).from_address(address)
    # Not at exit, when there may still be views.
    weakref.finalize(array, library.munmap, ctypes.c_void_p(address), ctypes.c_size_t(size)).atexit = False
    return np.asarray(memoryview(array))
