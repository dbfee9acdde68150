"""How a recording ends when its rollout does: exit, signals, forks. Each in a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.dump.conftest import SlowDisk
from tests.dump.reading import annotations_of, frame_files, manifest_of, pixels_of
from tests.service.spools import until

BEGINNING = """
import os, signal, sys, time
import numpy as np
from daddy_encode.dump import FrameWriter
from daddy_encode.errors import SpoolError
frame = np.random.default_rng(0).integers(0, 256, (200, 200, 3), np.uint8)
# A shell's background job, such as a CI may be, has it ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
"""


def run(script: str, directory: Path) -> subprocess.CompletedProcess[str]:
    code = BEGINNING + textwrap.dedent(script)
    return subprocess.run(
        [sys.executable, "-c", code], cwd=directory, capture_output=True, text=True, timeout=60, check=False
    )


def assert_incomplete(directory: Path, frames: int, error: str) -> None:
    manifest = manifest_of(directory)
    assert (manifest["frames"], manifest["complete"], manifest["error"]) == (frames, False, error)
    assert len(pixels_of(directory)) == frames


def test_an_unclosed_writer_finishes_its_frames_at_exit_and_says_that_nobody_closed_it(tmp_path: Path) -> None:
    done = run(
        """
        writer = FrameWriter("job")
        for _ in range(100):
            writer.write(frame)
        """,
        tmp_path,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert_incomplete(tmp_path / "job", 100, "the process ended without close()")


def test_a_writer_closed_without_waiting_is_complete_at_exit(tmp_path: Path) -> None:
    done = run(
        """
        writer = FrameWriter("job")
        for _ in range(100):
            writer.write(frame)
        writer.close(wait=False)
        """,
        tmp_path,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert manifest_of(tmp_path / "job")["complete"] is True
    assert len(frame_files(tmp_path / "job")) == 100


def test_sys_exit_inside_the_block_is_an_early_end(tmp_path: Path) -> None:
    done = run(
        """
        with FrameWriter("job") as writer:
            writer.write(frame)
            sys.exit(3)
        """,
        tmp_path,
    )
    assert (done.returncode, done.stderr) == (3, "")
    assert_incomplete(tmp_path / "job", 1, "SystemExit: 3")


def test_an_interrupt_ends_the_recording_with_a_manifest(tmp_path: Path) -> None:
    done = run(
        """
        with FrameWriter("job") as writer:
            for index in range(10**9):
                writer.write(frame)
                if index == 50:
                    os.kill(os.getpid(), signal.SIGINT)
        """,
        tmp_path,
    )
    assert done.returncode == -signal.SIGINT
    assert done.stderr.splitlines()[-1] == "KeyboardInterrupt"
    taken = len(frame_files(tmp_path / "job"))
    assert taken >= 51
    assert_incomplete(tmp_path / "job", taken, "KeyboardInterrupt: ")


@pytest.mark.parametrize("processes", [True, pytest.param(False, marks=pytest.mark.soak)])
def test_an_interrupt_at_any_moment_leaves_a_recording_that_is_all_there(processes: bool, tmp_path: Path) -> None:
    done = run(
        f"""
        import random
        chance = random.Random(3)
        signal.signal(signal.SIGALRM, signal.default_int_handler)
        small = frame[:20, :20].copy()
        for number in range(16):
            try:
                with FrameWriter(f"job-{{number:02}}", workers=1 + number % 2, processes={processes}) as writer:
                    writer.write(small, index=0)
                    signal.setitimer(signal.ITIMER_REAL, chance.uniform(0.0001, 0.004))
                    for index in range(1, 10**9):
                        writer.write(small, index=index)
            except KeyboardInterrupt:
                pass
        """,
        tmp_path,
    )
    assert (done.returncode, done.stderr) == (0, "")
    for number in range(16):
        job = tmp_path / f"job-{number:02}"
        frames = len(frame_files(job))
        assert [path.name for path in frame_files(job)] == [f"{index:06d}.png" for index in range(frames)]
        manifest = manifest_of(job)
        assert (manifest["frames"], manifest["complete"]) == (frames, False)
        assert manifest["error"].startswith("KeyboardInterrupt")
        assert [line["index"] for line in annotations_of(job)] == list(range(frames))


BY_ITSELF = "the rollout was killed, or ended without close()"


def until_there(manifest: Path) -> None:
    """The worker process goes on after its rollout."""
    until(manifest.exists, f"{manifest}", 30)


@pytest.mark.parametrize("number", [signal.SIGKILL, pytest.param(signal.SIGTERM, marks=pytest.mark.soak)])
def test_a_killed_rollout_leaves_every_frame_it_had_handed_over_and_a_manifest_that_says_so(
    number: signal.Signals, tmp_path: Path, slow_disk: Callable[[int], SlowDisk]
) -> None:
    # So slow that most frames are still in flight.
    disk = slow_disk(2_000_000)
    done = run(
        f"""
        from daddy_encode.dump.worker import process
        writer = FrameWriter("job", fps=50, video="both", meta={{"seed": 3}}, min_free=0)
        for index in range(20):
            writer.write(frame, index=index)
        print(process._worker._process.pid, flush=True)
        # The whole process group, as a shell or a notebook does it.
        os.setpgid(0, 0)
        os.killpg(0, {number})
        """,
        disk.path,
    )
    assert done.returncode == -number
    until_there(disk.path / "job" / "manifest.json")
    assert manifest_of(disk.path / "job") == {
        "version": 1,
        "frames": 20,
        "width": 200,
        "height": 200,
        "fps": 50,
        "video": "both",
        "complete": False,
        "error": BY_ITSELF,
        "meta": {"seed": 3},
    }
    assert len(pixels_of(disk.path / "job")) == 20
    assert [line["index"] for line in annotations_of(disk.path / "job")] == list(range(20))
    until(lambda: gone(int(done.stdout)), "the end of the worker", 20)


def test_of_a_killed_rollout_the_manifest_has_what_meta_was_at_the_first_frame(tmp_path: Path) -> None:
    done = run(
        """
        writer = FrameWriter("job", meta={"seed": 3})
        writer.meta["episode"] = np.int64(7)
        writer.write(frame)
        writer.meta["return"] = 1.5
        writer.write(frame)
        os.kill(os.getpid(), signal.SIGKILL)
        """,
        tmp_path,
    )
    assert done.returncode == -signal.SIGKILL
    until_there(tmp_path / "job" / "manifest.json")
    assert manifest_of(tmp_path / "job")["meta"] == {"seed": 3, "episode": 7}


def test_a_recording_that_nobody_waits_for_ends_by_itself_however_full_the_socket_is(
    tmp_path: Path, slow_disk: Callable[[int], SlowDisk]
) -> None:
    disk = slow_disk(3_000_000)
    done = run(
        """
        from daddy_encode.dump.worker import protocol
        protocol._BUFFER_BYTES = 4096
        writer = FrameWriter("job", min_free=0, meta={"long": "x" * 100_000})
        for index in range(30):
            writer.write(frame)
        writer.close(wait=False)
        while not os.path.exists("job/manifest.json"):
            time.sleep(0.01)
        os._exit(0)
        """,
        disk.path,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert manifest_of(disk.path / "job")["complete"] is True
    assert manifest_of(disk.path / "job")["frames"] == 30


@pytest.mark.soak
def test_a_rollout_that_is_killed_while_it_discards_leaves_nothing(
    tmp_path: Path, slow_disk: Callable[[int], SlowDisk]
) -> None:
    disk = slow_disk(10**9)
    done = run(
        f"""
        writer = FrameWriter("job", min_free=0)
        for index in range(20):
            writer.write(frame)
        os.kill({disk.program.pid}, signal.SIGSTOP)
        signal.signal(signal.SIGALRM, lambda *_: os.kill(os.getpid(), signal.SIGKILL))
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        writer.discard()
        """,
        disk.path,
    )
    disk.program.send_signal(signal.SIGCONT)
    assert done.returncode == -signal.SIGKILL
    until(lambda: not (disk.real / "job").exists(), "the end of the directory", 30)


@pytest.mark.parametrize(
    "frames", [40, pytest.param(90, marks=pytest.mark.soak), pytest.param(140, marks=pytest.mark.soak)]
)
def test_where_rollout_and_worker_are_both_killed_no_frame_is_missing_in_between(frames: int, tmp_path: Path) -> None:
    done = run(
        f"""
        from daddy_encode.dump.worker import process
        # Frames that take very different times to compress.
        flat = np.zeros((800, 800, 3), np.uint8)
        noise = np.random.default_rng(0).integers(0, 256, (800, 800, 3), np.uint8)
        writer = FrameWriter("job", workers=4, max_bytes=8 * flat.nbytes)
        for index in range({frames}):
            writer.write(noise if index % 3 == 0 else flat)
        os.kill(process._worker._process.pid, signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)
        """,
        tmp_path,
    )
    assert done.returncode == -signal.SIGKILL
    names = [path.name for path in frame_files(tmp_path / "job")]
    assert names == [f"{index:06d}.png" for index in range(len(names))]
    # All but those in the memory.
    assert len(names) >= frames - 8


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_a_worker_ends_with_its_rollout_even_while_a_forked_child_lives_on(tmp_path: Path) -> None:
    code = """
    import warnings
    from daddy_encode.dump.worker import process
    warnings.simplefilter("ignore", DeprecationWarning)
    with FrameWriter("job") as writer:
        writer.write(frame)
        child = os.fork()
        if child == 0:
            time.sleep(60)
            os._exit(0)
    print(child, process._worker._process.pid)
    """
    # The child has standard output open, too: no waiting for its end.
    with subprocess.Popen(
        [sys.executable, "-c", BEGINNING + textwrap.dedent(code)], cwd=tmp_path, stdout=subprocess.PIPE
    ) as done:
        assert done.stdout is not None
        child, worker = (int(pid) for pid in done.stdout.readline().split())
        until(lambda: gone(worker), "the end of the worker", 20)
        assert not gone(child)
        os.kill(child, signal.SIGKILL)
    assert done.returncode == 0
    assert manifest_of(tmp_path / "job")["complete"] is True


@pytest.mark.parametrize("processes", [True, False])
def test_a_forked_child_that_lives_on_keeps_nobody_waiting_and_touches_nothing(processes: bool, tmp_path: Path) -> None:
    done = run(
        f"""
        import warnings
        warnings.simplefilter("ignore", DeprecationWarning)
        writer = FrameWriter("job", processes={processes})
        for _ in range(50):
            writer.write(frame)
        late = FrameWriter("late", processes={processes})
        for _ in range(50):
            late.write(frame)
        late.close(wait=False)
        child = os.fork()
        if child == 0:
            os.close(1), os.close(2)
            # What asks for no wait is asked for in vain, and harms nobody.
            writer.closed, late.closed
            time.sleep(60)
            os._exit(0)
        writer.close()
        late.close()
        print(child)
        """,
        tmp_path,
    )
    assert (done.returncode, done.stderr) == (0, "")
    os.kill(int(done.stdout), signal.SIGKILL)
    for name in ("job", "late"):
        assert manifest_of(tmp_path / name)["complete"] is True
        assert manifest_of(tmp_path / name)["frames"] == len(pixels_of(tmp_path / name)) == 50


def test_a_killed_rollout_is_noticed_even_while_a_forked_child_lives_on(tmp_path: Path) -> None:
    done = run(
        """
        import warnings
        warnings.simplefilter("ignore", DeprecationWarning)
        writer = FrameWriter("job")
        writer.write(frame)
        child = os.fork()
        if child == 0:
            os.close(1), os.close(2)
            time.sleep(60)
            os._exit(0)
        print(child, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
        """,
        tmp_path,
    )
    until_there(tmp_path / "job" / "manifest.json")
    os.kill(int(done.stdout), signal.SIGKILL)
    assert manifest_of(tmp_path / "job")["error"] == BY_ITSELF


HUNG_DISK = """
from daddy_encode.dump import exit_hook
exit_hook._TIMEOUT_SECONDS = 0.2
writer = FrameWriter("job", max_bytes=3 * frame.nbytes)
writer.write(frame)
while not os.path.exists("job/000000.png") or os.path.getsize("job/000000.png") < frame.nbytes:
    time.sleep(0.01)
time.sleep(0.5)
os.kill({program}, signal.SIGSTOP)
signal.signal(signal.SIGALRM, lambda *_: os.kill(os.getpid(), signal.SIGINT))
signal.setitimer(signal.ITIMER_REAL, 0.3, 0.3)
try:
    while True:
        writer.write(frame)
except KeyboardInterrupt:
    print("write")
try:
    writer.close()
except KeyboardInterrupt:
    print("close")
signal.setitimer(signal.ITIMER_REAL, 0)
"""


@pytest.mark.soak
def test_a_hung_disk_holds_neither_an_interrupt_nor_the_end_of_the_process(
    tmp_path: Path, slow_disk: Callable[[int], SlowDisk]
) -> None:
    # No process can end while the kernel waits for an answer from a program that has read the question. The disk is
    # stopped between two frames; where it had a question in hand all the same, that attempt shows nothing.
    for _ in range(5):
        disk = slow_disk(10**9)
        code = BEGINNING + HUNG_DISK.format(program=disk.program.pid)
        with subprocess.Popen(
            [sys.executable, "-c", code], cwd=disk.path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as child:
            try:
                told = child.communicate(timeout=20)
                break
            except subprocess.TimeoutExpired:
                disk.program.send_signal(signal.SIGCONT)
                child.kill()
    assert (child.returncode, *told) == (0, "write\nclose\n", "")
    disk.program.send_signal(signal.SIGCONT)
    # The worker process waits for the disk, not the rollout.
    until_there(disk.path / "job" / "manifest.json")
    assert manifest_of(disk.path / "job")["frames"] == len(pixels_of(disk.path / "job")) > 0


def test_a_forked_child_cannot_write_into_its_parents_recording_nor_end_it(tmp_path: Path) -> None:
    done = run(
        """
        import warnings
        warnings.simplefilter("ignore", DeprecationWarning)
        with FrameWriter("job") as writer:
            writer.write(frame)
            child = os.fork()
            if child == 0:
                try:
                    writer.write(frame)
                except SpoolError as error:
                    print("child:", error, flush=True)
                writer.close()
                writer.discard()
                sys.exit(7)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
            writer.write(frame)
        """,
        tmp_path,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"child: {tmp_path}/job: this FrameWriter is another process's; make one after the fork\n"
    manifest = manifest_of(tmp_path / "job")
    assert (manifest["frames"], manifest["complete"]) == (2, True)
    assert len(pixels_of(tmp_path / "job")) == 2


@pytest.mark.soak
def test_a_multiprocessing_child_that_forgets_to_close_still_gets_its_manifest(tmp_path: Path) -> None:
    (tmp_path / "children.py").write_text(
        BEGINNING
        + textwrap.dedent(
            """
            import multiprocessing

            def rollout(name):
                global writer
                writer = FrameWriter(name)
                for _ in range(30):
                    writer.write(frame)

            if __name__ == "__main__":
                for way in ("fork", "spawn", "forkserver"):
                    child = multiprocessing.get_context(way).Process(target=rollout, args=[way])
                    child.start()
                    child.join()
                    assert child.exitcode == 0, way
            """
        )
    )
    done = subprocess.run([sys.executable, "children.py"], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    for way in ("fork", "spawn", "forkserver"):
        assert_incomplete(tmp_path / way, 30, "the process ended without close()")


@pytest.mark.soak
def test_daemonic_children_however_started_record_in_their_threads(tmp_path: Path) -> None:
    # As AsyncVectorEnv, SubprocVecEnv and actors run environments: in daemonic processes, an actor's not in the main
    # thread. The first one also while its parent is recording.
    (tmp_path / "children.py").write_text(
        BEGINNING
        + textwrap.dedent(
            """
            import multiprocessing
            import threading

            def record(name):
                with FrameWriter(name) as writer:
                    for index in range(30):
                        writer.write(frame, index=index)

            def actor(name):
                record(name)
                thread = threading.Thread(target=record, args=[name + "-thread"])
                thread.start()
                thread.join()

            if __name__ == "__main__":
                import warnings
                warnings.simplefilter("ignore", DeprecationWarning)
                writer = FrameWriter("parent")
                writer.write(frame)
                for method in ("fork", "spawn", "forkserver"):
                    child = multiprocessing.get_context(method).Process(target=actor, args=[method], daemon=True)
                    child.start()
                    child.join()
                    assert child.exitcode == 0, method
                    writer.write(frame)
                writer.close()
            """
        )
    )
    done = subprocess.run([sys.executable, "children.py"], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert manifest_of(tmp_path / "parent")["frames"] == len(pixels_of(tmp_path / "parent")) == 4
    for method in ("fork", "spawn", "forkserver"):
        for name in (method, f"{method}-thread"):
            assert manifest_of(tmp_path / name)["complete"] is True
            assert len(pixels_of(tmp_path / name)) == 30
            assert [line["index"] for line in annotations_of(tmp_path / name)] == list(range(30))


@pytest.mark.soak
def test_a_program_without_a_file_of_its_own_records(tmp_path: Path) -> None:
    # A notebook's cell, or a script on standard input.
    code = (
        BEGINNING
        + """
with FrameWriter("job") as writer:
    writer.write(frame)
"""
    )
    done = subprocess.run(
        [sys.executable, "-"], input=code, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert manifest_of(tmp_path / "job")["complete"] is True


def test_a_handler_of_a_signal_may_close_a_recording_that_is_being_written(
    tmp_path: Path, slow_disk: Callable[[int], SlowDisk]
) -> None:
    # So slow that the signal comes while `write` waits for room.
    disk = slow_disk(1_000_000)
    done = run(
        """
        writer = FrameWriter("job", max_bytes=2 * frame.nbytes, min_free=0)
        def leave(*_):
            writer.close("told to stop")
            sys.exit(0)
        writer.write(frame)
        signal.signal(signal.SIGALRM, leave)
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        while True:
            writer.write(frame)
        """,
        disk.path,
    )
    assert (done.returncode, done.stderr) == (0, "")
    manifest = manifest_of(disk.path / "job")
    assert (manifest["complete"], manifest["error"]) == (False, "told to stop")
    assert manifest["frames"] == len(pixels_of(disk.path / "job")) > 0


def test_where_no_thread_can_be_started_the_caller_hears_of_it_and_no_manifest_lies(tmp_path: Path) -> None:
    done = run(
        """
        import threading
        # More than there is to address: the system refuses.
        threading.stack_size(2**46)
        try:
            with FrameWriter("job", processes=False) as writer:
                writer.write(frame)
        except SpoolError as error:
            print(error)
        # The worker process needs none of this process.
        with FrameWriter("apart") as writer:
            writer.write(frame)
        """,
        tmp_path,
    )
    expected = f"cannot write {tmp_path}/job: can't start new thread; allow this process more threads\n"
    assert (done.returncode, done.stdout, done.stderr) == (0, expected, "")
    assert_incomplete(tmp_path / "job", 0, f"SpoolError: {expected.strip()}")
    assert manifest_of(tmp_path / "apart")["complete"] is True
