"""What frames cost in files and in space."""

from __future__ import annotations

import itertools
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tests.benchmarks.clips import CLIPS, cycled, dump
from tests.benchmarks.measure import Call, Run, command_seconds, measure, peak_bytes
from tests.benchmarks.options import DADDY_ENCODE, Options
from tests.benchmarks.result import Row, Table
from tests.benchmarks.slow_mount import slow_mount, why_not
from tests.media import ffmpeg

TITLE = "Space: few files"
ABOUT = """
Recording by a script of `FrameWriter`, its start included, onto a mount where each call that names, makes, opens,
lists or removes a file takes 1 ms longer, as on a file server: loose PNGs against `container="tar"`, which appends them
to one file. The mount is a FUSE file system of this benchmark's own, on the same disk.

`daddy-encode verify` on small MP4s of Breakout, against `xargs -PN` that has an ffmpeg decode each of them to nothing,
N the number of cores. Start-up is included, and so is what xargs has no word for: sizes, SHA-256, boxes and colours
against the receipts. With `--against-frames` every frame is read and compared as well: against encoding them anew.

`daddy-encode clean --yes` of jobs with loose PNGs, each of which it verifies so before it deletes its frames: against
`verify --against-frames` of the same jobs, and in memory against a quarter of them.

`daddy-encode encode` of a job that was packed, against the same job as loose PNGs of our writer. Start-up is
included, and both make the same bytes.
"""
MICROSECONDS = 1000
BAR = 5
# Frames that are recorded.
RECORDED = {"breakout": 1200, "cartpole": 1200, "cheetah": 500, "humanoid": 150}
ROUNDS = 2
# So many different ones fit into memory, and are repeated.
DIFFERENT = 120
# Videos that are verified, of which so many differ; their frames; those of which the frames are there.
VERIFIED, VERIFIED_DIFFERENT, VERIFIED_FRAMES, COMPARED = 1000, 10, 100, 40
# Jobs whose frames are deleted, and the frames of each.
CLEANED, CLEANED_FRAMES = 1000, 10
# Clips that are packed, and the rounds in which each of their videos is made.
PACKED = ("breakout", "cartpole", "cheetah", "humanoid")
PACKED_ROUNDS = 3
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
    yield from _verifying(options)
    yield from _cleaning(options)
    yield from _encoding_packed(options)


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


def _verifying(options: Options) -> Iterator[Row]:
    cores = len(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory() as name:
        spool = Path(name, "spool")
        for index in range(VERIFIED_DIFFERENT):
            dump(spool / f"job-{index}", "breakout", VERIFIED_FRAMES, first=40 * index)
        command_seconds([DADDY_ENCODE, "encode", "-q", "--video", "mp4", spool])
        count = options.sizes(VERIFIED, 20)
        videos = [_copied(spool, Path(name, "many"), index) for index in range(count)]
        names = Path(name, "names")
        names.write_text("".join(f"{video}\n" for video in videos))
        some = Path(name, "some")
        for index in range(count // 4):
            _copied(spool, some, index)
        hand = [ffmpeg(), "-v", "error", "-nostdin", "-i", "VIDEO", "-f", "null", "-"]
        took = measure(
            {
                "ours": [DADDY_ENCODE, "verify", "-q", Path(name, "many")],
                "by hand": ["xargs", "--arg-file", names, f"-P{cores}", "-I", "VIDEO", *hand],
            },
            options.rounds(1),
        )
        quarter = peak_bytes([DADDY_ENCODE, "verify", "-q", some])
        what = f"verify, {count} videos of {VERIFIED_FRAMES} frames"
        yield Row(
            what=f"{what}: wall, against `ffmpeg -f null` by hand",
            value=took["ours"].wall / took["by hand"].wall,
            bar="<= 1.2",
            figures=f"{took['ours'].wall:.1f} s against {took['by hand'].wall:.1f} s; processor "
            f"{took['ours'].cpu:.1f} s against {took['by hand'].cpu:.1f} s",
        )
        yield Row(
            what=f"{what}: memory, against a quarter of them",
            value=took["ours"].peak / quarter,
            bar="<= 1.1",
            figures=f"{took['ours'].megabytes} MB against {quarter / 1e6:.0f} MB with ffmpeg",
        )
        compared = options.sizes(COMPARED, 4)
        beside = Path(name, "beside")
        for index in range(compared):
            _copied(spool, beside, index, with_frames=True)
        took = measure(
            {
                "verify": [DADDY_ENCODE, "verify", "-q", "--against-frames", beside],
                "encode": [DADDY_ENCODE, "encode", "-q", "--force", beside],
            },
            options.rounds(1),
        )
        yield Row(
            what=f"verify --against-frames, {compared} videos of {VERIFIED_FRAMES} frames: wall, against encoding them",
            value=took["verify"].wall / took["encode"].wall,
            figures=f"{took['verify'].wall:.1f} s against {took['encode'].wall:.1f} s",
        )


def _cleaning(options: Options) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as name:
        spool = Path(name, "spool")
        for index in range(VERIFIED_DIFFERENT):
            dump(spool / f"job-{index}", "breakout", CLEANED_FRAMES, first=40 * index)
        command_seconds([DADDY_ENCODE, "encode", "-q", "--video", "mp4", spool])
        count = options.sizes(CLEANED, 12)

        def made(where: str, jobs: int) -> Path:
            for index in range(jobs):
                _copied(spool, Path(name, where), index, with_frames=True)
            return Path(name, where)

        def clean(where: Path) -> list[str | Path]:
            return [DADDY_ENCODE, "clean", "-q", "--yes", where]

        # Each deletes what it is given: memory is that of a run before, as elsewhere.
        quarter, peak = (peak_bytes(clean(made(f"{jobs} jobs", jobs))) for jobs in (count // 4, count))
        beside = made("verify", count)
        verify = command_seconds([DADDY_ENCODE, "verify", "-q", "--against-frames", beside])[0]
        cleaned = made("clean", count)
        before = _files(cleaned)
        seconds = command_seconds(clean(cleaned))[0]
        left = _files(cleaned)
        what = f"clean, {count} jobs of {CLEANED_FRAMES} frames"
        yield Row(
            what=f"{what}: files left, of those before",
            value=left / before,
            figures=f"{left} of {before}",
        )
        yield Row(
            what=f"{what}: wall, against verifying them beside their frames",
            value=seconds / verify,
            figures=f"{seconds:.1f} s against {verify:.1f} s",
        )
        yield Row(
            what=f"{what}: memory, against a quarter of them",
            value=peak / quarter,
            bar="<= 1.1",
            figures=f"{peak / 1e6:.0f} MB against {quarter / 1e6:.0f} MB with ffmpeg",
        )


def _encoding_packed(options: Options) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as name:
        for clip in PACKED[: options.sizes(len(PACKED), 1)]:
            loose = dump(Path(name, "loose", clip), clip, options.sizes(None, 40))
            packed = Path(shutil.copytree(loose, Path(name, "packed", clip)))
            command_seconds([DADDY_ENCODE, "pack", "-q", packed])
            jobs = {"packed": packed, "loose": loose}
            for kind in ("mp4", "gif"):
                took = measure(
                    {way: [DADDY_ENCODE, "encode", "-q", "--force", "--video", kind, job] for way, job in jobs.items()},
                    options.rounds(PACKED_ROUNDS),
                )
                what = f"{clip} {CLIPS[clip].size}, packed, encode --video {kind}"
                for time, ours, theirs in (
                    ("processor time", took["packed"].cpu, took["loose"].cpu),
                    ("wall", took["packed"].wall, took["loose"].wall),
                ):
                    yield Row(
                        what=f"{what}: {time}, times that of loose PNGs",
                        value=ours / theirs,
                        bar="<= 1.05",
                        figures=f"{ours:.2f} s against {theirs:.2f} s",
                        why="a GIF of at most 256 colours is made here of pixels one by one; H.264 takes longer to "
                        "decode than PNGs, large parts of which are flat, take to inflate",
                    )


def _files(folder: Path) -> int:
    return sum(path.is_file() for path in folder.rglob("*"))


def _copied(spool: Path, root: Path, index: int, *, with_frames: bool = False) -> Path:
    """A job's MP4 and receipt, hard links, in a directory of up to ten; the MP4's path."""
    folder = root / f"run-{index // VERIFIED_DIFFERENT:03}"
    folder.mkdir(parents=True, exist_ok=True)
    job = spool / f"job-{index % VERIFIED_DIFFERENT}"
    for suffix in (".mp4", ".receipt.json"):
        os.link(f"{job}{suffix}", folder / f"{job.name}{suffix}")
    if with_frames:
        shutil.copytree(job, folder / job.name, copy_function=os.link)
    return folder / f"{job.name}.mp4"
