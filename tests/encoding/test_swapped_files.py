"""Whoever may write to our folders replaces every temporary file, at any moment, by links, FIFOs and other files."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from daddy_encode import save_frames_as_png
from daddy_encode.encoding.job import encode_job
from daddy_encode.errors import TransientError
from daddy_encode.spool.paths import JobPaths
from daddy_encode.spool.publish import publish_bytes
from tests.encoding import swapper
from tests.jobs import context, encode
from tests.media import moving_square, shaded

# For hangs only: what it is for takes milliseconds.
TIMEOUT = 120.0
PRECIOUS = b"not to be touched"


class Swapper:
    """The process of `tests.encoding.swapper`, a context manager; at its end nothing outside has changed.

    Attributes:
        swaps: How many times it has replaced a file.
    """

    def __init__(self, folder: Path, *watched: Path) -> None:
        self.swaps = 0
        self._home = folder / "home"
        self._home.mkdir()
        (self._home / "precious").write_bytes(PRECIOUS)
        for path in watched:
            path.mkdir(parents=True, exist_ok=True)
        self._command = [sys.executable, swapper.__file__, str(self._home / "precious"), "7", *map(str, watched)]
        self._counter = threading.Thread(target=self._count)

    def __enter__(self) -> Swapper:
        self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"
        self._counter.start()
        return self

    def _count(self) -> None:
        assert self._process.stdout is not None
        for _ in self._process.stdout:
            self.swaps += 1

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        try:
            assert self._process.wait(TIMEOUT) == 0
        finally:
            self._process.kill()
            self._process.wait()
            self._counter.join()
            self._process.stdout.close()
        assert (self._home / "precious").read_bytes() == PRECIOUS
        assert os.listdir(self._home) == ["precious"]


def without_hanging(call: Callable[[], object]) -> bool:
    """Whether `call` succeeds; it may only raise TransientError, and has to return."""
    outcome: list[BaseException | None] = []

    def run() -> None:
        try:
            call()
            outcome.append(None)
        except BaseException as error:
            outcome.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(TIMEOUT)
    assert outcome, "it hangs"
    if outcome[0] is not None and not isinstance(outcome[0], TransientError):
        raise outcome[0]
    return outcome[0] is None


@dataclass
class Case:
    settings: dict[str, Any]
    many_colours: bool = False
    elsewhere: bool = False


CASES = {
    "mp4": Case({"video": "mp4"}),
    "exact gif": Case({"video": "gif"}),
    "palette gif": Case({"video": "gif"}, many_colours=True),
    "both": Case({"video": "both"}),
    "both, palette": Case({"video": "both"}, many_colours=True),
    "optimized gif": Case({"video": "gif", "gif_optimize": True}),
    "mp4 in a tmp-dir": Case({"video": "mp4"}, elsewhere=True),
    "gif in a tmp-dir": Case({"video": "gif"}, elsewhere=True),
}


def clear(folder: Path) -> None:
    """Remove all that is in `folder`, where others may still come and go."""
    for name in os.listdir(folder):
        with contextlib.suppress(FileNotFoundError):
            (folder / name).unlink()


def content(path: Path) -> bytes | None:
    """The bytes at `path`; None where it is not a file, or nothing."""
    return path.read_bytes() if path.is_file() and not path.is_symlink() else None


def assert_true(receipt: Path, right: dict[str, bytes]) -> None:
    """If `receipt` is one of ours, each video that it names is there, as it should be."""
    text = content(receipt)
    if text in (None, PRECIOUS, swapper.ANOTHER):
        return
    for record in json.loads(text or b"")["outputs"]:
        assert content(receipt.with_name(record["path"])) == right[record["format"]]
        assert hashlib.sha256(right[record["format"]]).hexdigest() == record["sha256"]


def storm(tmp_path: Path, case: Case, swaps: int) -> None:
    """Encode a job again and again while each temporary file is replaced, `swaps` times in all."""
    job, out, scratch = tmp_path / "job", tmp_path / "out", tmp_path / "scratch"
    save_frames_as_png(shaded(3, 24, 24) if case.many_colours else moving_square(3, 16, 16), job)
    encode(job, **case.settings)
    right = {
        suffix: (tmp_path / f"job.{suffix}").read_bytes()
        for suffix in ("mp4", "gif")
        if (tmp_path / f"job.{suffix}").exists()
    }
    asked = replace(context(**case.settings), tmp_dir=scratch if case.elsewhere else None)
    succeeded = failed = 0
    end = time.monotonic() + 5 * TIMEOUT
    with Swapper(tmp_path, out, scratch) as others:
        # A file that is swapped in a tmp-dir, or has come back in time, stops nobody.
        while others.swaps < swaps or not failed:
            clear(out)
            if without_hanging(lambda: encode_job(JobPaths.of(job, output_dir=out), asked)):
                succeeded += 1
                assert all(content(out / f"job.{suffix}") == video for suffix, video in right.items())
                assert content(out / "job.receipt.json") not in (None, PRECIOUS, swapper.ANOTHER)
            else:
                failed += 1
            assert_true(out / "job.receipt.json", right)
            assert time.monotonic() < end, f"{others.swaps} swaps, {succeeded} jobs encoded, {failed} not"


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_swapped_files_lead_nowhere_hold_nobody_and_are_not_published(tmp_path: Path, case: Case) -> None:
    storm(tmp_path, case, 30)


@pytest.mark.soak
@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_a_thousand_swapped_files(tmp_path: Path, case: Case) -> None:
    storm(tmp_path, case, 1000)


@pytest.mark.parametrize("swaps", [30, pytest.param(1000, marks=pytest.mark.soak)])
def test_a_record_that_is_swapped_is_published_as_it_is_or_not_at_all(tmp_path: Path, swaps: int) -> None:
    succeeded = failed = 0
    end = time.monotonic() + 5 * TIMEOUT
    record = b"x" * 1000
    with Swapper(tmp_path, tmp_path / "out") as others:
        while others.swaps < swaps or not failed:
            clear(tmp_path / "out")
            if without_hanging(lambda: publish_bytes(record, tmp_path / "out" / "record.json")):
                assert content(tmp_path / "out" / "record.json") == record
                succeeded += 1
            else:
                failed += 1
            assert time.monotonic() < end, f"{others.swaps} swaps, {succeeded} records written, {failed} not"
