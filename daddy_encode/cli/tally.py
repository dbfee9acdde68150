"""Logging what became of each job, and counting."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import click

from daddy_encode.report.log import lost_lines, saved_json, saved_line, shown
from daddy_encode.service.attempt import Outcome, OutcomeKind
from daddy_encode.service.find_jobs import PassedOver, reasons

log = logging.getLogger(__name__)


class Tally:
    """Logs outcomes, and adds them up; its text is the last line of a run.

    Attributes:
        saved: Videos that were saved.
        done: Jobs that were done already.
        skipped: Jobs that were left alone.
        failed: Jobs that failed, and directories that could not be used.
        passed_over: What was found and is not encoded.
    """

    def __init__(self, failed: int = 0, passed_over: Sequence[PassedOver] = ()) -> None:
        self.saved = 0
        self.done = 0
        self.skipped = 0
        self.failed = failed
        self.passed_over = passed_over

    def __str__(self) -> str:
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        passed_over = f"; passed over: {reasons(self.passed_over)}" if self.passed_over else ""
        return f"{self.saved} videos saved, {self.done} jobs already done, {self.failed} failed{skipped}{passed_over}"

    def record(self, outcome: Outcome, *, as_json: bool) -> None:
        """One log line for each video made, each job that was done already, each failure; JSON on standard output."""
        paths = outcome.paths
        if outcome.kind in (OutcomeKind.FAILED, OutcomeKind.DEFERRED):
            self.failed += 1
            log.error("%s", outcome.error)
        elif outcome.kind is OutcomeKind.SKIPPED:
            self.skipped += 1
            log.warning("%s", outcome.error)
        elif outcome.kind is OutcomeKind.DONE:
            self.done += 1
            log.info("already done: %s; --force encodes it again", shown(paths.job))
        result = outcome.result
        if result is None or not result.made:
            return
        for record in result.made:
            self.saved += 1
            path = paths.output(record.format)
            log.info("%s", saved_line(record, path, result.receipt, result.replaced.get(record.format, "")))
            for warning in record.warnings:
                if warning not in result.warnings:
                    log.info("%s: %s", shown(path), warning)
            if as_json:
                click.echo(saved_json(record, path))
        for line in (*result.warnings, *lost_lines(result.receipt)):
            log.warning("%s: %s", shown(paths.job), line)
