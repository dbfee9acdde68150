"""Frames of several sizes: an error that names --fit, or brought to the largest width and height."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace
from PIL import Image

from daddy_encode.dump import FrameWriter
from daddy_encode.encoding.frames.job_directory import JobDirectory
from daddy_encode.encoding.frames.listing import ChangedError
from daddy_encode.encoding.frames.pictures import Look
from daddy_encode.encoding.frames.source import DirectorySource
from daddy_encode.encoding.job import encode_job
from daddy_encode.encoding.option_values import Fit
from daddy_encode.errors import FrameError
from daddy_encode.spool.paths import JobPaths
from daddy_encode.spool.png.pixels import Pixels
from tests.jobs import context, encode
from tests.media import decode_gif, decode_mp4

RED = (255, 0, 0)
# (width, height) and the grey of each frame.
FRAMES = (((40, 16), 200), ((20, 16), 120), ((40, 10), 60), ((16, 32), 250))


def dump(folder: Path, frames: Iterable[tuple[tuple[int, int], int]] = FRAMES) -> Path:
    folder.mkdir()
    for index, ((width, height), grey) in enumerate(frames):
        Image.fromarray(np.full((height, width, 3), grey, np.uint8)).save(folder / f"{index:06d}.png")
    return folder


def whole(box: tuple[int, int, int, int], grey: int) -> Pixels:
    """A red picture of 40x32 with a grey rectangle (left, top, right, bottom)."""
    picture = np.full((32, 40, 3), RED, np.uint8)
    left, top, right, bottom = box
    picture[top:bottom, left:right] = grey
    return picture


EXPECTED: dict[Fit, list[Pixels]] = {
    "pad": [
        whole((0, 8, 40, 24), 200),
        whole((10, 8, 30, 24), 120),
        whole((0, 11, 40, 21), 60),
        whole((12, 0, 28, 32), 250),
    ],
    # 20x16 becomes 40x32; the others have no room to grow.
    "scale": [
        whole((0, 8, 40, 24), 200),
        whole((0, 0, 40, 32), 120),
        whole((0, 11, 40, 21), 60),
        whole((12, 0, 28, 32), 250),
    ],
}


@pytest.mark.parametrize("ours", [False, True], ids=["foreign", "ours"])
@pytest.mark.parametrize("fit", ["pad", "scale"])
def test_frames_of_several_sizes_are_brought_to_the_largest(tmp_path: Path, fit: Fit, ours: bool) -> None:
    folder = tmp_path / "window"
    if ours:
        with FrameWriter(folder, sizes_vary=True, processes=False) as writer:
            for (width, height), grey in FRAMES:
                writer.write(np.full((height, width, 3), grey, np.uint8))
    else:
        dump(folder)
    with pytest.raises(FrameError, match=r"000001\.png: is 20x16, but 000000\.png is 40x16; --fit pad or --fit scale"):
        encode(folder, fps="30")
    result = encode(folder, fps="30", fit=fit, video="both", gif_fps="30", background="ff0000")
    pictures, _, _ = decode_gif(tmp_path / "window.gif")
    assert (pictures == EXPECTED[fit]).all()
    decoded = decode_mp4(tmp_path / "window.mp4", 40, 32).astype(int)
    # Where grey meets red, half the colour of one pixel is the other's: 4:2:0.
    assert np.abs(decoded - EXPECTED[fit]).mean() < 4
    for record in result.made:
        assert (record.width, record.height, record.settings["fit"]) == (40, 32, fit)
        how = "enlarged and centred" if fit == "scale" else "centred"
        assert f"frames of several sizes, the smallest 20x16: each is {how} on 40x32" in record.warnings
    assert (result.receipt.source.width, result.receipt.source.height) == (40, 32)
    assert encode(folder, fps="30", fit=fit, video="both", gif_fps="30", background="ff0000").made == []


def test_frames_of_one_size_are_as_they_would_be_without_it(tmp_path: Path) -> None:
    folder = dump(tmp_path / "still", [((40, 16), 200)] * 3)
    plain = encode(folder, fps="30").made[0]
    fitted = encode(folder, fps="30", fit="pad").made[0]
    assert (fitted.sha256, fitted.warnings) == (plain.sha256, [])


def test_with_a_manifest_of_one_size_the_error_names_fit_as_well(tmp_path: Path) -> None:
    folder = dump(tmp_path / "window")
    text = {"version": 1, "frames": 4, "width": 40, "height": 32, "fps": 30}
    (folder / "manifest.json").write_text(json.dumps(text))
    with pytest.raises(FrameError, match=r"is 40x16, but the manifest promises 40x32; --fit pad or --fit scale"):
        encode(folder, fps="30")
    assert encode(folder, fps="30", fit="pad").made[0].height == 32


def test_of_frames_that_cannot_be_read_the_size_does_not_count(tmp_path: Path) -> None:
    folder = dump(tmp_path / "window", [((40, 16), 200), ((20, 16), 120), ((400, 300), 60)])
    data = (folder / "000002.png").read_bytes()
    (folder / "000002.png").write_bytes(data[:-5])
    with pytest.raises(FrameError, match=r"000002\.png: is cut off"):
        encode(folder, fps="30", fit="pad")
    result = encode(folder, fps="30", fit="pad", gaps="hold")
    assert [bad.name for bad in result.receipt.lost.bad] == ["000002.png"]
    assert (result.made[0].width, result.made[0].height, result.made[0].frames) == (40, 16, 3)


def test_the_limit_of_pixels_is_one_for_the_size_of_all(tmp_path: Path) -> None:
    # A thousand each, and a million together.
    folder = dump(tmp_path / "window", [((1024, 1), 10), ((1, 1024), 20)])
    asked = replace(context(fit="pad"), max_pixels=2**20 - 1)
    with pytest.raises(FrameError, match=r"its frames would be 1024x1024, more than the limit .* --max-pixels"):
        encode_job(JobPaths.of(folder), asked)
    assert not (tmp_path / "window.mp4").exists()


def test_a_picture_with_alpha_and_one_of_depth_fit_as_well(tmp_path: Path) -> None:
    folder = dump(tmp_path / "mixed", [((8, 4), 0)])
    Image.fromarray(np.full((2, 4), 3000, np.uint16)).save(folder / "000001.png")
    Image.fromarray(np.full((2, 4, 4), (0, 0, 250, 255), np.uint8)).save(folder / "000002.png")
    encode(folder, fps="30", fit="scale", depth="1000:3000", video="gif", gif_fps="30")
    pictures, _, _ = decode_gif(tmp_path / "mixed.gif")
    assert pictures[:, 2, 4].tolist() == [[0, 0, 0], [255, 255, 255], [0, 0, 250]]
    assert (pictures == pictures[:, :1, :1]).all()


def test_a_frame_that_grows_after_its_size_was_read_is_a_dump_that_changes(tmp_path: Path) -> None:
    folder = dump(tmp_path / "window")
    names = sorted(path.name for path in folder.iterdir())
    with JobDirectory(folder) as directory:
        source = DirectorySource(directory, names, look=Look(fit="pad"))
        Image.new("RGB", (41, 10)).save(folder / "000002.png")
        with pytest.raises(ChangedError):
            for _ in source.frames(as_pixels=True):
                pass
