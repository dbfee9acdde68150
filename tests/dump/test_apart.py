"""Recording through processes: any layout, memory that cannot be read, hands and rollouts that are killed, forks."""

from __future__ import annotations

import ctypes
import mmap
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from daddy_encode.dump import FrameWriter, crew
from daddy_encode.errors import SpoolError
from tests.conftest import missing
from tests.dump.conftest import SlowDisk
from tests.dump.reading import Pixels, annotations_of, assert_same, frame_files, manifest_of, pixels_of
from tests.service.spools import until

# memfd_secret(2) has no wrapper in the C library.
_MEMFD_SECRET = 447


def noise(count: int, height: int = 120, width: int = 90) -> Pixels:
    return np.random.default_rng(count).integers(0, 256, (count, height, width, 3), np.uint8)


LAYOUTS: dict[str, Callable[[Pixels], Pixels]] = {
    "plain": lambda frame: frame,
    "upside down": lambda frame: frame[::-1],
    "mirrored": lambda frame: frame[:, ::-1],
    "turned": lambda frame: frame.swapaxes(0, 1),
    "turned and mirrored": lambda frame: frame.swapaxes(0, 1)[::-1, ::-1],
    "other channels first": lambda frame: frame[..., ::-1],
    "cut out": lambda frame: frame[3:-5, 4:-6],
    "every other row": lambda frame: frame[::2],
    "columns first": np.asfortranarray,
    "one row": lambda frame: frame[:1],
    "one column": lambda frame: frame[:, :1],
    "grey out of colours": lambda frame: frame[..., 1],
    "one pixel": lambda frame: frame[7:8, 7:8],
}


def hands() -> list[int]:
    """The processes that write this process's frames."""
    assert crew._crew is not None
    return [hand._process.pid for hand in crew._crew.hands]


@pytest.mark.parametrize("way", ["write", "take"])
@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_a_frame_of_any_layout_arrives_as_it_is(layout: Callable[[Pixels], Pixels], way: str, tmp_path: Path) -> None:
    frames = [layout(frame) for frame in noise(12)]
    with FrameWriter(tmp_path / "job", workers=2) as writer:
        for frame in frames:
            getattr(writer, way)(frame)
    assert_same(pixels_of(tmp_path / "job"), frames)


def test_layouts_may_change_from_frame_to_frame(tmp_path: Path) -> None:
    square = noise(30, 200, 200)
    frames = [list(LAYOUTS.values())[index % 6](frame) for index, frame in enumerate(square)]
    for way in ("write", "take"):
        with FrameWriter(tmp_path / way) as writer:
            for frame in frames:
                getattr(writer, way)(frame)
        assert_same(pixels_of(tmp_path / way), frames)


def test_memory_that_no_other_process_may_read_is_copied(tmp_path: Path) -> None:
    descriptor = ctypes.CDLL(None, use_errno=True).syscall(_MEMFD_SECRET, 0)
    if descriptor < 0:
        missing("memfd_secret is missing: it needs Linux 5.14, not switched off")
    expected = noise(20)
    os.ftruncate(descriptor, expected.nbytes)
    frames = np.frombuffer(mmap.mmap(descriptor, expected.nbytes), np.uint8).reshape(expected.shape)
    os.close(descriptor)
    frames[...] = expected
    with FrameWriter(tmp_path / "job", workers=2) as writer:
        for index, frame in enumerate(frames):
            writer.take(frame, index=index)
    assert_same(pixels_of(tmp_path / "job"), list(expected))
    assert [line["index"] for line in annotations_of(tmp_path / "job")] == list(range(20))


def test_all_writers_share_the_hands_and_the_next_one_finds_them(tmp_path: Path) -> None:
    with FrameWriter(tmp_path / "first", workers=1) as writer:
        writer.write(noise(1)[0])
        before = hands()
    frames = noise(25)
    writers = [FrameWriter(tmp_path / str(index), workers=1) for index in range(6)]
    for frame in frames:
        for writer in writers:
            writer.write(frame)
    for writer in writers:
        writer.close()
        assert_same(pixels_of(writer.directory), list(frames))
    assert set(before) <= set(hands())
    assert len(hands()) <= len(os.sched_getaffinity(0))


@pytest.mark.parametrize("workers", [1, 2])
def test_a_hand_that_is_killed_ends_the_recording_and_no_other(workers: int, tmp_path: Path) -> None:
    frame = noise(1, 400, 400)[0]
    with pytest.raises(SpoolError, match=r"cannot write .*/job/[0-9]{6}\.png: .* killed by signal 9") as caught:  # noqa: SIM117
        with FrameWriter(tmp_path / "job", workers=workers) as writer:
            for index in range(100_000):
                writer.write(frame, index=index)
                if index == 60:
                    for pid in hands():
                        os.kill(pid, signal.SIGKILL)
    manifest = manifest_of(tmp_path / "job")
    assert (manifest["complete"], manifest["error"]) == (False, f"SpoolError: {caught.value}")
    assert_same(pixels_of(tmp_path / "job"), [frame] * manifest["frames"])
    with FrameWriter(tmp_path / "next", workers=workers) as writer:
        writer.write(frame)
    assert manifest_of(tmp_path / "next")["complete"] is True


BEGINNING = """
import os, signal, sys, time
import numpy as np
from daddy_encode.dump import FrameWriter, crew
frame = np.random.default_rng(0).integers(0, 256, (200, 200, 3), np.uint8)
"""


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_a_killed_rollout_leaves_good_frames_and_no_process(
    tmp_path: Path, slow_disk: Callable[[int], SlowDisk]
) -> None:
    disk = slow_disk(2_000_000)
    code = """
    with FrameWriter("job", min_free=0, workers=2) as writer:
        for _ in range(20):
            writer.write(frame)
        print(*[hand._process.pid for hand in crew._crew.hands], flush=True)
        time.sleep(60)
    """
    with subprocess.Popen(
        [sys.executable, "-c", BEGINNING + code.replace("\n    ", "\n")], cwd=disk.path, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        pids = [int(pid) for pid in child.stdout.readline().split()]
        child.kill()
    until(lambda: all(map(gone, pids)), "the end of the hands", 20)
    # What was in shared memory has been written all the same, and nothing by halves.
    frame = np.random.default_rng(0).integers(0, 256, (200, 200, 3), np.uint8)
    assert_same(pixels_of(disk.real / "job"), [frame] * 20)
    assert not (disk.real / "job" / "manifest.json").exists()


def test_hands_end_with_their_rollout_even_while_a_forked_child_lives_on(tmp_path: Path) -> None:
    code = """
    import warnings
    warnings.simplefilter("ignore", DeprecationWarning)
    with FrameWriter("job") as writer:
        writer.write(frame)
        child = os.fork()
        if child == 0:
            time.sleep(60)
            os._exit(0)
    print(child, *[hand._process.pid for hand in crew._crew.hands])
    """
    # The child has standard output open, too: no waiting for its end.
    with subprocess.Popen(
        [sys.executable, "-c", BEGINNING + code.replace("\n    ", "\n")], cwd=tmp_path, stdout=subprocess.PIPE
    ) as done:
        assert done.stdout is not None
        child, *pids = (int(pid) for pid in done.stdout.readline().split())
        until(lambda: all(map(gone, pids)), "the end of the hands", 20)
        assert not gone(child)
        os.kill(child, signal.SIGKILL)
    assert done.returncode == 0
    assert manifest_of(tmp_path / "job")["complete"] is True


def test_an_interrupt_and_slurms_signals_to_all_processes_do_not_end_a_hand(tmp_path: Path) -> None:
    with FrameWriter(tmp_path / "job", workers=1) as writer:
        writer.write(noise(1)[0])
        for pid in hands():
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                os.kill(pid, number)
        time.sleep(0.05)
        writer.write(noise(1)[0])
    assert len(frame_files(tmp_path / "job")) == 2


@pytest.mark.parametrize(
    ("program", "told"),
    [
        # A simulator that has Python inside.
        ("kit", ""),
        ("python-that-does-not-start", "did not start: ended with status 3"),
        ("python-that-is-not-there", "No such file or directory"),
    ],
)
def test_where_no_process_can_be_started_threads_do_it(program: str, told: str, tmp_path: Path) -> None:
    broken = tmp_path / "python-that-does-not-start"
    broken.write_text("#!/bin/sh\nexit 3\n")
    broken.chmod(0o755)
    code = """
    with FrameWriter("job") as writer:
        for index in range(30):
            writer.write(frame, index=index)
        print(type(writer._background).__name__)
    """
    # As such a program has it from its start.
    start = f"import sys; sys.executable = {str(tmp_path / program)!r}"
    done = subprocess.run(
        [sys.executable, "-c", start + BEGINNING + code.replace("\n    ", "\n")],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (0, "Background\n")
    assert told in done.stderr
    assert done.stderr.count("\n") == (1 if told else 0)
    assert manifest_of(tmp_path / "job")["complete"] is True
    assert len(pixels_of(tmp_path / "job")) == 30
