"""Saying what became of each job, and counting."""

from __future__ import annotations

import logging

import click

from daddy_encode.report.log import lost_lines, saved_json, saved_line, shown
from daddy_encode.service.worker import Fate, Outcome

log = logging.getLogger(__name__)


class Tally:
    """Logs outcomes, and adds them up."""

    def __init__(self, failed: int = 0) -> None:
        self.saved = 0
        self.done = 0
        self.skipped = 0
        self.failed = failed

    def __str__(self) -> str:
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        return f"{self.saved} videos saved, {self.done} jobs already done, {self.failed} failed{skipped}"

    def tell(self, outcome: Outcome, *, as_json: bool) -> None:
        """One log line for each video made, each job that was done already, each failure; JSON on standard output."""
        paths = outcome.paths
        if outcome.fate in (Fate.FAILED, Fate.LATER):
            self.failed += 1
            log.error("%s", outcome.error)
        elif outcome.fate is Fate.SKIPPED:
            self.skipped += 1
            log.warning("%s", outcome.error)
        elif outcome.fate is Fate.DONE:
            self.done += 1
            log.info("already done: %s; --force encodes it again", shown(paths.directory))
        for record in outcome.result.made if outcome.result else ():
            self.saved += 1
            path = paths.output(record.format)
            log.info("%s", saved_line(record, path, outcome.result.receipt if outcome.result else None))
            for warning in record.warnings:
                log.info("%s: %s", shown(path), warning)
            if as_json:
                click.echo(saved_json(record, path))
        if outcome.result and outcome.result.made:
            for line in lost_lines(outcome.result.receipt):
                log.warning("%s: %s", shown(paths.directory), line)
