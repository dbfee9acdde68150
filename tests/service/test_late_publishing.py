"""An encoder that is suspended when its video only has to be published, while the dump is overwritten."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Require
from tests.media import leftovers
from tests.service.overwriting import NEW, OLD, assert_it_is_of, in_place, loose
from tests.service.spools import Encoder, is_done, receipt_of, until, video_of

pytestmark = pytest.mark.soak


class Suspended:
    """A watcher of `spool` that is stopped by a signal at its fsync of that number."""

    def __init__(self, strace: str, spool: Path, when: int, *more: str) -> None:
        self._trace = spool.parent / "trace"
        inject = f"inject=fsync:signal=STOP:when={when}"
        # Without -f the calls of its threads are not seen; -D leaves the watcher our child.
        command = [strace, "-D", "-f", "-o", str(self._trace), "-e", "trace=fsync", "-e", inject]
        encoder = [sys.executable, "-m", "daddy_encode", "watch", str(spool), "--interval", "0.2", *more]
        self.process = subprocess.Popen([*command, *encoder], stderr=subprocess.DEVNULL)

    def __enter__(self) -> Suspended:
        until(lambda: self._trace.exists() and "stopped by SIGSTOP" in self._trace.read_text(), "it is suspended", 60)
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()

    def go_on(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def stop(self) -> int:
        self.process.terminate()
        return self.process.wait(60)


@pytest.mark.parametrize("when", [1, 2])
def test_the_dump_that_is_there_when_it_goes_on_is_encoded(
    spool: Path, tmp_path: Path, require_program: Require, when: int
) -> None:
    in_place(spool / "job", OLD)
    if when == 2:
        # Whose receipt is withdrawn in between.
        with Encoder("encode", spool, "--video-fps", "10") as encoder:
            assert encoder.wait() == 0
    with Suspended(require_program("strace", "strace"), spool, when, "--video-fps", "30") as watcher:
        loose(spool / "job", NEW)
        watcher.go_on()
        until(lambda: is_done(spool / "job") and rates(spool / "job") == ["30"], "the new dump is encoded", 60)
        assert watcher.stop() == 0
    assert_it_is_of(NEW, spool / "job", tmp_path)


def rates(job: Path) -> list[str]:
    outputs: Any = receipt_of(job)["outputs"]
    return [record["settings"]["fps"] for record in outputs]


def test_one_that_was_taken_over_meanwhile_publishes_nothing(
    spool: Path, tmp_path: Path, require_program: Require
) -> None:
    """Whoever takes it over removes its temporary file as well; with `--tmp-dir` there may be none yet."""
    in_place(spool / "job", OLD)
    with Suspended(require_program("strace", "strace"), spool, 1, "--lease", "2") as watcher:
        loose(spool / "job", NEW)
        with Encoder("watch", spool, "--interval", "0.2", "--lease", "2") as second:
            second.until_done([spool / "job"])
            assert second.stop() == 0
        published = video_of(spool / "job").stat()
        watcher.go_on()
        until(lambda: not leftovers(spool), "its video is published or given up", 60)
        assert watcher.stop() == 0
    after = video_of(spool / "job").stat()
    assert (after.st_ino, after.st_mtime_ns) == (published.st_ino, published.st_mtime_ns)
    assert_it_is_of(NEW, spool / "job", tmp_path)
