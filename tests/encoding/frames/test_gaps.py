"""Frames that are missing: an error, or held, or closed up; and when such a job is done."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from daddy_encode import save_frames_as_png
from daddy_encode.encoding.frames.gaps import expected_numbers, fill
from daddy_encode.errors import FrameError, ManifestError
from daddy_encode.report.log import saved_line
from daddy_encode.spool.frames import frame_name, frame_sequence
from tests.encoding.frames.faults import cut
from tests.jobs import encode
from tests.media import decode_gif, decode_mp4, leftovers, moving_square


def shown(path: Path, width: int = 64, height: int = 48) -> list[int]:
    """The index of the frame of `moving_square` that each picture of a video is nearest to."""
    frames = moving_square(12, height, width).astype(int)
    pictures = decode_gif(path)[0] if path.suffix == ".gif" else decode_mp4(path, width, height)
    return [int(np.abs(frames - picture).mean(axis=(1, 2, 3)).argmin()) for picture in pictures]


@given(st.sets(st.integers(0, 40), min_size=1), st.data())
def test_hold_shows_at_every_moment_the_last_good_frame(numbers: set[int], data: st.DataObject) -> None:
    frames = frame_sequence(["manifest.json", *map(frame_name, numbers)], "job")
    bad = data.draw(st.sets(st.sampled_from(sorted(numbers)), max_size=len(numbers) - 1))
    promised = data.draw(st.none() | st.integers(len(numbers), 60))
    expected = expected_numbers(frames, promised)
    good = sorted(numbers - bad)
    names = fill(frames, expected, dict.fromkeys(map(frame_name, bad), "is bad"), "hold", "job")
    assert len(names) == len(expected) >= (promised or 0)
    for number, name in zip(expected, names, strict=True):
        assert name == frame_name(max((other for other in good if other <= number), default=good[0]))
    assert fill(frames, expected, dict.fromkeys(map(frame_name, bad), "is bad"), "skip", "job") == [
        *map(frame_name, good)
    ]


@pytest.mark.parametrize("video", ["mp4", "gif"])
def test_hold_keeps_the_time_and_skip_the_pictures(job: Path, video: str) -> None:
    for index in (0, 4, 5, 11):
        (job / frame_name(index)).unlink()
    cut(job / "000007.png")
    output = job.parent / f"episode-0003.{video}"
    encode(job, video=video, gaps="hold", gif_fps="30")
    assert shown(output) == [1, 1, 2, 3, 3, 3, 6, 6, 8, 9, 10, 10]
    encode(job, video=video, gaps="skip", gif_fps="30")
    assert shown(output) == [1, 2, 3, 6, 8, 9, 10]


def test_the_receipt_lists_each_lost_frame_and_why(job: Path) -> None:
    (job / "000003.png").unlink()
    (job / "000011.png").unlink()
    cut(job / "000007.png")
    receipt = encode(job, gaps="hold").receipt
    assert json.loads((job.parent / "episode-0003.receipt.json").read_text())["lost"] == {
        "missing_count": 2,
        "bad_count": 1,
        "dropped_count": 0,
        "missing": ["000003.png", "000011.png"],
        "bad": [{"name": "000007.png", "reason": "is cut off, or a chunk's length is wrong, at byte 33"}],
    }
    assert (receipt.gaps, receipt.salvaged, receipt.partial) == ("hold", False, False)


def test_a_whole_job_is_the_same_whatever_gaps_would_be_treated_as(job: Path) -> None:
    first = encode(job)
    assert first.receipt.gaps is None
    for gaps in ("hold", "skip"):
        assert encode(job, gaps=gaps).made == []


def test_what_was_held_is_not_done_where_an_error_or_skip_is_asked_for(job: Path) -> None:
    (job / "000003.png").unlink()
    assert encode(job, gaps="hold").made
    assert encode(job, gaps="hold").made == []
    with pytest.raises(FrameError, match=r"000003\.png missing"):
        encode(job, gaps="error")
    assert encode(job).made == []
    assert encode(job, gaps="skip").made
    assert encode(job, gaps="hold").made


def test_a_frame_that_comes_after_all_is_noticed(job: Path) -> None:
    frame = (job / "000003.png").read_bytes()
    (job / "000003.png").unlink()
    encode(job, gaps="hold")
    (job / "000003.png").write_bytes(frame)
    result = encode(job, gaps="hold")
    assert result.made
    assert result.receipt.gaps is None
    assert shown(job.parent / "episode-0003.mp4") == list(range(12))


def test_with_gaps_the_size_that_most_frames_have_is_the_right_one(tmp_path: Path) -> None:
    save_frames_as_png(moving_square(12), tmp_path / "job")
    (tmp_path / "job" / "manifest.json").unlink()
    Image.new("RGB", (10, 10)).save(tmp_path / "job" / "000000.png")
    receipt = encode(tmp_path / "job", gaps="hold").receipt
    reason = "is 10x10, but most are 64x48; --fit pad or --fit scale brings all frames to one size"
    assert [(bad.name, bad.reason) for bad in receipt.lost.bad] == [("000000.png", reason)]
    assert shown(tmp_path / "job.mp4") == [1, *range(1, 12)]


def test_a_job_without_a_good_frame_is_an_error(job: Path) -> None:
    for path in job.glob("*.png"):
        cut(path)
    with pytest.raises(FrameError, match="none of its 12 frames can be used"):
        encode(job, gaps="hold")
    assert leftovers(job.parent) == []


def test_more_frames_than_promised_are_an_error_with_gaps_as_well_where_one_of_those_is_missing(job: Path) -> None:
    for index in (12, 13):
        (job / f"{index:06d}.png").write_bytes((job / "000011.png").read_bytes())
    (job / "000003.png").unlink()
    for gaps in ("error", "hold", "skip"):
        with pytest.raises(ManifestError, match="promises 12 frames, but there are 13"):
            encode(job, gaps=gaps)


def test_beside_a_manifest_whose_frames_are_all_there_nothing_else_counts(job: Path) -> None:
    encode(job)
    for name in ("7.png", "rgb_0.png", "rgb_1.png", "frame_3.png", "000042.png"):
        (job / name).write_bytes((job / "000011.png").read_bytes())
    again = encode(job)
    assert (again.made, again.receipt.source.frames) == ([], 12)
    made = encode(job, crf=19)
    note = "1 numbered PNG is beyond the 12 that the manifest promises: not shown, first: 000042.png"
    assert (made.warnings, made.made[0].warnings) == ([note], [note])
    assert shown(job.parent / "episode-0003.mp4") == list(range(12))


def test_a_number_far_away_is_not_a_gap_to_hold_a_frame_over(tmp_path: Path) -> None:
    save_frames_as_png(moving_square(12), tmp_path / "job")
    (tmp_path / "job" / "manifest.json").unlink()
    (tmp_path / "job" / "000011.png").rename(tmp_path / "job" / f"{10**17}.png")
    with pytest.raises(FrameError, match="too many to hold others that long; --gaps skip leaves them out"):
        encode(tmp_path / "job", gaps="hold")
    assert encode(tmp_path / "job", gaps="skip").made[0].frames == 12
    receipt = json.loads((tmp_path / "job.receipt.json").read_text())
    assert receipt["lost"]["missing_count"] == 10**17 - 11
    assert len(receipt["lost"]["missing"]) == 1000


def numbered(directory: Path, numbers: Sequence[int]) -> Path:
    """Another tool's dump: a frame of `moving_square` for each of `numbers`, whatever these are."""
    save_frames_as_png(moving_square(len(numbers)), directory)
    (directory / "manifest.json").unlink()
    for index, number in enumerate(numbers):
        (directory / frame_name(index)).rename(directory / f"step_{number}.png")
    return directory


def test_numbers_at_a_constant_distance_are_no_gaps_and_the_receipt_says_the_distance(tmp_path: Path) -> None:
    job = numbered(tmp_path / "job", range(500, 1700, 100))
    assert encode(job).made[0].frames == 12
    assert shown(tmp_path / "job.mp4") == list(range(12))
    receipt = json.loads((tmp_path / "job.receipt.json").read_text())
    source = receipt["source"]
    assert (source["names"], source["numbering"], source["stride"]) == ("step_*.png", "steps", 100)
    assert receipt["gaps"] is None
    (job / "step_700.png").unlink()
    with pytest.raises(FrameError, match=r"step_700\.png missing, 1 of 12 frames"):
        encode(job)
    assert encode(job, gaps="hold").receipt.lost.missing == ["step_700.png"]
    assert shown(tmp_path / "job.mp4") == [0, 1, 1, *range(3, 12)]


def test_irregular_numbers_name_both_ways_and_each_does_what_it_says(tmp_path: Path) -> None:
    job = numbered(tmp_path / "job", [0, 2, 3 + 2**70, 6 + 2**70])
    with pytest.raises(FrameError) as caught:
        encode(job)
    assert str(caught.value) == (
        f"{job}: the numbers of its frames are at irregular distances (step_0.png, step_2.png, "
        f"step_{3 + 2**70}.png …); --gaps skip closes up, --gaps hold keeps time, one frame for each number"
    )
    with pytest.raises(FrameError, match=r"too far apart to hold each until the next .*; --gaps skip closes up"):
        encode(job, gaps="hold")
    closed_up = encode(job, gaps="skip")
    assert closed_up.made[0].frames == 4
    assert saved_line(closed_up.made[0], job, closed_up.receipt).endswith("; numbers at irregular distances closed up")
    for old, new in ((3 + 2**70, 5), (6 + 2**70, 8)):
        (job / f"step_{old}.png").rename(job / f"step_{new}.png")
    receipt = encode(job, gaps="hold").receipt
    assert shown(tmp_path / "job.mp4") == [0, 0, 1, 1, 1, 2, 2, 2, 3]
    assert (receipt.source.numbering, receipt.gaps, receipt.lost.missing_count) == ("irregular", "hold", 0)
    assert encode(job, gaps="hold").made == []
    assert encode(job, gaps="skip").made


def test_a_gap_without_a_manifest_names_both_ways(tmp_path: Path) -> None:
    job = numbered(tmp_path / "job", [0, 1, 3])
    (job / "rollout.json").unlink()
    with pytest.raises(FrameError) as caught:
        encode(job)
    assert str(caught.value) == (
        f"{job}: step_2.png missing, 1 of 4 frames; run the rollout again, or go on: --gaps skip closes up, "
        "--gaps hold keeps time"
    )


def test_what_may_have_been_meant_to_be_a_frame_is_said_once(tmp_path: Path) -> None:
    job = numbered(tmp_path / "job", [1, 2])
    (job / "rollout.json").unlink()
    for name in ("step_0.jpg", "step_1.jpg", "frame.png", "curve_a.png", "._x.png", "notes.txt"):
        (job / name).write_bytes(b"")
    result = encode(job, fps="30")
    assert result.made[0].warnings == [
        "2 other PNGs are not of the sequence step_*.png, and not shown, first: curve_a.png",
        "1 numbered file is no PNG, and not shown, first: step_0.jpg",
    ]
    assert result.warnings == result.made[0].warnings


def test_timestamps_only_say_the_order(tmp_path: Path) -> None:
    job = numbered(tmp_path / "job", range(4))
    for index, stamp in enumerate(("1699999999.966667", "1699999999.999999", "1700000000.033333", "1700000003.5")):
        (job / f"step_{index}.png").rename(job / f"cam_{stamp}.png")
    assert encode(job).receipt.source.numbering == "timestamps"
    assert shown(tmp_path / "job.mp4") == [0, 1, 2, 3]


def test_hold_does_not_read_a_held_frame_twice_into_the_digest(job: Path) -> None:
    whole = encode(job).receipt.source.sha256
    (job / "000003.png").unlink()
    held = encode(job, gaps="hold").receipt.source.sha256
    skipped = encode(job, gaps="skip").receipt.source.sha256
    assert held == skipped != whole
