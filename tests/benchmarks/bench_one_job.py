"""One job through the command against ffmpeg typed by hand."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks.by_hand import by_hand
from tests.benchmarks.clips import CLIPS, WRITERS, dump
from tests.benchmarks.measure import measure
from tests.benchmarks.options import DADDY_ENCODE, Options
from tests.benchmarks.result import Row

TITLE = "One job to MP4, against ffmpeg by hand"
ABOUT = """
`daddy-encode encode DIRECTORY` from its start to its end, against one ffmpeg that reads the same PNGs with the same
flags for x264; the MP4s have the same bytes. From ours 0.10 s of start-up is taken off, wall and CPU.
"""
START_UP = 0.10
SHOWN = ("breakout", "cartpole", "cheetah", "humanoid")


def run(options: Options) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as name:
        for clip in SHOWN:
            for writer in WRITERS:
                yield from _compare(Path(name) / f"{clip}-{writer[:4]}", clip, writer, options)


def _compare(directory: Path, clip: str, writer: str, options: Options) -> Iterator[Row]:
    dump(directory, clip, writer=writer)
    target = directory.with_suffix(".by-hand.mp4")
    measured = measure(
        {
            "ours": [DADDY_ENCODE, "encode", directory, "--video", "mp4", "--force"],
            "by hand": by_hand(directory, target, CLIPS[clip].width, CLIPS[clip].height),
        },
        options.rounds(11),
    )
    ours, hand = measured["ours"], measured["by hand"]
    same = "same bytes" if target.read_bytes() == directory.with_suffix(".mp4").read_bytes() else "OTHER BYTES"
    what = f"{clip} {CLIPS[clip].size}, {CLIPS[clip].frames} frames, {writer} PNGs"
    yield Row(
        what=f"{what}: wall",
        value=(ours.wall - START_UP) / hand.wall,
        bar="<= 1.1",
        figures=f"{ours.wall:.2f} s ({ours.spread}) against {hand.wall:.2f} s ({hand.spread}); {same}",
    )
    yield Row(
        what=f"{what}: CPU",
        value=(ours.cpu - START_UP) / hand.cpu,
        bar="<= 1.15",
        figures=f"{ours.cpu:.2f} s against {hand.cpu:.2f} s",
    )
