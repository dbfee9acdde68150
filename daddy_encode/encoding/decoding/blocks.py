"""Where a picture is darker or brighter than it should be: the difference, reduced to means over blocks by ffmpeg.

Compression takes away detail, so that single samples are far off; the mean over a block stays. A thing that is missing,
or another colour, changes it.
"""

from __future__ import annotations

from msgspec import Struct

# Samples of a block, each way.
BLOCK = 8
# What ffmpeg makes of no difference.
_ZERO = 128
# Of almost all blocks: these are counted, the others looked at one by one.
_NEAR = bytes(range(_ZERO - 4, _ZERO + 5))


class Offsets(Struct, frozen=True):
    """How much less the samples of a picture's three planes are than they should be, as 8-bit values.

    Attributes:
        mean: Of each plane.
        most: The largest one of a block, of each plane, without its sign.
    """

    mean: tuple[float, ...]
    most: tuple[int, ...]


class Blocks:
    """The means over blocks of one video after another picture, as they come.

    Attributes:
        offsets: Of each picture that has come whole.
    """

    def __init__(self, size: tuple[int, int], *, is_subsampled: bool) -> None:
        """Of pictures of (width, height) `size`; with `is_subsampled` of yuv420p, else of RGB."""
        self.offsets: list[Offsets] = []
        self._width, self._height = (max(1, -(-length // BLOCK)) for length in size)
        self._is_subsampled = is_subsampled
        luma = self._width * self._height
        chroma = -(-self._width // 2) * -(-self._height // 2) if is_subsampled else luma
        self._ends = (luma, luma + chroma, luma + 2 * chroma)
        self._waiting = bytearray()

    def graph(self) -> str:
        """The filters from [blocks0], what should be shown, and [blocks1] to [blocks]."""
        reduced = f"scale={self._width}:{self._height}:flags=area+accurate_rnd+bitexact"
        # Of red, green and blue as well it makes Y, U and V, which a difference is of just so.
        planes = "" if self._is_subsampled else ":out_range=pc,format=yuv444p"
        return f";[blocks0][blocks1]blend=all_mode=grainextract,{reduced}{planes}[blocks]"

    def take(self, part: bytes) -> None:
        """Take what ffmpeg has written."""
        self._waiting += part
        length = self._ends[-1]
        while len(self._waiting) >= length:
            picture = bytes(self._waiting[:length])
            del self._waiting[:length]
            begin = 0
            found = []
            for end in self._ends:
                found.append(_offset(picture[begin:end]))
                begin = end
            self.offsets.append(Offsets(tuple(mean for mean, _ in found), tuple(most for _, most in found)))


def _offset(plane: bytes) -> tuple[float, int]:
    """The mean and the largest offset of a plane's blocks."""
    counted = {value - _ZERO: plane.count(value) for value in _NEAR}
    far = [value - _ZERO for value in plane.translate(None, _NEAR)]
    total = sum(value * count for value, count in counted.items()) + sum(far)
    most = max(map(abs, far), default=max((abs(value) for value, count in counted.items() if count), default=0))
    return total / len(plane), most
