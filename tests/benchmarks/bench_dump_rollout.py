"""What a rollout notices of being recorded: time inside write(), frames per second, steps per second.

For the disk see `scratch`. RecordVideo is shown where moviepy is installed.
"""

from __future__ import annotations

import importlib
import queue
import statistics
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from PIL import Image

from daddy_encode.dump import FrameWriter
from daddy_encode.dump.frames import Frame
from daddy_encode.dump.gymnasium import RecordFrames
from tests.benchmarks.clips import clip
from tests.benchmarks.scratch import scratch
from tests.benchmarks.table import Row, medians

TITLE = "FrameWriter and RecordFrames: what the rollout notices"
THREADS = 2
# Steps of the CartPole run, and rounds of it.
STEPS = 1000
ROUNDS = 7


def rows() -> list[Row]:
    return [
        *_inside_write(scratch()),
        *(row for name in ("breakout", "cheetah", "humanoid") for row in _against_lerobot(name, scratch())),
        *_cartpole(scratch()),
    ]


def _inside_write(folder: Path) -> list[Row]:
    """A 720p rollout at 30 fps that is idle between frames, as one that waits for a GPU is."""
    frames = [np.array(frame) for frame in clip("humanoid")[::4]]
    milliseconds = []
    with FrameWriter(folder / "write") as writer:
        start = time.perf_counter()
        for index in range(400):
            time.sleep(max(0.0, start + index / 30 - time.perf_counter()))
            before = time.perf_counter()
            writer.write(frames[index % len(frames)], step=index)
            milliseconds.append(1000 * (time.perf_counter() - before))
    cuts = statistics.quantiles(milliseconds, n=100)
    figures = f"most {max(milliseconds):.2f} ms, 400 frames"
    return [
        Row("720p at 30 fps: median ms inside write", figures, cuts[49], "<= 1.0"),
        Row("720p at 30 fps: 99th percentile, ms", "", cuts[98], "<= 3.0"),
    ]


class LeRobotWay:
    """As LeRobot's AsyncImageWriter with threads: an unbounded queue, and Pillow at compress_level=1."""

    def __init__(self, folder: Path, threads: int) -> None:
        self.folder = folder
        self.folder.mkdir()
        self.queue: queue.Queue[tuple[Frame, Path]] = queue.Queue()
        for _ in range(threads):
            threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while True:
            frame, path = self.queue.get()
            Image.fromarray(frame).save(path, compress_level=1)
            self.queue.task_done()

    def write_all(self, frames: list[Frame]) -> None:
        for index, frame in enumerate(frames):
            self.queue.put((frame, self.folder / f"frame_{index:06d}.png"))
        self.queue.join()


def _against_lerobot(name: str, folder: Path) -> list[Row]:
    frames = [np.array(frame) for frame in clip(name)[:: 4 if name == "humanoid" else 1]]
    number = iter(range(10**6))

    def ours() -> None:
        with FrameWriter(folder / f"{name}-ours-{next(number)}", workers=THREADS) as writer:
            for frame in frames:
                # Theirs makes no copy either.
                writer.take(frame)

    def theirs() -> None:
        LeRobotWay(folder / f"{name}-theirs-{next(number)}", THREADS).write_all(frames)

    seconds = medians({"ours": ours, "theirs": theirs}, repeat=5)
    rates = {way: len(frames) / value for way, value in seconds.items()}
    figures = f"{rates['ours']:.0f} and {rates['theirs']:.0f} frames/s, {THREADS} threads each"
    return [Row(f"{name}: frames/s of LeRobot's way", figures, rates["ours"] / rates["theirs"], ">= 8")]


def _run_cartpole(env: gymnasium.Env[Any, Any], render: bool) -> float:
    """Steps per second of a policy that balances the pole, for episodes as a trained agent has them."""
    observation, _ = env.reset(seed=1)
    start = time.perf_counter()
    for _ in range(STEPS):
        observation, _, terminated, truncated, _ = env.step(int(observation[2] + 0.5 * observation[3] > 0))
        if render:
            env.render()
        if terminated or truncated:
            observation, _ = env.reset()
    return STEPS / (time.perf_counter() - start)


def _cartpole(folder: Path) -> list[Row]:
    def make() -> gymnasium.Env[Any, Any]:
        return gymnasium.make("CartPole-v1", render_mode="rgb_array")

    number = iter(range(10**6))
    ways: dict[str, Callable[[], gymnasium.Env[Any, Any]]] = {
        "plain": make,
        "RecordFrames": lambda: RecordFrames(make(), folder / f"run-{next(number)}", episode_trigger=lambda _: True),
    }
    try:
        importlib.import_module("moviepy")
    except ImportError:
        beside = "RecordVideo not shown: moviepy is not installed"
    else:
        beside = ""
        ways["RecordVideo"] = lambda: gymnasium.wrappers.RecordVideo(
            make(), str(folder / f"video-{next(number)}"), episode_trigger=lambda _: True
        )
    rates: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(ROUNDS):
        for way, new in ways.items():
            with new() as env:
                rates[way].append(_run_cartpole(env, render=way == "plain"))
    rate = {way: statistics.median(values) for way, values in rates.items()}
    figures = ", ".join(f"{way} {value:.0f} steps/s" for way, value in rate.items())
    if "RecordVideo" in rate:
        beside = f"RecordVideo: {rate['RecordVideo'] / rate['plain']:.3f}"
    return [
        Row(
            "CartPole: steps/s, of those unrecorded",
            f"{figures}; {beside}",
            rate["RecordFrames"] / rate["plain"],
            ">= 0.95",
        )
    ]
