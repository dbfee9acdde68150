"""What a recording does on a disk that is full, fills up, fails or is slow: real ones."""

from __future__ import annotations

import os
import re
import subprocess
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from daddy_encode.dump import FrameWriter
from daddy_encode.errors import SpoolError
from daddy_encode.spool.png.pixels import Pixels
from daddy_encode.video_utils import save_frames_as_png
from tests.dump.conftest import SlowDisk
from tests.dump.reading import annotations_of, frame_files, manifest_of, pixels_of
from tests.media import noise

Mount = Callable[[str], Path]
ENDLESS = 100_000

pytestmark = pytest.mark.usefixtures("transport")


def frame_of(seed: int) -> Pixels:
    # Incompressible: 12 KiB on disk.
    (frame,) = noise(1, 64, 64, seed)
    return np.asarray(frame)


def write_until_it_fails(writer: FrameWriter) -> SpoolError:
    with pytest.raises(SpoolError) as caught, writer:
        for index in range(ENDLESS):
            writer.write(frame_of(index), index=index)
    return caught.value


def assert_honest_rest(directory: Path, error: str) -> None:
    """What is left is a row of good frames, which a manifest, where there is one, describes and calls incomplete."""
    files = frame_files(directory)
    assert [path.name for path in files] == [f"{index:06d}.png" for index in range(len(files))]
    for index, pixels in enumerate(pixels_of(directory)):
        assert np.array_equal(pixels, frame_of(index))
    if (directory / "manifest.json").exists():
        manifest = manifest_of(directory)
        assert (manifest["complete"], manifest["frames"]) == (False, len(files))
        assert error in manifest["error"]
    if (directory / "annotations.jsonl").exists():
        lines = annotations_of(directory)
        assert [line["index"] for line in lines] == list(range(len(lines)))
        assert len(lines) <= len(files)


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize(
    ("options", "message"),
    [("size=1m", "No space left on device"), ("size=8m,nr_inodes=30", "No space left on device")],
    ids=["bytes", "inodes"],
)
def test_a_full_disk_reaches_the_caller_with_the_name_of_the_frame(
    options: str, message: str, threads: int, tmpfs: Mount
) -> None:
    directory = tmpfs(options) / "job"
    error = write_until_it_fails(FrameWriter(directory, min_free=0, workers=threads, meta={"seed": 1}))
    # It has left nothing behind, and it is the first that is not there: frames are written in their order.
    named = re.fullmatch(
        rf"cannot write {re.escape(str(directory))}/([0-9]{{6}})\.png \(file system .*\): {message}; .*", str(error)
    )
    assert named is not None
    assert int(named[1]) == len(frame_files(directory)) > 20
    assert_honest_rest(directory, message)
    if (directory / "manifest.json").exists():
        assert manifest_of(directory)["meta"] == {"seed": 1}


def test_an_error_in_the_last_frames_reaches_the_caller_at_close(tmpfs: Mount) -> None:
    directory = tmpfs("size=100k") / "job"
    writer = FrameWriter(directory, min_free=0)
    # All are taken before any is written, for they are taken much faster: whichever call it is, one must say it.
    with pytest.raises(SpoolError, match=r"cannot write .*\.png \(file system .*\): No space left on device"):
        for index in range(12):
            writer.write(frame_of(index), index=index)
        writer.close()
    writer.close()
    assert_honest_rest(directory, "No space left")


def test_a_disk_that_becomes_read_only_is_an_error_with_advice(tmpfs: Mount) -> None:
    mounted = tmpfs("size=8m")
    writer = FrameWriter(mounted / "job", min_free=0, workers=1)
    writer.write(frame_of(0))
    while len(frame_files(mounted / "job")) < 1:
        time.sleep(0.01)
    # A file that is still open for writing keeps the mount from changing.
    while subprocess.run(["mount", "-o", "remount,ro", str(mounted)], capture_output=True).returncode:
        time.sleep(0.01)
    error = write_until_it_fails_from(writer, 1)
    assert "000001.png: Read-only file system; the file system is read-only: choose another place" in str(error)
    assert not (mounted / "job" / "manifest.json").exists()
    subprocess.run(["mount", "-o", "remount,rw", str(mounted)], check=True)


def write_until_it_fails_from(writer: FrameWriter, start: int) -> SpoolError:
    with pytest.raises(SpoolError) as caught, writer:
        for index in range(start, ENDLESS):
            writer.write(frame_of(index))
    return caught.value


def test_min_free_stays_free(tmpfs: Mount) -> None:
    mounted = tmpfs("size=2m")
    error = write_until_it_fails(FrameWriter(mounted / "job", min_free=2**20, workers=1))
    assert f"{2**20} must stay free (min_free)" in str(error)
    disk = os.statvfs(mounted)
    free = disk.f_bavail * disk.f_frsize
    # The manifest and the annotations come after the last frame; a few blocks. And it is no early surrender.
    assert 2**20 - 64 * 1024 < free < 2**20 + 64 * 1024
    assert_honest_rest(mounted / "job", "must stay free")
    assert manifest_of(mounted / "job")["complete"] is False


def test_by_default_a_hundredth_of_the_disk_and_of_its_inodes_stays_free(tmpfs: Mount) -> None:
    mounted = tmpfs("size=4m")
    write_until_it_fails(FrameWriter(mounted / "job", workers=1))
    disk = os.statvfs(mounted)
    assert disk.f_bavail * disk.f_frsize > 0
    few = tmpfs("size=40m,nr_inodes=1000")
    error = write_until_it_fails(FrameWriter(few / "job", workers=1))
    assert "10 must stay free; remove files, or give min_free=0" in str(error)
    assert 5 <= os.statvfs(few).f_favail <= 10


def test_with_stop_a_full_disk_is_a_warning_and_the_rollout_goes_on(tmpfs: Mount) -> None:
    directory = tmpfs("size=1m") / "job"
    writer = FrameWriter(directory, min_free=2**19, on_error="stop")
    with pytest.warns(RuntimeWarning, match=r"must stay free .*recording has stopped") as warned, writer:
        # Frames are taken much faster than they are written: go on until the disk has been heard of.
        results = [writer.write(frame_of(0), index=0)]
        while results[-1] and len(results) < ENDLESS:
            results.append(writer.write(frame_of(len(results)), index=len(results)))
        results += [writer.write(frame_of(index), index=index) for index in range(20)]
    assert len(warned) == 1
    # Taken at first, dropped in the end, and nothing in between.
    assert results == sorted(results, reverse=True)
    assert (results[0], results[-1]) == (True, False)
    assert writer.dropped == results.count(False)
    assert_honest_rest(directory, "must stay free")
    assert manifest_of(directory)["meta"] == {"dropped_frames": results.count(False)}


def test_with_stop_even_a_directory_that_cannot_be_made_is_only_a_warning(tmpfs: Mount) -> None:
    directory = tmpfs("size=1m,ro") / "job"
    with (
        pytest.warns(RuntimeWarning, match="cannot make .*Read-only file system"),
        FrameWriter(directory, on_error="stop") as writer,
    ):
        assert writer.write(frame_of(0)) is False


def test_save_frames_as_png_leaves_nothing_on_a_full_disk(tmpfs: Mount) -> None:
    mounted = tmpfs("size=1m")
    with pytest.raises(SpoolError, match="must stay free"):
        save_frames_as_png((frame_of(index) for index in range(ENDLESS)), mounted / "job")
    assert os.listdir(mounted) == []


@pytest.mark.soak
def test_on_a_slow_disk_memory_stays_below_the_limit_and_every_frame_is_kept(
    slow_disk: Callable[[int], SlowDisk],
) -> None:
    frames = np.random.default_rng(0).integers(0, 256, (100, 256, 256, 3), np.uint8)
    frame_bytes = frames[0].nbytes
    capacity = 8
    threads = 2
    disk = slow_disk(15_000_000)
    directory = disk.path / "job"
    most = 0
    tracemalloc.start()
    try:
        with FrameWriter(directory, max_bytes=capacity * frame_bytes, workers=threads, min_free=0) as writer:
            before, _ = tracemalloc.get_traced_memory()
            tracemalloc.reset_peak()
            for frame in frames:
                writer.write(frame)
                most = max(most, writer.frames - len(frame_files(disk.real / "job")))
            _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # The disk was slow enough for the limit to matter, and it held; files being written are listed already.
    assert capacity - threads <= most <= capacity
    # Beside the limit, each thread has the filtered rows, the output while it grows, the file, and isal's tables.
    assert peak - before < capacity * frame_bytes + threads * (5 * frame_bytes + 2**19)
    assert manifest_of(directory)["frames"] == len(frame_files(directory)) == 100
