"""A cluster on paper: what 2,048 rollouts cost on 64 array tasks, from what one of them costs here."""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from tests.benchmarks import peers
from tests.benchmarks.claims_simulation import Scene, Simulated, simulate
from tests.benchmarks.clips import CLIPS, cycled, dump
from tests.benchmarks.measure import command_seconds, measure
from tests.benchmarks.options import DADDY_ENCODE, Options
from tests.benchmarks.result import Row, Table

ROLLOUTS = 2048
TASKS = 64
FRAMES = 1000
TITLE = "A cluster, on paper"
ABOUT = f"""
{ROLLOUTS:,} rollouts of {FRAMES:,} frames, recorded by `FrameWriter` in GPU jobs, encoded to MP4 by an array of {TASKS}
tasks of one core each: worked out from what one rollout costs on this machine, in processor time (of the command, its
start-up included) and in calls that a file server has to answer. strace counts these: what names a file in the spool
(open, stat, rename, unlink, ...), lists it, or flushes to disk; of a second look at a file within seconds, a client
with a cache need not ask. imageio in the GPU job, beside it, writes no frames, and keeps the rollout waiting while it
encodes.

Which encoder takes which job is simulated in virtual time: the real code of `encode_all` and of the claims, {TASKS}
encoders that start within 5 s of each other, calls that take 1 to 20 ms, clients that keep a file's status for up to
3 s and a directory's for up to 30 s as NFS's do, and some encoders that are killed and started anew. Double work is the
share of the encoding that was done for a job that another encoder had encoded, or was encoding.
"""
SHOWN = ("cartpole", "cheetah", "humanoid")
_RECORD = """
import sys
from daddy_encode.dump import FrameWriter
import numpy as np
source, target, count = sys.argv[1:]
frames = np.load(source, mmap_mode="r")
with FrameWriter(target) as writer:
    for index in range(int(count)):
        writer.write(np.array(frames[index % len(frames)]))
"""
# What a file server has to answer; of the rest, such as read and close, a client answers most by itself.
ASKED = "%file,getdents64,fsync,fdatasync,fchmod,fchown,ftruncate"


def run(options: Options) -> Iterator[Row | Table]:
    count = options.sizes(FRAMES, 20)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        costs = {clip: _seconds(folder / clip, clip, count, options) for clip in options.sizes(SHOWN, SHOWN[:1])}
        yield _core_hours(costs, count)
        encoding = [encode for _, encode, _ in costs.values()]
        scene = Scene(shortest=min(encoding), longest=max(encoding) + 0.1)
        if options.quick:
            scene = Scene(encoders=8, jobs=48, killed=1, lease=20.0)
        simulated = simulate(scene)
        yield Row(
            what=f"double work of {scene.encoders} encoders on {scene.jobs:,} jobs, per cent",
            value=100 * simulated.double_work,
            bar="<= 0.5",
            figures=f"{simulated.twice} jobs twice; {simulated.refused / scene.jobs:.1f} claims refused per job; "
            f"{scene.killed} encoders killed, with {simulated.lost:.0f} s of work, of {simulated.useful:,.0f} s in all",
        )
        yield _files(count)
        if shutil.which("strace") is None:
            yield Table("Metadata operations: left out", ["why"], [["strace, a Debian package, is not installed"]])
        else:
            yield _operations(folder / "calls", count, scene, simulated, np.mean(encoding).item())


def _seconds(folder: Path, clip: str, count: int, options: Options) -> tuple[float, float, float]:
    """Processor seconds for one rollout: recording, encoding, and what imageio takes in the GPU job."""
    folder.mkdir()
    source = folder / "frames.npy"
    np.save(source, np.stack(list(cycled(clip, min(count, CLIPS[clip].frames)))))
    recorded, job = folder / "recorded", dump(folder / "job", clip, count)
    measured = measure(
        {
            "recording": [sys.executable, "-c", _RECORD, str(source), str(recorded), str(count)],
            "encoding": [DADDY_ENCODE, "encode", job, "--video", "mp4", "--force"],
            "imageio": peers.command(peers.FROM_FRAMES["imageio"], source, folder / "imageio.mp4"),
        },
        options.rounds(1),
        lambda name: shutil.rmtree(recorded, ignore_errors=True),
    )
    shutil.rmtree(folder)
    share = count / min(count, CLIPS[clip].frames)
    return measured["recording"].cpu, measured["encoding"].cpu, measured["imageio"].cpu * share


def _core_hours(costs: dict[str, tuple[float, float, float]], count: int) -> Table:
    def hours(seconds: float) -> str:
        return f"{seconds * ROLLOUTS / 3600:.1f}"

    cells = [
        [
            f"{clip} {CLIPS[clip].size}",
            f"{record:.2f} s",
            f"{encode:.2f} s",
            hours(record),
            hours(encode),
            f"{encode * ROLLOUTS / TASKS / 60:.1f} min",
            hours(imageio),
        ]
        for clip, (record, encode, imageio) in costs.items()
    ]
    return Table(
        f"Core-hours for {ROLLOUTS:,} rollouts of {count:,} frames (imageio: from a shorter clip, in proportion)",
        [
            "",
            "CPU to record one",
            "CPU to encode one",
            "core-hours in GPU jobs",
            f"core-hours in {TASKS} CPU tasks",
            "which take",
            "imageio: core-hours in GPU jobs",
        ],
        cells,
    )


def _files(count: int) -> Table:
    # The directory, its manifest and `rollout.json`.
    before = ROLLOUTS * (count + 3)
    return Table(
        "Files and directories in the spool",
        ["when", "how many"],
        [
            ["recorded", f"{before:,}"],
            ["encoded (a video and a receipt for each)", f"{before + 2 * ROLLOUTS:,}"],
            ["after that, the frames removed by hand", f"{2 * ROLLOUTS:,}"],
            ["imageio in the GPU job", f"{ROLLOUTS:,}"],
        ],
    )


def _operations(folder: Path, count: int, scene: Scene, simulated: Simulated, seconds: float) -> Table:
    """What is asked of the file server for one rollout, and for all of them."""
    folder.mkdir()
    np.save(folder / "frames.npy", np.stack(list(cycled("breakout", count))))
    spool = folder / "spool"
    spool.mkdir()
    job = spool / "job"
    record = _asked(
        spool, [sys.executable, "-c", _RECORD, str(folder / "frames.npy"), str(job), str(count)], folder / "trace"
    )
    encode = _asked(spool, [DADDY_ENCODE, "encode", str(spool), "--video", "mp4"], folder / "trace")
    looked = _asked(spool, [DADDY_ENCODE, "encode", str(spool), "--video", "mp4"], folder / "trace")
    # Of the simulation, what several encoders ask beyond what the one that encodes a job does.
    others = sum(simulated.calls.values()) / scene.jobs
    wall = seconds * ROLLOUTS / TASKS
    cells = []
    for what, one, time in (
        ("recording", float(record.total()), 0.0),
        ("encoding", float(encode.total()), wall),
        (f"claims, and looking what others have done, of {scene.encoders} encoders (simulated)", others, wall),
        ("the same command once more, by one encoder", float(looked.total()), 0.0),
    ):
        rate = f"{one * ROLLOUTS / time:,.0f}" if time else ""
        cells.append([what, f"{one:,.0f}", f"{one / count:.2f}", f"{one * ROLLOUTS:,.0f}", rate])
    return Table(
        f"Metadata operations (recording: {_most(record)}; encoding: {_most(encode)})",
        ["", "a rollout", "a frame", f"{ROLLOUTS:,} rollouts", f"a second, from {TASKS} tasks"],
        cells,
    )


def _most(calls: Counter[str]) -> str:
    return ", ".join(f"{number:,} {name}" for name, number in calls.most_common(4))


def _asked(spool: Path, command: Sequence[str], trace: Path) -> Counter[str]:
    """The calls of a command and all that it starts which name something in `spool`, or an open file of it."""
    tracing = ["strace", "-f", "-y", "-s", "4096", "-o", str(trace), "-e", f"trace={ASKED}"]
    command_seconds([*tracing, *command])
    calls: Counter[str] = Counter()
    with trace.open(errors="replace") as lines:
        for line in lines:
            match = re.match(r"\d+ +(\w+)\((.*)", line)
            # An empty name is that of an open file, whose status a client has.
            if match and str(spool) in match[2] and ', "", ' not in match[2]:
                calls[match[1]] += 1
    return calls
