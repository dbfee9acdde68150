"""Rollouts, and the encoders submitted to follow them, on a real Slurm."""

from __future__ import annotations

import json
import os
import shlex
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import pytest

from daddy_encode import save_frames_as_png
from daddy_encode.cluster.queue import running_jobs
from tests.cluster.slurm import CHECKOUT, MAX_ARRAY_SIZE, Slurm
from tests.media import decode_mp4, leftovers, moving_square
from tests.stand_in import write_ffmpeg

ROLLOUT = shlex.join([sys.executable, str(CHECKOUT / "debug_rollout.py")])

# Python runs sitecustomize when it starts: this one saves the environment.
SITE = """
import json, os
if "SLURM_JOB_ID" in os.environ:
    with open(os.path.join({folder!r}, "environment-" + os.environ["SLURM_JOB_ID"]), "w") as stream:
        json.dump(dict(os.environ), stream)
"""


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    """A directory for rollouts, with a name that needs quoting."""
    return tmp_path / "my work's spool"


@pytest.fixture
def slow_ffmpeg(tmp_path: Path) -> dict[str, str]:
    """Variables with which encoders use an ffmpeg that adds a line to the file `encoding`, then waits until the file
    `slow` is gone."""
    slow, sign = (shlex.quote(str(tmp_path / name)) for name in ("slow", "encoding"))
    program = write_ffmpeg(
        tmp_path / "ffmpeg", f'echo encoding >>{sign}\nwhile [ -e {slow} ]; do sleep 0.1; done\nexec "$REAL" "$@"'
    )
    (tmp_path / "slow").touch()
    return {"IMAGEIO_FFMPEG_EXE": str(program)}


def dump(spool: Path, count: int, frames: int = 8) -> list[Path]:
    jobs = [spool / f"run-{index % 3}" / f"episode-{index:04d}" for index in range(count)]
    for job in jobs:
        save_frames_as_png(moving_square(frames), job)
    return jobs


def saved(logs: list[Path]) -> list[str]:
    """The paths of the videos that were saved, according to the logs."""
    lines = [line for log in logs if log.exists() for line in log.read_text().splitlines()]
    return [line.split(" saved ")[1].split(":")[0] for line in lines if " INFO saved " in line]


def queue_encoder(slurm: Slurm, *arguments: str | Path, environ: Mapping[str, str] = {}) -> tuple[str, list[Path]]:
    """`daddy-encode submit`; the job ID and the logs."""
    done = slurm.encode("submit", "--cpus-per-task=1", "--json", *arguments, environ=environ)
    assert done.returncode == 0, done.stderr
    values = json.loads(done.stdout)
    return values["job_id"], [Path(log) for log in values["logs"]]


def test_a_rollout_that_crashes_is_followed_by_its_encoder_which_sees_no_gpu(
    slurm: Slurm, spool: Path, tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text(SITE.format(folder=str(tmp_path)))
    watching = {"PYTHONPATH": f"{CHECKOUT}{os.pathsep}{tmp_path}"}
    out = shlex.quote(str(spool))
    gpu = slurm.sbatch(
        "#!/bin/sh\nset -e\nsleep 1\n"
        f"{ROLLOUT} --episodes 6 --steps 10 --video both --handoff none --out {out}\n"
        "exit 3\n",
        "--gres=gpu:1",
        f"--output={tmp_path}/rollout.log",
        environ=watching,
    )
    # The rollout has not created its directory yet.
    inherited = {"SBATCH_GRES": "gpu:1", "SBATCH_PARTITION": "nosuch", "CUDA_VISIBLE_DEVICES": "0", "SLURM_GPUS": "1"}
    follower, [log] = queue_encoder(slurm, spool, "--after", gpu, environ={**watching, **inherited})
    assert slurm.show(follower)["Dependency"].startswith(f"afterany:{gpu}")
    assert slurm.wait(gpu)["ExitCode"] == "3:0"
    done = slurm.wait(follower)
    assert (done["JobState"], done["ExitCode"]) == ("COMPLETED", "0:0"), log.read_text()
    assert "gpu" not in done["TRES"]
    run = spool / "run-0001"
    for episode in range(6):
        assert {f"episode-000{episode}.mp4", f"episode-000{episode}.gif"} <= {path.name for path in run.iterdir()}
    assert len(saved([log])) == 12
    assert slurm.run("squeue", "--noheader", "--states=pending") == ""

    rollout = json.loads((tmp_path / f"environment-{gpu}").read_text())
    assert rollout["SLURM_JOB_GPUS"] == rollout["CUDA_VISIBLE_DEVICES"] == "0"
    encoder = json.loads((tmp_path / f"environment-{follower}").read_text())
    assert {name: value for name, value in encoder.items() if "GPU" in name or "CUDA" in name} == {
        "CUDA_VISIBLE_DEVICES": ""
    }
    receipt = json.loads((run / "episode-0003.receipt.json").read_text())
    assert receipt["slurm"] == {"job_id": follower, "node": os.uname().nodename, "partition": "cpu"}


def test_debug_rollout_submits_its_own_follow_up_from_inside_a_gpu_job(slurm: Slurm, spool: Path) -> None:
    gpu = slurm.sbatch(
        f"#!/bin/sh\n{ROLLOUT} --episodes 2 --steps 5 --video mp4 --handoff sbatch --out {shlex.quote(str(spool))}\n",
        "--gres=gpu:1",
        f"--output={slurm.folder}/%j.log",
    )
    log = slurm.folder / f"{gpu}.log"
    assert slurm.wait(gpu)["JobState"] == "COMPLETED", log.read_text()
    identifier, *_ = (line for line in log.read_text().splitlines() if line.isdecimal())
    assert f"Slurm job {identifier} is queued" in log.read_text()
    done = slurm.wait(identifier)
    assert done["JobState"] == "COMPLETED"
    assert "gpu" not in done["TRES"]
    run = spool / "run-0001"
    assert sorted(path.name for path in run.glob("*.mp4")) == ["episode-0000.mp4", "episode-0001.mp4"]
    assert len(saved(list((run / ".daddy-encode/slurm").glob(f"encode-{identifier}.log")))) == 2


@pytest.mark.soak
def test_a_rollout_in_python_submits_its_encoder_with_one_function_before_it_crashes(slurm: Slurm, spool: Path) -> None:
    program = f"""
import os, sys
import numpy as np
from daddy_encode import save_frames_as_png
from daddy_encode.cluster import submit

queued = submit({str(spool)!r}, after=os.environ["SLURM_JOB_ID"], cpus_per_task=1)
print(queued.job_id, flush=True)
save_frames_as_png(np.zeros((3, 16, 16, 3), np.uint8), {str(spool / "episode-0000")!r}, video="gif")
bad = {{"imageio", "imageio_ffmpeg", "daddy_encode.encoding", "daddy_encode.service", "click", "watchdog"}}
print(sorted(bad & set(sys.modules)), flush=True)
raise RuntimeError("out of ideas")
"""
    rollout = slurm.sbatch(
        f"#!/bin/sh\nexec {shlex.quote(sys.executable)} -c {shlex.quote(program)}\n", f"--output={slurm.folder}/%j.log"
    )
    assert slurm.wait(rollout)["JobState"] == "FAILED"
    identifier, loaded, *_ = (slurm.folder / f"{rollout}.log").read_text().splitlines()
    assert loaded == "[]"
    assert slurm.wait(identifier)["JobState"] == "COMPLETED"
    assert (spool / "episode-0000.gif").exists()


@pytest.mark.soak
def test_an_array_of_four_encodes_forty_jobs_once_each(slurm: Slurm, spool: Path) -> None:
    jobs = dump(spool, 40)
    identifier, logs = queue_encoder(slurm, spool, "--workers", "4")
    assert [log.name for log in logs] == [f"encode-{identifier}_{task}.log" for task in range(4)]
    for task in range(4):
        assert slurm.wait(f"{identifier}_{task}")["JobState"] == "COMPLETED"
    assert sorted(saved(logs)) == sorted(f"{job}.mp4" for job in jobs)
    for task, log in enumerate(logs):
        # What this task says that it saved has this task in its receipt.
        for video in saved([log]):
            made_by = json.loads(Path(video).with_suffix(".receipt.json").read_text())["slurm"]
            assert (made_by["array_job_id"], made_by["array_task_id"]) == (identifier, str(task))


@pytest.mark.soak
def test_an_array_encodes_what_was_marked_when_it_was_submitted(slurm: Slurm, spool: Path, tmp_path: Path) -> None:
    jobs = dump(spool, 8)
    marks = tmp_path / "marks.json"
    listed = [
        {"job": str(job.relative_to(spool)), "mark": "good" if index % 2 else "bad"} for index, job in enumerate(jobs)
    ]
    marks.write_text(json.dumps({"version": 1, "marks": listed}))
    before = slurm.run("sbatch", "--parsable", "--output=/dev/null", "--hold", "--wrap=true").strip()
    identifier, logs = queue_encoder(slurm, spool, "--workers", "2", "--from", marks, "--after", before)
    marks.unlink()
    slurm.run("scontrol", "release", before)
    for task in range(2):
        assert slurm.wait(f"{identifier}_{task}")["JobState"] == "COMPLETED"
    assert sorted(saved(logs)) == sorted(f"{job}.mp4" for job in jobs[1::2])


@pytest.mark.soak
def test_the_work_of_a_task_that_dies_is_taken_over_by_the_others(
    slurm: Slurm, spool: Path, tmp_path: Path, slow_ffmpeg: dict[str, str]
) -> None:
    # Two arrays in parallel: one loses a task to scancel, the other to SIGKILL.
    jobs = {how: dump(spool / how, 6) for how in ("scancel", "SIGKILL")}
    options = ("--workers", "2", "--lease", "2")
    queued = {how: queue_encoder(slurm, spool / how, *options, environ=slow_ffmpeg) for how in jobs}
    sign = tmp_path / "encoding"
    slurm.wait_until(lambda: sign.exists() and len(sign.read_text().splitlines()) == 4, "four encoders at work")
    cancelled, killed = queued["scancel"][0], queued["SIGKILL"][0]
    slurm.run("scancel", f"{cancelled}_0")
    # As when a node goes down: the script, the encoder and its ffmpeg cannot clean up.
    for pid in processes_of(killed, task=0):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    assert slurm.wait(f"{cancelled}_0")["JobState"] == "CANCELLED"
    assert slurm.wait(f"{killed}_0")["JobState"] == "FAILED"
    (tmp_path / "slow").unlink()
    for how, (identifier, logs) in queued.items():
        assert slurm.wait(f"{identifier}_1")["JobState"] == "COMPLETED", logs[1].read_text()
        assert sorted(saved(logs)) == sorted(f"{job}.mp4" for job in jobs[how])
        assert leftovers(spool / how) == []


def processes_of(array: str, task: int) -> list[int]:
    marks = {f"SLURM_ARRAY_JOB_ID={array}".encode(), f"SLURM_ARRAY_TASK_ID={task}".encode()}
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            if marks <= set(path.read_bytes().split(b"\0")):
                found.append(int(path.parent.name))
    return found


@pytest.mark.parametrize(
    "causes",
    [
        # In parallel: Slurm makes each wait for some seconds.
        pytest.param(["scontrol requeue", "its time limit"], marks=pytest.mark.soak),
        pytest.param(["its time limit, in an array"], marks=pytest.mark.soak),
        # The builtin scheduler takes half a minute to preempt.
        pytest.param(["preemption"], marks=pytest.mark.soak),
    ],
    ids=" and ".join,
)
def test_a_requeued_encoder_continues_where_it_stopped(
    slurm: Slurm, spool: Path, tmp_path: Path, slow_ffmpeg: dict[str, str], causes: list[str]
) -> None:
    queued = {}
    for how in causes:
        [job] = dump(spool / how, 1)
        if how.endswith("array"):
            identifier, _ = queue_encoder(slurm, spool / how, "--sbatch-arg=--array=3", environ=slow_ffmpeg)
            identifier += "_3"
        else:
            identifier, _ = queue_encoder(slurm, spool / how, environ=slow_ffmpeg)
        queued[how] = job, identifier, spool / how / ".daddy-encode" / "slurm" / f"encode-{identifier}.log"
    sign = tmp_path / "encoding"
    slurm.wait_until(lambda: sign.exists() and sign.read_text().count("\n") == len(causes), "encoders at work")
    for how, (_, identifier, _) in queued.items():
        if how == "scontrol requeue":
            slurm.run("scontrol", "requeue", identifier)
        elif how == "preemption":
            urgent = ["--partition=urgent", "--cpus-per-task=4", "--output=/dev/null", "--wrap=sleep 1"]
            slurm.run("sbatch", *urgent)
        else:
            # What --signal=B:USR2@60 does: to the batch shell alone.
            slurm.run("scancel", "--batch", "--signal=USR2", identifier)
    slurm.wait_until(
        lambda: (
            [log.read_text().count("stopped before all was done") for *_, log in queued.values()] == [1] * len(causes)
        ),
        "end of the first attempts",
    )
    (tmp_path / "slow").unlink()
    for how, (job, identifier, log) in queued.items():
        done = slurm.wait(identifier)
        text = log.read_text()
        assert (done["JobState"], done["Restarts"]) == ("COMPLETED", "1"), text
        assert ("is queued again and goes on" in text) == how.startswith("its time limit")
        assert saved([log]) == [f"{job}.mp4"]
        assert decode_mp4(Path(f"{job}.mp4"), 64, 48).shape[0] == 8
        assert leftovers(spool / how) == []


def test_a_cancelled_encoder_leaves_no_partial_output_and_is_not_requeued(
    slurm: Slurm, spool: Path, tmp_path: Path, slow_ffmpeg: dict[str, str]
) -> None:
    dump(spool, 1)
    identifier, [log] = queue_encoder(slurm, spool, environ=slow_ffmpeg)
    slurm.wait_until((tmp_path / "encoding").exists, "encoder at work")
    slurm.run("scancel", identifier)
    assert slurm.wait(identifier)["JobState"] == "CANCELLED"
    slurm.wait_until(lambda: "by itself: sbatch '" in log.read_text(), "advice on how to continue", log.read_text)
    assert leftovers(spool) == []
    assert list(spool.rglob("*.mp4")) == []
    assert running_jobs_of(slurm, [identifier]) == {}


@pytest.mark.soak
def test_if_requeueing_is_not_allowed_the_log_says_how_to_continue(
    slurm: Slurm, spool: Path, tmp_path: Path, slow_ffmpeg: dict[str, str]
) -> None:
    dump(spool, 1)
    identifier, [log] = queue_encoder(slurm, spool, "--sbatch-arg=--no-requeue", environ=slow_ffmpeg)
    slurm.wait_until((tmp_path / "encoding").exists, "encoder at work")
    slurm.run("scancel", "--batch", "--signal=USR2", identifier)
    assert slurm.wait(identifier)["ExitCode"] == "75:0"
    *_, script = log.read_text().splitlines()[-1].partition("by itself: sbatch ")
    # The command that the log prints.
    (tmp_path / "slow").unlink()
    again = slurm.run("sh", "-c", f"sbatch --parsable {script}", environ=slow_ffmpeg).strip()
    assert slurm.wait(again)["JobState"] == "COMPLETED"
    assert len(list(spool.rglob("*.mp4"))) == 1


@pytest.mark.soak
def test_at_its_time_limit_an_encoder_is_requeued(
    slurm: Slurm, spool: Path, tmp_path: Path, slow_ffmpeg: dict[str, str]
) -> None:
    [job] = dump(spool, 1)
    identifier, [log] = queue_encoder(slurm, spool, "--time", "2", environ=slow_ffmpeg)
    slurm.wait_until(lambda: log.exists() and "queued again" in log.read_text(), "requeue", seconds=150)
    (tmp_path / "slow").unlink()
    assert slurm.wait(identifier)["JobState"] == "COMPLETED"
    assert saved([log]) == [f"{job}.mp4"]
    assert leftovers(spool) == []


AWKWARD = ["a blank", "a 'quote'", 'a "quote"', "%j of %%", "a;b", "-x", "$HOME `id` #", "é"]


@pytest.mark.soak
def test_awkward_paths_are_encoded_and_their_logs_are_where_submit_says(slurm: Slurm, tmp_path: Path) -> None:
    queued = {}
    for frames, name in enumerate(AWKWARD, 3):
        # Other frames than the one before, whose video in `out` would do else.
        save_frames_as_png(moving_square(frames), tmp_path / name / "episode-0000")
        done = slurm.encode("submit", "--cpus-per-task=1", "--json", "--output-dir=out", "--", name, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        queued[name] = json.loads(done.stdout)
    for name, values in queued.items():
        assert slurm.wait(values["job_id"])["JobState"] == "COMPLETED", name
        [log] = values["logs"]
        assert " INFO saved " in Path(log).read_text()
        assert Path(log).is_relative_to(tmp_path / name)
    assert (tmp_path / "out/episode-0000.mp4").exists()


@pytest.mark.parametrize("name", ["line\nbreak", "back\\slash", "tab\tbed", os.fsdecode(b"\xff")])
def test_a_path_that_slurm_cannot_write_a_log_to_is_refused_before_anything_is_written(
    slurm: Slurm, tmp_path: Path, name: str
) -> None:
    folder = tmp_path / name
    folder.mkdir()
    done = slurm.encode("submit", folder)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "rename the directory" in done.stderr
    assert list(folder.iterdir()) == []


def test_an_array_is_cut_to_what_the_cluster_allows(slurm: Slurm, spool: Path) -> None:
    dump(spool, 1)
    done = slurm.encode("submit", spool, "--workers", "5000", "--sbatch-arg=--hold")
    assert done.returncode == 0, done.stderr
    assert f"The cluster allows {MAX_ARRAY_SIZE} tasks in an array" in done.stderr
    identifier = done.stdout.strip()
    assert slurm.show(identifier)["ArrayTaskId"] == f"0-{MAX_ARRAY_SIZE - 1}"
    slurm.run("scancel", identifier)


def test_a_directive_can_be_set_overridden_or_removed(slurm: Slurm, spool: Path) -> None:
    dump(spool, 1)
    own = ["--job-name=mine", "--comment=a # 'b' \"c\"", "--requeue=", "--hold", "--output=/dev/null", "-n2"]
    done = slurm.encode("submit", spool, "--time", "5", "--json", *(f"--sbatch-arg={argument}" for argument in own))
    values = json.loads(done.stdout)
    shown = slurm.run("scontrol", "--oneliner", "show", "job", values["job_id"])
    slurm.run("scancel", values["job_id"])
    assert "JobName=mine " in shown
    assert "Comment=a # 'b' \"c\" " in shown
    assert "TimeLimit=00:05:00 " in shown
    assert "NumTasks=2 " in shown
    assert "#SBATCH --requeue\n" not in values["text"]
    assert values["logs"] == []
    assert "see the output that you chose" in done.stderr


def running_jobs_of(slurm: Slurm, identifiers: list[str]) -> dict[str, str] | None:
    before = os.environ.get("SLURM_CONF")
    os.environ["SLURM_CONF"] = slurm.environ["SLURM_CONF"]
    try:
        return running_jobs(identifiers)
    finally:
        if before is None:
            del os.environ["SLURM_CONF"]
        else:
            os.environ["SLURM_CONF"] = before


def test_running_slurm_jobs_are_told_apart_from_ended_and_forgotten_ones(slurm: Slurm) -> None:
    ended = slurm.run("sbatch", "--parsable", "--output=/dev/null", "--wrap=true").strip()
    array = slurm.run("sbatch", "--parsable", "--output=/dev/null", "--array=0-1", "--wrap=sleep 60").strip()
    held = slurm.run("sbatch", "--parsable", "--output=/dev/null", "--hold", "--wrap=true").strip()
    slurm.wait(ended)
    slurm.wait(f"{array}_0", "RUNNING")
    own = slurm.show(f"{array}_0")["JobId"]
    states = running_jobs_of(slurm, [ended, f"{array}_0", own, held, "999999", "$(id)", "--help", ""])
    assert states == {f"{array}_0": "RUNNING", own: "RUNNING", held: "PENDING"}
    assert running_jobs_of(slurm, ["999999"]) == {}
    slurm.run("scancel", array, held)
