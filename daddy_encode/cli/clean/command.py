"""`daddy-encode clean`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from daddy_encode.cli.byte_size import byte_size
from daddy_encode.cli.duration import duration
from daddy_encode.cli.encode.command import archive_options
from daddy_encode.cli.marks.options import marks_options
from daddy_encode.cli.user_path import UserPath


@click.command("clean")
@click.argument("root", type=UserPath(), metavar="ROOT")
@click.option(
    "--older-than",
    metavar="TIME",
    callback=duration,
    help="Only jobs in which nothing has come or gone, and that were not encoded, for this long: 90s, 30m, 1h, 7d. "
    "Default: all.",
)
@marks_options(mark_required=True)
@click.option(
    "--until-free",
    metavar="SIZE",
    callback=byte_size,
    help="Only as many jobs, the oldest first, as it takes until the file system of ROOT has this much free: 500M, "
    "20G, 1.5T (powers of 1000), or 20GiB. A quota cannot be seen. Default: all.",
)
@click.option(
    "--keep-every",
    type=click.IntRange(min=1),
    metavar="N",
    help="Keep the first frame and every Nth after it, as PNGs in the job's kept.tar. Default: none.",
)
@click.option(
    "--keep-posters",
    is_flag=True,
    help="Keep the first frame and the one in the middle, as PNGs in the job's kept.tar. Default: none.",
)
@click.option(
    "--min-psnr",
    type=click.FloatRange(0, 100),
    metavar="DB",
    help="Keep the frames of a job where a frame of a video is less near than this to what it should be, in dB. "
    "Default: as `verify --against-frames` judges.",
)
@click.option(
    "--include-salvaged",
    is_flag=True,
    help="Also jobs whose videos were made with --gaps, --salvage or --settle, or of a rollout that ended early. "
    "Default: their frames are kept.",
)
@click.option(
    "--workers",
    type=click.IntRange(1, 1024),
    metavar="N",
    help="Jobs to verify side by side; with --until-free one. Default: the CPUs this process may use.",
)
@click.option("--dry-run", is_flag=True, help="Say what would be deleted; verify, write and delete nothing.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask. Default: ask before the first frame is deleted.")
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Write one JSON object per job to standard output: path, state, files, bytes, and why it was kept.",
)
@archive_options
@click.option("-q", "--quiet", is_flag=True, help="Log only warnings and errors, and show no bar.")
def command(root: Path, **options: Any) -> int:
    """Delete the frames of the jobs in ROOT whose videos show them: loose PNGs, frames.tar or packed ones.

    ROOT is a tree, or a job's directory. Of each job that is done and whole, the videos are compared with the frames as
    `verify --against-frames` does, and only where nothing is wrong and nothing has changed the frames go. Manifest,
    annotations and rollout.json stay, and the receipt says that the frames are deleted: the job is done for every
    command. Frames that are kept are named in the log, with the reason. What was killed is finished by the next run.

    Exit status: 0 all well, also where frames were kept; 1 a job failed, or --until-free could not be reached; 2 wrong
    usage, or nobody there to ask without --yes; 75 stopped, or something was in the way: run again.
    """
    from daddy_encode.cli.clean.run import run

    return run(root, **options)
