"""Contact sheets and small pictures: one page of one recording, from its PNGs and from its video."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks.clips import dump
from tests.benchmarks.measure import Run, measure
from tests.benchmarks.options import DADDY_ENCODE, Options
from tests.benchmarks.result import Row

TITLE = "Contact sheets"
ABOUT = """
`daddy-encode sheet`, 4x4 frames of Humanoid (1280x720, 240 frames) as large as they are, with captions, from its start
to its end; also 16 such frames as Pillow writes them, whose rows have filters. Beside it the same frames by a script of
a few lines: Pillow reads, pastes, and saves a PNG at its fastest compression (1), without a word below.
"""
# Seconds that the sheet may take, from PNGs.
BAR = 0.15
BY_HAND = """
import sys
from pathlib import Path
from PIL import Image
frames = sorted(Path(sys.argv[1]).glob("*.png"))
chosen = [frames[n * (len(frames) - 1) // 15] for n in range(16)]
with Image.open(chosen[0]) as first:
    width, height = first.size
sheet = Image.new("RGB", (4 * width, 4 * height), "white")
for n, path in enumerate(chosen):
    with Image.open(path) as frame:
        sheet.paste(frame, (n % 4 * width, n // 4 * height))
sheet.save(sys.argv[2], compress_level=1)
"""


def run(options: Options) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        job = dump(folder / "job", "humanoid", options.sizes(240, 24))
        by_pillow = dump(folder / "pillow", "humanoid", 16, writer="Pillow's")
        video = folder / "job.mp4"
        measure({"once": [DADDY_ENCODE, "encode", job, "--video", "mp4"]}, 0)
        runs: dict[str, Run] = {
            "pngs": [DADDY_ENCODE, "sheet", job, "-o", folder / "pngs.png"],
            "clean": [DADDY_ENCODE, "sheet", job, "-o", folder / "clean.png", "--no-captions"],
            "by Pillow": [DADDY_ENCODE, "sheet", by_pillow, "-o", folder / "pillow-pngs.png"],
            "video": [DADDY_ENCODE, "sheet", video, "-o", folder / "video.png"],
            "by hand": [sys.executable, "-c", BY_HAND, job, folder / "by-hand.png"],
        }
        of = measure(runs, options.rounds(41))
        size = {path.stem: path.stat().st_size / 1e6 for path in folder.glob("*.png")}
        yield Row(
            what="`sheet`, 4x4 of 720p from PNGs, with captions, in seconds",
            value=of["pngs"].wall,
            bar=f"<= {BAR}",
            figures=f"{of['pngs'].wall_seconds()}, CPU {of['pngs'].cpu_seconds()}, {of['pngs'].megabytes} MB of "
            f"memory, {size['pngs']:.1f} MB; without captions {of['clean'].wall_seconds()}",
            why="starting Python and loading the command take half of it, to inflate the frames a fifth; rows are "
            "inflated, put together and compressed in as many threads as there are processors, up to four",
        )
        yield Row(
            what="`sheet`, 4x4 of 720p from Pillow's PNGs, with captions, in seconds",
            value=of["by Pillow"].wall,
            figures=f"{of['by Pillow'].wall_seconds()}, CPU {of['by Pillow'].cpu_seconds()}, "
            f"{of['by Pillow'].megabytes} MB of memory",
            why="half of their rows have the filter Paeth, of which only Pillow's own code makes pixels here, a byte "
            "at a time",
        )
        yield Row(
            what="`sheet`, 4x4 of 720p from PNGs, without captions, against Pillow by hand",
            value=of["clean"].wall / of["by hand"].wall,
            bar="<= 0.5",
            figures=f"{of['clean'].wall_seconds()} and {size['clean']:.1f} MB against "
            f"{of['by hand'].wall_seconds()} and {size['by-hand']:.1f} MB",
        )
        yield Row(
            what="`sheet`, 4x4 of 720p from the MP4, in seconds",
            value=of["video"].wall,
            figures=f"{of['video'].wall_seconds()}, CPU {of['video'].cpu_seconds()}: all 240 frames are decoded, since "
            "each is made from the one before it",
        )
