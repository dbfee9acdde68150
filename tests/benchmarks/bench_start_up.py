"""What a command takes before and after its work: of jobs of one frame, and of nothing to do."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from daddy_encode import save_frames_as_png
from tests.benchmarks.by_hand import by_hand
from tests.benchmarks.measure import Measured, Run, measure
from tests.benchmarks.options import DADDY_ENCODE, Options
from tests.benchmarks.result import Row

TITLE = "Start-up"
ABOUT = """
The whole command, from its start to its end, on jobs of one frame of 160x210: Python, its modules, finding the job,
claiming it, encoding, reading back, flushing to disk, the receipt. Beside it a Python that imports `click`, than which
no program with such a command line is quicker; one that imports `numpy`, as most encoders do; and one run of ffmpeg
that makes the same MP4.
"""
WIDTH, HEIGHT = 160, 210
BAR = 2.5


def run(options: Options) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as name:
        yield from _measured(Path(name), options)


def _measured(root: Path, options: Options) -> Iterator[Row]:
    (root / "empty").mkdir()
    for job in ("mp4", "gif", "done"):
        save_frames_as_png(np.full((1, HEIGHT, WIDTH, 3), 90, np.uint8), root / job)
    measure({"once": [DADDY_ENCODE, "encode", root / "done"]}, 0)

    def fresh(name: str) -> None:
        if name in ("mp4", "gif"):
            (root / f"{name}.{name}").unlink(missing_ok=True)
            (root / f"{name}.receipt.json").unlink(missing_ok=True)
            shutil.rmtree(root / ".daddy-encode", ignore_errors=True)

    runs: dict[str, Run] = {
        "python": [sys.executable, "-c", "pass"],
        "click": [sys.executable, "-c", "import click"],
        "numpy": [sys.executable, "-c", "import numpy"],
        "ffmpeg": by_hand(root / "mp4", root / "by-hand.mp4", WIDTH, HEIGHT),
        "help": [DADDY_ENCODE, "--help"],
        "mp4": [DADDY_ENCODE, "encode", root / "mp4", "--video", "mp4"],
        "gif": [DADDY_ENCODE, "encode", root / "gif", "--video", "gif"],
        "done": [DADDY_ENCODE, "encode", root / "done"],
        "status": [DADDY_ENCODE, "status", root / "empty"],
    }
    of = measure(runs, options.rounds(21), fresh)
    limit = of["numpy"].wall + of["ffmpeg"].wall
    both = f"`import numpy` {_figures(of['numpy'])} and ffmpeg {_figures(of['ffmpeg'])}"
    yield Row(
        what="`encode`, one frame, MP4, against `import numpy` plus one run of ffmpeg",
        value=of["mp4"].wall / limit,
        bar=f"<= {BAR}",
        figures=f"{_figures(of['mp4'])} against {both}",
    )
    yield Row(
        what="`encode`, one frame, exact GIF (no ffmpeg), against `import numpy` plus one run of ffmpeg",
        value=of["gif"].wall / limit,
        bar=f"<= {BAR}",
        figures=_figures(of["gif"]),
    )
    click = f"against `import click` {_figures(of['click'])}, of which Python itself {_figures(of['python'])}"
    for name, what in (
        ("help", "`--help`"),
        ("done", "`encode` of a job that is done"),
        ("status", "`status` of an empty directory"),
    ):
        yield Row(
            what=f"{what}, against `import click`",
            value=of[name].wall / of["click"].wall,
            figures=f"{_figures(of[name])} {click}",
        )


def _figures(measured: Measured) -> str:
    return f"{measured.wall_seconds(3)}, CPU {measured.cpu_seconds(3)}"
