"""Several sequences of frames in one directory: an error that lists them, and with --split a job each."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from daddy_encode.cli.main import group
from daddy_encode.encoding.job import done_already, encode_job
from daddy_encode.encoding.settings import make_settings
from daddy_encode.errors import FrameError, SpoolError
from daddy_encode.service.find_jobs import find_all_jobs
from daddy_encode.service.watcher.scanner import Scanner
from daddy_encode.spool.claims import lease_path
from daddy_encode.spool.frames import find
from daddy_encode.spool.paths import MAX_NAME_BYTES, JobPaths, sequence_name
from daddy_encode.spool.walk import Listing, SpoolDirectory
from tests.jobs import context, encode
from tests.media import decode_mp4, run_command

# The grey of each sequence's frames; they get brighter by STEP.
GREYS = {"rgb_{}.png": 40, "{}_depth.png": 120}
STEP = 10


def write(directory: Path, greys: dict[str, int] = GREYS, frames: int = 3) -> Path:
    """A dump of sequences: `greys` has the pattern of names and the grey of the first frame of each."""
    directory.mkdir(parents=True, exist_ok=True)
    for pattern, grey in greys.items():
        for index in range(frames):
            Image.new("L", (16, 16), grey + STEP * index).save(directory / pattern.format(f"{index:04d}"))
    return directory


def shown(video: Path) -> list[int]:
    """The grey of each picture of a video, to the next multiple of STEP."""
    return [round(float(picture.mean()) / STEP) * STEP for picture in decode_mp4(video, 16, 16)]


def rows(*arguments: str | Path) -> list[dict[str, Any]]:
    """What a command says as JSON lines."""
    told = CliRunner().invoke(group, [*map(str, arguments), "--json"], catch_exceptions=False)
    return [json.loads(line) for line in told.stdout.splitlines()]


def names_beside(job: Path) -> list[str]:
    return sorted(path.name for path in job.parent.iterdir() if path != job and path.name != ".daddy-encode")


def test_names_are_grouped_as_often_however_many_sequences_there_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    grouped = 0
    buckets = find._buckets

    def counting(common: str, names: Sequence[str]) -> Any:
        nonlocal grouped
        grouped += len(names)
        return buckets(common, names)

    monkeypatch.setattr(find, "_buckets", counting)
    per_name = []
    for count in (2, 12):
        job = write(tmp_path / str(count), {f"ep_{number}_step_{{}}.png": 40 for number in range(count)}, frames=2)
        grouped = 0
        assert len(rows("encode", "--split", "--dry-run", job)) == count
        per_name.append(grouped / count)
    assert per_name[0] == per_name[1] > 0


def test_they_are_listed_then_split_then_done(tmp_path: Path) -> None:
    job = write(tmp_path / "run")
    told = run_command("encode", "run", cwd=tmp_path)
    assert told.returncode == 1
    assert (
        f"ERROR {job}: holds 2 sequences of frames: *_depth.png (3), rgb_*.png (3); --split makes a video of each\n"
        in told.stderr
    )
    assert [row["state"] for row in rows("status", tmp_path)] == ["failed"]
    told = run_command("encode", "--split", "run", cwd=tmp_path)
    assert told.returncode == 0, told.stderr
    assert names_beside(job) == [
        "run.N_depth.mp4",
        "run.N_depth.receipt.json",
        "run.rgb.mp4",
        "run.rgb.receipt.json",
    ], "the receipt of the failure is gone"
    assert shown(tmp_path / "run.rgb.mp4") == [40, 50, 60]
    assert shown(tmp_path / "run.N_depth.mp4") == [120, 130, 140]
    receipt = json.loads((tmp_path / "run.rgb.receipt.json").read_text())
    assert (receipt["job"], receipt["sequence"], receipt["source"]["names"]) == ("run", "rgb_*.png", "rgb_*.png")
    assert not lease_path(JobPaths.of(job).of_sequence("rgb_*.png")).exists()
    assert {(row["job"], row["state"], row["frames"]) for row in rows("status", job)} == {
        ("run/rgb_*.png", "done", 3),
        ("run/*_depth.png", "done", 3),
    }
    assert sorted(Path(row["path"]).name for row in rows("log", tmp_path)) == ["run.N_depth.mp4", "run.rgb.mp4"]
    for found in find_all_jobs([job]).jobs:
        assert found.paths.pattern is not None, "what was split stays split"
        assert done_already(found.paths, context())


def encode_all(path: Path, output_dir: Path | None = None, **options: Any) -> dict[str, int]:
    """Encode what is found at `path`, split; return how many videos were made of each job."""
    found = find_all_jobs([path], output_dir, split=True)
    return {job.paths.job.name: len(encode_job(job.paths, context(**options)).made) for job in found.jobs}


def test_in_a_tree_they_are_named_and_split_where_that_is_asked_for_and_no_rollout_writes(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    write(tree / "multi")
    write(tree / "ours")
    (tree / "ours" / "rollout.json").write_text('{"version": 1}')
    write(tree / "one", {"{}.png": 40})
    found = find_all_jobs([tree])
    assert {passed.directory.name: passed.advice.partition(";")[0] for passed in found.passed_over} == {
        "multi": "holds 2 sequences of frames: *_depth.png (3), rgb_*.png (3)",
        "ours": "no manifest: its rollout still writes, or has died",
        "one": "no manifest: its rollout still writes, or has died",
    }
    (fault,) = found.faults
    assert str(fault).endswith(
        "nothing to encode; passed over: 1 with several sequences of frames, 2 without a manifest"
    )
    assert encode_all(tree) == {"*_depth.png": 1, "rgb_*.png": 1}
    assert shown(tree / "multi.rgb.mp4") == [40, 50, 60]
    assert len(find_all_jobs([tree], split=True).passed_over) == 2


def test_each_is_encoded_anew_for_its_own_frames_only(tmp_path: Path) -> None:
    job = write(tmp_path / "run")
    assert encode_all(job) == {"*_depth.png": 1, "rgb_*.png": 1}
    Image.new("L", (16, 16), 200).save(job / "rgb_0003.png")
    assert encode_all(job) == {"*_depth.png": 0, "rgb_*.png": 1}
    assert shown(tmp_path / "run.rgb.mp4") == [40, 50, 60, 200]


def test_one_is_named_as_it_is_shown(tmp_path: Path) -> None:
    job = write(tmp_path / "run")
    write(tmp_path / "one", {"rgb_{}.png": 40})
    result = CliRunner().invoke(group, ["encode", str(job), "--split", "-o", "z.mp4"], standalone_mode=False)
    assert "run/*_depth.png; name one of them as PATH, in quotes, or" in str(result.exception)
    done = CliRunner().invoke(group, ["encode", str(job / "*_depth.png"), "-o", str(tmp_path / "z.mp4"), "-q"])
    assert done.exit_code == 0, done.output
    assert shown(tmp_path / "z.mp4") == [120, 130, 140]
    found = find_all_jobs([job / "rgb_*.png", job / "depth_*.png", tmp_path / "one" / "rgb_*.png"])
    assert [found.paths.job for found in found.jobs] == [job / "rgb_*.png"]
    assert [str(fault).partition(": ")[2] for fault in found.faults] == [
        f"is a pattern of names, not a directory; name its folder: {job}",
        f"is a pattern of names, not a directory; name its folder: {tmp_path / 'one'}",
    ]
    encode_job(found.jobs[0].paths, context())
    assert names_beside(job) == ["one", "run.rgb.mp4", "run.rgb.receipt.json", "z.mp4"]
    result = CliRunner().invoke(group, ["encode", str(job / "*_depth.png"), "-o", str(tmp_path / "run.rgb.mp4")])
    assert result.exit_code != 0


def test_one_that_is_broken_does_not_stop_the_others_and_log_has_its_error(tmp_path: Path) -> None:
    job = write(tmp_path / "run")
    (job / "rgb_0001.png").write_bytes(b"\xff\xd8\xff\xe0\0\x10JFIF")
    told = run_command("encode", "--split", job)
    assert told.returncode == 1
    assert "rgb_0001.png: is a JPEG named .png, and only PNG is read" in told.stderr
    assert shown(tmp_path / "run.N_depth.mp4") == [120, 130, 140]
    assert [row["path"] for row in rows("log", tmp_path) if row["error"]] == [str(tmp_path / "run.rgb")]
    assert {row["job"]: row["state"] for row in rows("status", job)} == {
        "run/rgb_*.png": "failed",
        "run/*_depth.png": "done",
    }


def test_an_output_directory_has_them_below_the_same_path(tmp_path: Path) -> None:
    write(tmp_path / "spool" / "run")
    (tmp_path / "spool" / "run" / "manifest.json").write_text(
        '{"version": 1, "frames": 3, "width": 16, "height": 16, "fps": 30}'
    )
    assert encode_all(tmp_path / "spool", tmp_path / "videos") == {"*_depth.png": 1, "rgb_*.png": 1}
    assert shown(tmp_path / "videos" / "run.rgb.mp4") == [40, 50, 60]


def test_a_watcher_has_a_job_for_each_and_for_whichever_were_split_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = write(tmp_path / "spool" / "run")
    now = [0.0]
    listed: list[str] = []
    list_directory = SpoolDirectory.list

    def counted(directory: SpoolDirectory) -> Listing:
        listed.append(directory.name)
        return list_directory(directory)

    monkeypatch.setattr(SpoolDirectory, "list", counted)

    def scanner(*, split: bool) -> Scanner:
        return Scanner(tmp_path / "spool", make_settings(), settle=5, split=split, clock=lambda: now[0])

    watching, other = scanner(split=True), scanner(split=False)
    assert watching.scan() == other.scan() == []
    now[0] = 10
    assert [attempt.paths.pattern for attempt in other.scan()] == [None]
    attempts = watching.scan()
    assert [attempt.paths.pattern for attempt in attempts] == ["*_depth.png", "rgb_*.png"]
    for attempt in attempts:
        result = encode_job(attempt.paths, context())
        watching.record_done(result.paths, job.stat().st_mtime_ns)
    assert [scan.scan() for scan in (watching, scanner(split=False))] == [[], []]
    assert {state.value: count for state, count in watching.counts().items()} == {"done": 2}
    listed.clear()
    assert watching.scan() == []
    assert listed == ["spool"], "both are known to be done"
    # A frame more: both are looked at, since the directory has changed.
    Image.new("L", (16, 16)).save(job / "rgb_0003.png")
    watching.scan()
    now[0] = 20
    assert {attempt.paths.pattern for attempt in watching.scan()} == {"*_depth.png", "rgb_*.png"}
    for path in job.glob("*_depth.png"):
        path.unlink()
    watching.scan()
    assert sum(watching.counts().values()) == 1, "what is one sequence is one job"


def test_watch_and_submit_take_the_option(tmp_path: Path) -> None:
    job = write(tmp_path / "spool" / "run")
    (job / "manifest.json").write_text('{"version": 1, "frames": 3, "width": 16, "height": 16, "fps": 30}')
    told = run_command("watch", tmp_path / "spool", "--once", "--split")
    assert told.returncode == 0, told.stderr
    assert shown(tmp_path / "spool" / "run.rgb.mp4") == [40, 50, 60]
    script = CliRunner().invoke(group, ["submit", str(tmp_path), "--split", "--dry-run"])
    assert " --split" in script.stdout


def test_status_says_what_a_directory_holds_that_was_not_split(tmp_path: Path) -> None:
    write(tmp_path / "run")
    assert [row["note"] for row in rows("status", tmp_path)] == [
        "holds 2 sequences of frames: *_depth.png (3), rgb_*.png (3); encode --split makes a video of each"
    ]


def test_a_sequence_never_takes_the_names_of_another_directory(tmp_path: Path) -> None:
    job, other = write(tmp_path / "run"), write(tmp_path / "run.rgb", {"{}.png": 200})
    with pytest.raises(
        SpoolError, match=r"run/rgb_\*\.png: its outputs would have the names of those of .*/run\.rgb; "
    ):
        encode_job(JobPaths.of(job).of_sequence("rgb_*.png"), context())
    assert encode(other).made
    assert encode_job(JobPaths.of(job).of_sequence("*_depth.png"), context()).made
    write(tmp_path / "run.N_depth", {"{}.png": 200})
    with pytest.raises(SpoolError, match=r"is another job's, of \*_depth\.png; rename this directory"):
        encode(tmp_path / "run.N_depth")
    assert shown(tmp_path / "run.N_depth.mp4") == [120, 130, 140]


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        ("rgb_*.png", "rgb"),
        ("*_rgb.png", "N_rgb"),
        ("*.png", "N"),
        ("_*.png", "_N"),
        ("frame_*_cam0.png", "frame_N_cam0"),
        ("episode_00001_step_*.png", "episode_00001_step"),
        ("cam_*.*.png", "cam"),
        ("frame (*).png", "frame-N--01b37540"),
        ("$(rm)\n*.png", "-rm-N-1198924a"),
    ],
)
def test_the_name_of_a_sequence(pattern: str, name: str) -> None:
    assert sequence_name(pattern) == name


@given(
    st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), max_size=200),
    st.text("a*_-.", max_size=9),
)
def test_no_name_of_a_sequence_leaves_the_directory_or_needs_quotes(before: str, after: str) -> None:
    paths = JobPaths.of(Path("/spool/run"))
    job = paths.of_sequence(f"{before}*{after}.png")
    name = job.base.name.removeprefix("run.")
    assert (name.isascii() and name.replace("_", "").replace(".", "").replace("-", "").isalnum()) or set(name) <= set(
        "_.-"
    )
    assert job.base.parent == paths.base.parent
    assert len(job.receipt.name) < MAX_NAME_BYTES
    assert job.whole == paths
    assert len({paths.base, job.base, paths.of_sequence(f"{before}*{after}x.png").base}) == 3


def test_sequences_that_would_have_one_name_are_not_split(tmp_path: Path) -> None:
    job = write(tmp_path / "run", {"aN{}.png": 40, "a{}N.png": 120})
    assert sequence_name("aN*.png") == sequence_name("a*N.png")
    assert [found.paths.pattern for found in find_all_jobs([job], split=True).jobs] == [None]
    with pytest.raises(FrameError, match=r"holds 2 sequences of frames: a\*N\.png \(3\), aN\*\.png \(3\)"):
        encode(job)
