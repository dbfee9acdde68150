"""`daddy-encode log`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from daddy_encode.cli.status_command import output_dir_option, selection_options

if TYPE_CHECKING:
    from daddy_encode.report.selection import Selection

# Of the receipts that cannot be used, so many are named.
FAULTS_SHOWN = 10


@click.command("log")
@selection_options
@output_dir_option
@click.option("--json", "form", flag_value="json", help="One JSON object per video.")
@click.option("--csv", "form", flag_value="csv", help="Comma-separated values with a header line.")
def command(root: Path, selection: Selection, output_dir: Path | None, form: str | None) -> int:
    """Show every video below ROOT as a row: path, frames, fps, encoding time, size, type; failed jobs with the reason.

    Read from the receipts, oldest first. ROOT is the spool, a job's directory, or the output directory. With JOB, only
    the jobs of that name, or in a directory of that name, below ROOT; a pattern in quotes, such as 'run-1*/eval-*',
    whose * matches / as well.

    A receipt that cannot be used is named on standard error. In a CSV file, texts are printable, and one that a
    spreadsheet would take for a formula begins with an apostrophe. Needs no write permission. Exit status: 0, also
    where jobs have failed; 1 where ROOT cannot be listed; 2 wrong usage.
    """
    import csv
    import json
    import sys
    import time

    from daddy_encode.errors import one_line
    from daddy_encode.report.ledger import COLUMNS, csv_cell, paths_of, read_ledger
    from daddy_encode.report.log import shown, size
    from daddy_encode.spool.paths import absolute

    ledger = read_ledger(root, output_dir)
    top = absolute(root)
    elsewhere = absolute(output_dir) if output_dir is not None else None

    def paths(row: dict[str, Any]) -> Iterator[Path]:
        for path in map(absolute, paths_of(row)):
            yield path
            if elsewhere is not None and path.is_relative_to(elsewhere):
                # As if it were beside the jobs.
                yield top / path.relative_to(elsewhere)

    rows = selection.select(
        ledger.rows,
        paths=paths,
        root=top,
        when=lambda row: row["finished"],
        has_failed=lambda row: row["error"] is not None,
    )
    if form == "json":
        for row in rows:
            click.echo(json.dumps(row))
    elif form == "csv":
        writer = csv.DictWriter(sys.stdout, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows({name: csv_cell(value) for name, value in row.items()} for row in rows)
    else:
        for row in rows:
            when = time.strftime("%Y-%m-%d %H:%M", time.localtime(row["finished"]))
            path, notes = shown(Path(row["path"])), f"; {one_line(row['notes'])}" if row["notes"] else ""
            if row["error"]:
                job = one_line(str(absolute(Path(row["path"]))))
                error = one_line(row["error"]).replace(f"{job}/", "").removeprefix(f"{job}: ")
                click.echo(f"{when}  FAILED  {path}: {error}{notes}")
            else:
                click.echo(
                    f"{when}  {one_line(row['type']):<4}  {row['frames']:>6} frames"
                    f"  {one_line(str(row['fps'])):>5} fps  {row['encode_seconds']:>7.2f} s"
                    f"  {size(row['bytes']):>9}  {path}{notes}"
                )
    if ledger.rows and not rows:
        click.echo(f"none of {len(ledger.rows)} videos and failures is one that was asked for", err=True)
    if not (ledger.rows or ledger.faults):
        places = f", nor in {shown(output_dir)}" if output_dir is not None else ""
        click.echo(f"{shown(root)}: no receipt (NAME.receipt.json) below it or beside it{places}", err=True)
    for fault in ledger.faults[:FAULTS_SHOWN]:
        click.echo(one_line(fault), err=True)
    if len(ledger.faults) > FAULTS_SHOWN:
        click.echo(f"and {len(ledger.faults) - FAULTS_SHOWN} more receipts that cannot be used", err=True)
    return 0
