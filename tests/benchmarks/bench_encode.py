"""The main job against ffmpeg typed by hand and against imageio; memory; start-up."""

from __future__ import annotations

import itertools
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from daddy_encode import save_frames_as_png
from tests.benchmarks.by_hand import by_hand
from tests.benchmarks.clips import clip
from tests.benchmarks.table import Row, medians

TITLE = "Encoding PNGs on disk to MP4 (720p MuJoCo), memory, start-up"


def rows() -> list[Row]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        return [*_speed(folder), _memory(folder), _start_up()]


def _dump(folder: Path, frames: int, clip_name: str = "humanoid") -> Path:
    directory = folder / f"{clip_name}-{frames}"
    if not directory.exists():
        save_frames_as_png(itertools.islice(itertools.cycle(clip(clip_name)), frames), directory)
    return directory


def _speed(folder: Path) -> list[Row]:
    few, many = _dump(folder, 240), _dump(folder, 1000)
    small = medians({"ours": _ours(few), "by hand": _by_hand(few), "imageio": _imageio(few)}, 7)
    large = medians({"ours": _ours(many), "by hand": _by_hand(many)}, 5)
    same = (folder / "by-hand.mp4").read_bytes() == many.with_suffix(".mp4").read_bytes()
    return [
        _row("240 frames, against ffmpeg by hand", small, "ours", "by hand", "<= 1.15"),
        _row("1,000 frames, against ffmpeg by hand", large, "ours", "by hand", "<= 1.05", f"same bytes: {same}"),
        _row("240 frames, imageio.mimsave against ours", small, "imageio", "ours", ">= 2"),
    ]


def _row(what: str, seconds: dict[str, float], over: str, under: str, bar: str, more: str = "") -> Row:
    figures = ", ".join(f"{name} {value:.2f} s" for name, value in seconds.items())
    return Row(what, f"{figures} {more}".strip(), seconds[over] / seconds[under], bar)


def _ours(directory: Path) -> Callable[[], object]:
    command = [sys.executable, "-m", "daddy_encode", "encode", str(directory), "--video", "mp4", "--force"]
    return lambda: subprocess.run(command, check=True, capture_output=True)


def _by_hand(directory: Path) -> Callable[[], object]:
    """The same flags, the same PNGs, read by ffmpeg itself."""
    command = by_hand(directory, directory.parent / "by-hand.mp4", 1280, 720)
    return lambda: subprocess.run(command, check=True)


def _imageio(directory: Path) -> Callable[[], object]:
    program = (
        "import sys, glob, imageio.v2 as imageio\n"
        "frames = [imageio.imread(name) for name in sorted(glob.glob(sys.argv[1] + '/*.png'))]\n"
        "imageio.mimsave(sys.argv[2], frames, fps=30, codec='libx264')\n"
    )
    command = [sys.executable, "-c", program, str(directory), str(directory.parent / "imageio.mp4")]
    return lambda: subprocess.run(command, check=True, capture_output=True)


def _memory(folder: Path) -> Row:
    few, many = (_peak(_dump(folder, count, "cheetah")) for count in (300, 3000))
    for count in (300, 3000):
        shutil.rmtree(_dump(folder, count, "cheetah"))
    return Row(
        "peak memory, 3,000 frames against 300", f"{many / 1e3:.0f} MB, {few / 1e3:.0f} MB", many / few, "<= 1.1"
    )


def _peak(directory: Path) -> int:
    """The sum of our peak and ffmpeg's, in kB, over one encode of both kinds.

    Not our own ru_maxrss: Linux begins that with the size of the process that started us.
    """
    program = (
        "import resource, subprocess, sys, threading; from pathlib import Path\n"
        "from daddy_encode.encoding.context import Context\n"
        "from daddy_encode.encoding.job import encode_job\n"
        "from daddy_encode.encoding.ffmpeg.process import RunLimits\n"
        "from daddy_encode.encoding.settings import make_settings\n"
        "from daddy_encode.spool.paths import JobPaths\n"
        "context = Context(make_settings(video='both'), RunLimits(threading.Event()), force=True)\n"
        "encode_job(JobPaths.of(Path(sys.argv[1])), context)\n"
        "own = Path('/proc/self/status').read_text().split('VmHWM:')[1].split()[0]\n"
        "print(int(own) + resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)\n"
    )
    command = [sys.executable, "-c", program, str(directory)]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def _start_up() -> Row:
    seconds = medians(
        {
            "--help": lambda: subprocess.run([sys.executable, "-m", "daddy_encode", "--help"], capture_output=True),
            "import click": lambda: subprocess.run([sys.executable, "-c", "import click"]),
        },
        21,
    )
    figures = ", ".join(f"{name} {value * 1000:.0f} ms" for name, value in seconds.items())
    return Row("--help against importing click", figures, seconds["--help"] / seconds["import click"], "<= 3")
