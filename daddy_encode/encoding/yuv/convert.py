"""RGB to yuv420p in BT.709's limited range, in the whole numbers of swscale's C code, so to the same bytes.

swscale (libswscale/input.c: rgb24ToY_c, rgb24ToUV_half_c; hScale16To15_c; output.c: yuv2planeX_8_c), with its flags
area, accurate_rnd and bitexact, has coefficients of 15 bits and two steps: luma in 14 bits, and chroma in 14 bits of
two neighbours in a row; then each is rounded to 8 bits, chroma as the mean of two rows. No sum is above 2^24 in
magnitude, so that a 32-bit float holds each exactly, and a matrix product is the quickest way to all of them.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from daddy_encode.spool.png.pixels import Pixels

# Red, green and blue's parts of Y, Cb and Cr: BT.709's Kr 0.2126 and Kb 0.0722, times 219/255 for Y and 224/255 for the
# others, times 2^15, rounded.
_Y = (5983, 20127, 2032)
_CB = (-3298, -11094, 14392)
_CR = (14392, -13073, -1320)
# What swscale adds before it shifts: black, 16 and 128, and half a unit of the result.
_Y_OFFSET = (32 << 14) + (1 << 8)
_C_OFFSET = (256 << 15) + (1 << 9)
# Y is shifted by so many bits, chroma, which is a sum of two, by one more; as powers of two they keep floats exact.
_Y_UNIT = 2.0**-9
_C_UNIT = 2.0**-10
# OpenBLAS takes no second thread for a product of fewer than 2^18 multiplications.
_ROWS = 2**18 // (6 * 4) - 8


def _matrix() -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """From the six samples of two neighbouring pixels to both their Ys, and the Cb and Cr of both."""
    matrix = np.zeros((6, 4), np.float32)
    for pixel in (0, 1):
        rows = slice(3 * pixel, 3 * pixel + 3)
        matrix[rows, pixel] = np.array(_Y) * _Y_UNIT
        matrix[rows, 2] = np.array(_CB) * _C_UNIT
        matrix[rows, 3] = np.array(_CR) * _C_UNIT
    offset = np.array([_Y_OFFSET * _Y_UNIT] * 2 + [_C_OFFSET * _C_UNIT] * 2, np.float32)
    return matrix, offset


_MATRIX, _OFFSET = _matrix()


def to_yuv(blocks: Pixels) -> tuple[Pixels, Pixels, Pixels]:
    """Convert blocks of two rows.

    Args:
        blocks: (N, 2, 3 * W), RGB, where W is even.

    Returns:
        Y (N, 2, W), Cb and Cr (N, W / 2).
    """
    count, _, samples = blocks.shape
    pairs = blocks.reshape(-1, 6)
    made = np.empty((len(pairs), 4), np.int32)
    for at in range(0, len(pairs), _ROWS):
        part = pairs[at : at + _ROWS].astype(np.float32) @ _MATRIX
        part += _OFFSET
        # All are positive: the fraction is cut off as a shift would.
        made[at : at + _ROWS] = part
    sums = made.reshape(count, 2, samples // 6, 4)
    luma = (sums[:, :, :, :2].reshape(count, 2, samples // 3) + 32) >> 6
    chroma = (sums[:, 0, :, 2:] + sums[:, 1, :, 2:] + 64) >> 7
    return luma.astype(np.uint8), chroma[:, :, 0].astype(np.uint8), chroma[:, :, 1].astype(np.uint8)
