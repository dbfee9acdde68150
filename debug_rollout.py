#!/usr/bin/env python3
"""A rollout for people: play episodes, save every frame as PNG, then leave the encoding to a separate process.

    python debug_rollout.py --video mp4
    python debug_rollout.py --video gif --video-fps 12
    python debug_rollout.py --env CartPole-v1 --policy my_policy:act --video both

This process never imports the encoder. It needs no display, no GPU and no network.
"""

# Without `from __future__ import annotations`, so that an older Python compiles this file and can say what it lacks.
import os
import re
import signal
import subprocess
import sys
import time
import traceback
from contextlib import closing, suppress
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any, Literal

PROGRAM = "debug_rollout.py"


def how_to_install() -> str:
    """What to do where this Python is not the one that daddy-encode is installed for."""
    here = Path(__file__).absolute().parent
    if (here / ".venv" / "bin" / "python").exists():
        return f"run {here}/.venv/bin/python {PROGRAM}, or activate that environment first: . {here}/.venv/bin/activate"
    return (
        f"activate the environment that has it, or make one with Python 3.10 or later: cd {here} && "
        f"python3 -m venv .venv && .venv/bin/pip install -e . && .venv/bin/python {PROGRAM}"
    )


if sys.version_info < (3, 10):  # noqa: UP036
    sys.exit(f"{PROGRAM}: {sys.executable} is Python {sys.version.split()[0]}; {how_to_install()}")

try:
    import click

    from daddy_encode.cluster import submit
    from daddy_encode.cluster.allocation import holds_gpu
    from daddy_encode.dump import FrameWriter
    from daddy_encode.errors import DaddyEncodeError, SettingsError
    from daddy_encode.rollout.command import encode_options, encoder_environment, printed_command, python_command
    from daddy_encode.rollout.episode import play
    from daddy_encode.rollout.loaders import BUILT_IN, Policy, load_policy, make_environment
    from daddy_encode.spool.paths import user_path
    from daddy_encode.spool.publish import reported
    from daddy_encode.spool.rate import format_fps, parse_fps
except ImportError as error:
    sys.exit(
        f"{PROGRAM}: daddy-encode is not installed, or not whole, in {sys.executable} "
        f"({' '.join(str(error).split())}); {how_to_install()}"
    )

# sysexits.h, EX_TEMPFAIL: interrupted, try again.
INTERRUPTED = 75
# How long the encoder may take to clean up; by default Slurm kills 30 s after its SIGTERM.
CLEANUP_SECONDS = 3.0

Video = Literal["mp4", "gif", "both"]
Container = Literal["png", "tar"]


class RolloutError(DaddyEncodeError):
    """The code of the environment or of the policy raised; the cause has the traceback."""


@click.command(context_settings={"help_option_names": ["-h", "--help"], "show_default": True, "max_content_width": 120})
@click.option(
    "--video",
    type=click.Choice(["mp4", "gif", "both"]),
    help="The video to make of each episode. Without it there are only PNGs. In a Slurm allocation that holds a GPU no "
    "video comes at once: the command that makes it is printed (see --handoff).",
)
@click.option(
    "--video-fps",
    metavar="FPS",
    help="Frames per second at which the video plays: 12, 12.5 or 30000/1001. "
    "[default: the environment's rate, else 30]",
)
@click.option(
    "--env",
    "env_id",
    metavar="ID",
    default=BUILT_IN,
    help="The environment: the built-in one, or any Gymnasium ID (needs the extra `gym`).",
)
@click.option(
    "--episodes", type=click.IntRange(min=1), default=1, help="Number of episodes; each becomes its own video."
)
@click.option("--steps", type=click.IntRange(min=1), default=300, help="The maximum number of steps in an episode.")
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, help="Seed of the first episode; each further one adds 1."
)
@click.option(
    "--policy",
    metavar="MODULE:CALLABLE",
    help="Called with each observation, returns the action. The module may be in the working directory. "
    "[default: seeded random actions]",
)
@click.option(
    "--out",
    metavar="DIR",
    default="rollouts",
    help="Where the run creates its directory run-0001, run-0002, …, relative to the working directory.",
)
@click.option(
    "--container",
    type=click.Choice(["png", "tar"]),
    default="png",
    help="What holds an episode's frames: `png`, a file for each; `tar`, one frames.tar, where it costs much to make a "
    "file, or few may be made.",
)
@click.option(
    "--handoff",
    type=click.Choice(["auto", "encode", "sbatch", "none"]),
    default="auto",
    help="What encodes: `encode` starts a separate CPU-only process and waits for it, `none` prints the command that "
    "does it. `auto` is `encode`, but `none` in a Slurm allocation that holds a GPU. `sbatch` queues a CPU-only "
    "Slurm job, as `daddy-encode submit` does, and prints its ID.",
)
def main(**options: Any) -> None:
    """Play episodes and save every frame as PNG; then hand them to the encoder.

    Frames go to DIR/run-NNNN/episode-NNNN/, one after the reset and one after each step, and are always kept. The
    videos appear beside the directories of the episodes. The same options and seed give the same pixels.
    """
    # Programs read the encoder's command from stdout: pygame must not print its greeting there.
    os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "hide")
    try:
        status = run(**options)
    except RolloutError as error:
        traceback.print_exception(error.__cause__)
        status = fail(str(error), 1)
    except DaddyEncodeError as error:
        status = fail(str(error), 2 if isinstance(error, SettingsError) else 1)
    except KeyboardInterrupt:
        status = fail("interrupted; the frames of the last episode so far are kept and marked incomplete", INTERRUPTED)
    sys.exit(status)


def run(
    *,
    video: Video | None,
    video_fps: str | None,
    env_id: str,
    episodes: int,
    steps: int,
    seed: int,
    policy: str | None,
    out: str,
    container: Container,
    handoff: str,
) -> int:
    """Play, record and hand off; return the exit status."""
    if handoff in ("encode", "sbatch") and video is None:
        raise SettingsError(f"--handoff {handoff} has nothing to encode; add --video mp4, gif or both")
    requested_fps = None if video_fps is None else parse_fps(video_fps)
    # A policy, and an environment given as module:ID, may be in the working directory.
    sys.path.insert(0, os.getcwd())
    policy_function = None if policy is None else load_policy(policy)
    with closing(make_environment(env_id)) as environment:
        fps = requested_fps or parse_fps(environment.metadata.get("render_fps") or 30)
        directory = new_run_directory(user_path(out))
        try:
            for episode in range(episodes):
                meta = {"environment": env_id, "policy": policy or "random", "episode": episode, "seed": seed + episode}
                name = f"episode-{episode:04d}"
                record(environment, policy_function, directory / name, fps, video, steps, meta, container)
        except BaseException:
            # Removes it only if it is empty: finished episodes stay.
            with suppress(OSError):
                directory.rmdir()
            raise
    return hand_off(directory, video, handoff, encode_options(video, video_fps, os.environ))


def new_run_directory(out: Path) -> Path:
    """Create a directory run-NNNN in `out` that no other process has, numbered after the existing ones."""
    with reported(out, "make"):
        out.mkdir(parents=True, exist_ok=True)
        runs = [re.fullmatch(r"run-([0-9]{1,9})", name) for name in os.listdir(out)]
    number = max((int(run[1]) for run in runs if run), default=0)
    while True:
        number += 1
        directory = out / f"run-{number:04d}"
        try:
            with reported(directory, "make"):
                # mkdir succeeds for exactly one of several processes.
                directory.mkdir()
        except DaddyEncodeError as error:
            if not isinstance(error.__cause__, FileExistsError):
                raise
        else:
            return directory


def record(
    environment: Any,
    policy: Policy | None,
    directory: Path,
    fps: Fraction,
    video: Video | None,
    steps: int,
    meta: dict[str, Any],
    container: Container,
) -> None:
    """Play one episode and write it to `directory`: the frames, then the manifest, with `meta` as it is at the end."""
    started = time.monotonic()
    known = dict(meta)
    meta |= {"return": 0.0, "length": 0, "terminated": False, "truncated": False}
    try:
        rendered = play(environment, policy, steps, meta)
        first = next(rendered)
        # From here on an exception leaves the frames so far, and a manifest that says that they are incomplete.
        with FrameWriter(directory, fps, video, known, container=container) as frames:
            for frame in chain([first], rendered):
                frames.write(frame)
                frames.meta.update(meta)
    except DaddyEncodeError:
        raise
    except Exception as error:
        raise RolloutError(
            f"{directory}: incomplete, the environment or the policy failed after {meta['length']} steps: "
            f"{type(error).__name__}: {error}"
        ) from error
    log(
        f"{directory}: {frames.frames} frames at {format_fps(fps)} fps, return {meta['return']:g}, "
        f"{time.monotonic() - started:.1f} s"
    )


def hand_off(directory: Path, video: Video | None, handoff: str, options: list[str]) -> int:
    """Run the encoder with `options` on the run in `directory`, submit it, or print its command; return the status."""
    if handoff == "sbatch":
        # All frames and manifests are written, so it need not wait for the end of this Slurm job.
        queued = submit(directory, encode_args=options)
        print(queued.job_id, flush=True)
        log(queued.how_to_follow())
        return 0
    in_gpu_job = handoff == "auto" and holds_gpu(os.environ)
    if video is not None and handoff != "none" and not in_gpu_job:
        return encode(python_command(directory, options), {**os.environ, **encoder_environment()})
    if video is None:
        log(f"PNGs only, in {directory}. To make MP4s of them (or, with --video, GIFs), run:")
    elif in_gpu_job:
        log(
            "This Slurm allocation holds a GPU, so no video is made here. On a node for CPUs keep `daddy-encode watch` "
            "running, or run:"
        )
    else:
        log("Nothing is encoded yet. To encode, run:")
    print(printed_command(directory, options), flush=True)
    return 0


def encode(command: list[str], environ: dict[str, str]) -> int:
    """Run `command`, with its log in this terminal; return its exit status, or 128 + N if signal N killed it."""
    # SIGTERM raises KeyboardInterrupt, as Ctrl-C does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    process = subprocess.Popen(command, env=environ, stdin=subprocess.DEVNULL)
    timeout: float | None = None
    while True:
        try:
            status = process.wait(timeout)
        except KeyboardInterrupt:
            # Ctrl-C in a terminal and SIGTERM from Slurm reach the encoder, too; a second one would stop its cleanup.
            timeout = CLEANUP_SECONDS
        except subprocess.TimeoutExpired:
            # Only this process got the signal.
            process.terminate()
            timeout = None
        else:
            return status if status >= 0 else 128 - status


def log(line: str) -> None:
    """Print a line for people, who read stderr; programs read stdout."""
    print(line, file=sys.stderr, flush=True)


def fail(line: str, status: int) -> int:
    """Print what went wrong; return `status`."""
    log(f"{PROGRAM}: {line}")
    return status


if __name__ == "__main__":
    main()
