"""`daddy_encode.encode` and `daddy_encode.receipts`: what the command does, for Python."""

from __future__ import annotations

import dataclasses
import logging
import os
import shutil
import subprocess
import sys
import threading
from fractions import Fraction
from inspect import signature
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import daddy_encode
from daddy_encode import save_frames_as_png
from daddy_encode.encoding.settings import Settings
from daddy_encode.errors import FrameError, JobsFailedError, SettingsError, SpoolError
from daddy_encode.spool.paths import sequence_name
from tests.archive.jobs import change_receipt
from tests.encoding.frames.faults import cut
from tests.media import decode_gif, decode_mp4, leftovers, moving_square
from tests.report.gallery.pages import read_page


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in ("a", "b"):
        save_frames_as_png(moving_square(4, 12, 16), tmp_path / "spool" / name, fps=10)
    return tmp_path / "spool"


def test_a_tree_becomes_typed_videos_that_are_as_they_say(tree: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "daddy_encode")
    made = daddy_encode.encode(tree, video="both", scale=2, gif_fps=5, fps=Fraction(20))
    assert [video.path.name for video in made] == ["a.mp4", "a.gif", "b.mp4", "b.gif"]
    assert [(video.job, video.kind, video.made) for video in made[:2]] == [
        (tree / "a", "mp4", True),
        (tree / "a", "gif", True),
    ]
    mp4, gif = made[:2]
    assert (mp4.frames, mp4.fps, mp4.width, mp4.height, mp4.bytes) == (4, Fraction(20), 32, 24, mp4.path.stat().st_size)
    assert decode_mp4(mp4.path, 32, 24).shape[0] == 4
    assert (gif.frames, gif.fps) == (1, Fraction(5))
    assert decode_gif(gif.path)[1] == [200]
    # The line of the specification, and nobody's logging was set up.
    assert sum("spool/a.mp4: 4 frames, 20 fps, took " in record.getMessage() for record in caplog.records) == 1
    assert logging.getLogger("daddy_encode").handlers == []
    again = daddy_encode.encode(tree)
    assert [(video.path, video.made) for video in again] == [(video.path, False) for video in made]


def test_receipts_say_what_was_made_and_why_not(tree: Path, caplog: pytest.LogCaptureFixture) -> None:
    cut(tree / "b" / "000002.png")
    with pytest.raises(JobsFailedError, match=r"1 of 2 jobs failed, the first: .*b/000002\.png") as caught:
        daddy_encode.encode(tree, output_dir=tree / "out")
    (error,) = caught.value.errors
    assert isinstance(error, FrameError)
    (tree / "out" / "broken.receipt.json").write_text("{")
    good, bad = sorted(daddy_encode.receipts(tree / "out"), key=lambda receipt: receipt.job)
    assert "broken.receipt.json" in caplog.text
    assert (good.job, good.error, good.frames, good.missing) == (tree / "out" / "a", None, 4, 0)
    (video,) = good.videos
    assert (video.path, video.kind, video.fps) == (tree / "out" / "a.mp4", "mp4", Fraction(10))
    assert video.settings["crf"] == 20
    assert (bad.videos, bad.path.name) == ((), "b.receipt.json")
    assert bad.error is not None and "000002.png" in bad.error
    # What is whole of one job on purpose, with the frame before it held.
    (held,) = daddy_encode.encode(tree / "b", gaps="hold")
    assert (held.frames, max(receipt.bad for receipt in daddy_encode.receipts(tree))) == (4, 1)


def test_the_only_jobs_error_is_raised_as_it_is(tree: Path) -> None:
    cut(tree / "a" / "000001.png")
    with pytest.raises(FrameError, match=r"000001\.png"):
        daddy_encode.encode(tree / "a")
    (tree / "empty").mkdir()
    for path in (tree / "empty", tree / "not there"):
        with pytest.raises(SpoolError):
            daddy_encode.encode(path)
    assert leftovers(tree) == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"crf": 99}, "crf 99 is not a whole number from 0 to 51"),
        ({"gif_width": True}, "gif_width True is not a whole number from 0 to 65535"),
        ({"fit": "crop"}, "fit 'crop' is none of pad, scale"),
        ({"background": "red"}, "background 'red' is not a colour in six hexadecimal digits, RRGGBB, such as 1e90ff"),
        ({"gif_optimize": 1}, "gif_optimize 1 is neither True nor False"),
        ({"fps": "fast"}, "fps 'fast' is not a rate: give a number such as 30, 12.5 or 30000/1001"),
        ({"gif_fps": 0}, "gif_fps 0 is outside 0.01 to 1000"),
        ({"depth": 5}, "depth '5' is neither auto nor MIN:MAX"),
        ({"max_pixels": "64"}, "max_pixels is '64'; it has to be a number above 0, in units of 2**20 pixels"),
        ({"max_pixels": 0}, "max_pixels is 0; it has to be a number above 0, in units of 2**20 pixels"),
    ],
)
def test_a_wrong_argument_is_named_with_what_it_may_be(tmp_path: Path, arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(SettingsError) as caught:
        daddy_encode.encode(tmp_path, **arguments)
    assert str(caught.value).startswith(words)


def test_it_works_in_a_thread(tree: Path) -> None:
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.extend(daddy_encode.encode(tree / "a", workers=1)))
    thread.start()
    thread.join(60)
    assert [video.made for video in found] == [True]


def test_every_setting_is_an_argument() -> None:
    assert set(Settings.__struct_fields__) <= signature(daddy_encode.encode).parameters.keys()


def test_importing_the_package_loads_nothing_that_encodes() -> None:
    program = (
        "import sys, daddy_encode\n"
        "print(sorted(name for name in sys.modules if name.startswith(\n"
        "    ('daddy_encode.encoding', 'daddy_encode.service', 'daddy_encode.cluster', 'numpy', 'msgspec', 'click'))))"
    )
    completed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert completed.stdout == "[]\n"


@pytest.fixture
def views(tmp_path: Path) -> Path:
    """A tree with a job, and a directory with two sequences of frames, each of which is one; all encoded."""
    save_frames_as_png(moving_square(3), tmp_path / "tree" / "one", fps=10)
    (tmp_path / "tree" / "run" / "cam").mkdir(parents=True)
    for kind, frames in (("rgb", moving_square(3)), ("depth", 255 - moving_square(3))):
        for index, frame in enumerate(frames):
            Image.fromarray(frame).save(tmp_path / "tree" / "run" / "cam" / f"{kind}_{index}.png")
    daddy_encode.encode(tmp_path / "tree", split=True)
    return tmp_path / "tree"


def test_of_one_of_several_sequences_the_job_is_its_frames(views: Path, tmp_path: Path) -> None:
    cam = views / "run" / "cam"
    found = {receipt.path.name: receipt for receipt in daddy_encode.receipts(views)}
    depth = found["cam.depth.receipt.json"]
    assert (depth.job, depth["job"]) == (cam / "depth_*.png", f"{cam}/depth_*.png")
    assert depth.videos[0] in [dataclasses.replace(video, made=False) for video in daddy_encode.encode(views)]
    from_frames = daddy_encode.sheet(cam / "depth_*.png", output=tmp_path / "frames.png").read_bytes()
    assert daddy_encode.sheet(depth, output=tmp_path / "s.png").read_bytes() == from_frames
    assert daddy_encode.sheet(cam.with_name("cam.depth.mp4"), output=tmp_path / "s.png").read_bytes() != from_frames
    assert daddy_encode.show(depth).path == cam.with_name("cam.depth.mp4")
    # Also once the frames are gone; then the video is what there is.
    shutil.rmtree(cam)
    assert daddy_encode.sheet(depth, output=tmp_path / "s.png").read_bytes() != from_frames


def test_rows_have_the_names_and_recordings_that_marks_of_a_gallery_have(views: Path) -> None:
    daddy_encode.gallery(views, sprites=False)
    page = read_page(views / "index.html")
    rows = daddy_encode.receipts(views)
    assert {row["name"] for row in rows} == {"one", "run/cam/rgb_*.png", "run/cam/depth_*.png"}
    assert {(row["name"], row["source"]) for row in rows} == {(job["job"], job["source"]) for job in page.jobs}
    # Names are those of a gallery of the same directory; what a receipt is does not depend on it.
    (below,) = (row for row in daddy_encode.receipts(views / "run") if row["name"] == "cam/rgb_*.png")
    assert below in rows and len(below.source) == 16


@pytest.mark.parametrize("sequence", ["../../other/depth_*.png", "..", "depth_*"])
def test_no_receipt_leads_out_of_its_directory(views: Path, sequence: str) -> None:
    cam = views / "run" / "cam"
    name = sequence_name(sequence)
    os.rename(cam.with_name("cam.depth.receipt.json"), cam.with_name(f"cam.{name}.receipt.json"))
    change_receipt(cam.with_name(f"cam.{name}"), lambda receipt: receipt.update(sequence=sequence))
    (found,) = (one for one in daddy_encode.receipts(views) if one.path.name == f"cam.{name}.receipt.json")
    assert found.job == cam.with_name(f"cam.{name}")
