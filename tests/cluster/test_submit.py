"""What `daddy-encode submit` writes and prints without a Slurm, or with stand-ins for its programs."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from daddy_encode import save_frames_as_png
from daddy_encode.cluster import submission, submit
from daddy_encode.cluster.client import clean_environment
from daddy_encode.cluster.queue import parse_queue, running_jobs
from daddy_encode.cluster.script import merged_directives
from daddy_encode.cluster.submission import parse_job_id, parse_max_array_size
from daddy_encode.errors import ClusterError, SettingsError, SpoolError
from tests.cluster.slurm import CHECKOUT, CLEAN
from tests.media import moving_square
from tests.users import Lab

GOLDEN = Path(__file__).parent / "golden"
ALL_OPTIONS = [
    *("--after", "4711,4712_3", "--workers", "4", "--cpus-per-task", "2", "--time", "1:00:00", "--mem", "4G"),
    *("--partition", "cpu", "--account", "lab", "--sbatch-arg=--qos=low", "--sbatch-arg=--comment=two words"),
    *("--video", "both", "--video-fps", "30000/1001", "--tmp-dir", "$TMPDIR", "--output-dir", "/scratch/it's here"),
]


def programs(folder: Path, **texts: str) -> dict[str, str]:
    """Variables with which these shell scripts are the only programs on PATH, but for the shell's own helpers."""
    folder.mkdir()
    for name in ("sleep", "cat", "echo"):
        (folder / name).symlink_to(f"/bin/{name}")
    for name, text in texts.items():
        (folder / name).write_text(f"#!/bin/sh\n{text}\n")
        (folder / name).chmod(0o755)
    return {"PATH": str(folder)}


def run(
    *arguments: str | Path, environ: Mapping[str, str] = {}, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "daddy_encode", "submit", *map(str, arguments)],
        env={**CLEAN, "PYTHONPATH": str(CHECKOUT), **environ},
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize(("name", "options"), [("single", []), ("all-options", ALL_OPTIONS)])
def test_the_script_is_this_whole_text(spool: Path, name: str, options: list[str]) -> None:
    done = run(spool, "--dry-run", *options)
    assert done.returncode == 0, done.stderr
    text = done.stdout
    [line] = [line for line in text.splitlines() if line.startswith("# sbatch ")]
    for old, new in [
        (line.removeprefix("# sbatch "), "/scratch/spool/.daddy-encode/slurm/encode-20261122-184500-3fa9.sh"),
        (str(spool), "/scratch/spool"),
        (sys.executable, "/home/me/venv/bin/python"),
        (str(CHECKOUT), "/opt/daddy-encode"),
    ]:
        text = text.replace(old, new)
    assert text == (GOLDEN / f"{name}.sh").read_text()
    assert subprocess.run(["bash", "-n"], input=done.stdout, text=True).returncode == 0
    assert list(spool.iterdir()) == []


def test_a_dry_run_in_json_has_the_text_and_no_job_and_asks_no_cluster(spool: Path, tmp_path: Path) -> None:
    environ = programs(tmp_path / "bin", scontrol="echo MaxArraySize = 2")
    values = json.loads(run(spool, "--dry-run", "--json", "--workers", "3", environ=environ).stdout)
    assert (values["job_id"], values["logs"], values["workers"]) == (None, [], 3)
    assert values["text"].startswith("#!/bin/bash\n")
    assert values["script"].startswith(str(spool / ".daddy-encode/slurm/encode-"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--after", "4711;reboot"], "--after '4711;reboot' is not a Slurm job ID"),
        (["--after", ""], "--after '' is not a Slurm job ID"),
        (["--video-fps", "0"], "'--video-fps': '0' is outside"),
        (["--crf", "99"], "99 is not in the range"),
        (["--workers", "0"], "0 is not in the range"),
        (["--force", "--workers", "2"], "--force would make each encoder encode every job"),
        (["--partition", "a\n#SBATCH --uid=0"], "is not an sbatch option"),
        (["--sbatch-arg=qos=low"], "'qos=low' is not an sbatch option"),
    ],
)
def test_wrong_usage_is_one_clear_error_and_nothing_is_written(spool: Path, arguments: list[str], message: str) -> None:
    done = run(spool, *arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert list(spool.iterdir()) == []


def test_a_missing_directory_is_an_error_unless_a_rollout_is_still_to_create_it(tmp_path: Path) -> None:
    done = run(tmp_path / "nowhere" / "yet")
    assert done.returncode == 1
    assert done.stderr == (
        f"Error: {tmp_path}/nowhere/yet: no such directory; "
        "check the path, or give the rollout's Slurm job as --after\n"
    )
    environ = programs(tmp_path / "bin", sbatch="echo Submitted batch job 17")
    assert run(tmp_path / "nowhere" / "yet", "--after", "16", environ=environ).returncode == 0
    (tmp_path / "file").touch()
    with pytest.raises(SpoolError):
        submit(tmp_path / "file", after=16)


def test_without_sbatch_the_error_says_so_and_no_file_is_left(spool: Path, tmp_path: Path) -> None:
    environ = programs(tmp_path / "bin")
    done = run(spool / "new", "--after", "3", environ=environ)
    assert done.returncode == 1
    assert done.stderr.startswith("Error: sbatch cannot be run: No such file or directory; is this a node of")
    assert done.stderr.count("\n") == 1
    assert list(spool.iterdir()) == []


def test_a_refusal_of_sbatch_is_reported_and_no_file_is_left(spool: Path, tmp_path: Path) -> None:
    refusal = "echo 'sbatch: error: No partition specified or system default partition' >&2; exit 1"
    done = run(spool, environ=programs(tmp_path / "bin", sbatch=refusal))
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == (
        "Error: sbatch failed with exit status 1: sbatch: error: No partition specified or system default partition; "
        "nothing was submitted. Set what this cluster requires with --partition, --account, --time, --mem and "
        "--sbatch-arg\n"
    )
    assert list(spool.iterdir()) == []


@pytest.mark.parametrize(
    "said",
    [
        "echo 4711",
        "echo '4711;cluster2'",
        "cat <<'END'\nWelcome. 12 GPUs are free.\nSubmitted batch job 4711\nBye\nEND",
    ],
)
def test_a_site_s_own_sbatch_is_understood(spool: Path, tmp_path: Path, said: str) -> None:
    wrapper = f"case $1 in -*) echo 'unknown option' >&2; exit 1;; esac\n{said}"
    done = run(spool, environ=programs(tmp_path / "bin", sbatch=wrapper))
    assert done.returncode == 0, done.stderr
    assert done.stdout == "4711\n"
    assert "squeue --jobs=4711" in done.stderr
    [script] = (spool / ".daddy-encode/slurm").iterdir()
    assert str(script) in done.stderr


def test_an_sbatch_that_prints_no_job_id_leaves_the_script_and_says_where_to_look(spool: Path, tmp_path: Path) -> None:
    done = run(spool, environ=programs(tmp_path / "bin", sbatch="echo Thank you."))
    assert done.returncode == 1
    assert "sbatch printed 'Thank you.' and no job ID; look for the Slurm job with `squeue --me`" in done.stderr


def test_an_sbatch_that_hangs_is_killed_and_the_uncertainty_is_reported(
    spool: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    child, ended = tmp_path / "child", tmp_path / "ended by itself"
    hangs = f"(sleep 60; echo >'{ended}') & echo $! >'{child}'; wait"
    monkeypatch.setenv("PATH", programs(tmp_path / "bin", sbatch=hangs)["PATH"])
    monkeypatch.setattr(submission, "SBATCH_TIMEOUT_SECONDS", 1)
    with pytest.raises(ClusterError, match=r"sbatch did not answer within 1 s; check with `squeue --me` whether it is"):
        submit(spool)
    # What a site's wrapper has started is killed as well.
    while Path(f"/proc/{child.read_text().strip()}/exe").exists():
        time.sleep(0.01)
    assert not ended.exists()
    assert len(list((spool / ".daddy-encode/slurm").iterdir())) == 1


@pytest.mark.parametrize("scontrol", ["exit 1", pytest.param("sleep 600", marks=pytest.mark.soak)])
def test_a_controller_that_does_not_answer_does_not_hold_up_an_array(
    spool: Path, tmp_path: Path, scontrol: str
) -> None:
    environ = programs(tmp_path / "bin", sbatch="echo Submitted batch job 17", scontrol=scontrol)
    done = run(spool, "--workers", "2000", "--json", environ=environ)
    assert json.loads(done.stdout)["workers"] == 1001
    assert "The cluster allows 1001 tasks in an array" in done.stderr


def test_from_a_squeue_that_hangs_fails_or_is_missing_nothing_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, text in [("hangs", "sleep 60; echo '7 7_N/A RUNNING'"), ("fails", "echo no controller >&2; exit 1")]:
        monkeypatch.setenv("PATH", programs(tmp_path / name, squeue=text)["PATH"])
        assert running_jobs(["7"], timeout=0.3) is None
    monkeypatch.setenv("PATH", programs(tmp_path / "absent")["PATH"])
    assert running_jobs(["7"]) is None


def test_nothing_depends_on_slurm_s_accounting() -> None:
    for path in (CHECKOUT / "daddy_encode").rglob("*.py"):
        assert "sacct" not in path.read_text(), path


def test_requests_of_an_enclosing_slurm_job_are_not_passed_on() -> None:
    kept = {"PATH": "/bin", "SLURM_CONF": "/etc/slurm.conf", "MY_SLURM_THING": "1", "LD_LIBRARY_PATH": "/opt/lib"}
    names = ["SLURM_JOB_ID", "SLURM_GPUS", "SBATCH_GRES", "SBATCH_PARTITION", "SALLOC_GPUS", "SLURMD_NODENAME"]
    dropped = dict.fromkeys([*names, "CUDA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES"], "0")
    assert clean_environment({**kept, **dropped}) == kept


def test_the_account_in_the_environment_is_used(spool: Path) -> None:
    assert "#SBATCH --account=lab\n" in run(spool, "--dry-run", environ={"SBATCH_ACCOUNT": "lab"}).stdout
    other = run(spool, "--dry-run", "--account", "mine", environ={"SBATCH_ACCOUNT": "lab"}).stdout
    assert "#SBATCH --account=mine\n" in other
    assert "lab" not in other


def test_options_of_encode_go_into_the_script(spool: Path) -> None:
    options = ["--video=gif", "--crf=18", "--preset=slow", "--scale=2", "--gif-fps=20", "--force", "--lease=60.0"]
    words = shlex.split(run(spool, "--dry-run", *options).stdout.partition("command=(")[2].partition("\n)")[0])
    assert words == [
        sys.executable,
        "-m",
        "daddy_encode",
        "encode",
        *sorted(options, key=words.index),
        "--",
        str(spool),
    ]


def test_the_jobs_that_were_marked_when_it_was_submitted_are_encoded(spool: Path, tmp_path: Path) -> None:
    for name in ("good", "bad", "starred", "other"):
        save_frames_as_png(moving_square(3), spool / "run" / name)
    marks = tmp_path / "marks.json"
    listed = [
        {"job": "run/good", "mark": "good"},
        {"job": "run/bad", "mark": "bad"},
        {"job": "run/starred", "star": True},
    ]
    marks.write_text(json.dumps({"version": 1, "marks": listed}))
    files = {path for path in spool.rglob("*") if path.is_file()}
    options = ["--from", "marks.json", "--mark", "good", "--mark", "star"]
    refused = run(spool, *options, environ=programs(tmp_path / "refuses", sbatch="exit 1"), cwd=tmp_path)
    assert (refused.returncode, {path for path in spool.rglob("*") if path.is_file()}) == (1, files)
    done = run(spool, *options, environ=programs(tmp_path / "bin", sbatch="echo 17"), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    # What is changed afterwards is not what was submitted.
    marks.write_text(json.dumps({"version": 1, "marks": [{"job": "run/other", "mark": "good"}]}))
    [script] = (spool / ".daddy-encode/slurm").glob("*.sh")
    told = subprocess.run(["bash", script], env={**os.environ, **CLEAN}, capture_output=True, text=True, timeout=120)
    assert told.returncode == 0, told.stderr
    assert {path.name for path in spool.rglob("*.mp4")} == {"good.mp4", "starred.mp4"}


def test_marks_that_select_nothing_are_not_submitted(spool: Path, tmp_path: Path) -> None:
    (tmp_path / "marks.json").write_text(json.dumps({"version": 1, "marks": [{"job": "a", "mark": "bad"}]}))
    environ = programs(tmp_path / "bin", sbatch="echo 17")
    done = run(spool, "--from", "marks.json", environ=environ, cwd=tmp_path)
    assert (done.returncode, done.stdout, list(spool.iterdir())) == (2, "", [])
    assert "the file of marks selects no job" in done.stderr
    (tmp_path / "marks.json").write_text("{}")
    assert "not a valid file of marks" in run(spool, "--from", "marks.json", environ=environ, cwd=tmp_path).stderr
    assert list(spool.iterdir()) == []


def test_an_option_may_contain_a_path_whose_bytes_are_not_text(spool: Path, tmp_path: Path) -> None:
    videos = os.fsencode(tmp_path) + b"/\xff\n"
    arguments: list[str | bytes | Path] = [
        sys.executable,
        "-m",
        "daddy_encode",
        "submit",
        spool,
        "--output-dir",
        videos,
    ]
    environ = {**CLEAN, "PYTHONPATH": str(CHECKOUT), **programs(tmp_path / "bin", sbatch="echo 17")}
    shown = subprocess.run([*arguments, "--dry-run"], env=environ, capture_output=True, check=True).stdout
    subprocess.run(arguments, env=environ, capture_output=True, check=True)
    [script] = (spool / ".daddy-encode/slurm").iterdir()
    for text in (shown, script.read_bytes()):
        assert b"--output-dir=" + videos in text


def test_the_script_names_this_interpreter_and_this_installation(
    spool: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", "relative")
    text = submit(spool, dry_run=True).text
    assert f"export PYTHONPATH={shlex.quote(f'{CHECKOUT}:{tmp_path}/relative')}\n" in text
    assert f"\n    {shlex.quote(sys.executable)}\n    -m\n    daddy_encode\n" in text


def test_user_directives_replace_defaults_by_name_and_an_empty_value_removes_one() -> None:
    defaults = {"signal": "B:USR2@60", "requeue": None, "nodes": "1"}
    own = ["--nodes=2", "--requeue=", "--signal=", "--hold", "-pcpu", "--comment=a="]
    assert merged_directives(defaults, own) == ["--nodes=2", "--hold", "-pcpu", "--comment=a="]


def test_the_output_of_slurm_s_programs_is_parsed() -> None:
    assert parse_job_id("Submitted batch job 12 on cluster big\n") == "12"
    assert parse_job_id("12\n") == "12"
    assert parse_job_id("You have 12 jobs") is None
    assert parse_max_array_size("MaxArraySize            = 5\nMaxBatchRequeue = 5\n") == 5
    assert parse_max_array_size("MaxArraySize            = 0\n") == 1
    assert parse_max_array_size("") == 1001
    queue = "5 3_0 RUNNING\n6 3_1 PENDING\n3 3_2 RUNNING\n9 9_N/A COMPLETING\nslurm_load_jobs: warning\n"
    assert parse_queue(queue, ["3", "3_1", "9", "10"]) == {"3": "RUNNING", "3_1": "PENDING", "9": "COMPLETING"}


def test_the_function_refuses_what_the_command_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", programs(tmp_path / "bin")["PATH"])
    with pytest.raises(ClusterError, match="sbatch cannot be run"):
        submit(tmp_path)
    with pytest.raises(SettingsError, match="not a Slurm job ID"):
        submit(tmp_path, after=["x"])
    assert submit(tmp_path, after=[4711, "4712"], dry_run=True).text.count("afterany:4711:4712\n") == 1


@pytest.mark.parametrize("name", [".daddy-encode", ".daddy-encode/slurm"])
def test_a_link_in_the_way_of_the_script_is_not_followed(spool: Path, tmp_path: Path, name: str) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (spool / name).parent.mkdir(exist_ok=True)
    (spool / name).symlink_to(elsewhere)
    done = run(spool, environ=programs(tmp_path / "bin", sbatch="echo Submitted batch job 17"))
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert f"{spool / name} is a link; remove it" in done.stderr
    assert list(elsewhere.iterdir()) == []


def test_two_users_submit_on_a_groups_folder_and_neither_writes_to_the_others_logs(
    lab: Lab, shared: Path, tmp_path: Path
) -> None:
    programs(tmp_path / "bin", sbatch="echo Submitted batch job 17")
    environ = {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"}
    for user in (lab.victim, lab.mallory):
        told = user.run("submit", shared, reach=[shared, tmp_path / "bin"], env=environ)
        assert told.returncode == 0, told.stderr
    claims = shared / ".daddy-encode"
    assert claims.stat().st_mode & 0o7777 == 0o2775
    owners = {path.name: (path.stat().st_uid, path.stat().st_mode & 0o777) for path in claims.iterdir()}
    uid = lab.mallory.uid
    assert owners == {"slurm": (lab.victim.uid, 0o755), f"slurm-{uid}": (uid, 0o755)}
    assert all(len(list(path.iterdir())) == 1 for path in claims.iterdir())
