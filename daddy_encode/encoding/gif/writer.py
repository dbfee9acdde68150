"""Pictures in palette indices into a GIF's bytes: each cropped to what changed, transparent where that is shorter.

Blocks: the GIF89a specification; the loop count: Netscape's application extension. The LZW coder is Pillow's, in C.
"""

from __future__ import annotations

import contextlib
import shutil
import struct
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
from msgspec import Struct
from PIL import Image

from daddy_encode.spool.held_file import HeldFile
from daddy_encode.spool.png.pixels import Pixels
from daddy_encode.spool.publish import reported, sibling_file

Mask = npt.NDArray[np.bool_]

# The format's own bound.
MAX_COLOURS = 256


class Box(Struct, frozen=True):
    """A rectangle of a picture.

    Attributes:
        top: Its first row.
        bottom: The row after its last.
        left: Its first column.
        right: The column after its last.
    """

    top: int
    bottom: int
    left: int
    right: int

    @property
    def within(self) -> tuple[slice, slice]:
        """As an index into a picture."""
        return slice(self.top, self.bottom), slice(self.left, self.right)


# An image block cannot be empty: where nothing changed, the corner pixel is drawn again.
NOTHING = Box(0, 1, 0, 1)


def changed_box(old: Pixels, new: Pixels) -> Box:
    """The smallest rectangle with every difference between two pictures, (H, W) or (H, W, 3)."""
    height, width = new.shape[:2]
    before, after = old.reshape(height, -1), new.reshape(height, -1)
    begin, end = _differing_rows(before, after)
    if begin == end:
        return NOTHING
    differ = before[begin:end] != after[begin:end]
    rows = np.flatnonzero(differ.any(axis=1))
    samples = differ.shape[1] // width
    columns = np.flatnonzero(differ.any(axis=0)) // samples
    return Box(begin + int(rows[0]), begin + int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1)


def _differing_rows(before: Pixels, after: Pixels) -> tuple[int, int]:
    """From the first row that differs to behind the last, or a row more; (0, 0) where none does.

    Words are compared eight times as fast as bytes, and most rows of a rollout stay as they are.
    """
    old, new = before.reshape(-1), after.reshape(-1)
    stride, length = after.shape[1], new.size // 8 * 8
    words = np.flatnonzero(old[:length].view(np.uint64) != new[:length].view(np.uint64))
    is_new_at_end = old[length:].tobytes() != new[length:].tobytes()
    if not words.size and not is_new_at_end:
        return 0, 0
    first = int(words[0]) * 8 if words.size else length
    last = new.size - 1 if is_new_at_end else int(words[-1]) * 8 + 7
    return first // stride, last // stride + 1


class GifWriter:
    """One GIF in the making. A context manager.

    Its pictures go to a temporary file, since the palette may not be known yet.
    """

    def __init__(self, target: HeldFile, width: int, height: int, scale: int, delays: Sequence[int]) -> None:
        """Begin a GIF.

        Args:
            target: The GIF's file; the temporary one is made beside it.
            width: Of the pictures as they are added, in pixels.
            height: Likewise.
            scale: Every pixel becomes a square of that side.
            delays: Of each picture to come, in hundredths of a second.

        Raises:
            SpoolError: The directory cannot be written.
        """
        self._size = (width * scale, height * scale)
        self._target = target
        self._scale = scale
        self._delays: Iterator[int] = iter(delays)
        self._colours = 0
        with contextlib.ExitStack() as stack, reported(target.path, "write"):
            self._parts = stack.enter_context(sibling_file(target))
            self._body = stack.enter_context(self._parts.writing())
            self._stack = stack.pop_all()

    def __enter__(self) -> GifWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Remove the temporary file."""
        # What is not written yet need not be.
        with contextlib.suppress(OSError):
            self._stack.close()

    def add(self, box: Box, indices: Pixels, changed: Mask | None) -> None:
        """Add the next picture.

        Args:
            box: What of it is drawn; the rest stays as it was.
            indices: What fills the box, (H, W).
            changed: Which pixels of the box are new, (H, W); None: all are. The others may be left transparent, by any
                index that the picture does not draw, so that 256 colours leave room for one as well.

        Raises:
            SpoolError: The temporary file cannot be written.
        """
        ways = [self._coded(indices, None)]
        if changed is not None and not changed.all() and (free := _unused(indices[changed])) is not None:
            left_out = np.where(changed, indices, np.uint8(free))
            # Neither way is shorter on all pictures, so both are tried, unless the number of runs decides (measured:
            # what this misses is 0.1 % of the file).
            if _runs(left_out) <= 1.5 * _runs(indices):
                ways.append(self._coded(left_out, free))
        data, highest, transparent = min(ways, key=lambda way: len(way[0]))
        self._colours = max(self._colours, highest + 1)
        control = struct.pack(
            "<BBBBHBB", 0x21, 0xF9, 4, 0b100 | (transparent is not None), next(self._delays), transparent or 0, 0
        )
        place = (box.left, box.top, box.right - box.left, box.bottom - box.top)
        descriptor = struct.pack("<BHHHHB", 0x2C, *(value * self._scale for value in place), 0)
        with reported(self._target.path, "write"):
            self._body.write(control + descriptor + data)

    def finish(self, palette: Pixels, plays: int) -> None:
        """Write the whole GIF.

        Args:
            palette: (N, 3), N up to 256.
            plays: Times it is shown; 0: forever.

        Raises:
            SpoolError: The file cannot be written.
        """
        bits = max(1, (max(self._colours, len(palette)) - 1).bit_length())
        table = palette.tobytes().ljust(3 << bits, b"\0")
        head = struct.pack("<6sHHBBB", b"GIF89a", *self._size, 0x80 | 0x70 | bits - 1, 0, 0)
        with reported(self._target.path, "write"):
            self._body.flush()
            with self._parts.reading() as body, self._target.writing() as stream:
                stream.write(head + table + loop_extension(plays))
                shutil.copyfileobj(body, stream, 2**20)
                stream.write(b";")

    def _coded(self, indices: Pixels, transparent: int | None) -> tuple[bytes, int, int | None]:
        """The image data of a picture with its code size, the highest index in it, and `transparent` as given."""
        if self._scale > 1:
            indices = indices.repeat(self._scale, axis=0).repeat(self._scale, axis=1)
        height, width = indices.shape
        highest = int(indices.max())
        bits = max(2, highest.bit_length())
        image = Image.frombuffer("L", (width, height), np.ascontiguousarray(indices), "raw", "L", 0, 1)
        return bytes((bits,)) + image.tobytes("gif", ("L", bits, 0)) + b"\0", highest, transparent


def _unused(indices: Pixels) -> int | None:
    """The lowest index that is not among `indices`: codes are as long as the highest index needs."""
    used = np.bincount(indices, minlength=MAX_COLOURS)
    lowest = int(used.argmin())
    return lowest if used[lowest] == 0 else None


def _runs(indices: Pixels) -> int:
    flat = indices.reshape(-1)
    return int(np.count_nonzero(flat[1:] != flat[:-1])) + 1


def loop_extension(plays: int) -> bytes:
    """The block that makes a viewer repeat; none for one play. Browsers show a count of n as 1 + n plays."""
    if plays == 1:
        return b""
    return struct.pack("<BBB11sBBHB", 0x21, 0xFF, 11, b"NETSCAPE2.0", 3, 1, max(0, plays - 1), 0)
