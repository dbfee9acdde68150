"""One job through the command against ffmpeg typed by hand, and the least that x264 itself takes."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from daddy_encode.spool.png.pixels import Pixels
from tests.benchmarks.by_hand import by_hand, x264_alone
from tests.benchmarks.clips import CLIPS, WRITERS, clip, dump
from tests.benchmarks.measure import Measured, Run, measure
from tests.benchmarks.options import DADDY_ENCODE, Options
from tests.benchmarks.result import Row

TITLE = "One job to MP4, against ffmpeg by hand"
ABOUT = """
`daddy-encode encode DIRECTORY` from its start to its end, against one ffmpeg that reads the same PNGs with the same
flags for x264; the MP4s have the same bytes. From ours 0.10 s of start-up is taken off, wall and CPU.

The limit is x264 with the same flags, fed the clip as raw yuv420p by a file in the page cache: no PNG is read, nothing
converted, no Python started, and nothing is taken off from ours.

Of PNGs with an alpha channel ffmpeg drops that; we find out that it is opaque, or blend it on black, which is another
picture and more work.
"""
START_UP = 0.10
SHOWN = ("breakout", "cartpole", "cheetah", "humanoid")
WHY = {
    "ours": "of a short clip, start-up and proof; a frame takes 0.06 ms to read and check, and as long to hand over",
    "Pillow's": "each file is inflated and checked here before its filters are undone, by ffmpeg or here",
}
# A round of the largest takes as long as all the others.
ROUNDS = {"humanoid": 4}


def run(options: Options) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for clip_name in options.sizes(SHOWN, SHOWN[:2]):
            for writer in WRITERS:
                yield from _compare(folder, clip_name, writer, options)
        for kind, pixels in (("opaque", _opaque), ("half transparent", _half_transparent)):
            yield _with_alpha(folder, kind, pixels, options)


def _compare(folder: Path, name: str, writer: str, options: Options) -> Iterator[Row]:
    directory = dump(folder / f"{name}-{writer[:4]}", name, writer=writer)
    runs: dict[str, Run] = {"ours": _ours(directory), "by hand": _by_hand(directory, name)}
    if writer == WRITERS[0]:
        runs["limit"] = x264_alone(folder, name)
    measured = measure(runs, options.rounds(ROUNDS.get(name, 7)))
    ours, hand = measured["ours"], measured["by hand"]
    what = f"{name} {CLIPS[name].size}, {CLIPS[name].frames} frames, {writer} PNGs"
    yield Row(
        what=f"{what}: wall",
        value=(ours.wall - START_UP) / hand.wall,
        bar="<= 1.1",
        figures=f"{_seconds(ours, hand)}; {_same(directory)}",
        why=WHY[writer],
    )
    yield Row(
        what=f"{what}: CPU",
        value=(ours.cpu - START_UP) / hand.cpu,
        bar="<= 1.15",
        figures=f"{_cpu(ours, hand)}; memory {ours.megabytes} MB against {hand.megabytes} MB",
        why=WHY[writer],
    )
    if "limit" in measured:
        limit = measured["limit"]
        yield Row(
            what=f"{what}: wall, against x264 fed raw yuv420p from memory",
            value=ours.wall / limit.wall,
            figures=f"{_seconds(ours, limit)}; CPU {_cpu(ours, limit)}",
        )


def _with_alpha(folder: Path, kind: str, pixels: Callable[[Pixels], Pixels], options: Options) -> Row:
    name = "cheetah"
    directory = folder / f"{name}-{kind.replace(' ', '-')}"
    directory.mkdir()
    count = options.sizes(CLIPS[name].frames, 60)
    for index, frame in enumerate(clip(name)[:count]):
        Image.fromarray(pixels(frame)).save(directory / f"{index:06d}.png")
    measured = measure({"ours": _ours(directory), "by hand": _by_hand(directory, name)}, options.rounds(3))
    ours, hand = measured["ours"], measured["by hand"]
    is_opaque = kind == "opaque"
    return Row(
        what=f"{name} {CLIPS[name].size}, {count} frames, Pillow's PNGs of RGBA, {kind}: wall",
        value=(ours.wall - START_UP) / hand.wall,
        bar="<= 1.5" if is_opaque else "",
        figures=f"{_seconds(ours, hand)}; CPU {_cpu(ours, hand)}" + (f"; {_same(directory)}" if is_opaque else ""),
    )


def _opaque(frame: Pixels) -> Pixels:
    return np.dstack([frame, np.full(frame.shape[:2], 255, np.uint8)])


def _half_transparent(frame: Pixels) -> Pixels:
    picture = _opaque(frame)
    half = frame.shape[1] // 2
    picture[:, :half, 3] = np.arange(half, dtype=np.uint8)
    return picture


def _ours(directory: Path) -> list[str | Path]:
    return [DADDY_ENCODE, "encode", directory, "--video", "mp4", "--force"]


def _by_hand(directory: Path, name: str) -> list[str]:
    return by_hand(directory, directory.with_suffix(".by-hand.mp4"), CLIPS[name].width, CLIPS[name].height)


def _same(directory: Path) -> str:
    is_same = directory.with_suffix(".by-hand.mp4").read_bytes() == directory.with_suffix(".mp4").read_bytes()
    return "same bytes" if is_same else "OTHER BYTES"


def _seconds(ours: Measured, other: Measured) -> str:
    return f"{ours.wall_seconds()} against {other.wall_seconds()}"


def _cpu(ours: Measured, other: Measured) -> str:
    return f"{ours.cpu_seconds()} against {other.cpu_seconds()}"
