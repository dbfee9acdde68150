"""What a rollout notices of being recorded: time inside write(), frames per second, steps per second."""

from __future__ import annotations

import itertools
import queue
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import gymnasium
from gymnasium.wrappers import RecordVideo
from PIL import Image

from daddy_encode.dump import FrameWriter
from daddy_encode.dump.gymnasium import RecordFrames
from daddy_encode.spool.png.pixels import Pixels
from tests.benchmarks.clips import CLIPS, cycled
from tests.benchmarks.measure import measure, timed
from tests.benchmarks.options import Options
from tests.benchmarks.result import Row
from tests.benchmarks.scratch import scratch, wait_for_disk

TITLE = "FrameWriter and RecordFrames: what the rollout notices"
ABOUT = """
Inside `write`: Humanoid at 1280x720 and 30 fps into a `FrameWriter` by a rollout that is idle between frames, as one
that waits for a GPU is. Frames per second: a rollout that does nothing but hand over frames, and waits until all is on
disk; LeRobot's way is an unbounded queue, threads, and Pillow at `compress_level=1`. The bars speak of one thread each,
ours beside the rollout in its worker process and LeRobot's in the rollout's own; by default we have two and LeRobot
four, which is a row of its own. Steps per second: CartPole with a policy that balances the pole, every other episode
recorded, the others only rendered, in turns in one process; the rates are those of the round whose ratio is the median.
"""
PACKAGES = ("moviepy",)
# Frames, and the bar: of LeRobot's frames per second.
AGAINST_LEROBOT = {"breakout": (2400, ">= 1"), "cheetah": (300, ">= 8"), "humanoid": (60, ">= 8")}
ROUNDS = 5
COPY = (
    "a step and its picture take 1.3 ms; to copy that picture, 720 kB, takes 0.1 ms of the rollout's thread, and all "
    "else that records it 0.1 ms; the process that compresses it takes its part of memory and caches meanwhile"
)
# Each of so many rounds of CartPole has so many episodes of either kind, each of some 500 steps.
EPISODE_ROUNDS = 7
EPISODES = 3


def run(options: Options) -> Iterator[Row]:
    wait_for_disk(options)
    yield from _inside_write(options)
    for name, (count, bar) in AGAINST_LEROBOT.items():
        yield from _against_lerobot(name, list(cycled(name, options.sizes(count, 12))), bar, options.rounds(ROUNDS))
    yield from _cartpole(options)


def _inside_write(options: Options) -> Iterator[Row]:
    frames = list(cycled("humanoid", 60))
    milliseconds = []
    with FrameWriter(scratch() / "write") as writer:
        start = time.perf_counter()
        for index in range(options.sizes(400, 30)):
            time.sleep(max(0.0, start + index / 30 - time.perf_counter()))
            before = time.perf_counter()
            writer.write(frames[index % len(frames)], step=index)
            milliseconds.append(1000 * (time.perf_counter() - before))
    cuts = statistics.quantiles(milliseconds, n=100)
    what, figures = "humanoid 1280x720 at 30 fps", f"most {max(milliseconds):.2f} ms, {len(milliseconds)} frames"
    yield Row(what=f"{what}: median ms inside write", value=cuts[49], bar="<= 0.6", figures=figures)
    yield Row(what=f"{what}: 99th percentile, ms", value=cuts[98], bar="<= 3.0", figures=figures)


def _against_lerobot(name: str, frames: list[Pixels], bar: str, rounds: int) -> Iterator[Row]:
    numbers = itertools.count()

    def ours(workers: int) -> Callable[[], None]:
        def write_all() -> None:
            with FrameWriter(scratch() / f"{name}-{next(numbers)}", workers=workers) as writer:
                for frame in frames:
                    writer.write(frame)

        return write_all

    def lerobot(threads: int) -> Callable[[], None]:
        def write_all() -> None:
            directory = scratch() / f"{name}-{next(numbers)}"
            directory.mkdir()
            waiting: queue.Queue[tuple[int, Pixels] | None] = queue.Queue()

            def work() -> None:
                while (item := waiting.get()) is not None:
                    index, frame = item
                    Image.fromarray(frame).save(directory / f"frame-{index:06d}.png", compress_level=1)

            workers = [threading.Thread(target=work) for _ in range(threads)]
            for worker in workers:
                worker.start()
            for item in (*enumerate(frames), *[None] * threads):
                waiting.put(item)
            for worker in workers:
                worker.join()

        return write_all

    measured = measure(
        {
            "ours, one thread": timed(ours(1)),
            "LeRobot's, one thread": timed(lerobot(1)),
            "ours, two": timed(ours(2)),
            "LeRobot's, four": timed(lerobot(4)),
        },
        rounds,
    )

    def compared(ours: str, theirs: str, what: str, bar: str = "") -> Row:
        def rate(way: str) -> str:
            walls = measured[way].walls
            slowest, fastest = len(frames) / max(walls), len(frames) / min(walls)
            spread = f" ({slowest:.0f} to {fastest:.0f})" if len(walls) > 1 else ", one round"
            return f"{way} {len(frames) / measured[way].wall:.0f} frames/s{spread}"

        return Row(
            what=f"{name} {CLIPS[name].size}: frames/s of LeRobot's way, {what}",
            value=measured[theirs].wall / measured[ours].wall,
            bar=bar,
            figures=f"{rate(ours)}; {rate(theirs)}",
        )

    yield compared("ours, one thread", "LeRobot's, one thread", "one thread each, ours in a process of its own", bar)
    yield compared("ours, two", "LeRobot's, four", "each by its default, two threads against four")


def _cartpole(options: Options) -> Iterator[Row]:
    def every_other(episode: int) -> bool:
        return episode % 2 == 1

    def make() -> gymnasium.Env[Any, Any]:
        return gymnasium.make("CartPole-v1", render_mode="rgb_array")

    rounds = options.rounds(EPISODE_ROUNDS)
    what = "CartPole: steps/s while recorded, of those only rendered"
    with RecordFrames(make(), scratch() / "cartpole", episode_trigger=every_other) as env:
        value, figures = _kept(env, rounds)
    yield Row(what=what, value=value, bar=">= 0.93", figures=figures, why=COPY)
    with RecordVideo(make(), str(scratch() / "videos"), episode_trigger=every_other) as video:
        value, figures = _kept(video, rounds)
    yield Row(what=f"{what}, with Gymnasium's RecordVideo", value=value, figures=figures)


def _kept(env: gymnasium.Env[Any, Any], rounds: int) -> tuple[float, str]:
    """What of the steps per second of episodes that are only rendered those keep that are recorded: every other one.

    In turns in one process: how memory happens to lie makes a tenth of the renderer's speed. The median of the rounds,
    and the rates of that round.
    """
    rates: tuple[list[float], list[float]] = ([], [])
    observation, _ = env.reset(seed=1)
    for episode in range(2 * rounds * EPISODES):
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
    slices = [slice(first, first + EPISODES) for first in range(0, len(rates[0]), EPISODES)]
    ratios = [statistics.median(rates[1][one]) / statistics.median(rates[0][one]) for one in slices]
    # The round in the middle, so that its rates give the ratio.
    middle = sorted(range(rounds), key=ratios.__getitem__)[rounds // 2]
    plain, recorded_rate = (statistics.median(rate[slices[middle]]) for rate in rates)
    spread = f"{min(ratios):.3f} to {max(ratios):.3f} in {rounds} rounds" if rounds > 1 else "one round"
    return ratios[middle], f"{plain:.0f} rendered, {recorded_rate:.0f} recorded steps/s; {spread}"
