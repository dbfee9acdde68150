"""`daddy-encode log`."""

from __future__ import annotations

from pathlib import Path

import click

# Of the receipts that cannot be used, so many are named.
FAULTS_SHOWN = 10


@click.command("log")
@click.argument("root", type=click.Path(path_type=Path), metavar="ROOT")
@click.option("--json", "form", flag_value="json", help="One JSON object per video.")
@click.option("--csv", "form", flag_value="csv", help="Comma-separated values with a header line.")
def command(root: Path, form: str | None) -> int:
    """Show every video below ROOT as a row: path, frames, fps, encoding time, size, type; failed jobs with the reason.

    Read from the receipts, oldest first. Needs no write permission. ROOT is the spool, or the output directory. A
    receipt that cannot be used is named on standard error. In a CSV file, texts are printable, and one that a
    spreadsheet would take for a formula begins with an apostrophe.
    """
    import csv
    import json
    import sys
    import time

    from daddy_encode.errors import one_line
    from daddy_encode.report.ledger import COLUMNS, csv_cell, read_ledger
    from daddy_encode.report.log import shown, size

    ledger = read_ledger(root)
    if form == "json":
        for row in ledger.rows:
            click.echo(json.dumps(row))
    elif form == "csv":
        writer = csv.DictWriter(sys.stdout, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows({name: csv_cell(value) for name, value in row.items()} for row in ledger.rows)
    else:
        for row in ledger.rows:
            when = time.strftime("%Y-%m-%d %H:%M", time.localtime(row["finished"]))
            if row["error"]:
                click.echo(f"{when}  FAILED  {shown(Path(row['path']))}: {one_line(row['error'])}")
            else:
                click.echo(
                    f"{when}  {one_line(row['type']):<4}  {row['frames']:>6} frames  {one_line(str(row['fps'])):>5} fps"
                    f"  {row['encode_seconds']:>7.2f} s  {size(row['bytes']):>9}  {shown(Path(row['path']))}"
                )
    for fault in ledger.faults[:FAULTS_SHOWN]:
        click.echo(one_line(fault), err=True)
    if len(ledger.faults) > FAULTS_SHOWN:
        click.echo(f"and {len(ledger.faults) - FAULTS_SHOWN} more receipts that cannot be used", err=True)
    return 0
