"""A long job, memory, and imageio on the same PNGs."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks import peers
from tests.benchmarks.by_hand import by_hand
from tests.benchmarks.clips import CLIPS, dump
from tests.benchmarks.measure import measure, peak_bytes
from tests.benchmarks.options import DADDY_ENCODE, Options
from tests.benchmarks.result import Row

TITLE = "A long job, its memory, and imageio"
ABOUT = """
`daddy-encode encode DIRECTORY` from its start to its end, nothing taken off, on our own dumps: against ffmpeg by hand
on 1,000 frames of 720p; against a script that reads the PNGs with imageio and hands them to its `mimsave`. Memory is
the peak of the whole process tree, ffmpeg's included, for MP4 and GIF.
"""


def run(options: Options) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        yield _long(folder, options)
        yield _imageio(folder, options)
        yield _memory(folder, options)


def _long(folder: Path, options: Options) -> Row:
    count = options.sizes(1000, 20)
    directory = dump(folder / "long", "humanoid", count)
    target = directory.with_suffix(".by-hand.mp4")
    hand = by_hand(directory, target, CLIPS["humanoid"].width, CLIPS["humanoid"].height)
    measured = measure({"ours": _ours(directory, "mp4"), "by hand": hand}, options.rounds(2))
    same = target.read_bytes() == directory.with_suffix(".mp4").read_bytes()
    shutil.rmtree(directory)
    return Row(
        what=f"{count:,} frames of 720p, against ffmpeg by hand: wall",
        value=measured["ours"].wall / measured["by hand"].wall,
        bar="<= 1.05",
        figures=", ".join(f"{name} {run.wall_seconds()}, CPU {run.cpu_seconds()}" for name, run in measured.items())
        + ("; same bytes" if same else "; OTHER BYTES"),
    )


def _imageio(folder: Path, options: Options) -> Row:
    directory = dump(folder / "imageio", "cheetah", options.sizes(CLIPS["cheetah"].frames, 30))
    mimsave = peers.command(peers.FROM_PNGS["imageio"], directory, directory.with_suffix(".imageio.mp4"))
    measured = measure({"imageio": mimsave, "ours": _ours(directory, "mp4")}, options.rounds(3))
    return Row(
        what=f"480x480, {CLIPS['cheetah'].frames} frames, imageio.mimsave against ours: wall",
        value=measured["imageio"].wall / measured["ours"].wall,
        bar=">= 2",
        figures=", ".join(f"{name} {run.wall_seconds()}" for name, run in measured.items()),
    )


def _memory(folder: Path, options: Options) -> Row:
    counts = options.sizes((300, 3000), (30, 60))
    peaks = []
    for count in counts:
        directory = dump(folder / f"memory-{count}", "cheetah", count)
        peaks.append(peak_bytes(_ours(directory, "both")))
        shutil.rmtree(directory)
    few, many = peaks
    return Row(
        what=f"peak memory, {counts[1]:,} frames of 480x480 against {counts[0]}",
        value=many / few,
        bar="<= 1.1",
        figures=f"{many / 1e6:.0f} MB against {few / 1e6:.0f} MB",
    )


def _ours(directory: Path, video: str) -> list[str | Path]:
    return [DADDY_ENCODE, "encode", directory, "--video", video, "--force"]
