"""`daddy_encode.gallery`."""

from __future__ import annotations

import logging
import os
from pathlib import Path

log = logging.getLogger(__name__)


def gallery(
    root: str | os.PathLike[str],
    output: str | os.PathLike[str] | None = None,
    *,
    output_dir: str | os.PathLike[str] | None = None,
    title: str | None = None,
    sprites: bool = True,
    workers: int | None = None,
) -> Path:
    """Make one page over all receipts below `root`, that a browser opens as a file, as `daddy-encode gallery` does.

    It is there before small pictures are made, and written once more when they are. A receipt that cannot be used is
    named in a log line (logger `daddy_encode`, level WARNING).

    Args:
        root: A spool, a job's directory, or the one that videos were written to. In this path and the others `~` is the
            home directory.
        output: Where the page goes: a name that ends in `.html`, or a directory, which is made. What it needs is in a
            directory beside it, with `.files` in place of `.html`. Default: `index.html` in `root`; `root` with `.html`
            after it, where that is a job itself.
        output_dir: Where the encoders write. Default: beside the jobs.
        title: Of the page. Default, also where it is empty: the name of `root`.
        sprites: Whether small pictures are made of videos that have none yet.
        workers: Of how many videos at a time. Default: as CPUs and memory suffice for.

    Returns:
        The page's path.

    Raises:
        SettingsError: `output` has another suffix (a ValueError).
        SpoolError: `root` cannot be listed, or there is no receipt; the page cannot be written, or something else has
            its name: a link, or a file that is no gallery.
    """
    import threading

    from daddy_encode.cluster.limits import usable_workers
    from daddy_encode.report.gallery.gallery import Gallery
    from daddy_encode.spool.paths import user_path

    made = Gallery(
        user_path(root),
        None if output is None else user_path(output),
        None if output_dir is None else user_path(output_dir),
        title,
    )
    made.scan()
    for fault in made.faults:
        log.warning("%s", fault)
    made.check_not_empty()
    made.publish()
    made.make_details(
        made.missing(sprites=sprites),
        lambda card: None,
        sprites=sprites,
        workers=workers or usable_workers(os.environ),
        stop=threading.Event(),
    )
    made.complete()
    return made.page
