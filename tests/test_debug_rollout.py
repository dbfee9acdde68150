"""The rollout script, run as a user runs it: as a separate process, in a directory of the user."""

from __future__ import annotations

import ast
import hashlib
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from daddy_encode.spool.rate import parse_fps
from tests.stand_in import write_ffmpeg

CHECKOUT = Path(__file__).parents[1]
SCRIPT = CHECKOUT / "debug_rollout.py"
# As a Python that is started by this path has its own name: pytest may run as `../v/bin/python`.
PYTHON = os.path.abspath(sys.executable)
# `--handoff auto` must not depend on a Slurm job that may run these tests.
CLEAN = {
    name: value for name, value in os.environ.items() if not name.startswith(("SLURM_", "CUDA_", "PYTHON", "COVERAGE"))
}
GPU_JOB = {"SLURM_JOB_ID": "4711", "SLURM_JOB_GPUS": "0"}
# What a user may have set for `daddy-encode`.
OF_A_GROUP = {"VIDEO": "gif", "VIDEO_FPS": "60", "SCALE": "2", "DRY_RUN": "1"}

POLICIES = """
import time
calls = 0

def right(observation):
    return 2

def slow(observation):
    open("playing", "w").close()
    time.sleep(0.05)
    return 1

def breaks(observation):
    global calls
    calls += 1
    if calls > 12:
        raise RuntimeError("out of ideas")
    return 1

number = 3
"""

# Environments that Gymnasium finds as `module:ID`.
ENVIRONMENTS = """
import gymnasium
import numpy as np

class Grey(gymnasium.Env):
    metadata = {"render_modes": ["rgb_array"], "render_fps": 25}
    action_space = observation_space = gymnasium.spaces.Discrete(2)

    def __init__(self, render_mode=None):
        self.render_mode = render_mode

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return 0, {}

    def step(self, action):
        return 0, 0.5, False, False, {}

    def render(self):
        return np.zeros((8, 8), np.uint8)

class Refuses(Grey):
    def __init__(self, render_mode=None):
        raise RuntimeError("no licence")

gymnasium.register("Grey-v0", Grey, disable_env_checker=True)
gymnasium.register("Refuses-v0", Refuses, disable_env_checker=True)
"""


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A working directory with modules of the user and a name that needs quoting."""
    directory = tmp_path / "my work's directory"
    directory.mkdir()
    (directory / "my_policies.py").write_text(POLICIES)
    (directory / "my_environments.py").write_text(ENVIRONMENTS)
    return directory


def rollout(
    here: Path, *arguments: str, script: Path = SCRIPT, environ: Mapping[str, str] = {}
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [PYTHON, str(script), *arguments],
        cwd=here,
        env={**CLEAN, **environ},
        capture_output=True,
        text=True,
        timeout=120,
    )


def wait_for(path: Path, process: subprocess.Popen[str]) -> None:
    """Return once `process` has created `path`."""
    while not path.exists():
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)


def manifest(job: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((job / "manifest.json").read_text())
    return loaded


def pngs(job: Path) -> list[Path]:
    return sorted(job.glob("*.png"))


def digest(job: Path) -> str:
    """SHA-256 of the pixels, not the files: isal's level 1 compresses them differently in about one process of 60."""
    return hashlib.sha256(b"".join(pixels(path).tobytes() for path in pngs(job))).hexdigest()


def pixels(path: Path) -> npt.NDArray[np.uint8]:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def decoded_mp4(path: Path, height: int, width: int) -> npt.NDArray[np.uint8]:
    """Every frame of `path` as RGB, converted from BT.709, as it is tagged."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", str(path), "-fps_mode", "passthrough"]
    command += ["-vf", "scale=in_color_matrix=bt709:in_range=tv:flags=accurate_rnd", "-f", "rawvideo"]
    raw = subprocess.run([*command, "-pix_fmt", "rgb24", "-"], check=True, capture_output=True).stdout
    return np.frombuffer(raw, np.uint8).reshape(-1, height, width, 3)


def decoded_gif(path: Path) -> tuple[list[npt.NDArray[np.uint8]], list[int]]:
    """Every frame of `path` as RGB, and their delays in milliseconds."""
    frames, delays = [], []
    with Image.open(path) as image:
        for index in range(getattr(image, "n_frames", 1)):
            image.seek(index)
            frames.append(np.asarray(image.convert("RGB")))
            delays.append(int(image.info["duration"]))
    return frames, delays


# ---- frames and manifest


def test_without_video_there_are_only_pngs_and_a_command_that_encodes_them(here: Path) -> None:
    done = rollout(here, "--steps", "5")
    assert done.returncode == 0, done.stderr
    run = here / "rollouts" / "run-0001"
    assert [path.name for path in run.iterdir()] == ["episode-0000"]
    names = sorted(path.name for path in (run / "episode-0000").iterdir())
    assert names == [*(f"{index:06d}.png" for index in range(6)), "manifest.json", "rollout.json"]
    assert "PNGs only, in rollouts/run-0001" in done.stderr
    assert shlex.split(done.stdout)[-2:] == ["encode", str(run)]


def test_the_manifest_describes_the_episode(here: Path) -> None:
    arguments = ["--video", "both", "--video-fps", "30000/1001", "--seed", "5", "--episodes", "2", "--handoff", "none"]
    done = rollout(here, *arguments)
    assert done.returncode == 0, done.stderr
    job = here / "rollouts" / "run-0001" / "episode-0001"
    found = manifest(job)
    meta = found.pop("meta")
    assert found == {
        "version": 1,
        "frames": len(pngs(job)),
        "width": 320,
        "height": 240,
        "fps": "30000/1001",
        "video": "both",
        "complete": True,
        "error": None,
    }
    assert meta == {
        "environment": "Juggle",
        "policy": "random",
        "episode": 1,
        "seed": 6,
        "return": meta["return"],
        "length": len(pngs(job)) - 1,
        "terminated": True,
        "truncated": False,
    }
    # What is known before the first step, for a rollout that is killed.
    record = json.loads((job / "rollout.json").read_text())
    assert (record["fps"], record["video"]) == ("30000/1001", "both")
    assert record["meta"] == {key: meta[key] for key in ("environment", "policy", "episode", "seed")}
    # Eight dropped balls give -1 each, and some were caught.
    assert -8 <= meta["return"] < 40
    assert f"{job.relative_to(here)}: {len(pngs(job))} frames at 30000/1001 fps, return {meta['return']:g}" in (
        done.stderr
    )


@pytest.mark.soak
def test_the_rate_is_the_environments_unless_it_is_given(here: Path) -> None:
    assert rollout(here, "--steps", "2").returncode == 0
    assert rollout(here, "--steps", "2", "--video-fps", "12.5").returncode == 0
    assert rollout(here, "--steps", "2", "--env", "CartPole-v1").returncode == 0
    runs = [here / "rollouts" / f"run-{number:04d}" / "episode-0000" for number in (1, 2, 3)]
    assert [parse_fps(manifest(run)["fps"]) for run in runs] == [30, 12.5, 50]


def test_the_same_seed_gives_the_same_pixels_and_episode_n_uses_the_nth_seed(here: Path) -> None:
    assert rollout(here, "--steps", "40", "--seed", "3", "--episodes", "2").returncode == 0
    assert rollout(here, "--steps", "40", "--seed", "3").returncode == 0
    assert rollout(here, "--steps", "40", "--seed", "4").returncode == 0
    runs = here / "rollouts"
    assert digest(runs / "run-0001/episode-0000") == digest(runs / "run-0002/episode-0000")
    assert digest(runs / "run-0001/episode-0001") == digest(runs / "run-0003/episode-0000")
    assert digest(runs / "run-0001/episode-0000") != digest(runs / "run-0001/episode-0001")


@pytest.mark.soak
def test_every_run_gets_its_own_directory_even_if_many_start_at_once(here: Path) -> None:
    command = [PYTHON, str(SCRIPT), "--steps", "3"]
    (here / "rollouts" / "run-0041").mkdir(parents=True)
    running = [
        subprocess.Popen([*command, "--seed", str(seed)], cwd=here, env=CLEAN, stdout=-1, stderr=-1)
        for seed in range(8)
    ]
    assert [process.communicate() and process.returncode for process in running] == [0] * 8
    jobs = sorted((here / "rollouts").glob("run-*/episode-0000"))
    assert [job.parent.name for job in jobs] == [f"run-{number:04d}" for number in range(42, 50)]
    assert sorted(manifest(job)["meta"]["seed"] for job in jobs) == list(range(8))
    assert {len(pngs(job)) for job in jobs} == {4}


def test_out_is_where_the_runs_go(here: Path) -> None:
    assert rollout(here, "--steps", "2", "--out", "a/b").returncode == 0
    assert manifest(here / "a/b/run-0001/episode-0000")["frames"] == 3
    assert not (here / "rollouts").exists()


# ---- environments and policies


def test_a_policy_of_the_user_plays(here: Path) -> None:
    done = rollout(here, "--policy", "my_policies:right", "--steps", "60")
    assert done.returncode == 0, done.stderr
    job = here / "rollouts/run-0001/episode-0000"
    assert manifest(job)["meta"]["policy"] == "my_policies:right"
    # The paddle ends at the right wall: the pixels of its row are bright only there.
    bright = (pixels(pngs(job)[-1])[216] > 150).any(axis=1)
    assert bright[260:310].all()
    assert not bright[:150].any()


def test_gymnasiums_cartpole_is_played_to_its_end(here: Path) -> None:
    done = rollout(here, "--env", "CartPole-v1", "--seed", "1")
    assert done.returncode == 0, done.stderr
    job = here / "rollouts/run-0001/episode-0000"
    meta = manifest(job)["meta"]
    assert meta["environment"] == "CartPole-v1"
    assert meta["terminated"] is True
    assert meta["return"] == meta["length"] == len(pngs(job)) - 1
    assert pixels(pngs(job)[0]).shape == (400, 600, 3)


@pytest.mark.soak
def test_a_gymnasium_rollout_is_the_same_again(here: Path) -> None:
    for _ in range(2):
        assert rollout(here, "--env", "ALE/Breakout-v5", "--steps", "30").returncode == 0
    runs = here / "rollouts"
    assert len(pngs(runs / "run-0001/episode-0000")) == 31
    assert digest(runs / "run-0001/episode-0000") == digest(runs / "run-0002/episode-0000")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--env", "NoSuch-v0"], "--env NoSuch-v0 cannot be constructed: NameNotFound"),
        (["--env", "ALE/NoSuch-v5"], "--env ALE/NoSuch-v5 cannot be constructed: NameNotFound"),
        (["--env", "no_such_module:Thing-v0"], "no_such_module"),
        (["--env", "my_environments:Refuses-v0"], "RuntimeError: no licence"),
        (["--policy", "my_policies"], "expected MODULE:CALLABLE"),
        (["--policy", "my_policies:absent"], "has no attribute 'absent'"),
        (["--policy", "my_policies:number"], "number is not callable but of type int"),
        (["--policy", "no_such_module:act"], "cannot import no_such_module"),
        (["--video-fps", "0"], "fps '0' is outside"),
        (["--video-fps", "nan"], "fps 'nan' is not a rate"),
        (["--video-fps", "fast"], "fps 'fast' is not a rate"),
        (["--handoff", "sbatch"], "--handoff sbatch has nothing to encode"),
        (["--handoff", "encode"], "add --video mp4, gif or both"),
    ],
)
def test_a_wrong_option_is_one_clear_line_and_nothing_is_written(
    here: Path, arguments: list[str], message: str
) -> None:
    done = rollout(here, *arguments)
    assert done.returncode == 2
    *_, line = done.stderr.splitlines()
    assert line.startswith("debug_rollout.py: ")
    assert message in line
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert not (here / "rollouts").exists()


def test_without_gymnasium_the_error_says_what_to_install(here: Path) -> None:
    # A module of this name that fails to import, where the script looks first.
    (here / "gymnasium.py").write_text("raise ImportError('not installed')\n")
    done = rollout(here, "--env", "CartPole-v1")
    assert done.returncode == 2
    assert done.stderr == (
        "debug_rollout.py: --env CartPole-v1 needs Gymnasium: pip install 'daddy-encode[gym]', or leave --env out\n"
    )


def test_an_environment_that_does_not_render_rgb_is_refused(here: Path) -> None:
    done = rollout(here, "--env", "my_environments:Grey-v0")
    assert done.returncode == 1
    assert done.stderr.endswith(
        "--env my_environments:Grey-v0 renders uint8 (8, 8); only uint8 (H, W, 3) can be recorded\n"
    )
    assert list((here / "rollouts").iterdir()) == []


def test_an_out_that_cannot_be_written_is_one_clear_line(here: Path) -> None:
    (here / "taken").write_text("a file")
    for out in ("taken", "taken/deeper", "/proc/rollouts"):
        done = rollout(here, "--out", out)
        assert done.returncode == 1
        assert done.stderr.startswith(f"debug_rollout.py: cannot make {out}")
        assert done.stderr.count("\n") == 1


def test_the_traceback_of_a_policy_is_shown_and_the_frames_so_far_are_kept(here: Path) -> None:
    done = rollout(here, "--policy", "my_policies:breaks", "--video", "mp4", "--steps", "10", "--episodes", "3")
    assert done.returncode == 1
    assert 'raise RuntimeError("out of ideas")' in done.stderr
    assert done.stderr.splitlines()[-1] == (
        "debug_rollout.py: rollouts/run-0001/episode-0001: incomplete, the environment or the policy failed after 2 "
        "steps: RuntimeError: out of ideas"
    )
    # The episode before it is complete; nothing was handed off.
    whole, broken = (manifest(here / f"rollouts/run-0001/episode-000{index}") for index in (0, 1))
    assert (whole["frames"], whole["complete"]) == (11, True)
    assert (broken["frames"], broken["complete"], broken["error"]) == (3, False, "RuntimeError: out of ideas")
    assert broken["meta"]["length"] == 2
    assert sorted(path.name for path in (here / "rollouts/run-0001").iterdir()) == ["episode-0000", "episode-0001"]


def test_ctrl_c_ends_the_rollout_with_status_75_and_keeps_the_frames_so_far(here: Path) -> None:
    command = [PYTHON, str(SCRIPT), "--policy", "my_policies:slow", "--video", "mp4"]
    process = subprocess.Popen(command, cwd=here, env=CLEAN, stderr=subprocess.PIPE, text=True)
    wait_for(here / "playing", process)
    process.send_signal(signal.SIGINT)
    _, log = process.communicate(timeout=30)
    assert process.returncode == 75
    assert (
        log == "debug_rollout.py: interrupted; the frames of the last episode so far are kept and marked incomplete\n"
    )
    (path,) = here.rglob("manifest.json")
    assert json.loads(path.read_text())["complete"] is False


# ---- a Python without the package

LACKING = f"daddy-encode is not installed, or not whole, in {PYTHON}"


def test_a_bare_python_gets_one_line_that_names_it_and_says_what_to_do(tmp_path: Path) -> None:
    script = tmp_path / "debug_rollout.py"
    shutil.copy(SCRIPT, script)
    # Without site-packages; in the checkout, where the package is beside the script, and alone.
    for path in (SCRIPT, script):
        command = [PYTHON, "-S", str(path), "--steps", "2"]
        done = subprocess.run(command, cwd=tmp_path, env=CLEAN, capture_output=True, text=True, timeout=60)
        assert done.returncode == 1
        assert done.stderr.startswith(f"debug_rollout.py: {LACKING} (No module named 'click'); ")
        assert done.stderr.count("\n") == 1
    assert f"cd {tmp_path} && python3 -m venv .venv && .venv/bin/pip install -e ." in done.stderr
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "python").symlink_to(sys.executable)
    done = subprocess.run(command, cwd=tmp_path, env=CLEAN, capture_output=True, text=True, timeout=60)
    assert f"run {tmp_path}/.venv/bin/python debug_rollout.py, or activate that environment" in done.stderr


def test_an_old_python_can_read_the_script_as_far_as_where_it_says_that_it_is_too_old() -> None:
    text = SCRIPT.read_text()
    ast.parse(text, feature_version=(3, 6))
    assert "\nfrom __future__ import annotations\n" not in text
    assert text.index("sys.version_info < (3, 10)") < text.index("import click")


@pytest.mark.parametrize("broken", ["click", "msgspec"])
def test_so_does_the_command_where_a_dependency_is_broken(tmp_path: Path, broken: str) -> None:
    # As after an upgrade of the system. The one is imported before anything else, the other when it is needed.
    (tmp_path / f"{broken}.py").write_text("raise ImportError('libfoo.so.1: cannot open it\\nlong story')")
    done = subprocess.run(
        [PYTHON, "-m", "daddy_encode", "status", str(tmp_path)],
        env={**CLEAN, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(CHECKOUT)])},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert done.stderr.startswith(f"Error: {LACKING} (libfoo.so.1: cannot open it long story); activate ")
    assert done.stderr.count("\n") == 1


# ---- hand-off


@pytest.mark.parametrize("handoff", ["none", "encode"])
def test_the_rollout_never_imports_the_encoder(here: Path, handoff: str) -> None:
    program = f"""
import runpy, sys
sys.argv = ["debug_rollout.py", "--video", "mp4", "--steps", "3", "--handoff", {handoff!r}]
try:
    runpy.run_path({str(SCRIPT)!r}, run_name="__main__")
except SystemExit as end:
    status = end.code
print(status, *sorted(sys.modules))
"""
    done = subprocess.run(
        [PYTHON, "-c", program], cwd=here, env={**CLEAN, "PYTHONPATH": str(CHECKOUT)}, capture_output=True
    )
    status, *modules = done.stdout.decode().splitlines()[-1].split()
    assert status == "0", done.stderr
    assert "daddy_encode.dump.writer" in modules
    forbidden = ("imageio_ffmpeg", "daddy_encode.encoding", "watchdog", "daddy_encode.service", "daddy_encode.cli")
    assert [name for name in modules if name.startswith(forbidden)] == []


def test_in_a_slurm_allocation_that_holds_a_gpu_nothing_is_encoded(here: Path) -> None:
    done = rollout(here, "--video", "mp4", "--steps", "3", environ=GPU_JOB)
    assert done.returncode == 0, done.stderr
    assert "This Slurm allocation holds a GPU" in done.stderr
    assert "`daddy-encode watch`" in done.stderr
    run = here / "rollouts/run-0001"
    assert shlex.split(done.stdout)[-2:] == ["encode", str(run)]
    assert [path.name for path in run.iterdir()] == ["episode-0000"]


def test_the_printed_command_is_one_that_a_person_can_read(here: Path) -> None:
    programs = Path(sys.executable).parent
    asked = [PYTHON, "-c", "import daddy_encode; print(daddy_encode.__file__)"]
    imported = subprocess.run(asked, cwd="/", env=CLEAN, capture_output=True, text=True, timeout=60, check=True).stdout
    if Path(imported.strip()).parents[1] != CHECKOUT or not (programs / "daddy-encode").exists():
        pytest.skip("the installed daddy-encode is another one than that beside the script")
    on_path = {**GPU_JOB, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
    done = rollout(here, "--video", "mp4", "--steps", "2", environ=on_path)
    assert done.stdout == f"daddy-encode encode {shlex.quote(str(here / 'rollouts/run-0001'))}\n"


def test_in_a_slurm_allocation_of_cpus_it_is_encoded(here: Path) -> None:
    # The script's command line comes before a whole group's environment, in which other options still count.
    environ = {"SLURM_JOB_ID": "4711", **{f"DADDY_ENCODE_{name}": value for name, value in OF_A_GROUP.items()}}
    done = rollout(here, "--video", "mp4", "--video-fps", "10", "--steps", "3", environ=environ)
    assert done.returncode == 0, done.stderr
    run = here / "rollouts/run-0001"
    (record,) = json.loads((run / "episode-0000.receipt.json").read_text())["outputs"]
    assert (record["format"], record["fps"], record["settings"]["scale"]) == ("mp4", 10, 2)
    assert (run / "episode-0000.mp4").exists()


@pytest.mark.soak
def test_the_printed_command_encodes_the_run_unchanged(here: Path) -> None:
    done = rollout(here, "--video", "both", "--steps", "5", "--handoff", "none")
    assert done.returncode == 0, done.stderr
    if sys.version_info >= (3, 11):
        # PYTHONSAFEPATH: the encoder does not import a module of the user with such a name.
        (here / "random.py").write_text("raise ImportError('not this one')\n")
    encoded = subprocess.run(done.stdout, shell=True, cwd=here, env=CLEAN, capture_output=True, text=True)
    assert encoded.returncode == 0, encoded.stderr
    run = here / "rollouts/run-0001"
    assert {"episode-0000.mp4", "episode-0000.gif"} <= {path.name for path in run.iterdir()}


def test_video_both_makes_both_videos_and_they_show_the_pngs(here: Path) -> None:
    done = rollout(here, "--video", "both", "--steps", "60", "--episodes", "2")
    assert done.returncode == 0, done.stderr
    run = here / "rollouts/run-0001"
    for episode in ("episode-0000", "episode-0001"):
        originals = [pixels(path) for path in pngs(run / episode)]
        assert len(originals) == 61
        # The log of the encoder, in this terminal.
        assert f"{episode}.mp4" in done.stderr
        assert f"{episode}.gif" in done.stderr

        video = decoded_mp4(run / f"{episode}.mp4", 240, 320)
        assert len(video) == 61
        for original, frame in zip(originals, video, strict=True):
            difference = np.abs(original.astype(int) - frame)
            assert difference.mean() < 3
            # This part is sky, except when a ball passes.
            assert np.median(difference[40:60, 140:180]) <= 3

        gif, delays = decoded_gif(run / f"{episode}.gif")
        # 30 fps shown at 15: every second frame.
        assert len(gif) == 31
        assert abs(sum(delays) - 61 / 30 * 1000) <= 50
        for original, frame in zip(originals[::2], gif, strict=True):
            # The clip has fewer than 256 colours, so the GIF is exact.
            assert (frame == original).all()


@pytest.mark.soak
def test_a_gif_at_12_fps_keeps_every_frame(here: Path) -> None:
    done = rollout(here, "--video", "gif", "--video-fps", "12", "--steps", "23")
    assert done.returncode == 0, done.stderr
    run = here / "rollouts/run-0001"
    assert not (run / "episode-0000.mp4").exists()
    gif, delays = decoded_gif(run / "episode-0000.gif")
    assert len(gif) == len(pngs(run / "episode-0000")) == 24
    assert sum(delays) == pytest.approx(2000, abs=10)


def test_if_the_encoder_fails_the_script_fails(here: Path) -> None:
    missing = {"IMAGEIO_FFMPEG_EXE": str(here / "no such program")}
    done = rollout(here, "--video", "mp4", "--steps", "3", environ=missing)
    assert done.returncode == 1
    assert "no such program" in done.stderr
    assert "Traceback" not in done.stderr
    # The frames are kept for another attempt.
    assert manifest(here / "rollouts/run-0001/episode-0000")["frames"] == 4


@pytest.mark.parametrize(
    "how", ["Ctrl-C in the terminal", pytest.param("SIGTERM to the script alone", marks=pytest.mark.soak)]
)
def test_stopping_the_script_while_it_encodes_stops_the_encoder_and_keeps_the_frames(here: Path, how: str) -> None:
    hanging = write_ffmpeg(here / "ffmpeg", f"touch {shlex.quote(str(here / 'encoding'))}\nexec sleep 60")
    process = subprocess.Popen(
        [PYTHON, str(SCRIPT), "--video", "mp4", "--steps", "3"],
        cwd=here,
        env={**CLEAN, "IMAGEIO_FFMPEG_EXE": str(hanging)},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    wait_for(here / "encoding", process)
    if how.startswith("Ctrl-C"):
        os.killpg(process.pid, signal.SIGINT)
    else:
        process.terminate()
    # Its stderr is closed only after the encoder and ffmpeg, which have it open as well, have ended.
    _, log = process.communicate(timeout=30)
    assert process.returncode == 75
    assert "Traceback" not in log
    run = here / "rollouts/run-0001"
    # Beside the frames there is only the directory of leases: no video, no temporary file.
    assert {path.name for path in run.iterdir()} - {".daddy-encode"} == {"episode-0000"}
    assert manifest(run / "episode-0000")["frames"] == 4


@pytest.mark.soak
def test_a_checkout_named_daddy_runs_from_its_parent_directory_and_imports_itself(here: Path) -> None:
    daddy = here / "Daddy"
    shutil.copytree(CHECKOUT / "daddy_encode", daddy / "daddy_encode", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(SCRIPT, daddy)
    done = rollout(here, "--video", "mp4", "--steps", "5", script=Path("Daddy/debug_rollout.py"))
    assert done.returncode == 0, done.stderr
    assert (here / "rollouts/run-0001/episode-0000.mp4").exists()

    command = rollout(
        here, "--video", "mp4", "--steps", "5", "--handoff", "none", script=Path("Daddy/debug_rollout.py")
    )
    assert f"PYTHONPATH={daddy}" in shlex.split(command.stdout)
