"""MP4s, decoded and read by something that did not write them."""

from __future__ import annotations

import io
import struct
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from daddy_encode import save_frames_as_png, save_mp4
from daddy_encode.encoding.mp4.reader import read_mp4
from daddy_encode.errors import EncodeError
from tests.jobs import encode
from tests.media import decode_mp4, decode_yuv, describe, moving_square, patches

RATES = [1, 7, 12.5, 15, "30000/1001", 30, 60]
COUNTS = [1, 2, 29, 301]


def boxes(data: bytes) -> list[tuple[bytes, bytes]]:
    """The boxes in `data`, as (kind, content)."""
    found = []
    while data:
        size, kind = struct.unpack_from(">I4s", data)
        found.append((kind, data[8:size]))
        data = data[size:]
    return found


def find(data: bytes, *kinds: bytes) -> bytes:
    for kind in kinds:
        data = dict(boxes(data))[kind]
    return data


@pytest.mark.parametrize(("count", "fps"), [*((30, fps) for fps in RATES), *((count, 12.5) for count in COUNTS)])
def test_every_frame_is_in_the_mp4_at_exactly_the_rate(tmp_path: Path, count: int, fps: Any) -> None:
    frames = moving_square(count)
    path = save_mp4(frames, tmp_path / "clip.mp4", fps)
    data = path.read_bytes()
    order = [kind for kind, _ in boxes(data)]
    assert order.index(b"moov") < order.index(b"mdat")
    media = find(data, b"moov", b"trak", b"mdia")
    durations = find(media, b"minf", b"stbl", b"stts")
    assert struct.unpack_from(">I", durations, 4) == (1,), "one entry: every sample has the same duration"
    counted, delta = struct.unpack_from(">II", durations, 8)
    (timescale,) = struct.unpack_from(">I", find(media, b"mdhd"), 12)
    assert counted == count
    assert Fraction(timescale, delta) == Fraction(str(fps))
    decoded = decode_mp4(path, 64, 48)
    assert decoded.shape == frames.shape
    # Half a square's step is far above this: no frame stands in for its neighbour.
    assert np.abs(decoded.astype(int) - frames).mean(axis=(1, 2, 3)).max() < 6


@pytest.mark.parametrize(("count", "fps", "duration"), [(2190, "1/60", "36:30:00.00"), (1311, 0.01, "36:25:00.00")])
def test_a_recording_longer_than_32_bits_hold_is_verified(tmp_path: Path, count: int, fps: Any, duration: str) -> None:
    frames = np.zeros((count, 2, 2, 3), np.uint8)
    frames[::2] = 200
    path = save_mp4(frames, tmp_path / "clip.mp4", fps)
    assert find(path.read_bytes(), b"moov", b"trak", b"mdia", b"mdhd")[0] == 1, "else it shows nothing"
    assert f"Duration: {duration}" in describe(path)
    assert (decode_yuv(path, 2, 2)[:, :2].mean(axis=(1, 2)) > 100).tolist() == [True, False] * (count // 2) + [True] * (
        count % 2
    )


CONTAINERS = {b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts"}
# Where the fields of 4 bytes are that have 8 in version 1 (ISO/IEC 14496-12), by their offset and number.
WIDE = {b"mvhd": [(4, 2), (16, 1)], b"mdhd": [(4, 2), (16, 1)], b"tkhd": [(4, 2), (20, 1)], b"elst": [(8, 2)]}


def widened(content: bytes) -> bytes:
    """The same boxes with sizes of 64 bits, and in version 1 where there is one."""
    parts = []
    for kind, inner in boxes(content):
        if kind in CONTAINERS:
            inner = widened(inner)
        for offset, number in reversed(WIDE.get(kind, [])):
            fields = struct.unpack_from(f">{number}I", inner, offset)
            inner = inner[:offset] + struct.pack(f">{number}Q", *fields) + inner[offset + 4 * number :]
        inner = b"\1" + inner[1:] if kind in WIDE else inner
        parts.append(struct.pack(">I4sQ", 1, kind, 16 + len(inner)) + inner)
    return b"".join(parts)


def test_boxes_of_version_1_and_of_64_bit_sizes_say_the_same(tmp_path: Path) -> None:
    data = save_mp4(moving_square(7), tmp_path / "clip.mp4", 12.5).read_bytes()
    (tmp_path / "wide.mp4").write_bytes(widened(data))
    said = describe(tmp_path / "wide.mp4")
    assert "Duration: 00:00:00.56" in said
    assert "64x48" in said
    assert "12.50 fps" in said
    facts = read_mp4(io.BytesIO(data))
    assert (facts.frames, facts.rate, facts.width, facts.height, facts.start) == (7, Fraction("12.5"), 64, 48, 0)
    assert read_mp4(io.BytesIO(widened(data))) == facts
    at = data.index(b"mdhd") + 4
    for damaged in (data[:at] + b"\2" + data[at + 1 :], data[: at - 8] + struct.pack(">I", 1) + data[at - 4 :]):
        with pytest.raises(EncodeError, match="not a whole MP4"):
            read_mp4(io.BytesIO(damaged))


COLOURS = [
    *[(255, 0, 0), (0, 255, 0), (0, 0, 255), (0, 255, 255), (255, 0, 255), (255, 255, 0)],
    *[(0, 0, 0), (64, 64, 64), (128, 128, 128), (192, 192, 192), (255, 255, 255)],
    # Pong's background.
    (144, 72, 17),
]


def test_colours_come_back_within_3_levels_and_are_tagged(tmp_path: Path) -> None:
    frame = patches(COLOURS)
    path = save_mp4([frame] * 3, tmp_path / "clip.mp4")
    decoded = decode_mp4(path, frame.shape[1], frame.shape[0])
    for index, colour in enumerate(COLOURS):
        inner = decoded[:, 4:-4, index * 32 + 4 : index * 32 + 28].astype(int)
        assert np.abs(inner - colour).max() <= 3, colour
    assert "yuv420p(tv, bt709/bt709/iec61966-2-1, progressive)" in describe(path)
    entry = find(path.read_bytes(), b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd")
    colour_box = entry[entry.index(b"colrnclx") + 8 :]
    # ISO/IEC 23091-2: primaries 1 and matrix 1 are BT.709, transfer 13 is sRGB; the flag says full range or not.
    assert struct.unpack_from(">HHHB", colour_box) == (1, 13, 1, 0)


@pytest.mark.parametrize(("width", "height"), [(83, 81), (1, 1), (2, 1), (64, 47), (63, 48)])
def test_an_odd_size_is_padded_by_its_edge_and_nothing_is_rescaled(tmp_path: Path, width: int, height: int) -> None:
    frame = moving_square(1, height, width)[0]
    frame[-1:] = frame[:, -1:] = (200, 60, 60)
    save_frames_as_png([frame] * 2, tmp_path / "job")
    result = encode(tmp_path / "job", crf=1)
    wide, high = width + width % 2, height + height % 2
    padded = np.pad(frame, ((0, high - height), (0, wide - width), (0, 0)), mode="edge")
    # Luma is not subsampled: it tells whether a pixel moved.
    luma = decode_yuv(tmp_path / "job.mp4", wide, high)[0, :high].astype(int)
    expected = padded @ np.array([0.2126, 0.7152, 0.0722]) / 255 * 219 + 16
    assert np.abs(luma - expected).max() <= 6
    (record,) = result.receipt.outputs
    assert (record.width, record.height) == (wide, high)
    assert record.warnings == [
        f"padded from {width}x{height} to {wide}x{high} by repeating the edge: 4:2:0 needs even sizes"
    ]


def test_an_even_size_is_kept_without_a_word(job: Path) -> None:
    (record,) = encode(job).receipt.outputs
    assert (record.width, record.height, record.warnings) == (64, 48, [])


def test_scale_enlarges_every_pixel_into_a_square(tmp_path: Path) -> None:
    frame = moving_square(1, 9, 11)[0]
    save_frames_as_png([frame], tmp_path / "job")
    encode(tmp_path / "job", scale=4, crf=1)
    luma = decode_yuv(tmp_path / "job.mp4", 44, 36)[0, :36].astype(int)
    squares = luma.reshape(9, 4, 11, 4).transpose(0, 2, 1, 3).reshape(9, 11, 16)
    assert np.ptp(squares, axis=2).max() <= 3
    expected = frame @ np.array([0.2126, 0.7152, 0.0722]) / 255 * 219 + 16
    assert np.abs(squares.mean(axis=2) - expected).max() <= 3


def test_arrays_and_a_dump_of_them_give_the_same_bytes(tmp_path: Path) -> None:
    frames = moving_square(40, 81, 83)
    alpha = np.full((40, 81, 83, 1), 200, np.uint8)
    clips = {"rgb": frames, "grey": frames[..., 0], "rgba": np.concatenate([frames, alpha], axis=3)}
    for name, clip in clips.items():
        save_mp4(clip, tmp_path / f"{name}-direct.mp4", 12.5)
        save_frames_as_png(clip, tmp_path / name, fps=12.5)
        encode(tmp_path / name)
        assert (tmp_path / f"{name}.mp4").read_bytes() == (tmp_path / f"{name}-direct.mp4").read_bytes()


def test_alpha_is_blended_on_black_not_dropped(tmp_path: Path) -> None:
    frame = np.full((32, 32, 4), 255, np.uint8)
    frame[..., 3] = 100
    path = save_mp4([frame], tmp_path / "clip.mp4")
    assert np.abs(decode_mp4(path, 32, 32).astype(int) - 100).max() <= 3


def test_crf_and_preset_reach_the_encoder(job: Path) -> None:
    sizes = []
    for settings in ({"crf": 10}, {"crf": 40}, {"crf": 40, "preset": "medium"}):
        encode(job, **settings)
        data = (job.parent / "episode-0003.mp4").read_bytes()
        sizes.append(len(data))
        # libx264 writes its settings into the stream.
        assert f"crf={settings['crf']}.0".encode() in data
    assert b"subme=7" in data
    assert sizes[0] > sizes[1]
