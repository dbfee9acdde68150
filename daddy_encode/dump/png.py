"""An array as PNG bytes: one numpy filter, one fast deflate."""

from __future__ import annotations

import struct
import zlib

import numpy as np

from daddy_encode.dump.frames import Frame

try:
    from isal import isal_zlib as _deflate
except ImportError:  # no wheel for this machine: slower, the same pixels
    import zlib as _deflate  # type: ignore[no-redef]

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
# PNG colour types by the number of samples a pixel has (PNG specification, 11.2.1).
_COLOUR_TYPE = {1: 0, 3: 2, 4: 6}


def encode_png(frame: Frame) -> bytes:
    """`frame`, uint8 (H, W), (H, W, 3) or (H, W, 4), any strides, as an 8-bit PNG that is not interlaced."""
    height, width = frame.shape[:2]
    samples = 1 if frame.ndim == 2 else frame.shape[2]
    rows = np.empty((height, 1 + width * samples), np.uint8)
    rows[:, 0] = 0
    rows[:, 1:].reshape(frame.shape)[...] = frame
    data = _deflate.compress(rows, 1)
    header = struct.pack(">IIBBBBB", width, height, 8, _COLOUR_TYPE[samples], 0, 0, 0)
    return b"".join((_SIGNATURE, *_chunk(b"IHDR", header), *_chunk(b"IDAT", data), *_chunk(b"IEND", b"")))


def _chunk(kind: bytes, data: bytes) -> tuple[bytes, bytes, bytes]:
    return (struct.pack(">I", len(data)) + kind, data, struct.pack(">I", zlib.crc32(data, zlib.crc32(kind))))
