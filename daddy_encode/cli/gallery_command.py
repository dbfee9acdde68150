"""`daddy-encode gallery`."""

from __future__ import annotations

from pathlib import Path

import click

from daddy_encode.cli.status_command import output_dir_option
from daddy_encode.cli.user_path import UserPath

# Of the receipts that cannot be used, so many are named.
FAULTS_SHOWN = 10


@click.command("gallery")
@click.argument("root", type=UserPath(), metavar="ROOT")
@click.option(
    "-o",
    "--output",
    type=UserPath(),
    metavar="PAGE",
    help="Where the page goes: a name that ends in .html, or a directory, which is made. What it needs is in a "
    "directory beside it, PAGE without .html and with .files. Default: index.html in ROOT; ROOT.html, where ROOT is "
    "a job itself.",
)
@output_dir_option
@click.option("--title", metavar="TEXT", help="Of the page. Default, also where TEXT is empty: the name of ROOT.")
@click.option(
    "--no-sprites",
    is_flag=True,
    help="Make no small pictures of videos that have none yet. Default: they are made, and the page shows them as the "
    "pointer crosses a card.",
)
@click.option(
    "--workers",
    type=click.IntRange(1, 1024),
    metavar="N",
    help="Videos to make small pictures of at a time. Default: the CPUs this process may use.",
)
@click.option("-q", "--quiet", is_flag=True, help="Log only warnings and errors, and show no bar.")
def command(
    root: Path,
    output: Path | None,
    output_dir: Path | None,
    title: str | None,
    no_sprites: bool,
    workers: int | None,
    quiet: bool,
) -> int:
    """Make one page over all receipts below ROOT, that a browser opens as a file: no server, no network.

    The videos stay where they are, and the page's links to them are relative. The page is there before the small
    pictures are made, each of which is made once. Run it again to bring it up to date.

    Exit status: 0, also where jobs have failed; 1 where ROOT cannot be listed or holds no receipt, or the page cannot
    be written; 2 wrong usage; 75 where Ctrl-C stopped it: the page is there then, and the rest is made the next time.
    """
    import logging
    import os

    from daddy_encode.cli.main import INTERRUPTED
    from daddy_encode.cli.scheduling import schedule_as_batch
    from daddy_encode.cli.signals import on_signals
    from daddy_encode.cluster.limits import usable_workers
    from daddy_encode.report.gallery.cards import Card
    from daddy_encode.report.gallery.gallery import Gallery
    from daddy_encode.report.log import counted, set_up_logging, shown
    from daddy_encode.report.progress import AboveBar, Progress
    from daddy_encode.service.stop import StopSwitch

    set_up_logging(AboveBar(), quiet=quiet)
    log = logging.getLogger("daddy_encode")
    stop = StopSwitch()
    on_signals(stop.set)
    schedule_as_batch()
    gallery = Gallery(root, output, output_dir, title, option="--output")
    gallery.scan()
    for fault in gallery.faults[:FAULTS_SHOWN]:
        log.warning("%s", fault)
    if len(gallery.faults) > FAULTS_SHOWN:
        log.warning("and %d more receipts that cannot be used", len(gallery.faults) - FAULTS_SHOWN)
    gallery.check_not_empty()
    gallery.publish()
    log.info("%s: %s", shown(gallery.page), counted(len(gallery.cards), "job"))
    missing = gallery.missing(sprites=not no_sprites)
    if missing and not no_sprites:
        log.info(
            "making small pictures of %s; the page has more of them each time it is loaded",
            counted(len(missing), "video"),
        )
    frames = sum(card.source.shown.frames for card in missing if card.source is not None)
    with Progress(len(missing), frames, hidden=quiet) as progress, stop.event() as event:

        def ended(card: Card) -> None:
            progress.add(card.source.shown.frames if card.source is not None else 0)
            progress.end_job()

        gallery.make_details(
            missing, ended, sprites=not no_sprites, workers=workers or usable_workers(os.environ), stop=event
        )
    gallery.complete()
    if stop.is_set():
        log.warning("stopped before all small pictures were made; run the same command again")
        return INTERRUPTED
    return 0
