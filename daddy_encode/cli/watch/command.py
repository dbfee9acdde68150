"""`daddy-encode watch`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from daddy_encode.cli.duration import Seconds, duration
from daddy_encode.cli.encode.command import encoding_options
from daddy_encode.cli.user_path import UserPath


@click.command("watch")
@click.argument("root", type=UserPath(), metavar="ROOT")
@encoding_options
@click.option(
    "--interval",
    type=Seconds(0.1, 3600),
    metavar="SECONDS",
    default=10.0,
    show_default=True,
    help="Poll interval: the time between two scans of ROOT, or up to 20 % less; twice as long while nothing has "
    "changed for ten minutes. A shorter one finds jobs sooner and asks more of the file system.",
)
@click.option(
    "--settle",
    type=Seconds(1, 604_800),
    metavar="SECONDS",
    help="Also encode a dump without a manifest once nothing in it has changed for this long. Default: never; its "
    "rollout may still be writing.",
)
@click.option("--retry-failed", is_flag=True, help="Try failed jobs once more. Default: only when their frames change.")
@click.option(
    "--once",
    is_flag=True,
    help="Exit when nothing is ready any more, with status 1 if a job failed, 75 if one should be tried again later. "
    "Default: watch until told to stop.",
)
@click.option(
    "--idle-exit",
    type=Seconds(0, 604_800),
    metavar="SECONDS",
    help="Exit after this long with nothing to encode, such as 600 or 10m: for a watcher inside a Slurm job. "
    "Default: never.",
)
@click.option(
    "--max-runtime",
    type=Seconds(1, 31_536_000),
    metavar="SECONDS",
    help="Exit after this long; what is being encoded then is left for another encoder. Default: never.",
)
@click.option(
    "--on-done",
    metavar="CMD",
    help="Run CMD, without a shell, with the receipt's path as its last argument, after each job of which a video was "
    "made. Its failure is logged, and does no harm. Default: nothing.",
)
@click.option(
    "--on-done-timeout",
    type=Seconds(0.1, 604_800),
    metavar="SECONDS",
    default=60.0,
    show_default=True,
    help="End the CMD of --on-done, with all that it has started, after this long. While as many run as twice the "
    "workers, no further job is begun.",
)
@click.option(
    "--pack-after",
    metavar="TIME",
    callback=duration,
    help="Pack the frames of each job, as `pack` does, once it has been done for this long: 30m, 1h, 7d. "
    "Default: never.",
)
@click.option(
    "--clean-after",
    metavar="TIME",
    callback=duration,
    help="Delete the frames of each job, as `clean` does, once it has been done for this long and its videos are "
    "verified beside its frames: 1d, 7d. Default: never.",
)
@click.option(
    "--gallery",
    is_flag=True,
    help="Keep the page of `gallery` up to date: index.html in ROOT, written anew a few seconds after a job has ended, "
    "and about once a minute for those of other encoders. Default: no page is made.",
)
@click.option(
    "--gallery-page",
    type=UserPath(),
    metavar="PAGE",
    help="As --gallery, and the page is PAGE: a name that ends in .html, or a directory. Default: as --gallery says.",
)
@click.option(
    "--no-events",
    is_flag=True,
    help="Do not ask a local file system for events. Default: they bring the next scan forward; network file systems "
    "send none.",
)
def command(root: Path, **options: Any) -> int:
    """Watch ROOT, and encode every rollout below it once it is finished, whichever node wrote it.

    Any number of watchers and `encode` commands may work on one ROOT. SIGTERM or Ctrl-C ends a watcher cleanly, with
    exit status 0: what was being encoded leaves nothing half-made.
    """
    from daddy_encode.cli.watch.run import run

    return run(root, **options)
