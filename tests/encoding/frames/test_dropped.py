"""Frames that a rollout dropped for lack of room: the frame before is held, so that time stays right."""

from __future__ import annotations

import json
import os
import time
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from daddy_encode import save_frames_as_png
from daddy_encode.dump import FrameWriter
from daddy_encode.encoding.frames.dropped import read_dropped
from daddy_encode.encoding.frames.job_directory import JobDirectory
from daddy_encode.report.log import saved_line
from daddy_encode.spool.frames import frame_sequence
from daddy_encode.spool.png.pixels import Pixels
from tests.encoding.frames.faults import cut
from tests.jobs import encode
from tests.media import decode_gif, decode_mp4
from tests.users import User

STAY = {"gif_fps": "50", "fps": "50"}


def frame(instant: int) -> Pixels:
    """A picture that says when it was taken."""
    return np.full((4, 4, 3), (instant % 256, instant // 256, 7), np.uint8)


def instants(video: Path) -> list[int]:
    """When each picture of a GIF was taken."""
    pictures, _, _ = decode_gif(video)
    return [int(red) + 256 * int(green) for red, green, _ in pictures[:, 0, 0]]


def dump(folder: Path, lines: Mapping[int, Any], count: int = 5) -> Path:
    """A recording of frames taken at the instants 0, 10, 20 …, with these annotations of some."""
    save_frames_as_png((frame(10 * index) for index in range(count)), folder)
    text = [json.dumps(lines.get(index, {})) for index in range(max(lines) + 1)]
    (folder / "annotations.jsonl").write_text("".join(f"{line}\n" for line in text))
    return folder


def test_a_rollout_that_drops_frames_plays_at_its_own_speed(tmp_path: Path) -> None:
    folder = tmp_path / "rollout"
    taken: list[int] = []
    instant = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        with FrameWriter(folder, fps=50, max_bytes=frame(0).nbytes, when_full="drop") as writer:
            while len(taken) < 4:
                if writer.write(frame(instant), reward=1.0):
                    taken.append(instant)
                if instant % 3 == 0:
                    # Room for the next one, at some time.
                    time.sleep(0.02)
                instant += 1
    dropped = taken[-1] + 1 - len(taken)
    result = encode(folder, video="both", gif_fps="50")
    expected = [max(stamp for stamp in taken if stamp <= now) for now in range(taken[-1] + 1)]
    with_times, delays, _ = decode_gif(tmp_path / "rollout.gif")
    assert sum(delays) == 20 * len(expected)
    assert len(with_times) == len(expected)
    assert instants(tmp_path / "rollout.gif") == expected
    assert len(decode_mp4(tmp_path / "rollout.mp4", 4, 4)) == len(expected)
    assert (result.receipt.lost.dropped_count, result.receipt.gaps, result.receipt.source.frames) == (dropped, None, 4)


def test_the_frame_before_is_held_or_they_are_left_out(tmp_path: Path) -> None:
    # Before the first one there is none to hold; of a frame that is not there nothing is known.
    folder = dump(
        tmp_path / "job", {0: {"dropped_before": 1}, 2: {"reward": 1, "dropped_before": 3}, 7: {"dropped_before": 9}}
    )
    result = encode(folder, video="gif", **STAY)
    assert instants(tmp_path / "job.gif") == [0, 0, 10, 10, 10, 10, 20, 30, 40]
    assert (result.receipt.lost.dropped_count, result.receipt.gaps) == (4, None)
    assert encode(folder, video="gif", **STAY).made == []
    result = encode(folder, video="gif", gaps="skip", **STAY)
    assert instants(tmp_path / "job.gif") == [0, 10, 20, 30, 40]
    assert (result.receipt.lost.dropped_count, result.receipt.gaps) == (4, "skip")
    assert encode(folder, video="gif", gaps="skip", **STAY).made == []
    assert encode(folder, video="gif", gaps="hold", **STAY).receipt.lost.dropped_count == 4
    assert instants(tmp_path / "job.gif") == [0, 0, 10, 10, 10, 10, 20, 30, 40]


def test_beside_frames_that_are_missing_and_bad(tmp_path: Path) -> None:
    lines = {index: {"dropped_before": 1} for index in range(1, 6)}
    folder = dump(tmp_path / "job", lines, count=6)
    (folder / "000002.png").unlink()
    cut(folder / "000004.png")
    result = encode(folder, video="gif", gaps="hold", **STAY)
    assert instants(tmp_path / "job.gif") == [0, 0, 10, 10, 10, 10, 30, 30, 30, 30, 50]
    lost = result.receipt.lost
    assert (lost.missing_count, lost.bad_count, lost.dropped_count) == (1, 1, 5)


def test_the_log_line_says_how_many(tmp_path: Path) -> None:
    result = encode(dump(tmp_path / "job", {2: {"dropped_before": 3}}))
    line = saved_line(result.made[0], tmp_path / "job.mp4", result.receipt)
    assert "8 frames, " in line
    assert line.endswith("MP4; 3 dropped (the frame before each is repeated)")


def test_only_our_own_dumps_are_asked(tmp_path: Path) -> None:
    folder = dump(tmp_path / "job", {2: {"dropped_before": 3}})
    (folder / "manifest.json").unlink()
    record = (folder / "rollout.json").read_bytes()
    (folder / "rollout.json").unlink()
    assert encode(folder).receipt.lost.dropped_count == 0
    # A rollout that was killed has left this.
    (folder / "rollout.json").write_bytes(record)
    assert encode(folder, salvage=True, force=True, crf=21).receipt.lost.dropped_count == 3


FAULTS = {
    "no JSON": b'{}\n{"dropped_before": 1\n',
    "a text": b'{}\n{"dropped_before": "1"}\n',
    "negative": b'{}\n{"dropped_before": -1}\n',
    "a fraction": b'{}\n{"dropped_before": 1.5}\n',
    "not a number": b'{}\n{"dropped_before": NaN}\n',
    "digits": b'{}\n{"dropped_before": ' + b"9" * 5000 + b"}\n",
    "nested": b'{}\n{"a": ' + b"[" * 20_000 + b'"dropped_before"\n',
    "a long line": b'{}\n{"x": "' + b"x" * (4 * 2**20) + b'", "dropped_before": 1}\n',
    "too many": b'{}\n{"dropped_before": 1501}\n',
}


@pytest.mark.parametrize("name", FAULTS)
def test_annotations_that_lie_are_no_reason_not_to_encode(tmp_path: Path, name: str) -> None:
    folder = dump(tmp_path / "job", {0: {}})
    (folder / "annotations.jsonl").write_bytes(FAULTS[name])
    with JobDirectory(folder) as directory:
        dropped = read_dropped(directory, frame_sequence(os.listdir(folder), "job"), range(5))
    assert dropped.before == {}
    assert dropped.fault.startswith("annotations.jsonl: ")
    assert dropped.fault.endswith("; frames that its rollout dropped are not held")
    assert dropped.fault.isprintable()
    assert len(dropped.fault) < 300


def test_what_a_reader_need_not_know_is_no_fault(tmp_path: Path) -> None:
    folder = dump(tmp_path / "job", {1: {"note": "dropped_before", "info": {"dropped_before": -5}}})
    with (folder / "annotations.jsonl").open("ab") as stream:
        # What a killed writer has left unfinished.
        stream.write(b'{}\n{"dropped_before"')
    result = encode(folder)
    assert (result.made[0].frames, result.made[0].warnings) == (5, [])


@pytest.mark.parametrize("kind", ["link", "FIFO", "directory"])
def test_what_is_no_file_is_not_opened(tmp_path: Path, kind: str) -> None:
    folder = dump(tmp_path / "job", {1: {"dropped_before": 2}})
    path = folder / "annotations.jsonl"
    other = path.rename(tmp_path / "annotations.jsonl")
    if kind == "link":
        path.symlink_to(other)
    elif kind == "FIFO":
        os.mkfifo(path)
    else:
        path.mkdir()
    result = encode(folder)
    assert result.made[0].frames == 5
    assert f"annotations.jsonl: is a {kind}, not a regular file" in result.made[0].warnings[0]


def test_another_users_annotations_are_not_believed(tmp_path: Path, nobody: User) -> None:
    folder = dump(tmp_path / "job", {1: {"dropped_before": 2}})
    os.chown(folder / "annotations.jsonl", nobody.uid, -1)
    result = encode(folder)
    assert result.made[0].frames == 5
    assert "dropped are not held" in result.made[0].warnings[0]
