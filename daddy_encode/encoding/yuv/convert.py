"""RGB to yuv420p in BT.709's limited range, in the whole numbers of swscale's C code, so to the same bytes.

swscale with its flags area, accurate_rnd and bitexact (libswscale/input.c: rgb24ToY_c, rgb24ToUV_half_c; swscale.c:
hScale16To15_c; output.c: yuv2plane1_8_c, yuv2planeX_8_c) has coefficients of 15 bits and two steps: luma in 14 bits,
and chroma in 14 bits of two neighbours in a row; then it rounds to 8 bits, chroma as the mean of two rows.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from daddy_encode.spool.png.pixels import Pixels

Samples = npt.NDArray[np.int32]

# Red, green and blue's parts of Y, Cb and Cr: BT.709's, of Kr 0.2126 and Kb 0.0722, times 219/255 for Y and 224/255 for
# the others, times 2^15, rounded.
_Y = (5983, 20127, 2032)
_CB = (-3298, -11094, 14392)
_CR = (14392, -13073, -1320)
# Added before bits are cut off: black, 16 and 128, and half a unit of what is left. Luma is cut off twice, by 9 and by
# 6 bits, half a unit added each time, which comes to this.
_Y_OFFSET = (16 << 15) + (1 << 8) + (1 << 14)
_C_OFFSET = (128 << 16) + (1 << 9)


def to_yuv(blocks: Pixels) -> tuple[Samples, Samples, Samples]:
    """Convert blocks of two rows.

    Args:
        blocks: (N, 2, 3 * W), RGB, where W is even.

    Returns:
        Y (N, 2, W), Cb and Cr (N, W / 2), each from 16 to 240.
    """
    count, _, samples = blocks.shape
    # Left and right pixels, each colour by itself: (2, 3, pairs).
    pairs = blocks.reshape(-1, 6).T.astype(np.int32, order="C").reshape(2, 3, -1)
    luma = np.empty((pairs.shape[2], 2), np.int32)
    for side, pixels in enumerate(pairs):
        np.right_shift(_weighted(pixels, _Y, _Y_OFFSET), 15, out=luma[:, side])
    both = pairs[0]
    both += pairs[1]
    chroma = []
    for parts in (_CB, _CR):
        of_row = _weighted(both, parts, _C_OFFSET)
        of_row >>= 10
        rows = of_row.reshape(count, 2, -1)
        mean = rows[:, 0] + rows[:, 1]
        mean += 1 << 6
        mean >>= 7
        chroma.append(mean)
    return luma.reshape(count, 2, samples // 3), chroma[0], chroma[1]


def _weighted(rgb: Samples, parts: tuple[int, int, int], offset: int) -> Samples:
    total: Samples = rgb[0] * np.int32(parts[0])
    total += offset
    for samples, part in zip(rgb[1:], parts[1:], strict=True):
        total += samples * np.int32(part)
    return total
