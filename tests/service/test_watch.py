"""The watcher's own rhythm: how often it scans, and what it says meanwhile."""

from __future__ import annotations

import logging
import threading
import time
from pathlib import Path

import pytest

from daddy_encode.encode.settings import make_settings
from daddy_encode.service.attempt import Attempt
from daddy_encode.service.scanner import IDLE_SECONDS, Scanner
from daddy_encode.service.stop import StopSwitch
from daddy_encode.service.wake import Waker
from daddy_encode.service.watch import Watcher, WatchOptions
from daddy_encode.service.worker_pool import WorkerPool
from daddy_encode.spool.claims import Claims
from tests.jobs import context, encode
from tests.service.spools import write_job

SECONDS = 1.5
INTERVAL = 0.2


class CountingScanner(Scanner):
    scans = 0

    def scan(self) -> list[Attempt]:
        self.scans += 1
        return super().scan()


def watch(root: Path) -> int:
    """Watch `root` for SECONDS; how many scans that were."""
    scanner, stop, waker = CountingScanner(root, make_settings()), StopSwitch(), Waker()
    options = WatchOptions(interval=INTERVAL, max_runtime=SECONDS)
    with WorkerPool(1, context(), Claims(60), stop, wake=waker.wake) as pool:
        Watcher(scanner, pool, waker, stop, options, lambda outcome: None, lambda ready: None).run()
    return scanner.scans


def test_a_spool_where_nothing_goes_on_is_scanned_half_as_often(tmp_path: Path) -> None:
    encode(write_job(tmp_path / "done"))
    # One at the beginning; then no two are nearer than twice the interval less the jitter of a fifth.
    assert 2 <= watch(tmp_path) <= 1 + SECONDS / (2 * INTERVAL * 0.8)


def test_a_spool_is_idle_when_all_is_finished_or_nothing_has_changed_for_ten_minutes(tmp_path: Path) -> None:
    now = 1000.0
    scanner = Scanner(tmp_path, make_settings(), clock=lambda: now)
    scanner.scan()
    assert scanner.is_idle()
    job = write_job(tmp_path / "job")
    manifest = (job / "manifest.json").read_bytes()
    (job / "manifest.json").unlink()
    scanner.scan()
    assert not scanner.is_idle()
    now += IDLE_SECONDS + 1
    scanner.scan()
    assert scanner.is_idle(), "its rollout has died, perhaps"
    (job / "manifest.json").write_bytes(manifest)
    scanner.scan()
    assert not scanner.is_idle()
    encode(job)
    scanner.scan()
    assert scanner.is_idle()


def test_however_much_changes_one_line_a_minute_says_so_and_what_a_scan_costs(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    root = tmp_path / "spool"
    root.mkdir()

    def write() -> None:
        for index in range(10):
            (root / f"job-{index}").mkdir()
            (root / f"job-{index}" / "000000.png").write_bytes(b"")
            time.sleep(0.1)

    writer = threading.Thread(target=write)
    writer.start()
    assert watch(root) > 2
    writer.join()
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == 2, lines
    assert "; the scan took 0.0" in lines[0]
    assert lines[1] == "ending after 1.5 s, as asked"
