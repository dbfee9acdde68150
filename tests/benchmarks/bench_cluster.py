"""A cluster on paper: what 2,048 rollouts cost on 64 array tasks, from what one of them costs here."""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from tests.benchmarks import peers
from tests.benchmarks.claims_simulation import Scene, Simulated, simulate
from tests.benchmarks.clips import CLIPS, cycled, dump
from tests.benchmarks.measure import Measured, command_seconds, measure
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

Processor time is not how long it takes: an encoder waits for each call, one after another. So the table of the time
adds to an even share of the processor time what all calls take, at several times a call; where x264 works meanwhile, or
a client answers by itself, it is less. What a file system needs to deliver the frames' bytes comes on top.

Which encoder takes which job is simulated in virtual time: the real code of `encode_all` and of the claims, {TASKS}
encoders that start within 5 s of each other, calls that take 1 to 20 ms, clients that keep a file's and a directory's
status for up to 60 s, the most that NFS's do unless they are told otherwise, and some encoders that are killed and
started anew. A job takes its processor time in one simulation, and that and its calls in the other. Double work is the
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


# How long a call may take: a local disk or a server near by, a usual one, a busy one.
MILLISECONDS = (0.1, 1.0, 10.0)


@dataclass(frozen=True)
class _Cost:
    """What one rollout costs: recording, encoding, and imageio in the GPU job."""

    record: Measured
    encode: Measured
    imageio: float


def run(options: Options) -> Iterator[Row | Table]:
    count = options.sizes(FRAMES, 20)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        costs = {clip: _cost(folder / clip, clip, count, options) for clip in options.sizes(SHOWN, SHOWN[:1])}
        yield _core_hours(costs, count)
        calls = _calls(folder / "calls", count) if shutil.which("strace") else None
        asked = calls["encoding"].total() if calls else 0
        if calls:
            yield _times(costs, asked, count)
        encoding = [cost.encode.cpu for cost in costs.values()]
        scene = Scene(shortest=min(encoding), longest=max(encoding) + 0.1, acregmin=60.0, acdirmin=60.0)
        if options.quick:
            scene = replace(scene, encoders=8, jobs=48, killed=1, lease=20.0)
        simulated = simulate(scene)
        yield from _simulated(scene, simulated, "processor time alone")
        if calls:
            waiting = asked * (scene.fastest + scene.slowest) / 2
            slow = replace(scene, shortest=scene.shortest + waiting, longest=scene.longest + waiting)
            yield from _simulated(slow, simulate(slow), "and calls")
        yield _files(count)
        if calls:
            yield _operations(calls, count, sum(simulated.calls.values()) / scene.jobs)
        else:
            yield Table("Metadata operations: left out", ["why"], [["strace, a Debian package, is not installed"]])


def _simulated(scene: Scene, simulated: Simulated, what: str) -> Iterator[Row]:
    encoders = f"{scene.encoders} encoders on {scene.jobs:,} jobs, {what}"
    yield Row(
        what=f"double work of {encoders}, per cent",
        value=100 * simulated.double_work,
        bar="<= 0.5",
        figures=f"{simulated.twice} jobs twice; {simulated.refused / scene.jobs:.1f} claims refused per job; "
        f"{scene.killed} encoders killed, with {simulated.lost:.0f} s of work, of {simulated.useful:,.0f} s in all",
    )
    share = simulated.useful / scene.encoders
    yield Row(
        what=f"time of {encoders}: an even share of the encoding is 1",
        value=simulated.took / share,
        figures=f"{simulated.took:.0f} s from the first start to the last end, against {share:.0f} s; "
        f"a job takes {scene.shortest:.1f} to {scene.longest:.1f} s",
    )


def _cost(folder: Path, clip: str, count: int, options: Options) -> _Cost:
    folder.mkdir()
    source, first = folder / "frames.npy", folder / "first.npy"
    short = min(count, CLIPS[clip].frames)
    np.save(source, np.stack(list(cycled(clip, short))))
    np.save(first, np.stack(list(cycled(clip, 1))))
    recorded, job = folder / "recorded", dump(folder / "job", clip, count)
    measured = measure(
        {
            "recording": [sys.executable, "-c", _RECORD, str(source), str(recorded), str(count)],
            "encoding": [DADDY_ENCODE, "encode", job, "--video", "mp4", "--force"],
            "imageio": peers.command(peers.FROM_FRAMES["imageio"], source, folder / "imageio.mp4"),
            "imageio's first": peers.command(peers.FROM_FRAMES["imageio"], first, folder / "first.mp4"),
        },
        options.rounds(3),
        lambda name: shutil.rmtree(recorded, ignore_errors=True),
    )
    shutil.rmtree(folder)
    start_up = measured["imageio's first"].cpu
    imageio = start_up + (measured["imageio"].cpu - start_up) * (count - 1) / (short - 1)
    return _Cost(measured["recording"], measured["encoding"], imageio)


def _core_hours(costs: dict[str, _Cost], count: int) -> Table:
    def hours(seconds: float) -> str:
        return f"{seconds * ROLLOUTS / 3600:.1f}"

    return Table(
        f"Processor time for {ROLLOUTS:,} rollouts of {count:,} frames (imageio: what follows the first frame, from a "
        "shorter clip in proportion)",
        [
            "",
            "CPU to record one",
            "CPU to encode one",
            "core-hours in GPU jobs",
            f"core-hours in {TASKS} CPU tasks",
            "imageio: core-hours in GPU jobs",
        ],
        [
            [
                f"{clip} {CLIPS[clip].size}",
                cost.record.cpu_seconds(),
                cost.encode.cpu_seconds(),
                hours(cost.record.cpu),
                hours(cost.encode.cpu),
                hours(cost.imageio),
            ]
            for clip, cost in costs.items()
        ],
    )


def _times(costs: dict[str, _Cost], asked: int, count: int) -> Table:
    """How long the tasks take, if each has an even share."""

    def minutes(seconds: float) -> str:
        return f"{seconds * ROLLOUTS / TASKS / 60:.1f} min"

    return Table(
        f"Time of {TASKS} tasks for {ROLLOUTS:,} rollouts, each an even share, at most; {asked:,} calls a rollout, "
        f"{asked // count} for each frame and {asked % count} besides",
        ["", "processor time alone", *(f"and {each:g} ms a call" for each in MILLISECONDS)],
        [
            [
                f"{clip} {CLIPS[clip].size}",
                *(minutes(cost.encode.cpu + asked * each / 1000) for each in (0.0, *MILLISECONDS)),
            ]
            for clip, cost in costs.items()
        ],
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


def _calls(folder: Path, count: int) -> dict[str, Counter[str]]:
    """What is asked of the file server for one rollout; what the frames show does not matter."""
    folder.mkdir()
    np.save(folder / "frames.npy", np.stack(list(cycled("breakout", count))))
    spool = folder / "spool"
    spool.mkdir()
    record = [sys.executable, "-c", _RECORD, str(folder / "frames.npy"), str(spool / "job"), str(count)]
    encode = [DADDY_ENCODE, "encode", str(spool), "--video", "mp4"]
    commands = {"recording": record, "encoding": encode, "the same command once more, by one encoder": encode}
    return {what: _asked(spool, command, folder / "trace") for what, command in commands.items()}


def _operations(calls: dict[str, Counter[str]], count: int, others: float) -> Table:
    """`others`: what several encoders ask about a job beyond what the one that encodes it does."""
    rows = {what: float(asked.total()) for what, asked in calls.items()}
    rows[f"claims, and looking what others have done, of {TASKS} encoders (simulated)"] = others
    return Table(
        f"Metadata operations (recording: {_most(calls['recording'])}; encoding: {_most(calls['encoding'])})",
        ["", "a rollout", "a frame", f"{ROLLOUTS:,} rollouts"],
        [[what, f"{one:,.0f}", f"{one / count:.2f}", f"{one * ROLLOUTS:,.0f}"] for what, one in rows.items()],
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
