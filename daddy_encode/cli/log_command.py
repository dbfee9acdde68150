"""`daddy-encode log`."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("log")
@click.argument("root", type=click.Path(path_type=Path), metavar="ROOT")
@click.option("--json", "form", flag_value="json", help="One JSON object per video.")
@click.option("--csv", "form", flag_value="csv", help="Comma-separated values with a header line.")
def command(root: Path, form: str | None) -> int:
    """Show every video below ROOT as a row: path, frames, fps, encoding time, size, type; failed jobs with the reason.

    Read from the receipts, oldest first. Needs no write permission. ROOT is the spool, or the output directory.
    """
    import csv
    import json
    import sys
    import time

    from daddy_encode.errors import one_line
    from daddy_encode.report.ledger import COLUMNS, ledger_rows, receipts
    from daddy_encode.report.log import shown, size

    rows = (row for path, receipt in receipts(root) for row in ledger_rows(path, receipt))
    if form == "json":
        for row in rows:
            click.echo(json.dumps(row))
    elif form == "csv":
        # A path may have bytes that are not UTF-8; Python keeps them, and so does this.
        sys.stdout.reconfigure(errors="surrogateescape")  # type: ignore[union-attr]
        writer = csv.DictWriter(sys.stdout, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    else:
        for row in rows:
            when = time.strftime("%Y-%m-%d %H:%M", time.localtime(row["finished"]))
            if row["error"]:
                click.echo(f"{when}  FAILED  {shown(Path(row['path']))}: {one_line(row['error'])}")
            else:
                click.echo(
                    f"{when}  {row['type']:<4}  {row['frames']:>6} frames  {row['fps']!s:>5} fps  "
                    f"{row['encode_seconds']:>7.2f} s  {size(row['bytes']):>9}  {shown(Path(row['path']))}"
                )
    return 0
