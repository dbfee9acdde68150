"""What frames cost in files and in space."""

from __future__ import annotations

import itertools
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tests.benchmarks.clips import CLIPS, cycled
from tests.benchmarks.measure import Call, Run, measure
from tests.benchmarks.options import Options
from tests.benchmarks.result import Row, Table
from tests.benchmarks.slow_mount import slow_mount, why_not

TITLE = "Space: few files"
ABOUT = """
Recording by a script of `FrameWriter`, its start included, onto a mount where each call that names, makes, opens,
lists or removes a file takes 1 ms longer, as on a file server: loose PNGs against `container="tar"`, which appends them
to one file. The mount is a FUSE file system of this benchmark's own, on the same disk.
"""
MICROSECONDS = 1000
BAR = 5
# Frames that are recorded.
RECORDED = {"breakout": 2400, "cartpole": 2400, "cheetah": 1000, "humanoid": 300}
ROUNDS = 3
# So many different ones fit into memory, and are repeated.
DIFFERENT = 120
_RECORD = """
import sys
import numpy as np
from daddy_encode.dump import FrameWriter
source, target, container, count = sys.argv[1:]
frames = np.load(source)
with FrameWriter(target, container=container) as writer:
    for index in range(int(count)):
        writer.write(frames[index % len(frames)])
"""


def run(options: Options) -> Iterator[Row | Table]:
    yield from _recording(options)


def _recording(options: Options) -> Iterator[Row | Table]:
    if reason := why_not():
        yield Table("Recording where calls take 1 ms: left out", ["why"], [[reason]])
        return
    clips = dict(itertools.islice(RECORDED.items(), options.sizes(len(RECORDED), 1)))
    with tempfile.TemporaryDirectory() as name, slow_mount(Path(name, "mount"), MICROSECONDS) as mounted:
        for clip, count in clips.items():
            yield _recorded(Path(name), mounted, clip, options.sizes(count, 60), options.rounds(ROUNDS))


def _recorded(folder: Path, mounted: Path, clip: str, count: int, rounds: int) -> Row:
    source = folder / f"{clip}.npy"
    np.save(source, np.array(list(cycled(clip, min(count, DIFFERENT)))))
    numbers = itertools.count()

    def recording(where: Path, container: str) -> Run:
        def record(call: Call) -> tuple[float, float]:
            target = where / f"{clip}-{container}-{next(numbers)}"
            return call([sys.executable, "-c", _RECORD, source, target, container, str(count)])

        return record

    ways = {"loose": recording(mounted, "png"), "tar": recording(mounted, "tar"), "local": recording(folder, "tar")}
    rate = {way: count / took.wall for way, took in measure(ways, rounds).items()}
    files = [len(list(next(mounted.glob(f"{clip}-{container}-*")).iterdir())) for container in ("tar", "png")]
    return Row(
        what=f"{clip} {CLIPS[clip].size}: frames per second, times those of loose PNGs",
        value=rate["tar"] / rate["loose"],
        bar=f">= {BAR}",
        figures=f"{rate['tar']:.0f} against {rate['loose']:.0f} frames per second; {files[0]} files against {files[1]}",
        why=f"to compress them takes most of the time: on the disk itself it is {rate['local']:.0f} frames per second, "
        f"{rate['local'] / rate['loose']:.1f} times as many",
    )
