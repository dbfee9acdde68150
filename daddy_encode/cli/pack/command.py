"""`daddy-encode pack`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from daddy_encode.cli.duration import duration
from daddy_encode.cli.encode.command import archive_options
from daddy_encode.cli.marks.options import marks_options
from daddy_encode.cli.user_path import UserPath


@click.command("pack")
@click.argument("paths", nargs=-1, required=True, type=UserPath(), metavar="PATH...")
@click.option(
    "--undo",
    is_flag=True,
    help="Write the PNGs of packed jobs back, loose, also those of a tar: the same pixels under the same names. "
    "Default: jobs are packed.",
)
@click.option(
    "--older-than",
    metavar="TIME",
    callback=duration,
    help="Only jobs in which nothing has come or gone, and that were not encoded, for this long: 90s, 30m, 1h, 7d. "
    "Default: all.",
)
@marks_options()
@click.option(
    "--force",
    is_flag=True,
    help="Also try jobs again that an earlier run has found to be no smaller when packed. Default: they are left.",
)
@click.option("--dry-run", is_flag=True, help="Say what would be done; write and remove nothing.")
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Write one JSON object per job to standard output: path, state, frames, codec, files and bytes before and "
    "after, and why it was left.",
)
@archive_options
@click.option("-q", "--quiet", is_flag=True, help="Log only warnings and errors, and show no bar.")
def command(paths: tuple[Path, ...], **options: Any) -> int:
    """Put the PNGs of each job in PATH into one file, frames.mkv, without a change in any pixel.

    PATH is a job's directory or a tree, as for `encode`, and so are the jobs in it that are passed over. Each job is
    compared whole, frame by frame, with its PNGs before these are removed; all commands then read it as before, a job
    that is done stays done, and its videos are the same to the last byte. What cannot be packed exactly is left as it
    is, and the log says why.

    Exit status: 0 all well, also where jobs were left; 1 a job failed; 2 wrong usage; 75 stopped, or another process
    works on a job: run again.
    """
    from daddy_encode.cli.pack.run import run

    return run(paths, **options)
