"""What a rollout and its hands (see `hand`) say to each other. One machine, one version: both ends use this module.

- Each hand's pipe brings its orders: frame `index` of recording `number`, in slot `slot` of the recording's shared
  memory, or at `address` in the rollout's own. They are done in their order.
- Each hand's socket brings what recordings there are, before any order for them.
- Each recording's own pipe takes the results back.
- A recording's shared memory begins with a page of 64-bit integers on which its hands agree, zeros at first.
"""

from __future__ import annotations

import signal
import struct

import msgspec

# number, index, slot, address. Whole, for a pipe takes so few bytes at once or not at all (pipe(7)).
ORDER = struct.Struct("<IIIxxxxQ")
# index, slot, outcome: one of those below, or how many bytes of an error's text follow.
RESULT = struct.Struct("<IIi")
WRITTEN = 0
# The address cannot be read.
UNREADABLE = -1
# An earlier frame has failed.
LEFT_OUT = -2
# With some results less than a pipe takes in one piece.
ERROR_BYTES = 3000
# The slot of a frame that is at an address.
NO_SLOT = 2**32 - 1
# In place of a slot: say so when all orders before are done. The result gives the index back, with this outcome.
MARK = 2**32 - 2
MARKED = -3
# In place of a slot: the recording is over.
END = 2**32 - 3
# A hand's first and only word.
READY = b"ready"
# Kept from a hand until it ignores them: a terminal's Ctrl-C and Slurm's signals go to all processes, and the rollout
# shall decide what they mean.
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


PAGE = 4096
# In that page: the disk budget's state, whether a frame has failed, and the filters of some stretches of frames.
BUDGET = slice(0, 3)
FAILED = 3
FILTERS = slice(8, 72)


class Opening(msgspec.Struct):
    """A recording begins; with it come the descriptors of its shared memory and of the pipe for its results."""

    number: int
    directory: str
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    min_free: int | None


def slot_bytes(frame_bytes: int) -> int:
    """What a frame of so many bytes takes in shared memory: whole pages."""
    return -(-frame_bytes // PAGE) * PAGE


def slot_offset(slot: int, frame_bytes: int) -> int:
    """Where in shared memory a slot begins; slot n of n slots: where the memory ends."""
    return PAGE + slot * slot_bytes(frame_bytes)
