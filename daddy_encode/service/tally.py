"""Logging what became of each job, and counting."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from daddy_encode.encoding.context import Result
from daddy_encode.encoding.recorded import read_settings, settings_text
from daddy_encode.report.log import counted, lost_lines, saved_line, seconds_text, shown, size
from daddy_encode.service.attempt import Outcome, OutcomeKind
from daddy_encode.service.find_jobs import passed_over_text
from daddy_encode.service.found_jobs import PassedOver
from daddy_encode.spool.receipt import OutputRecord

log = logging.getLogger(__name__)


class Tally:
    """Logs outcomes, and adds them up; its text is the last line of a run.

    Attributes:
        saved: Videos that were saved.
        made: Jobs whose videos were saved.
        bytes: Their size.
        done: Jobs that were done already.
        skipped: Jobs that were left alone.
        failed: Jobs that failed, and directories that could not be used.
        passed_over: What was found and is not encoded.
    """

    def __init__(
        self,
        failed: int = 0,
        *,
        passed_over: Sequence[PassedOver] = (),
        on_saved: Callable[[OutputRecord, Path], None] = lambda record, path: None,
        one_job: bool = False,
    ) -> None:
        """Begin to count, and to measure the time.

        Args:
            failed: How many have failed already. Default: none.
            passed_over: What was found and is not encoded. Default: nothing.
            on_saved: Called with the record and the path of each video that was saved. Default: nobody.
            one_job: Whether there is one job only, which is named where it is done already; of many, their number in
                the last line is enough. Default: there may be many.
        """
        self.saved = 0
        self.made = 0
        self.bytes = 0
        self.done = 0
        self.skipped = 0
        self.failed = failed
        self.passed_over = passed_over
        self._on_saved = on_saved
        self._done_level = logging.INFO if one_job else logging.DEBUG
        self._begin = time.monotonic()

    def __str__(self) -> str:
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        made = f"{size(self.bytes)} in " if self.saved else ""
        return (
            f"{counted(self.saved, 'video')} saved, {counted(self.done, 'job')} already done, {self.failed} failed"
            f"{skipped}{passed_over_text(self.passed_over)}; "
            f"{made}{seconds_text(time.monotonic() - self._begin)}"
        )

    def record(self, outcome: Outcome) -> None:
        """One log line for each video made, each failure and each job that was left alone."""
        paths = outcome.paths
        if outcome.kind in (OutcomeKind.FAILED, OutcomeKind.DEFERRED):
            self.failed += 1
            log.error("%s", outcome.error)
        elif outcome.kind is OutcomeKind.SKIPPED:
            self.skipped += 1
            log.warning("%s", outcome.error)
        elif outcome.kind is OutcomeKind.DONE:
            self.done += 1
            is_gone = outcome.result is not None and outcome.result.frames_gone
            more = "its frames are gone" if is_gone else "--force encodes it again"
            log.log(self._done_level, "already done: %s; %s", shown(paths.job), more)
            if outcome.result is not None and is_gone:
                for warning in outcome.result.warnings:
                    log.warning("%s: %s", shown(paths.job), warning)
        if outcome.result is not None and outcome.result.made:
            log_saved(outcome.result)
            self.made += outcome.kind is OutcomeKind.MADE
            for record in outcome.result.made:
                self.saved += 1
                self.bytes += record.bytes
                self._on_saved(record, paths.output(record.format))


def log_saved(result: Result) -> None:
    """One log line for each video that was made, and those on what is missing from it."""
    for record in result.made:
        path = result.paths.output(record.format)
        log.info("%s", saved_line(record, path, result.receipt, result.replaced.get(record.format, "")))
        if (settings := read_settings(record.format, record.settings)) is not None:
            log.debug("%s: made with %s", shown(path), settings_text(settings))
        for warning in record.warnings:
            if warning not in result.warnings:
                log.info("%s: %s", shown(path), warning)
    for line in (*result.warnings, *lost_lines(result.receipt)):
        log.warning("%s: %s", shown(result.paths.job), line)
