"""`daddy-encode verify`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from daddy_encode.cli.duration import Seconds
from daddy_encode.cli.marks.options import marks_options
from daddy_encode.cli.status_command import output_dir_option
from daddy_encode.cli.user_path import UserPath
from daddy_encode.cli.verify.max_pixels import max_pixels_option
from daddy_encode.encoding import option_values


@click.command("verify")
@click.argument("paths", nargs=-1, required=True, type=UserPath(), metavar="PATH...")
@click.option(
    "--against-frames",
    is_flag=True,
    help="Also compare each video with the frames that it was made of: that these are the ones of its receipt, by "
    "their bytes, and that each of its pictures shows its own frame. Jobs whose frames are gone are verified by "
    "themselves. Default: the frames are not read.",
)
@marks_options()
@output_dir_option
@click.option(
    "--workers",
    type=click.IntRange(1, 1024),
    metavar="N",
    help="Jobs to verify side by side. Default: the CPUs this process may use.",
)
@click.option(
    "--trust-owner",
    metavar="NAME",
    multiple=True,
    help="Also verify jobs of the user NAME, or everybody's with `any`; may be given several times. Default: other "
    "users' receipts are skipped, and a video of another user is at fault.",
)
@max_pixels_option
@click.option(
    "--stall-timeout",
    type=Seconds(0.1, 86_400),
    metavar="SECONDS",
    default=option_values.DEFAULT_STALL_SECONDS,
    show_default=True,
    help="End ffmpeg after this long without progress; the video is at fault then.",
)
@click.option(
    "--json", "as_json", is_flag=True, help="Write one JSON object per video to standard output, besides the log."
)
@click.option("-q", "--quiet", is_flag=True, help="Log only warnings and errors, and show no bar.")
@click.option("-v", "--verbose", is_flag=True, help="Also log each video that is as it should be.")
def command(paths: tuple[Path, ...], **options: Any) -> int:
    """Verify the videos of every receipt below each PATH: a tree, a job's directory, or one of its files.

    Each video is opened, compared with its receipt by size and SHA-256, read box by box, and decoded by ffmpeg to its
    last frame: frames, rate, size, colours, a GIF's delays. Nothing is written.

    One line for each thing that is wrong, and exit status 1; 0 where nothing is, 75 where Ctrl-C stopped it.
    """
    from daddy_encode.cli.verify.run import run

    return run(paths, **options)
