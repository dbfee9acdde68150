#!/usr/bin/env python3
"""A rollout to look at: play episodes, save every frame as PNG, then leave the encoding to a separate process.

    python debug_rollout.py --video mp4
    python debug_rollout.py --video gif --video-fps 12
    python debug_rollout.py --env CartPole-v1 --policy my_policy:act --video both

This process never imports the encoder. It needs no display, no GPU and no network.
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import closing, suppress
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any, Literal

import click

import daddy_encode
from daddy_encode.cluster import submit
from daddy_encode.cluster.allocation import holds_gpu
from daddy_encode.dump import FrameWriter
from daddy_encode.errors import DaddyEncodeError, FrameError, SettingsError
from daddy_encode.rollout.named import BUILT_IN, Policy, load_policy, make_environment
from daddy_encode.spool.publish import reported
from daddy_encode.spool.rate import format_fps, parse_fps

PROGRAM = "debug_rollout.py"
# sysexits.h, EX_TEMPFAIL: interrupted, try again.
INTERRUPTED = 75
# How long the encoder may take to end by itself; Slurm kills 30 s after its SIGTERM by default.
TIDYING_SECONDS = 3.0

Video = Literal["mp4", "gif", "both"]


class RolloutError(DaddyEncodeError):
    """The environment's or the policy's own code raised; the cause has the traceback."""


@click.command(context_settings={"help_option_names": ["-h", "--help"], "show_default": True, "max_content_width": 120})
@click.option(
    "--video",
    type=click.Choice(["mp4", "gif", "both"]),
    help="What to make of each episode. Without it there are only PNGs.",
)
@click.option(
    "--video-fps",
    metavar="FPS",
    help="Frames per second at which the video plays: 12, 12.5 or 30000/1001. "
    "[default: the environment's own rate, else 30]",
)
@click.option(
    "--env",
    "env_id",
    metavar="ID",
    default=BUILT_IN,
    help="The environment: the built-in one, or any Gymnasium ID (needs the extra `gym`).",
)
@click.option("--episodes", type=click.IntRange(min=1), default=1, help="Number of episodes; each makes its own video.")
@click.option("--steps", type=click.IntRange(min=1), default=300, help="The most steps an episode may take.")
@click.option("--seed", type=click.IntRange(min=0), default=0, help="Seed of the first episode; each later one adds 1.")
@click.option(
    "--policy",
    metavar="MODULE:CALLABLE",
    help="Called with each observation, returns the action. The module may lie in the working directory. "
    "[default: seeded random actions]",
)
@click.option(
    "--out",
    metavar="DIR",
    default="rollouts",
    help="Where the run makes its folder run-0001, run-0002, …, relative to the working directory.",
)
@click.option(
    "--handoff",
    type=click.Choice(["auto", "encode", "sbatch", "none"]),
    default="auto",
    help="Who encodes: `encode` starts a separate CPU-only process and waits for it, `none` prints the command that "
    "will do it. `auto` is `encode`, but `none` in a Slurm allocation that holds a GPU. `sbatch` queues a CPU-only "
    "Slurm job, as `daddy-encode submit` does, and prints its ID.",
)
def main(**options: Any) -> None:
    """Play episodes and save every frame as PNG; then hand them to the encoder.

    Frames go to DIR/run-NNNN/episode-NNNN/, one of the start and one after each step, and are always kept. The
    videos appear beside the episodes' folders. Same options, same seed: same PNGs.
    """
    # The encoder's command goes to stdout; pygame's greeting does not.
    os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "hide")
    try:
        status = run(**options)
    except RolloutError as error:
        traceback.print_exception(error.__cause__)
        status = fail(str(error), 1)
    except DaddyEncodeError as error:
        status = fail(str(error), 2 if isinstance(error, SettingsError) else 1)
    except KeyboardInterrupt:
        status = fail("interrupted; what was played of the last episode is kept, and marked incomplete", INTERRUPTED)
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
    handoff: str,
) -> int:
    """The whole rollout and its hand-off; the exit status."""
    if handoff in ("encode", "sbatch") and video is None:
        raise SettingsError(f"--handoff {handoff} has nothing to make; add --video mp4, gif or both")
    asked_fps = None if video_fps is None else parse_fps(video_fps)
    # A policy, and an environment given as module:ID, may lie where the user is.
    sys.path.insert(0, os.getcwd())
    chosen = None if policy is None else load_policy(policy)
    with closing(make_environment(env_id)) as environment:
        fps = asked_fps or parse_fps(environment.metadata.get("render_fps") or 30)
        folder = new_run_folder(Path(out))
        try:
            for episode in range(episodes):
                meta = {"environment": env_id, "policy": policy or "random", "episode": episode, "seed": seed + episode}
                record(environment, chosen, folder / f"episode-{episode:04d}", fps, video, steps, meta)
        except BaseException:
            # Removes it only where it is empty: whole episodes stay.
            with suppress(OSError):
                folder.rmdir()
            raise
    return hand_off(folder, video, handoff)


def new_run_folder(out: Path) -> Path:
    """A folder run-NNNN in `out` that no other process has, numbered after those that are there."""
    with reported(out, "make"):
        out.mkdir(parents=True, exist_ok=True)
        runs = [re.fullmatch(r"run-([0-9]{1,9})", name) for name in os.listdir(out)]
    number = max((int(run[1]) for run in runs if run), default=0)
    while True:
        number += 1
        folder = out / f"run-{number:04d}"
        try:
            with reported(folder, "make"):
                # mkdir makes it for exactly one of several processes.
                folder.mkdir()
        except DaddyEncodeError as error:
            if not isinstance(error.__cause__, FileExistsError):
                raise
        else:
            return folder


def record(
    environment: Any,
    policy: Policy | None,
    directory: Path,
    fps: Fraction,
    video: Video | None,
    steps: int,
    meta: dict[str, Any],
) -> None:
    """Play one episode into `directory`: its frames, then its manifest, with what is known at the end in `meta`."""
    began = time.monotonic()
    meta |= {"return": 0.0, "length": 0, "terminated": False, "truncated": False}
    try:
        pictures = play(environment, policy, steps, meta)
        first = next(pictures)
        # From here on an exception leaves what was played, with a manifest that says it is not all.
        with FrameWriter(directory, fps, video, meta) as frames:
            for frame in chain([first], pictures):
                frames.write(frame)
                frames.meta.update(meta)
    except DaddyEncodeError:
        raise
    except Exception as error:
        raise RolloutError(
            f"{directory}: incomplete, the environment or the policy failed after {meta['length']} steps: "
            f"{type(error).__name__}: {error}"
        ) from error
    say(
        f"{directory}: {frames.frames} frames at {format_fps(fps)} fps, return {meta['return']:g}, "
        f"{time.monotonic() - began:.1f} s"
    )


def play(environment: Any, policy: Policy | None, steps: int, meta: dict[str, Any]) -> Iterator[Any]:
    """The pictures of one episode: of its start, then one after each step. `meta` is kept up to date."""
    observation, _ = environment.reset(seed=meta["seed"])
    environment.action_space.seed(meta["seed"])
    yield picture(environment, meta)
    while meta["length"] < steps and not (meta["terminated"] or meta["truncated"]):
        action = environment.action_space.sample() if policy is None else policy(observation)
        observation, reward, terminated, truncated, _ = environment.step(action)
        meta["return"] += float(reward)
        meta["length"] += 1
        meta["terminated"], meta["truncated"] = bool(terminated), bool(truncated)
        yield picture(environment, meta)


def picture(environment: Any, meta: dict[str, Any]) -> Any:
    """What the environment draws now. Raises FrameError where that is no colour picture."""
    frame = environment.render()
    shape: tuple[int, ...] = getattr(frame, "shape", ())
    kind = getattr(frame, "dtype", type(frame).__name__)
    if kind != "uint8" or len(shape) != 3 or shape[2] != 3:
        raise FrameError(f"--env {meta['environment']} draws {kind} {shape}; only uint8 (H, W, 3) can be recorded")
    return frame


def hand_off(folder: Path, video: Video | None, handoff: str) -> int:
    """Start the encoder on the run in `folder`, queue it, or print the command that does it; the exit status."""
    if handoff == "sbatch":
        # The frames and their manifests, which say what to make, are there: it need not wait for this Slurm job's end.
        queued = submit(folder)
        print(queued.job_id, flush=True)
        say(queued.how_to_follow())
        return 0
    checkout = str(Path(daddy_encode.__file__).absolute().parent.parent)
    settings = {
        # No GPU library of the encoder's can take memory on a device.
        "CUDA_VISIBLE_DEVICES": "",
        # The same daddy_encode as this one, from any directory.
        "PYTHONPATH": os.pathsep.join(filter(None, (checkout, os.environ.get("PYTHONPATH")))),
        # A random.py in the working directory is the user's, not the encoder's (Python 3.11 and later).
        "PYTHONSAFEPATH": "1",
    }
    command = [sys.executable, "-m", "daddy_encode", "encode", os.path.abspath(folder)]
    in_gpu_job = handoff == "auto" and holds_gpu(os.environ)
    if video is not None and handoff != "none" and not in_gpu_job:
        return encode(command, {**os.environ, **settings})
    if video is None:
        say(f"PNGs only, in {folder}. This makes MP4s of them; add --video gif or both for another kind:")
    elif in_gpu_job:
        say("This Slurm allocation holds a GPU, so nothing is encoded here. A watcher (`daddy-encode watch`) or this:")
    else:
        say("Nothing is encoded yet. This does it:")
    print(shlex.join(["env", *(f"{name}={value}" for name, value in settings.items()), *command]), flush=True)
    return 0


def encode(command: list[str], environ: dict[str, str]) -> int:
    """Run `command`, its log in this terminal; its exit status, 128 + N where signal N ended it."""
    # SIGTERM becomes a KeyboardInterrupt, as Ctrl-C is.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    process = subprocess.Popen(command, env=environ, stdin=subprocess.DEVNULL)
    patience: float | None = None
    while True:
        try:
            status = process.wait(patience)
        except KeyboardInterrupt:
            # A terminal's Ctrl-C and Slurm's SIGTERM reach the encoder, too; a second word would cut its tidying short.
            patience = TIDYING_SECONDS
        except subprocess.TimeoutExpired:
            # The signal was for this process alone.
            process.terminate()
            patience = None
        else:
            return status if status >= 0 else 128 - status


def say(line: str) -> None:
    """One line for people. They read stderr; programs read stdout."""
    print(line, file=sys.stderr, flush=True)


def fail(line: str, status: int) -> int:
    """Say what went wrong; `status` again."""
    say(f"{PROGRAM}: {line}")
    return status


if __name__ == "__main__":
    main()
