"""Recording through the worker process: any layout, any length of text, workers that are killed, tight limits."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from daddy_encode.dump import FrameWriter
from daddy_encode.dump.worker import process
from daddy_encode.errors import SpoolError
from daddy_encode.spool.png.pixels import Pixels
from tests.conftest import Require
from tests.dump.conftest import SlowDisk
from tests.dump.reading import annotations_of, assert_same, frame_files, manifest_of, pixels_of
from tests.media import noise
from tests.service.spools import until

LAYOUTS: dict[str, Callable[[Pixels], Pixels]] = {
    "plain": lambda frame: frame,
    "upside down": lambda frame: frame[::-1],
    "mirrored": lambda frame: frame[:, ::-1],
    "turned": lambda frame: frame.swapaxes(0, 1),
    "turned and mirrored": lambda frame: frame.swapaxes(0, 1)[::-1, ::-1],
    "other channels first": lambda frame: frame[..., ::-1],
    "channels apart": lambda frame: np.ascontiguousarray(frame.transpose(2, 0, 1)).transpose(1, 2, 0),
    "cut out": lambda frame: frame[3:-5, 4:-6],
    "every other row": lambda frame: frame[::2],
    "columns first": np.asfortranarray,
    "one row": lambda frame: frame[:1],
    "one column": lambda frame: frame[:, :1],
    "grey out of colours": lambda frame: frame[..., 1],
    "one pixel": lambda frame: frame[7:8, 7:8],
}


def worker() -> int:
    """The process that writes this process's frames."""
    assert process._worker is not None
    return process._worker._process.pid


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_a_frame_of_any_layout_arrives_as_it_is(layout: Callable[[Pixels], Pixels], tmp_path: Path) -> None:
    frames = [layout(frame) for frame in noise(12, 120, 90)]
    with FrameWriter(tmp_path / "job") as writer:
        for frame in frames:
            writer.write(frame)
    assert_same(pixels_of(tmp_path / "job"), frames)


def test_layouts_may_change_from_frame_to_frame(tmp_path: Path) -> None:
    square = noise(30, 200, 200)
    frames = [list(LAYOUTS.values())[index % 7](frame) for index, frame in enumerate(square)]
    with FrameWriter(tmp_path / "job") as writer:
        for frame in frames:
            writer.write(frame)
    assert_same(pixels_of(tmp_path / "job"), frames)


@pytest.mark.usefixtures("transport")
def test_annotations_and_meta_may_be_longer_than_a_sockets_buffer(tmp_path: Path) -> None:
    lengths = [10, 2**15, 2**20, 3, 2**22]
    with FrameWriter(tmp_path / "job", meta={"config": "x" * 2**20}) as writer:
        for frame, length in zip(noise(5), lengths, strict=True):
            writer.write(frame, text="x" * length)
    assert [len(line["text"]) for line in annotations_of(tmp_path / "job")] == lengths
    assert len(manifest_of(tmp_path / "job")["meta"]["config"]) == 2**20


def test_all_writers_share_the_worker_and_the_next_one_finds_it(tmp_path: Path) -> None:
    with FrameWriter(tmp_path / "first", workers=1) as writer:
        writer.write(noise(1)[0])
        before = worker()
    frames = noise(25)
    writers = [FrameWriter(tmp_path / str(index), workers=1) for index in range(6)]
    for frame in frames:
        for writer in writers:
            writer.write(frame)
    for writer in writers:
        writer.close()
        assert_same(pixels_of(writer.directory), list(frames))
    assert worker() == before


def test_recordings_in_threads_do_not_disturb_each_other(tmp_path: Path) -> None:
    frames = noise(20, 40, 40)

    def record(name: str) -> None:
        # Short ones, so that some end while others begin.
        for number in range(12):
            with FrameWriter(tmp_path / f"{name}-{number}") as writer:
                for index, frame in enumerate(frames):
                    writer.write(frame, index=index)

    threads = [threading.Thread(target=record, args=[name], daemon=True) for name in "abcdef"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    assert len(os.listdir(tmp_path)) == 72
    for directory in tmp_path.iterdir():
        assert_same(pixels_of(directory), list(frames))
        assert [line["index"] for line in annotations_of(directory)] == list(range(20))


@pytest.mark.parametrize("workers", [1, 2])
def test_a_worker_that_is_killed_ends_the_recording_and_no_later_one(workers: int, tmp_path: Path) -> None:
    frame = noise(1, 400, 400)[0]
    with pytest.raises(SpoolError, match=r"cannot write .*/job/[0-9]{6}\.png: .* killed by signal 9") as caught:  # noqa: SIM117
        with FrameWriter(tmp_path / "job", workers=workers) as writer:
            for index in range(100_000):
                writer.write(frame, index=index, text="x" * 5000)
                if index == 60:
                    os.kill(worker(), signal.SIGKILL)
    manifest = manifest_of(tmp_path / "job")
    assert (manifest["complete"], manifest["error"]) == (False, f"SpoolError: {caught.value}")
    assert [path.name for path in frame_files(tmp_path / "job")] == [f"{i:06d}.png" for i in range(manifest["frames"])]
    assert_same(pixels_of(tmp_path / "job"), [frame] * manifest["frames"])
    lines = annotations_of(tmp_path / "job") if (tmp_path / "job" / "annotations.jsonl").exists() else []
    assert [line["index"] for line in lines] == list(range(len(lines)))
    assert len(lines) <= manifest["frames"]
    with FrameWriter(tmp_path / "next", workers=workers) as writer:
        writer.write(frame)
    assert manifest_of(tmp_path / "next")["complete"] is True


def test_a_worker_that_is_killed_between_two_recordings_is_replaced(tmp_path: Path) -> None:
    with FrameWriter(tmp_path / "first") as writer:
        writer.write(noise(1)[0])
    before = worker()
    os.kill(before, signal.SIGKILL)
    os.waitid(os.P_PID, before, os.WEXITED | os.WNOWAIT)
    with FrameWriter(tmp_path / "second") as writer:
        writer.write(noise(1)[0])
    assert worker() != before
    assert manifest_of(tmp_path / "second")["complete"] is True


def test_a_worker_that_is_killed_is_heard_of_where_frames_are_dropped_too(tmp_path: Path) -> None:
    frame = noise(1, 64, 64)[0]
    writer = FrameWriter(tmp_path / "job", when_full="drop", max_bytes=3 * frame.nbytes)
    writer.write(frame)
    os.kill(worker(), signal.SIGSTOP)
    while writer.write(frame):
        pass
    os.kill(worker(), signal.SIGKILL)
    with pytest.raises(SpoolError, match="killed by signal 9"):
        while True:
            writer.write(frame)
    writer.close()
    assert manifest_of(tmp_path / "job")["complete"] is False


def test_the_memory_of_a_recording_goes_with_it(tmp_path: Path) -> None:
    writers = [FrameWriter(tmp_path / str(number)) for number in range(4)]
    for writer in writers:
        writer.write(noise(1)[0])

    def shared(process: int | str) -> bool:
        return "daddy-encode" in Path(f"/proc/{process}/maps").read_text()

    assert shared("self")
    until(lambda: shared(worker()), "what the worker shares")
    writers[0].discard()
    writers[1].close(wait=False)
    writers[2].close()
    writers[3].close(wait=False)
    until(lambda: not shared(worker()), "the end of what the worker shares")
    # Nobody has waited for two of them. Whoever records next finds that.
    with FrameWriter(tmp_path / "next") as writer:
        writer.write(noise(1)[0])
    assert not shared("self")


@pytest.mark.usefixtures("transport")
def test_a_directorys_name_need_not_be_utf_8(tmp_path: Path) -> None:
    directory = tmp_path / os.fsdecode(b"caf\xe9")
    with FrameWriter(directory) as writer:
        writer.write(noise(1)[0], step=1)
    assert manifest_of(directory)["complete"] is True
    assert len(pixels_of(directory)) == len(annotations_of(directory)) == 1


def test_a_worker_that_is_killed_before_it_is_ready_is_replaced(tmp_path: Path) -> None:
    code = """
    writer = FrameWriter("job")
    os.kill(process._worker._process.pid, signal.SIGKILL)
    writer.write(frame)
    print(process._worker is not None)
    writer.close()
    """
    done = run(code, tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "True\n", "")
    assert manifest_of(tmp_path / "job")["complete"] is True


def test_what_is_discarded_after_its_worker_was_killed_is_gone(tmp_path: Path) -> None:
    writer = FrameWriter(tmp_path / "job")
    for frame in noise(10):
        writer.write(frame, index=1)
    os.kill(worker(), signal.SIGKILL)
    writer.discard()
    assert os.listdir(tmp_path) == []


@pytest.mark.usefixtures("transport")
def test_discard_writes_nothing_more(slow_disk: Callable[[int], SlowDisk]) -> None:
    # A disk that would take 20 s for what is in flight: far more than is written until the first frame is there.
    disk = slow_disk(1_000_000)
    frame = noise(1, 256, 256)[0]
    writer = FrameWriter(disk.path / "job", min_free=0)
    for _ in range(100):
        writer.write(frame)
    before = written = 0
    while not written:
        before = written = len(frame_files(disk.real / "job"))
    stop = threading.Event()
    most = [before]

    def look() -> None:
        while not stop.is_set():
            with contextlib.suppress(FileNotFoundError):
                most.append(len(frame_files(disk.real / "job")))

    watcher = threading.Thread(target=look)
    watcher.start()
    writer.discard()
    stop.set()
    watcher.join()
    assert os.listdir(disk.real) == []
    # Those that both workers were at.
    assert max(most) <= before + 5


def test_an_interrupt_and_slurms_signals_to_all_processes_do_not_end_a_worker(tmp_path: Path) -> None:
    with FrameWriter(tmp_path / "job") as writer:
        writer.write(noise(1)[0])
        for number in ("INT", "TERM", "HUP", "QUIT", "USR1", "USR2", "ALRM", "XCPU", "TSTP"):
            os.kill(worker(), getattr(signal, f"SIG{number}"))
        writer.write(noise(1)[0])
    assert manifest_of(tmp_path / "job")["complete"] is True
    assert len(frame_files(tmp_path / "job")) == 2


BEGINNING = """
import os, signal, sys
import numpy as np
from daddy_encode.dump import FrameWriter
from daddy_encode.dump.worker import process
frame = np.random.default_rng(0).integers(0, 256, (200, 200, 3), np.uint8)
"""


def run(code: str, directory: Path, start: str = "") -> subprocess.CompletedProcess[str]:
    program = [sys.executable, "-c", start + BEGINNING + textwrap.dedent(code)]
    return subprocess.run(program, cwd=directory, capture_output=True, text=True, timeout=120, check=False)


def test_a_worker_that_is_killed_with_thousands_of_frames_in_flight_is_heard_of_at_once(tmp_path: Path) -> None:
    # Where each of them took a tenth of a second, `run` gave up.
    done = run(
        """
        from daddy_encode.errors import SpoolError
        writer = FrameWriter("job", when_full="drop")
        small = frame[:4, :4].copy()
        writer.write(small)
        os.kill(process._worker._process.pid, signal.SIGSTOP)
        while writer.frames < 2000 and writer.write(small):
            pass
        os.kill(process._worker._process.pid, signal.SIGKILL)
        try:
            writer.close()
        except SpoolError as error:
            # How many are in flight depends on the system's sockets.
            print(writer.frames > 50, "killed by signal 9" in str(error))
        """,
        tmp_path,
    )
    assert (done.returncode, done.stdout) == (0, "True True\n")
    assert manifest_of(tmp_path / "job")["frames"] == len(pixels_of(tmp_path / "job"))


@pytest.mark.parametrize(
    ("program", "report"),
    [
        # A simulator that has Python inside.
        ("kit", ""),
        ("python-that-does-not-start", "did not start: ended with status 3"),
        ("python-that-is-not-there", "No such file or directory"),
    ],
)
def test_where_no_process_can_be_started_threads_do_it(program: str, report: str, tmp_path: Path) -> None:
    broken = tmp_path / "python-that-does-not-start"
    broken.write_text("#!/bin/sh\nexit 3\n")
    broken.chmod(0o755)
    code = """
    with FrameWriter("job") as writer:
        for index in range(30):
            writer.write(frame, index=index)
        print(process._worker)
    """
    # As such a program has it from its start.
    done = run(code, tmp_path, f"import sys; sys.executable = {str(tmp_path / program)!r}")
    assert (done.returncode, done.stdout) == (0, "None\n")
    assert report in done.stderr
    assert done.stderr.count("\n") == (1 if report else 0)
    assert manifest_of(tmp_path / "job")["complete"] is True
    assert len(pixels_of(tmp_path / "job")) == 30


@pytest.mark.soak
def test_a_worker_whose_start_hangs_does_not_stay(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import os, sys, time\nif sys.orig_argv[-1].startswith('import sys; sys.path'):\n"
        "    open('hangs', 'w').write(str(os.getpid()))\n    time.sleep(600)\n"
    )
    code = """
    process._START_SECONDS = 3.0
    process._END_SECONDS = 0.1
    with FrameWriter("job") as writer:
        writer.write(frame)
    """
    done = subprocess.run(
        [sys.executable, "-c", BEGINNING + textwrap.dedent(code)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "did not start: does not answer" in done.stderr
    assert manifest_of(tmp_path / "job")["complete"] is True
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "hangs").read_text()), 0)


REFUSALS = {
    "no memfd_create": """
import os
def memfd_create(name):
    raise PermissionError(1, "Operation not permitted")
os.memfd_create = memfd_create
""",
    "ulimit -f": """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, 2**20))
""",
}


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
def test_where_no_memory_can_be_shared_threads_do_it(refusal: str, tmp_path: Path) -> None:
    code = """
    for number in range(2):
        with FrameWriter(f"job-{number}") as writer:
            for index in range(30):
                writer.write(frame, index=index)
    """
    done = run(code, tmp_path, refusal)
    assert (done.returncode, done.stdout) == (0, "")
    assert "no memory can be shared" in done.stderr
    assert done.stderr.count("\n") == 1
    for number in range(2):
        assert manifest_of(tmp_path / f"job-{number}")["complete"] is True
        assert len(pixels_of(tmp_path / f"job-{number}")) == 30


@pytest.mark.soak
def test_modules_may_be_in_directories_of_any_name(tmp_path: Path) -> None:
    start = "import os, sys; sys.path[:0] = ['/\U0001f600', '/\"', os.fsdecode(b'/caf\\xe9')]\n"
    done = run(
        "with FrameWriter('job') as writer: writer.write(frame)\nprint(process._worker is not None)", tmp_path, start
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "True\n", "")
    assert manifest_of(tmp_path / "job")["complete"] is True


@pytest.mark.soak
def test_a_reader_of_pipes_that_lets_them_kill_it_hears_of_a_dead_worker_all_the_same(tmp_path: Path) -> None:
    code = """
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        with FrameWriter("job") as writer:
            writer.write(frame)
            os.kill(process._worker._process.pid, signal.SIGKILL)
            for _ in range(100_000):
                writer.write(frame)
    except Exception as error:
        print(error)
    """
    done = run(code, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "killed by signal 9" in done.stdout


@pytest.mark.soak
def test_recordings_take_no_descriptors_and_leave_half_of_them_to_the_training(tmp_path: Path) -> None:
    code = """
    import resource
    resource.setrlimit(resource.RLIMIT_NOFILE, (32, 32))
    def used():
        return {int(name) for name in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{name}")}
    before = used()
    for number in range(2):
        writers = [FrameWriter(f"job-{number}-{index:02}", workers=1, processes=PROCESSES) for index in range(60)]
        for _ in range(3):
            for writer in writers:
                # So long that it is handed over as a file.
                writer.write(frame[:20, :20], text="x" * 100_000)
        # The training's own.
        assert len(used() - before) <= (1 if PROCESSES else 8) and max(used()) < 16, used()
        files = [open(os.devnull) for _ in range(16)]
        for file in files:
            file.close()
        for writer in writers:
            writer.close()
    """
    for name, processes in (("processes", True), ("threads", False)):
        (tmp_path / name).mkdir()
        done = run(code, tmp_path / name, f"PROCESSES = {processes}\n")
        assert (done.returncode, done.stderr) == (0, ""), name
        directories = list((tmp_path / name).iterdir())
        assert len(directories) == 120
        for directory in directories:
            assert manifest_of(directory)["complete"] is True
            assert len(frame_files(directory)) == len(annotations_of(directory)) == 3


def test_where_the_training_has_half_of_the_descriptors_threads_take_over_with_one_warning(tmp_path: Path) -> None:
    code = """
    import resource
    taken = [os.dup(0) for _ in range(40)]
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    for number in range(2):
        with FrameWriter(f"job-{number}") as writer:
            writer.write(frame)
    assert process._worker is None
    list(map(os.close, taken))
    with FrameWriter("job-2") as writer:
        writer.write(frame)
    assert process._worker is not None
    """
    done = run(code, tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("\n") == 1
    assert "of the 64 open files that this process may have half are in use" in done.stderr
    for number in range(3):
        assert manifest_of(tmp_path / f"job-{number}")["complete"] is True


def test_too_few_descriptors_are_an_error_that_says_so(tmp_path: Path) -> None:
    code = """
    import resource
    with FrameWriter("first") as first:
        first.write(frame)
        taken = [os.dup(0) for _ in range(20)]
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(taken) + 1, max(taken) + 1))
        try:
            with FrameWriter("second") as second:
                second.write(frame)
        except Exception as error:
            print(error)
        first.write(frame)
    """
    done = run(code, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Too many open files" in done.stdout
    assert manifest_of(tmp_path / "first")["frames"] == 2


@pytest.mark.soak
def test_a_worker_without_a_descriptor_for_the_last_message_says_so_at_close(tmp_path: Path) -> None:
    code = """
    import resource, time
    writer = FrameWriter("job", meta={"config": "x" * 100_000}, workers=2)
    for _ in range(3):
        writer.write(frame)
    worker = process._worker._process.pid
    while not (os.path.exists("job/000002.png") and writer._client._memory.frames[0] == 3):
        time.sleep(0.01)
    used = set(map(int, os.listdir(f"/proc/{worker}/fd")))
    most = min(set(range(100)) - used)
    resource.prlimit(worker, resource.RLIMIT_NOFILE, (most, most))
    try:
        writer.close()
    except SpoolError as error:
        print(error)
    """
    done = run("from daddy_encode.errors import SpoolError\n" + textwrap.dedent(code), tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "a message was lost: too many open files, or no memory" in done.stdout
    assert len(frame_files(tmp_path / "job")) == 3


def test_a_worker_that_cannot_take_a_recording_says_so(tmp_path: Path) -> None:
    code = """
    import resource
    for index in range(2):
        FrameWriter(f"before-{index}").discard()
    with FrameWriter("first") as first:
        first.write(frame)
        while not first._client._memory.frames[0]:
            pass
        worker = process._worker._process.pid
        limits = resource.prlimit(worker, resource.RLIMIT_NOFILE)
        # First no descriptor for the memory, then none for a long meta beside it.
        most = min(set(range(100)) - set(map(int, os.listdir(f"/proc/{worker}/fd"))))
        for more in (0, 1):
            resource.prlimit(worker, resource.RLIMIT_NOFILE, (most + more, limits[1]))
            writers = [FrameWriter(f"job-{more}-{index}", meta={"config": "x" * 100_000}) for index in range(4)]
            for writer in writers:
                try:
                    for _ in range(1000):
                        writer.write(frame)
                except SpoolError as error:
                    print("has no memory, threads or descriptors left" in str(error))
            for writer in writers:
                writer.close()
        resource.prlimit(worker, resource.RLIMIT_NOFILE, limits)
        with FrameWriter("last") as last:
            last.write(frame)
        first.write(frame)
        assert process._worker._process.pid == worker
    """
    done = run("from daddy_encode.errors import SpoolError\n" + textwrap.dedent(code), tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "True\n" * 8, "")
    assert manifest_of(tmp_path / "first")["frames"] == 2
    assert manifest_of(tmp_path / "last")["complete"] is True
    for directory in tmp_path.glob("job-*"):
        assert (manifest_of(directory)["frames"], manifest_of(directory)["complete"]) == (0, False)


def test_no_shared_memory_file_system_is_needed(tmp_path: Path) -> None:
    code = """
    with FrameWriter("job") as writer:
        writer.write(frame)
        print(process._worker is not None)
    """
    script = tmp_path / "script.py"
    script.write_text(BEGINNING + textwrap.dedent(code))
    # A mount namespace of its own, in which /dev/shm is a folder that nobody may write to.
    command = 'mount -t tmpfs -o size=4k,ro tmpfs /dev/shm && exec "$@"'
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", command, "sh", sys.executable, str(script)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if "Operation not permitted" in done.stderr:
        pytest.skip("a mount namespace needs root")
    assert (done.returncode, done.stdout, done.stderr) == (0, "True\n", "")
    assert manifest_of(tmp_path / "job")["complete"] is True


def test_a_file_that_fails_when_it_is_closed_is_an_error_and_leaves_no_part(
    tmp_path: Path, require_program: Require
) -> None:
    strace = require_program("strace", "strace")
    frame = noise(1, 64, 64)[0]
    for name, failing in (("frame", "000003.png"), ("annotations", "annotations.jsonl")):
        writer = FrameWriter(tmp_path / name)
        writer.write(frame, index=0)
        # A network file system says at the end that the quota is full.
        command = [strace, "-f", "-P", str(tmp_path / name / failing), "-e", "inject=close:error=EDQUOT", "-p"]
        with subprocess.Popen([*command, str(worker())], stderr=subprocess.PIPE, text=True) as tracer:
            assert tracer.stderr is not None
            assert "attached" in tracer.stderr.readline()
            try:
                with pytest.raises(SpoolError, match=rf"cannot write .*/{failing} .*Disk quota exceeded"):  # noqa: SIM117
                    with writer:
                        for index in range(1, 6):
                            writer.write(frame, index=index)
            finally:
                tracer.terminate()
                tracer.communicate(timeout=60)
        manifest = manifest_of(tmp_path / name)
        assert (manifest["complete"], manifest["frames"]) == (False, 3 if name == "frame" else 6)
        assert_same(pixels_of(tmp_path / name), [frame] * manifest["frames"])
        assert [line["index"] for line in annotations_of(tmp_path / name)] == list(range(manifest["frames"]))
        assert len(os.listdir(tmp_path / name)) == manifest["frames"] + 3
