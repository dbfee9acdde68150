"""PNGs made by rule: every kind, written here sample by sample, and readings of them by programs that did not write."""

from __future__ import annotations

import io
import struct
import subprocess
import zlib
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from PIL import Image

from daddy_encode.spool.png.pixels import Pixels
from tests.media import ffmpeg

Samples = npt.NDArray[np.int64]

SIGNATURE = b"\x89PNG\r\n\x1a\n"
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
# PNG specification, 8.1: first column and row, and the steps, of each of Adam7's passes.
ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def ihdr(width: int, height: int, depth: int = 8, colour: int = 2, interlaced: bool = False) -> bytes:
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced))


def random_samples(height: int, width: int, depth: int, colour: int, seed: int = 0) -> Samples:
    return np.random.default_rng(seed).integers(0, 1 << depth, (height, width, CHANNELS[colour]))


def image_rows(samples: Samples, depth: int, interlaced: bool = False, row_filter: int = 0) -> bytes:
    """What IDAT inflates to, with one filter byte before each row (the samples stay as they are)."""
    passes = [samples[y::dy, x::dx] for x, y, dx, dy in ADAM7] if interlaced else [samples]
    rows = (row.reshape(-1) for part in passes if part.size for row in part)
    return b"".join(bytes([row_filter]) + _packed(row, depth) for row in rows)


def _packed(row: Samples, depth: int) -> bytes:
    if depth == 16:
        return row.astype(">u2").tobytes()
    bits = (row[:, np.newaxis] >> np.arange(depth - 1, -1, -1)) & 1
    return np.packbits(bits.astype(np.uint8).reshape(-1)).tobytes()


def png(
    samples: Samples,
    depth: int = 8,
    colour: int = 2,
    interlaced: bool = False,
    before: bytes = b"",
    after: bytes = b"",
) -> bytes:
    """A whole file; `before` and `after`: chunks around IDAT."""
    height, width = samples.shape[:2]
    return b"".join(
        [
            SIGNATURE,
            ihdr(width, height, depth, colour, interlaced),
            before,
            chunk(b"IDAT", zlib.compress(image_rows(samples, depth, interlaced))),
            after,
            chunk(b"IEND", b""),
        ]
    )


def rgb(pixels: Pixels, before: bytes = b"", after: bytes = b"") -> bytes:
    return png(pixels.astype(np.int64), before=before, after=after)


def every_kind(height: int = 13, width: int = 19) -> Iterator[tuple[str, bytes]]:
    """A file of each colour type, bit depth and interlacing, with and without tRNS."""
    random = np.random.default_rng(5)
    for colour, depths in DEPTHS.items():
        for depth in depths:
            samples = random_samples(height, width, depth, colour, seed=depth * 7 + colour)
            palette = chunk(b"PLTE", random.bytes(3 << depth)) if colour == 3 else b""
            kinds = [("", palette)]
            if colour == 3:
                kinds.append(("-trns", palette + chunk(b"tRNS", random.bytes(max(1, (1 << depth) // 2)))))
            elif colour in (0, 2):
                key = samples[1, 1].copy()
                samples[3] = key
                # One bit away from the transparent colour, in the byte that 16-bit readers like to drop.
                samples[5] = key ^ 1
                kinds.append(("-trns", chunk(b"tRNS", key.astype(">u2").tobytes())))
            for interlaced in (False, True):
                for name, before in kinds:
                    label = f"colour{colour}-depth{depth}{'-interlaced' * interlaced}{name}"
                    yield label, png(samples, depth, colour, interlaced, before)


def pillow_rgb(data: bytes) -> Pixels | None:
    """Pillow's reading as RGB, of a file without transparency; None where it refuses."""
    try:
        with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
            image.load()
            return np.asarray(image.convert("RGB"))
    except Exception:
        return None


def ffmpeg_rgba(data: bytes, width: int, height: int) -> Pixels | None:
    """ffmpeg's reading, (height, width, 4): all 16 bits first where there are so many, then the high byte; None where
    it refuses, or finds another size."""
    deep = data[24] == 16
    command = [
        *(ffmpeg(), "-v", "error", "-xerror", "-nostdin", "-f", "image2pipe", "-c:v", "png"),
        *("-err_detect", "explode", "-i", "pipe:0", "-frames:v", "1"),
        *("-f", "rawvideo", "-pix_fmt", "rgba64be" if deep else "rgba", "pipe:1"),
    ]
    completed = subprocess.run(command, input=data, capture_output=True, check=False)
    if completed.returncode != 0 or len(completed.stdout) != width * height * (8 if deep else 4):
        return None
    if deep:
        return (np.frombuffer(completed.stdout, ">u2").reshape(height, width, 4) >> 8).astype(np.uint8)
    return np.frombuffer(completed.stdout, np.uint8).reshape(height, width, 4)


def blended(rgba: Pixels, background: tuple[int, int, int]) -> Pixels:
    """Straight alpha over `background`, in exact arithmetic, rounded to the nearest."""
    alpha = rgba[..., 3:].astype(np.float64) / 255
    mixed = rgba[..., :3] * alpha + np.array(background) * (1 - alpha)
    return np.floor(mixed + 0.5).astype(np.uint8)
