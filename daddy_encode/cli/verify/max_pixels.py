"""The option `--max-pixels`, in a module of its own: `sheet` has it too, and loads nothing else of this command."""

from __future__ import annotations

import click

from daddy_encode.spool.png.pixels import MAX_PIXELS

max_pixels_option = click.option(
    "--max-pixels",
    type=click.FloatRange(0.0001, 1024),
    metavar="MPIXEL",
    default=MAX_PIXELS / 2**20,
    show_default=True,
    help="Largest frame, in units of 1,048,576 pixels, as for encode.",
)
