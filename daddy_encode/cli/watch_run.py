"""What `daddy-encode watch` calls."""

from __future__ import annotations

import logging
import os
from functools import partial
from pathlib import Path
from typing import Any

from daddy_encode.cli.context import make_context
from daddy_encode.cli.outcomes import Tally
from daddy_encode.cli.signals import on_signals
from daddy_encode.cluster.limits import usable_workers
from daddy_encode.errors import SpoolError
from daddy_encode.report.log import set_up_logging, shown
from daddy_encode.report.progress import AboveBar
from daddy_encode.service.events import start_events
from daddy_encode.service.notify import notify, parse_command
from daddy_encode.service.scanner import Scanner
from daddy_encode.service.stop import StopSwitch
from daddy_encode.service.wake import Waker
from daddy_encode.service.watch import Watcher, WatchOptions
from daddy_encode.service.worker import Fate, Outcome, Workers
from daddy_encode.spool.claims import Claims

log = logging.getLogger(__name__)


def run(
    root: Path,
    *,
    output_dir: Path | None,
    workers: int | None,
    lease: float,
    as_json: bool,
    interval: float,
    settle: float | None,
    retry_failed: bool,
    once: bool,
    idle_exit: float | None,
    max_runtime: float | None,
    on_done: str | None,
    no_events: bool,
    **options: Any,
) -> int:
    """Watch `root`; return 0 when told to stop. Raises SpoolError where `root` is no folder, SettingsError."""
    context = make_context(**options)
    hook = parse_command(on_done) if on_done is not None else None
    if not root.is_dir():
        raise SpoolError(f"{root}: is no folder that can be watched; check the path")
    set_up_logging(AboveBar())
    stop, waker = StopSwitch(), Waker()

    def stop_all() -> None:
        stop.set()
        waker.wake()

    on_signals(stop_all)
    scanner = Scanner(root, context.settings, output_dir, settle=settle, retry_failed=retry_failed)
    tally = Tally()
    with Workers(
        workers or usable_workers(os.environ),
        context,
        Claims(lease),
        stop,
        wake=waker.wake,
        after=partial(_after, hook),
    ) as crew:
        watcher = Watcher(
            scanner,
            crew,
            waker,
            stop,
            WatchOptions(interval, once, idle_exit, max_runtime),
            partial(tally.tell, as_json=as_json),
        )
        stop_events = None if no_events or once else start_events(root, watcher.scan_soon)
        log.info(
            "watching %s every %g s with %d workers%s",
            shown(root),
            interval,
            crew.count,
            ", events on" * bool(stop_events),
        )
        try:
            watcher.run()
        finally:
            if stop_events is not None:
                stop_events()
    log.info("%s", tally)
    return 0


def _after(hook: list[str] | None, outcome: Outcome) -> None:
    if hook is not None and outcome.fate is Fate.MADE:
        notify(hook, outcome.paths.receipt)
