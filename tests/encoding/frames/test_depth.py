"""Depth pictures, masks and alpha channels: values that would be black are warned of, and shown as asked."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from daddy_encode import save_gif, save_mp4
from daddy_encode.encoding.frames.job_directory import JobDirectory
from daddy_encode.encoding.frames.pictures import Look
from daddy_encode.encoding.frames.source import DirectorySource
from daddy_encode.encoding.png.grey import read_grey
from daddy_encode.encoding.png.parse import check_png
from daddy_encode.encoding.settings import make_settings
from daddy_encode.errors import FrameError, SettingsError
from tests.jobs import encode
from tests.media import decode_gif, decode_mp4
from tests.pngs import chunk, png, random_samples

# Millimetres. The high bytes are 1, 3, 7, 15.
MILLIMETRES = (500, 1000, 2000, 4000)


def dump(folder: Path, pictures: Iterable[Any]) -> Path:
    """A dump of another tool: `pictures` as Pillow writes them, or the bytes of PNGs."""
    folder.mkdir()
    for index, picture in enumerate(pictures):
        path = folder / f"{index:06d}.png"
        if isinstance(picture, bytes):
            path.write_bytes(picture)
        else:
            Image.fromarray(np.asarray(picture)).save(path)
    return folder


def stripes(values: Iterable[int], dtype: type[np.generic] = np.uint16, side: int = 16) -> Any:
    """A picture of upright stripes, `side` pixels wide and high, one for each value."""
    return np.repeat(np.array([*values], dtype)[np.newaxis], side, axis=0).repeat(side, axis=1)


def shown(folder: Path, **look: Any) -> tuple[list[Any], list[str]]:
    """The pictures that would go to ffmpeg, (H, W, 3), and what is warned of."""
    with JobDirectory(folder) as directory:
        names = sorted(path.name for path in folder.iterdir())
        source = DirectorySource(directory, names, look=Look(**look))
        shape = (source.height, source.width, 3)
        frames = [np.frombuffer(frame, np.uint8).reshape(shape).copy() for frame in source.frames(as_pixels=True)]
        return frames, source.warnings() + source.notes()


def middles(picture: Any, side: int = 16) -> list[list[int]]:
    """The colour in the middle of each stripe."""
    row: list[list[int]] = picture[side // 2, side // 2 :: side].tolist()
    return row


@pytest.mark.parametrize(
    ("depth", "expected"),
    [
        # (v - 500) * 255 / 3500: 36.43, 109.29; (v - 1000) * 255 / 1000, clipped.
        ("auto", [0, 36, 109, 255]),
        ((1000, 2000), [0, 0, 255, 255]),
        # 31.875, 63.75, 127.5, 255: halves go up.
        ((0, 4000), [32, 64, 128, 255]),
        (None, [1, 3, 7, 15]),
    ],
)
def test_a_range_of_depth_is_stretched_from_black_to_white(tmp_path: Path, depth: Any, expected: list[int]) -> None:
    folder = dump(tmp_path / "depth", [stripes(MILLIMETRES)])
    (picture,), _ = shown(folder, depth=depth)
    assert middles(picture) == [[value] * 3 for value in expected]


def test_auto_takes_the_least_and_the_greatest_value_of_the_whole_clip(tmp_path: Path) -> None:
    folder = dump(tmp_path / "depth", [stripes([1000, 2000]), stripes([600, 1600]), stripes([1100, 2600])])
    frames, notes = shown(folder, depth="auto")
    # (v - 600) * 255 / 2000.
    assert [[grey for grey, _, _ in middles(frame)] for frame in frames] == [[51, 179], [0, 128], [64, 255]]
    assert notes == ["--depth auto: 600 is black, 2600 white"]
    assert shown(dump(tmp_path / "one", [stripes([777, 777])]), depth="auto")[1] == [
        "all its grey values are 777, so --depth auto shows black; --depth MIN:MAX shows more"
    ]


@pytest.mark.parametrize("video", ["mp4", "gif"])
def test_a_video_of_millimetres_is_black_with_a_warning_that_names_depth_and_with_it_is_not(
    tmp_path: Path, video: str
) -> None:
    folder = dump(tmp_path / "depth", [stripes(MILLIMETRES)] * 2)

    def decoded() -> list[int]:
        path = tmp_path / f"depth.{video}"
        picture = (decode_gif(path)[0] if video == "gif" else decode_mp4(path, 64, 16))[0]
        return [red for red, _, _ in middles(picture)]

    result = encode(folder, fps="30", video=video)
    (record,) = result.made
    assert result.warnings == record.warnings
    assert "nothing in it is brighter than 15 of 255" in record.warnings[0]
    assert "--depth auto" in record.warnings[0]
    assert np.abs(np.subtract(decoded(), [1, 3, 7, 15])).max() <= 3
    result = encode(folder, fps="30", video=video, depth="auto")
    (record,) = result.made
    assert result.warnings == []
    assert record.warnings[0] == "--depth auto: 500 is black, 4000 white"
    assert record.settings["depth"] == "auto"
    assert np.abs(np.subtract(decoded(), [0, 36, 109, 255])).max() <= 3
    # Values say it as well as words, and the receipt has them.
    (record,) = encode(folder, fps="30", video=video, depth="500:4000").made
    assert record.settings["depth"] == "500:4000"
    assert np.abs(np.subtract(decoded(), [0, 36, 109, 255])).max() <= 3
    assert encode(folder, fps="30", video=video, depth="500:4000").made == []


@pytest.mark.parametrize("depth", [1, 2, 4, 8])
def test_a_mask_is_stretched_from_the_values_in_its_file(tmp_path: Path, depth: int) -> None:
    samples = np.array([[[0], [1], [0], [1]]])
    folder = dump(tmp_path / "mask", [png(samples, depth, 0)])
    for asked in ("auto", (0, 1)):
        (picture,), _ = shown(folder, depth=asked)
        assert picture[0, :, 0].tolist() == [0, 255, 0, 255]
    (picture,), warnings = shown(folder)
    assert picture[0, 1, 0] == {1: 255, 2: 85, 4: 17, 8: 1}[depth]
    assert bool(warnings) == (depth > 2)


def test_a_palette_of_greys_is_stretched_as_grey(tmp_path: Path) -> None:
    samples = np.array([[[0], [1], [2]]])
    file = png(samples, 8, 3, before=chunk(b"PLTE", bytes([0, 0, 0, 1, 1, 1, 2, 2, 2])))
    (picture,), warnings = shown(dump(tmp_path / "mask", [file]))
    assert "nothing in it is brighter than 2 of 255" in warnings[0]
    (picture,), _ = shown(tmp_path / "mask", depth="auto")
    assert picture[0].tolist() == [[0] * 3, [128] * 3, [255] * 3]


GREYS = [(depth, 0, keyed) for depth in (1, 2, 4, 8, 16) for keyed in (False, True)] + [(8, 4, False), (16, 4, False)]


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize(("depth", "colour", "keyed"), GREYS)
def test_every_bit_of_every_kind_of_grey_counts(depth: int, colour: int, keyed: bool, interlaced: bool) -> None:
    samples = random_samples(13, 19, depth, colour)
    key = int(samples[3, 3, 0])
    before = chunk(b"tRNS", struct.pack(">H", key)) if keyed else b""
    grey = read_grey(check_png(png(samples, depth, colour, interlaced, before), 2**20))
    assert (grey.samples == samples[..., 0]).all()
    assert (grey.alpha is None) == (colour == 0 and not keyed)
    if grey.alpha is not None:
        alpha = np.where(samples[..., 0] == key, 0, 255) if keyed else samples[..., 1] >> depth - 8
        assert (grey.alpha == alpha).all()


def test_one_black_frame_of_a_bright_clip_is_no_cause_for_a_warning(tmp_path: Path) -> None:
    black, bright = np.zeros((4, 4), np.uint8), np.full((4, 4), 33, np.uint8)
    assert shown(dump(tmp_path / "fade", [black, bright, black]))[1] == []
    assert "brighter than 32 of 255" in shown(dump(tmp_path / "dark", [black, bright - 1, black]))[1][0]
    # Night is night: --depth does nothing for colours.
    assert shown(dump(tmp_path / "night", [np.zeros((4, 4, 3), np.uint8)]))[1] == []
    # An opaque frame of colours is among those that are looked at, in either way that they go to ffmpeg.
    assert shown(dump(tmp_path / "mixed", [black, np.zeros((4, 4, 3), np.uint8)]))[1] == []


def test_depth_for_colours_changes_nothing_and_says_so(tmp_path: Path) -> None:
    folder = dump(tmp_path / "colour", [np.full((4, 4, 3), 77, np.uint8)])
    for depth in ("auto", (0, 100)):
        (picture,), warnings = shown(folder, depth=depth)
        assert (picture == 77).all()
        assert warnings == ["none of its frames is grey: --depth has changed nothing"]


def test_an_alpha_of_0_and_1_is_warned_of_and_may_be_ignored(tmp_path: Path) -> None:
    picture = np.zeros((16, 16, 4), np.uint8)
    picture[..., :3] = (200, 90, 10)
    picture[:, 8:, 3] = 1
    folder = dump(tmp_path / "rgba", [picture] * 2)
    (record,) = encode(folder, fps="30").made
    assert "all but transparent: its alpha is at most 1 of 255" in record.warnings[0]
    assert "--alpha ignore" in record.warnings[0]
    assert decode_mp4(tmp_path / "rgba.mp4", 16, 16).max() <= 3
    (record,) = encode(folder, fps="30", alpha="ignore").made
    assert record.warnings == []
    decoded = decode_mp4(tmp_path / "rgba.mp4", 16, 16).astype(int)
    assert np.abs(decoded - (200, 90, 10)).max() <= 4
    (first, _), _ = shown(folder, alpha="ignore")
    assert (first == (200, 90, 10)).all()


def test_a_clip_that_is_opaque_anywhere_is_not_all_but_transparent(tmp_path: Path) -> None:
    clear, spot = np.zeros((4, 4, 4), np.uint8), np.zeros((4, 4, 4), np.uint8)
    spot[2, 2, 3] = 33
    assert shown(dump(tmp_path / "overlay", [clear, spot]))[1] == []
    assert "alpha is at most 0 of 255" in shown(dump(tmp_path / "clear", [clear]))[1][0]


def test_a_bad_frame_is_found_before_values_are_taken_from_it(tmp_path: Path) -> None:
    good, late = stripes(MILLIMETRES), stripes([100, 60_000])
    folder = dump(tmp_path / "depth", [good, late, good])
    data = (folder / "000001.png").read_bytes()
    (folder / "000001.png").write_bytes(data[:-20])
    with pytest.raises(FrameError, match=r"000001\.png: is cut off"):
        encode(folder, fps="30", depth="auto")
    result = encode(folder, fps="30", depth="auto", gaps="hold")
    assert result.receipt.lost.bad_count == 1
    assert result.made[0].warnings[0] == "--depth auto: 500 is black, 4000 white"


@pytest.mark.parametrize("depth", ["", "5", "5:5", "9:5", "-1:5", "0:65536", "1.5:2", "0:1:2", "AUTO", "\uff11:\uff12"])
def test_a_range_that_is_none_is_one_line(depth: str) -> None:
    with pytest.raises(SettingsError, match="is neither auto nor MIN:MAX"):
        make_settings(depth=depth)


@pytest.mark.parametrize("save", [save_mp4, save_gif])
def test_frames_in_memory_that_are_all_but_transparent_are_warned_of(tmp_path: Path, save: Any) -> None:
    clear = np.full((4, 4, 4), (200, 90, 10, 1), np.uint8)
    with pytest.warns(UserWarning, match="all but transparent: the alpha of its frames is at most 1 of 255") as caught:
        save([clear, clear], tmp_path / f"a.{save.__name__[5:]}")
    assert caught[0].filename == __file__
    # Warnings are errors here.
    save([clear, clear * np.uint8(200)], tmp_path / f"b.{save.__name__[5:]}")
