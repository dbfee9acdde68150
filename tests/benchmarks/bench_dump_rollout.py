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
from daddy_encode.dump.gymnasium import RecordFrames
from daddy_encode.spool.png.pixels import Pixels
from tests.benchmarks.clips import clip
from tests.benchmarks.scratch import scratch
from tests.benchmarks.table import Row, medians

TITLE = "FrameWriter and RecordFrames: what the rollout notices"
# Each of so many rounds has so many episodes of CartPole of either kind, each of some 500 steps.
ROUNDS = 7
EPISODES = 3
# Of LeRobot's way.
BARS = {"breakout": ">= 1", "cheetah": ">= 8", "humanoid": ">= 8"}


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
        Row("720p at 30 fps: median ms inside write", figures, cuts[49], "<= 0.6"),
        Row("720p at 30 fps: 99th percentile, ms", "", cuts[98], "<= 3.0"),
    ]


class LeRobotWay:
    """As LeRobot's AsyncImageWriter with threads: an unbounded queue, and Pillow at compress_level=1."""

    def __init__(self, folder: Path, threads: int) -> None:
        self.folder = folder
        self.folder.mkdir()
        self.queue: queue.Queue[tuple[Pixels, Path]] = queue.Queue()
        for _ in range(threads):
            threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while True:
            frame, path = self.queue.get()
            Image.fromarray(frame).save(path, compress_level=1)
            self.queue.task_done()

    def write_all(self, frames: list[Pixels]) -> None:
        for index, frame in enumerate(frames):
            self.queue.put((frame, self.folder / f"frame_{index:06d}.png"))
        self.queue.join()


def _against_lerobot(name: str, folder: Path) -> list[Row]:
    frames = [np.array(frame) for frame in clip(name)[:: 4 if name == "humanoid" else 1]]
    # Long enough for the beginning and the manifest not to be what is measured.
    frames *= 4 if name == "breakout" else 1
    number = iter(range(10**6))

    def ours(workers: int) -> Callable[[], None]:
        def write_all() -> None:
            with FrameWriter(folder / f"{name}-ours-{next(number)}", workers=workers) as writer:
                for frame in frames:
                    writer.write(frame)

        return write_all

    def theirs() -> None:
        LeRobotWay(folder / f"{name}-theirs-{next(number)}", 1).write_all(frames)

    seconds = medians({"one": ours(1), "two": ours(2), "theirs": theirs}, repeat=5)
    rate = {way: len(frames) / value for way, value in seconds.items()}
    figures = f"{rate['one']:.0f} and {rate['theirs']:.0f} frames/s, one thread each; {rate['two']:.0f} with two"
    return [Row(f"{name}: frames/s of LeRobot's way", figures, rate["one"] / rate["theirs"], BARS[name])]


def _kept(env: gymnasium.Env[Any, Any]) -> tuple[float, str]:
    """What of the steps per second of episodes that are only rendered those keep that are recorded: every second one.

    In turns in one process: how memory happens to lie makes a tenth of the renderer's speed. The median of the rounds.
    """
    rates: tuple[list[float], list[float]] = ([], [])
    observation, _ = env.reset(seed=1)
    for episode in range(2 * ROUNDS * EPISODES):
        recorded = episode % 2
        start, steps, over = time.perf_counter(), 0, False
        while not over:
            # A policy that balances the pole, for episodes as a trained agent has them.
            observation, _, terminated, truncated, _ = env.step(int(observation[2] + 0.5 * observation[3] > 0))
            if not recorded:
                env.render()
            over = terminated or truncated
            steps += 1
        # The end of this one, and the beginning of the next.
        observation, _ = env.reset()
        rates[recorded].append(steps / (time.perf_counter() - start))
    rounds = [slice(first, first + EPISODES) for first in range(0, len(rates[0]), EPISODES)]
    ratios = [statistics.median(rates[1][one]) / statistics.median(rates[0][one]) for one in rounds]
    plain, recorded_rate = map(statistics.median, rates)
    spread = f"{min(ratios):.3f} to {max(ratios):.3f} in {ROUNDS} rounds"
    return statistics.median(ratios), f"{plain:.0f} rendered, {recorded_rate:.0f} recorded steps/s; {spread}"


def _cartpole(folder: Path) -> list[Row]:
    def every_second(episode: int) -> bool:
        return episode % 2 == 1

    def make() -> gymnasium.Env[Any, Any]:
        return gymnasium.make("CartPole-v1", render_mode="rgb_array")

    with RecordFrames(make(), folder / "cartpole", episode_trigger=every_second) as env:
        ratio, figures = _kept(env)
    try:
        importlib.import_module("moviepy")
    except ImportError:
        figures += "; RecordVideo not shown: moviepy is not installed"
    else:
        with gymnasium.wrappers.RecordVideo(make(), str(folder / "videos"), episode_trigger=every_second) as video:
            figures += f"; RecordVideo: {_kept(video)[0]:.3f}"
    return [Row("CartPole: steps/s, of those unrecorded", figures, ratio, ">= 0.93")]
