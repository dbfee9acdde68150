"""What a rollout that died has left."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from daddy_encode import save_frames_as_png
from daddy_encode.errors import DaddyEncodeError, FrameError, ManifestError
from tests.encoding.frames.faults import cut
from tests.encoding.frames.test_gaps import shown
from tests.jobs import encode
from tests.media import moving_square, run_command


def killed(job: Path) -> None:
    """As SIGKILL leaves a dump: no manifest, the last frame half written."""
    (job / "manifest.json").unlink()
    cut(job / "000011.png")


def ended_in_an_exception(job: Path, frames: int = 12) -> None:
    manifest = json.loads((job / "manifest.json").read_text())
    (job / "manifest.json").write_text(
        json.dumps({**manifest, "frames": frames, "complete": False, "error": "MemoryError"})
    )


def test_a_killed_rollout_is_an_error_and_with_salvage_a_video(job: Path) -> None:
    killed(job)
    with pytest.raises(FrameError, match=r"000011\.png: is cut off"):
        encode(job)
    receipt = encode(job, salvage=True).receipt
    assert (receipt.salvaged, receipt.partial, receipt.gaps) == (True, False, "hold")
    assert [bad.name for bad in receipt.lost.bad] == ["000011.png"]
    assert shown(job.parent / "episode-0003.mp4") == [*range(11), 10]


def test_salvage_may_close_up_instead(job: Path) -> None:
    killed(job)
    receipt = encode(job, salvage=True, gaps="skip").receipt
    assert (receipt.salvaged, receipt.gaps) == (True, "skip")
    assert shown(job.parent / "episode-0003.mp4") == list(range(11))


def test_an_exception_that_lost_frames_is_an_error_and_with_salvage_a_video_of_full_length(job: Path) -> None:
    ended_in_an_exception(job)
    for index in (10, 11):
        (job / f"{index:06d}.png").unlink()
    with pytest.raises(ManifestError, match=r"promises 12 frames, but there are 10 .*--salvage"):
        encode(job)
    receipt = encode(job, salvage=True).receipt
    assert (receipt.salvaged, receipt.partial) == (True, True)
    assert receipt.lost.missing == ["000010.png", "000011.png"]
    assert shown(job.parent / "episode-0003.mp4") == [*range(10), 9, 9]


def test_an_exception_whose_frames_are_all_whole_needs_no_salvage(job: Path) -> None:
    ended_in_an_exception(job)
    receipt = encode(job).receipt
    assert (receipt.salvaged, receipt.partial, receipt.gaps) == (False, True, None)
    assert encode(job, salvage=True).made == []


def test_a_rollout_that_ended_well_is_not_for_salvage(job: Path) -> None:
    cut(job / "000005.png")
    with pytest.raises(DaddyEncodeError, match=r"000005\.png: is cut off"):
        encode(job, salvage=True)
    assert encode(job, salvage=True, gaps="hold").receipt.salvaged is False


def test_in_a_tree_the_dead_are_passed_over_unless_salvage_is_asked_for(tmp_path: Path) -> None:
    tree = tmp_path / "spool"
    for name in ("alive", "dead"):
        save_frames_as_png(moving_square(12), tree / name)
    killed(tree / "dead")
    completed = run_command("encode", tree)
    assert completed.returncode == 0
    assert "dead: no manifest" in completed.stderr
    assert "--salvage" in completed.stderr
    assert not (tree / "dead.mp4").exists()
    completed = run_command("encode", tree, "--salvage")
    assert completed.returncode == 0
    assert "MP4; salvaged; 1 bad (the frame before each is repeated)" in completed.stderr
    assert "000011.png is cut off" in completed.stderr
    assert (tree / "dead.mp4").exists()
