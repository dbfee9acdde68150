"""Valid inputs to begin from, and hypothesis strategies that break them a little or much."""

from __future__ import annotations

import json
import zlib

import numpy as np
from hypothesis import strategies as st

from daddy_encode.spool.png.format import NONE, SUB, UP
from daddy_encode.spool.png.writer import encode_png
from daddy_encode.spool.stored.tar import entry
from tests.encoding.png.corpus import Chunks, chunks_of, joined, palette_file, small_file
from tests.pngs import chunk, every_kind, ihdr

OPAQUE = np.full((6, 5, 4), 255, np.uint8)
PNGS = [
    small_file(),
    palette_file(),
    *(data for _, data in every_kind(6, 5)),
    *(encode_png(OPAQUE, row_filter) for row_filter in (NONE, SUB, UP)),
    small_file() + b"more",
]

TARS = [
    b"".join(entry(f"{index:06d}.png", data, 1_700_000_000) for index, data in enumerate(PNGS[:3])) + bytes(1024),
    b"".join(entry(name, b"x" * 700, 0) for name in ("a/1.png", "./a/2.png", "notes.txt", "a/.3.png")),
]

MANIFEST = {
    "version": 1,
    "frames": 12,
    "width": 64,
    "height": 48,
    "fps": "30000/1001",
    "video": "both",
    "complete": False,
    "error": "MemoryError: no",
    "meta": {"seed": 7, "return": -1.5, "nested": {"list": [1, 2, None, True]}},
}
RECEIPT = {
    "version": 1,
    "job": "episode-0003",
    "source": {
        "frames": 12,
        "width": 64,
        "height": 48,
        "sha256": "0" * 64,
        "listing_sha256": "1" * 64,
        "manifest_sha256": None,
    },
    "outputs": [],
    "ffmpeg": "9.0.2",
    "ffmpeg_build": "gcc",
    "host": "node",
    "lost": {"missing_count": 1, "bad_count": 1, "missing": ["a"], "bad": [{"name": "b", "reason": "c"}]},
    "gaps": "hold",
    "finished": 1.5,
}
RECORDS = [json.dumps(record, indent=2).encode() for record in (MANIFEST, RECEIPT)]


@st.composite
def broken(draw: st.DrawFn, seeds: list[bytes]) -> bytes:
    """One of `seeds` with a few bytes changed, inserted or removed."""
    data = bytearray(draw(st.sampled_from(seeds)))
    for _ in range(draw(st.integers(0, 6))):
        at = draw(st.integers(0, len(data)))
        how = draw(st.integers(0, 3))
        if how == 0 and at < len(data):
            data[at] ^= 1 << draw(st.integers(0, 7))
        elif how == 1 and at < len(data):
            data[at] = draw(st.sampled_from([0, 1, 0x7F, 0x80, 0xFF]))
        elif how == 2:
            data[at:at] = draw(st.binary(min_size=1, max_size=8))
        else:
            del data[at : at + draw(st.integers(1, 16))]
    return bytes(data)


@st.composite
def broken_pngs(draw: st.DrawFn) -> bytes:
    """Broken bytes, broken chunks with right CRCs, or image data made up under a header made up."""
    how = draw(st.integers(0, 2))
    if how == 0:
        return draw(broken(PNGS))
    if how == 1:
        chunks: Chunks = chunks_of(draw(st.sampled_from(PNGS)))
        for _ in range(draw(st.integers(1, 3))):
            at = draw(st.integers(0, len(chunks) - 1))
            kind, data = chunks[at]
            chunks[at] = (kind, draw(broken([data])))
        if draw(st.booleans()):
            chunks = draw(st.permutations(chunks))
        return joined(chunks)
    width, height = draw(st.integers(1, 40)), draw(st.integers(1, 40))
    depth, colour = draw(st.sampled_from([1, 2, 4, 8, 16])), draw(st.sampled_from([0, 2, 3, 4, 6]))
    rows = draw(st.binary(max_size=400)) * draw(st.integers(0, 30))
    image = zlib.compress(rows, draw(st.integers(0, 9)))
    parts = [ihdr(width, height, depth, colour, draw(st.booleans()))]
    if draw(st.booleans()):
        parts.append(chunk(b"PLTE", draw(st.binary(max_size=24))))
    if draw(st.booleans()):
        parts.append(chunk(b"tRNS", draw(st.binary(max_size=8))))
    return b"".join([PNGS[0][:8], *parts, chunk(b"IDAT", image), chunk(b"IEND", b"")])
