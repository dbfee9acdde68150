"""JSON lines on standard output, as long as somebody reads them."""

from __future__ import annotations

import logging
import os
import sys

import click

log = logging.getLogger(__name__)


def print_line(line: str, work: str) -> None:
    """Write a line to standard output.

    Args:
        line: What to write.
        work: What goes on where its reader has gone.
    """
    try:
        click.echo(line)
    except BrokenPipeError:
        # The reader, such as `head`, has seen enough; the work is wanted all the same.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        log.warning("standard output was closed by its reader: no more JSON lines, but %s goes on", work)
