"""For the same frames, an option that is not given never replaces a video: its default is what the receipt says."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from daddy_encode import save_frames_as_png
from daddy_encode.encoding.context import Result
from daddy_encode.encoding.job import encode_job
from daddy_encode.encoding.receipts import record_failure
from daddy_encode.encoding.settings import (
    NOTHING,
    GifSettings,
    Mp4Settings,
    Plan,
    Recorded,
    make_settings,
    parts,
    plan,
)
from daddy_encode.errors import EncodeError, FrameError
from daddy_encode.report.log import saved_line
from daddy_encode.service.watcher.scanner import Scanner
from daddy_encode.spool.manifest import Manifest
from daddy_encode.spool.paths import JobPaths
from tests.encoding.frames.faults import cut
from tests.jobs import context, encode
from tests.media import decode_gif, decode_mp4, moving_square

SIZE = (16, 12)
BOTH = Manifest(frames=3, width=16, height=12, fps=10, video="both")


@pytest.fixture
def job(tmp_path: Path) -> Path:
    """Three frames at 10 fps."""
    save_frames_as_png(moving_square(3, 12, 16), tmp_path / "spool" / "ep", fps=10)
    return tmp_path / "spool" / "ep"


def settings_of(job: Path) -> dict[str, dict[str, Any]]:
    receipt = json.loads((job.parent / "ep.receipt.json").read_text())
    return {record["format"]: record["settings"] for record in receipt["outputs"]}


def lines(result: Result) -> list[str]:
    """What the log says of the videos that were made, after their six values."""
    shown = []
    for record in result.made:
        text = saved_line(record, result.paths.output(record.format), result.receipt, result.replaced[record.format])
        shown.append(text.split("; ", 1)[1])
    return shown


def test_what_is_not_given_is_as_it_was_and_what_is_given_replaces_and_says_so(job: Path) -> None:
    first = encode(job, scale=4, crf=30)
    assert [record.format for record in first.made] == ["mp4"]
    assert first.replaced == {}
    assert decode_mp4(job.parent / "ep.mp4", 64, 48).shape[0] == 3
    video = (job.parent / "ep.mp4").read_bytes()
    assert encode(job).made == []
    assert encode(job, crf=30).made == []
    assert Scanner(job.parent, make_settings()).scan() == []
    assert (job.parent / "ep.mp4").read_bytes() == video
    again = encode(job, crf=20)
    assert lines(again) == ["replaces ep.mp4 made with crf 30"]
    assert {"fps": "10", "crf": 20, "preset": "veryfast", "scale": 4}.items() <= settings_of(job)["mp4"].items()
    # --force makes it once more as it is, whatever has become of it.
    forced = encode_job(JobPaths.of(job), context(force=True))
    assert lines(forced) == ["replaces ep.mp4 made with the same settings"]
    assert settings_of(job)["mp4"]["scale"] == 4


def test_the_kinds_that_are_there_are_those_that_are_checked_and_made_again_as_they_were(job: Path) -> None:
    encode(job, video="gif", gif_fps="5", gif_width=8)
    gif = (job.parent / "ep.gif").read_bytes()
    assert encode(job).made == []
    assert not (job.parent / "ep.mp4").exists()
    encode(job, video="mp4", crf=40)
    assert encode(job).made == []
    (job.parent / "ep.gif").unlink()
    (made,) = encode(job).made
    assert (made.format, made.type, made.width) == ("gif", "Both", 8)
    assert (job.parent / "ep.gif").read_bytes() == gif
    assert decode_gif(job.parent / "ep.gif")[1] == [200, 100]


def test_new_frames_and_a_new_manifest_are_encoded_with_the_defaults(job: Path) -> None:
    encode(job, crf=40, fps="20")
    shutil.copy(job / "000002.png", job / "000001.png")
    expected = "replaces ep.mp4 made before frames or manifest changed, with crf 40, video-fps 20"
    assert lines(encode(job)) == [expected]
    assert (settings_of(job)["mp4"]["crf"], settings_of(job)["mp4"]["fps"]) == (20, "10")
    encode(job, fps="20")
    manifest = json.loads((job / "manifest.json").read_text())
    (job / "manifest.json").write_text(json.dumps({**manifest, "fps": 12.5}))
    expected = "replaces ep.mp4 made before frames or manifest changed, with video-fps 20"
    assert lines(encode(job)) == [expected]
    assert settings_of(job)["mp4"]["fps"] == "12.5"
    (job.parent / "ep.receipt.json").unlink()
    assert lines(encode(job)) == ["replaces ep.mp4, which no receipt names"]


@pytest.mark.parametrize("old", [(), ("manifest.json",)], ids=["recording", "no-manifest"])
def test_frames_whose_times_alone_have_changed_are_the_same(
    job: Path, monkeypatch: pytest.MonkeyPatch, old: tuple[str, ...]
) -> None:
    for name in old:
        (job / name).unlink()
    encode(job, crf=40, video="both", gif_width=8)
    shutil.copytree(job.parent, job.parent.with_name("copy"), copy_function=shutil.copyfile)
    copy = job.parent.with_name("copy") / "ep"
    for path in copy.iterdir():
        os.utime(path, (1, 1))
    again = encode(copy)
    assert again.made == []
    assert settings_of(copy) == settings_of(job)
    assert encode(copy, crf=41).replaced == {"mp4": "replaces ep.mp4 made with crf 40"}
    # What was found out is written down, even where something else fails then.
    os.utime(copy / "000001.png", (2, 2))

    def fail() -> None:
        raise EncodeError("no room")

    with pytest.raises(EncodeError, match="no room"):
        encode_job(JobPaths.of(copy), replace(context(crf=42), on_encoded=fail))
    monkeypatch.setattr("daddy_encode.encoding.recorded.frames_sha256", None)
    assert encode(copy).made == []


def test_what_has_changed_in_frames_of_the_same_number_is_seen(job: Path) -> None:
    encode(job, scale=2)
    (job / "000001.png").write_bytes((job / "000002.png").read_bytes())
    shown = encode(job)
    assert lines(shown) == ["replaces ep.mp4 made before frames or manifest changed, with scale 2"]
    cut(job / "000001.png")
    with pytest.raises(FrameError, match="000001"):
        encode(job)


def test_another_way_to_make_up_for_frames_is_named(job: Path) -> None:
    cut(job / "000001.png")
    encode(job, gaps="hold")
    assert encode(job, gaps="skip").replaced == {"mp4": "replaces ep.mp4 made with gaps hold"}
    (job / "manifest.json").unlink()
    encode(job, salvage=True, fps="10")
    again = encode(job, salvage=False, gaps="skip")
    assert again.replaced == {"mp4": "replaces ep.mp4 made with gaps hold, salvage"}


def test_frames_that_were_made_up_for_stay_so(job: Path) -> None:
    cut(job / "000001.png")
    with pytest.raises(FrameError, match="000001"):
        encode(job)
    encode(job, gaps="skip")
    assert encode(job).made == []
    assert encode(job, gaps="skip").made == []
    assert Scanner(job.parent, make_settings()).scan() == []
    assert len(Scanner(job.parent, make_settings(gaps="hold")).scan()) == 1
    assert encode(job, gaps="hold", crf=30).made[0].frames == 3
    with pytest.raises(FrameError, match="000001"):
        encode(job, gaps="error")


def test_what_was_salvaged_stays_so(job: Path) -> None:
    # Without the first of four, those that are left are no sequence at a distance of two.
    shutil.copy(job / "000002.png", job / "000003.png")
    (job / "000001.png").unlink()
    (job / "manifest.json").unlink()
    encode(job, salvage=True)
    again = encode(job)
    assert (again.made, again.receipt.salvaged, again.receipt.gaps) == ([], True, "hold")
    with pytest.raises(FrameError, match="000001"):
        encode(job, salvage=False)


def test_after_other_options_have_failed_what_is_there_is_still_done(job: Path) -> None:
    encode(job, crf=30)
    mtime_ns = job.stat().st_mtime_ns
    record_failure(JobPaths.of(job), EncodeError("no such scale"), context(scale=16), mtime_ns)
    assert json.loads((job.parent / "ep.receipt.json").read_text())["error"] == "no such scale"
    assert encode(job).made == []
    assert json.loads((job.parent / "ep.receipt.json").read_text())["error"] is None
    assert settings_of(job)["mp4"]["crf"] == 30


def test_who_comes_after_an_encoder_that_was_killed_goes_on_with_its_options(
    job: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encode(job, crf=30)

    def killed(*arguments: Any, **more: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr("daddy_encode.encoding.job.rename", killed)
        encode(job, crf=40)
    assert settings_of(job) == {}
    encode(job)
    assert settings_of(job)["mp4"]["crf"] == 40
    assert "unfinished" not in json.dumps(settings_of(job))


def test_a_watcher_leaves_what_was_made_since_it_began(job: Path) -> None:
    """Two watchers with different options would else replace each other's videos."""
    began = time.time() - 1
    encode(job, crf=30)
    asked = replace(context(crf=40), keep_since=began)
    assert encode_job(JobPaths.of(job), asked).made == []
    assert Scanner(job.parent, make_settings(crf=40), keep_since=began).scan() == []
    # A kind that nobody has made replaces nothing.
    made = encode_job(JobPaths.of(job), replace(context(video="gif"), keep_since=began)).made
    assert [record.format for record in made] == ["gif"]
    # One that begins later was started to have them as its options say.
    later = replace(context(crf=40), keep_since=time.time() + 1000)
    assert lines(encode_job(JobPaths.of(job), later)) == ["replaces ep.mp4 made with crf 30"]


def test_videos_that_read_their_frames_in_two_ways_are_both_as_they_were(job: Path) -> None:
    save_frames_as_png(moving_square(3, 12, 16)[..., [0, 1, 2, 2]], job, fps=10, overwrite=True)
    encode(job, video="mp4", background="FF0000")
    encode(job, video="gif", background="0000ff", fps="5")
    videos = [(job.parent / f"ep.{kind}").read_bytes() for kind in ("mp4", "gif")]
    forced = encode_job(JobPaths.of(job), context(force=True))
    assert [record.format for record in forced.made] == ["mp4", "gif"]
    assert [(job.parent / f"ep.{kind}").read_bytes() for kind in ("mp4", "gif")] == videos
    assert {kind: value["background"] for kind, value in settings_of(job).items()} == {
        "mp4": "ff0000", "gif": "0000ff"
    }  # fmt: skip


def made_by(asked: Manifest | None, **options: Any) -> Recorded:
    return Recorded(outputs=plan(make_settings(**options), asked))


MP4_AT_20 = Recorded(outputs={"mp4": Mp4Settings(fps="20", crf=30, scale=2)})


@pytest.mark.parametrize(
    ("options", "asked", "recorded", "expected"),
    [
        # Without a receipt: what the rollout asks for, else the defaults.
        ({}, None, NOTHING, {"mp4": Mp4Settings(fps="30")}),
        ({}, BOTH, NOTHING, {"mp4": Mp4Settings(fps="10"), "gif": GifSettings(fps="10", step=1)}),
        ({"gif_width": 0, "video": "gif"}, None, NOTHING, {"gif": GifSettings(fps="30", step=2)}),
        # A receipt comes before the manifest that it was made with.
        ({}, BOTH, MP4_AT_20, MP4_AT_20.outputs),
        ({}, BOTH, replace(MP4_AT_20, failed=True),
         {**MP4_AT_20.outputs, "gif": GifSettings(fps="20", step=2, scale=2)}),
        # What another kind was made with is better than a default.
        ({"video": "gif"}, BOTH, MP4_AT_20, {"gif": GifSettings(fps="20", step=2, scale=2)}),
        ({"crf": 5}, BOTH, MP4_AT_20, {"mp4": Mp4Settings(fps="20", crf=5, scale=2)}),
        ({"crf": 5, "video": "both"}, BOTH, replace(MP4_AT_20, fixed=True),
         {**MP4_AT_20.outputs, "gif": GifSettings(fps="20", step=2, scale=2)}),
        # A GIF's own rate, where the recording's changes.
        ({"fps": "60"}, None, made_by(None, video="gif", gif_fps="10"), {"gif": GifSettings(fps="60", step=6)}),
        ({"fps": "60"}, None, made_by(None, video="gif"), {"gif": GifSettings(fps="60", step=4)}),
        ({"fps": "14"}, None, made_by(None, video="gif", fps="10"), {"gif": GifSettings(fps="14", step=1)}),
        # An own width needs no scale, and 0 takes it back.
        ({"scale": 3}, None, made_by(None, video="gif", gif_width=8), {"gif": GifSettings(fps="30", step=2, width=8)}),
        ({"gif_width": 8}, None, made_by(None, video="gif", scale=3), {"gif": GifSettings(fps="30", step=2, width=8)}),
        ({"gif_width": 0}, None, made_by(None, video="gif", gif_width=8), {"gif": GifSettings(fps="30", step=2)}),
        ({"gif_optimize": False}, None, made_by(None, video="gif", gif_optimize=True),
         {"gif": GifSettings(fps="30", step=2)}),
    ],
)  # fmt: skip
def test_each_setting_is_given_else_recorded_else_asked_for_else_its_default(
    options: dict[str, Any], asked: Manifest | None, recorded: Recorded, expected: Plan
) -> None:
    assert plan(make_settings(**options), asked, recorded) == expected


@pytest.mark.parametrize("fps", ["1/60", "7", "10", "14.9", "15", "29.97", "30", "50", "100", "1000"])
@pytest.mark.parametrize("gif_fps", ["1", "5", "12.5", "15", "24", "50"])
def test_what_was_made_is_what_is_planned_again(fps: str, gif_fps: str) -> None:
    before = plan(make_settings(video="both", fps=fps, gif_fps=gif_fps, loop=3, preset="slow"), None)
    after = plan(make_settings(), BOTH, Recorded(outputs=before))
    assert after == before
    assert [msgspec.to_builtins(part) for part in parts(after)] == [msgspec.to_builtins(after)]
