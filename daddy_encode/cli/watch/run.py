"""What `daddy-encode watch` calls."""

from __future__ import annotations

import logging
import os
import stat
import time
from functools import partial
from pathlib import Path
from typing import Any

from daddy_encode.cli.encode.run import print_saved
from daddy_encode.cli.main import FAILED, INTERRUPTED
from daddy_encode.cli.scheduling import schedule_as_batch
from daddy_encode.cli.signals import on_signals
from daddy_encode.cluster.limits import usable_workers
from daddy_encode.encoding.probe import check_ffmpeg, kinds_asked_for
from daddy_encode.errors import SpoolError
from daddy_encode.jobs.context import make_context
from daddy_encode.report.log import counted, set_up_logging, shown
from daddy_encode.report.progress import AboveBar
from daddy_encode.service.attempt import Outcome
from daddy_encode.service.notify import Notifier, parse_command
from daddy_encode.service.state import State
from daddy_encode.service.stop import StopSwitch
from daddy_encode.service.tally import Tally
from daddy_encode.service.watcher.events import Events, start_events
from daddy_encode.service.watcher.memory import use_one_arena
from daddy_encode.service.watcher.scanner import Scanner
from daddy_encode.service.watcher.tracked_job import Archiving
from daddy_encode.service.watcher.wake import Waker
from daddy_encode.service.watcher.watcher import Watcher, WatchOptions
from daddy_encode.service.worker_pool import WorkerPool
from daddy_encode.service.workers.count import usable_processes
from daddy_encode.spool.claims import Claims
from daddy_encode.spool.walk import listing_error

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
    split: bool,
    once: bool,
    idle_exit: float | None,
    max_runtime: float | None,
    on_done: str | None,
    on_done_timeout: float,
    pack_after: float | None,
    clean_after: float | None,
    gallery: bool,
    gallery_page: Path | None,
    no_events: bool,
    quiet: bool,
    verbose: bool,
    **options: Any,
) -> int:
    """Watch `root`; the other arguments are the options, `options` those of `make_context`.

    Returns:
        The exit status: 0 when told to stop.

    Raises:
        SettingsError: An option has a value that cannot work.
        SpoolError: `root` is not a directory, or with `once` not there.
        EncodeError: ffmpeg or gifsicle is missing, or does not work here, as a trial or the jobs show.
    """
    use_one_arena()
    # From now on, others' videos stay, whatever their options: two watchers would replace each other's.
    keep_since = time.time()
    context = make_context(keep_since=keep_since, **options)
    hook = parse_command(on_done) if on_done is not None else []
    _check_directory(root, may_come=not once)
    set_up_logging(AboveBar(), quiet=quiet, verbose=verbose)
    stop, waker = StopSwitch(), Waker()

    def stop_all() -> None:
        stop.set()
        waker.wake()

    on_signals(stop_all)
    schedule_as_batch()
    # Better no watcher than one whose ffmpeg fails each job.
    check_ffmpeg(kinds_asked_for(context.settings))
    events = None if no_events or once else start_events(root)
    after: dict[Archiving, float] = {} if pack_after is None else {"pack": pack_after}
    after |= {} if clean_after is None else {"clean": clean_after}
    scanner = Scanner(
        root,
        context.settings,
        output_dir,
        context.owners,
        settle=settle,
        retry_failed=retry_failed,
        keep_since=keep_since,
        split=split,
        after=after,
        events=events,
    )
    keeper = None
    if gallery or gallery_page is not None:
        # It knows pictures and pages, which no other watcher needs.
        from daddy_encode.cli.watch.keep_gallery import GalleryKeeper

        keeper = GalleryKeeper(root, gallery_page, output_dir)
    tally = Tally(on_saved=print_saved if as_json else lambda record, path: None)
    claims = Claims(lease, context.owners.trusts, context.tmp_dir)

    def report(outcome: Outcome) -> None:
        tally.record(outcome)
        if keeper is not None:
            keeper.changed(outcome.paths.receipt)

    count = workers or usable_workers(os.environ)
    with WorkerPool(
        count, context, claims, stop, wake=waker.wake, processes=usable_processes(count), may_fork=True
    ) as pool:
        watcher = Watcher(
            scanner,
            pool,
            waker,
            stop,
            WatchOptions(interval, once, idle_exit, max_runtime),
            report,
            claims.keep_only,
            Notifier(hook, on_done_timeout, stop.is_set, waker.wake),
        )
        if events is not None:
            waker.listen(events.descriptor, partial(_read_events, events, watcher))
        log.info(
            "watching %s every %g s with %s%s",
            shown(root),
            interval,
            counted(pool.count, "worker"),
            ", events on" * (events is not None),
        )
        if keeper is not None:
            # After the workers, which are forked.
            keeper.start()
        with waker.woken_by_signals():
            watcher.run()
        if keeper is not None:
            keeper.end(stop.is_set)
        if events is not None:
            events.close()
    # What it has found done it has not attempted.
    tally.done = max(tally.done, scanner.counts()[State.DONE] - tally.made)
    log.info("%s", tally)
    if pool.fault is not None:
        raise pool.fault
    if not once:
        return 0
    return FAILED if tally.failed else INTERRUPTED if watcher.deferred or scanner.has_missed else 0


def _read_events(events: Events, watcher: Watcher) -> None:
    if events.read():
        watcher.scan_soon()


def _check_directory(root: Path, *, may_come: bool) -> None:
    """Raise SpoolError where `root` is no directory; one that `may_come` need not be there yet."""
    try:
        is_directory = stat.S_ISDIR(os.stat(root).st_mode)
    except FileNotFoundError as error:
        if not may_come:
            raise listing_error(root, error) from error
    except OSError as error:
        raise listing_error(root, error) from error
    else:
        if not is_directory:
            raise SpoolError(f"{root}: is not a directory; check the path")
