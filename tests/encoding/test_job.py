"""One job: what is made, when it is done, what is noticed."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from daddy_encode import save_frames_as_png
from daddy_encode.encoding.job import encode_job
from daddy_encode.errors import FrameError, ManifestError
from daddy_encode.spool.paths import JobPaths
from tests.jobs import context, encode
from tests.media import decode_mp4, leftovers, moving_square


def test_the_receipt_says_what_was_made_of_what(job: Path) -> None:
    encode(job, video="both")
    receipt = json.loads((job.parent / "episode-0003.receipt.json").read_text())
    mp4, gif = receipt["outputs"]
    for record, name in ((mp4, "episode-0003.mp4"), (gif, "episode-0003.gif")):
        data = (job.parent / name).read_bytes()
        assert record["path"] == name
        assert record["bytes"] == len(data)
        assert record["sha256"] == hashlib.sha256(data).hexdigest()
        assert record["type"] == "Both"
        assert record["encode_seconds"] > 0
    assert (mp4["frames"], mp4["fps"], gif["frames"], gif["fps"]) == (12, 30, 6, 15)
    source = b"".join(path.read_bytes() for path in sorted(job.glob("*.png")))
    assert receipt["source"]["sha256"] == hashlib.sha256(source).hexdigest()
    assert receipt["source"]["manifest_sha256"] == hashlib.sha256((job / "manifest.json").read_bytes()).hexdigest()
    assert receipt["job"] == "episode-0003"
    assert receipt["ffmpeg"]
    assert receipt["host"] == os.uname().nodename
    assert leftovers(job.parent) == []


def test_the_manifest_wishes_and_the_option_wins(tmp_path: Path) -> None:
    save_frames_as_png(moving_square(4), tmp_path / "job", fps="30000/1001", video="both")
    assert [record.fps for record in encode(tmp_path / "job").made] == ["30000/1001", "15000/1001"]
    assert [record.format for record in encode(tmp_path / "job", video="gif", fps="24").made] == ["gif"]
    save_frames_as_png(moving_square(4), tmp_path / "plain")
    assert [record.format for record in encode(tmp_path / "plain").made] == ["mp4"]


def test_a_done_job_is_left_alone_and_what_changes_is_noticed(job: Path) -> None:
    output = job.parent / "episode-0003.mp4"
    assert encode(job).made
    before = output.stat()
    assert encode(job).made == []
    assert output.stat().st_mtime_ns == before.st_mtime_ns
    assert encode(job, crf=30).made, "another setting"
    assert encode(job, crf=30).made == []
    Image.fromarray(moving_square(30)[29]).save(job / "000004.png")
    assert encode(job, crf=30).made, "another frame"
    manifest = json.loads((job / "manifest.json").read_text())
    (job / "manifest.json").write_text(json.dumps({**manifest, "fps": 10}))
    assert [record.fps for record in encode(job, crf=30).made] == [10]
    output.unlink()
    assert encode(job, crf=30).made, "an output that has gone"
    (job.parent / "episode-0003.receipt.json").write_text("{not JSON")
    assert encode(job, crf=30).made, "a receipt that says nothing"


def test_a_second_kind_is_added_without_making_the_first_again(job: Path) -> None:
    encode(job, video="mp4")
    assert [record.format for record in encode(job, video="both").made] == ["gif"]
    assert encode(job, video="mp4").made == []
    assert encode(job, video="both").made == []


def test_force_is_the_same_bytes_again(job: Path) -> None:
    first = encode(job, video="both").made
    paths = JobPaths.of(job)
    again = encode_job(paths, context(force=True, video="both")).made
    assert [record.sha256 for record in again] == [record.sha256 for record in first]


@pytest.mark.parametrize(
    "names",
    [
        [f"frame_{i}.png" for i in range(12)],
        [f"{i:03d}.png" for i in range(995, 1007)],
        [f"rgb-{i:08d}.PNG" for i in range(1, 13)],
    ],
)
def test_other_tools_numbering_is_read_in_order_of_the_numbers(tmp_path: Path, names: list[str]) -> None:
    frames = moving_square(12)
    (tmp_path / "job").mkdir()
    for name, frame in zip(names, frames, strict=True):
        Image.fromarray(frame).save(tmp_path / "job" / name, format="PNG")
    encode(tmp_path / "job")
    decoded = decode_mp4(tmp_path / "job.mp4", 64, 48)
    assert np.abs(decoded.astype(int) - frames).mean(axis=(1, 2, 3)).max() < 6


def test_pillow_frames_of_every_kind_may_mix(tmp_path: Path) -> None:
    frames = moving_square(6)
    (tmp_path / "job").mkdir()
    images = [Image.fromarray(frame) for frame in frames]
    images[2] = images[2].convert("RGBA")
    images[3] = images[3].quantize(256)
    images[4] = images[4].convert("L")
    for index, image in enumerate(images):
        image.save(tmp_path / "job" / f"{index:06d}.png")
    encode(tmp_path / "job", crf=5)
    decoded = decode_mp4(tmp_path / "job.mp4", 64, 48).astype(int)
    for index, image in enumerate(images):
        assert np.abs(decoded[index] - np.asarray(image.convert("RGB"))).mean() < 5, index


def break_gap(job: Path) -> str:
    (job / "000007.png").unlink()
    return "000007.png missing, 1 of 12 frames"


def break_fewer(job: Path) -> str:
    (job / "000011.png").unlink()
    return "promises 12 frames, but there are 11"


def break_more(job: Path) -> str:
    for number in (12, 13):
        shutil.copy(job / "000011.png", job / f"{number:06d}.png")
    (job / "000000.png").unlink()
    return "promises 12 frames, but there are 13"


def break_size(job: Path) -> str:
    Image.new("RGB", (60, 48)).save(job / "000005.png")
    return "000005.png: is 60x48"


def break_cut(job: Path) -> str:
    path = job / "000009.png"
    path.write_bytes(path.read_bytes()[:-20])
    return "000009.png: is cut off"


def break_empty(job: Path) -> str:
    (job / "000000.png").write_bytes(b"")
    return "000000.png: is empty"


def break_bit(job: Path) -> str:
    data = bytearray((job / "000006.png").read_bytes())
    data[len(data) // 2] ^= 1
    (job / "000006.png").write_bytes(data)
    return "000006.png: is damaged: wrong CRC"


def break_link(job: Path) -> str:
    (job / "000003.png").unlink()
    (job / "000003.png").symlink_to(job / "000002.png")
    return "000003.png: is a link, not a regular file"


def break_manifest(job: Path) -> str:
    (job / "manifest.json").write_text('{"version": 1, "frames": -4, "width": 64, "height": 48}')
    return "manifest.json: not a valid manifest"


@pytest.mark.parametrize("video", ["mp4", "gif"])
@pytest.mark.parametrize(
    "fault",
    [
        break_gap,
        break_fewer,
        break_more,
        break_size,
        break_cut,
        break_empty,
        break_bit,
        break_link,
        break_manifest,
    ],
)
def test_a_fault_is_named_and_no_video_appears(job: Path, fault: object, video: str) -> None:
    assert callable(fault)
    expected = fault(job)
    with pytest.raises((FrameError, ManifestError)) as caught:
        encode(job, video=video)
    message = str(caught.value)
    assert expected in message
    assert str(job) in message
    assert "\n" not in message
    assert [path.name for path in job.parent.iterdir()] == [job.name]


def test_an_incomplete_rollout_whose_frames_are_whole_is_marked_partial(job: Path) -> None:
    manifest = json.loads((job / "manifest.json").read_text())
    (job / "manifest.json").write_text(json.dumps({**manifest, "complete": False, "error": "KeyError: 3"}))
    assert encode(job).receipt.partial
