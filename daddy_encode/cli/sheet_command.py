"""`daddy-encode sheet`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from daddy_encode.cli.user_path import UserPath
from daddy_encode.cli.verify.max_pixels import max_pixels_option

# Standard output, as an output file.
STDOUT = "-"


def _frames(ctx: click.Context, param: click.Parameter, value: str | None) -> list[int]:
    """Indices of frames, such as `0,50,100`, each once and ascending."""
    parts = [part.strip() for part in value.split(",")] if value is not None else []
    # Not isdigit alone: other scripts' digits, and numbers that take long to read.
    if not all(part.isascii() and part.isdigit() and len(part) < 10 for part in parts):
        raise click.BadParameter(f"{value!r:.60} is not indices of frames, from 0, with commas between: 0,50,100")
    return sorted(set(map(int, parts)))


@click.command("sheet")
@click.argument("paths", nargs=-1, required=True, type=UserPath(), metavar="JOB|VIDEO...")
@click.option(
    "-o",
    "--output",
    type=UserPath(dir_okay=False),
    metavar="FILE",
    default="sheet.png",
    show_default=True,
    help="The picture, which is replaced if it is there: a PNG, or a JPEG if its name ends in .jpg; `-` is a PNG to "
    "standard output.",
)
@click.option(
    "--columns",
    type=click.IntRange(1, 1000),
    metavar="N",
    help="Frames in a row. Default: 4, of several jobs 6.",
)
@click.option(
    "--rows", type=click.IntRange(1, 1000), metavar="N", help="Rows of each job. Default: 4, of several jobs 1."
)
@click.option(
    "--at",
    callback=_frames,
    metavar="FRAMES",
    help="Show these frames, such as 0,50,100, each once and in the order of the recording. Default: evenly "
    "spaced ones, the first and the last among them.",
)
@click.option(
    "--width",
    type=click.IntRange(1),
    metavar="PIXELS",
    help="Width of each frame: larger ones are averaged, smaller ones enlarged by a whole number. Default: each is as "
    "large as it is.",
)
@click.option("--no-captions", is_flag=True, help="Write nothing: only the frames. Default: under each is what it is.")
@click.option(
    "--trust-owner",
    metavar="NAME",
    multiple=True,
    help="Also take files of the user NAME, or everybody's with `any`; may be given several times. Default: other "
    "users' are an error.",
)
@max_pixels_option
def command(
    paths: tuple[Path, ...],
    output: Path,
    at: list[int],
    no_captions: bool,
    trust_owner: tuple[str, ...],
    max_pixels: float,
    **options: Any,
) -> int:
    """Make a contact sheet: evenly spaced frames of each JOB or VIDEO in one picture.

    Under each frame are its index and time, and where the rollout's annotations say so the return so far and the step.
    JOB is a directory of frames; where it holds several sequences, with the pattern of one: 'DIR/rgb_*.png'. Only the
    frames that are shown are read, of a packed job those before them as well. Of a job whose frames are gone, or their
    directory, the video is taken. Several jobs are one below the other, each with its name; the row for a paper is
    --rows 1.

    Frames are as large as they are unless --width is given. Exit status: 0, 1 where a job cannot be shown or the sheet
    not be written, 2 wrong usage, 75 interrupted, or the machine is short of something (run again).
    """
    import threading

    from daddy_encode.encoding.frames.owners import trusted_owners
    from daddy_encode.errors import SettingsError
    from daddy_encode.report.log import counted, shown
    from daddy_encode.report.sheet.file import check_output, write_sheet
    from daddy_encode.report.sheet.sheet import make_sheet

    to_stdout = str(output) == STDOUT
    if not to_stdout:
        check_output(output, paths)
    elif sys.stdout.isatty():
        raise SettingsError("a picture is nothing for a terminal; give a file with -o, or redirect standard output")
    made = make_sheet(
        paths,
        at=at,
        captions=not no_captions,
        owners=trusted_owners(trust_owner),
        max_pixels=int(max_pixels * 2**20),
        stop=threading.Event(),
        **options,
    )
    if to_stdout:
        sys.stdout.buffer.write(made.png)
    else:
        write_sheet(made.png, output)
    sizes = sorted({f"{width}x{height}" for width, height in made.sizes})
    each = f"each {sizes[0]}" if len(sizes) == 1 else " or ".join(sizes)
    where = "standard output" if to_stdout else shown(output)
    click.echo(f"{where}: {made.width}x{made.height}, {counted(made.pictures, 'frame')}, {each}", err=to_stdout)
    return 0
