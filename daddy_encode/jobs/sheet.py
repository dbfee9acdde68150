"""`daddy_encode.sheet`."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from daddy_encode.jobs.results import JobReceipt, SavedVideo


def sheet(
    *paths: str | os.PathLike[str] | SavedVideo | JobReceipt,
    output: str | os.PathLike[str] = "sheet.png",
    columns: int | None = None,
    rows: int | None = None,
    at: Iterable[int] = (),
    width: int | None = None,
    captions: bool = True,
    trust_owner: Iterable[str] = (),
    max_pixels: float = 64.0,
) -> Path:
    """Make a contact sheet, as `daddy-encode sheet` does: evenly spaced frames in one picture.

    Under each are its index and time, and where the rollout's annotations say so the return so far and the step.

    Args:
        *paths: Jobs and videos, one after another: a job's directory (where that holds several sequences, with the
            pattern of one, such as `DIR/rgb_*.png`), or an MP4 or GIF. Of a job whose frames are gone, or their
            directory, its video. Also what `encode` and `receipts` return: that video, that job. `~` is the home
            directory, here and in `output`.
        output: The file, replaced atomically: a PNG or a JPEG, as its suffix says.
        columns: Pictures in a row. Default: 4, of several jobs 6.
        rows: Rows of each job. Default: 4, of several jobs 1.
        at: The indices of the frames to show, from 0, each once and in their order. Default: evenly spaced, the first
            and the last among them.
        width: Of each picture, in pixels: what is larger is averaged; enlarged is only by whole numbers. Default: each
            is as large as its frames.
        captions: Whether anything is written. Default: yes.
        trust_owner: Users whose files are taken as well. Default: nobody.
        max_pixels: Largest frame, in units of 2**20 pixels. Default: 64.

    Returns:
        The path of the file.

    Raises:
        SettingsError: An argument has a value that cannot work, such as a frame that is not there (a ValueError).
        FrameError: A frame is missing or bad (a ValueError).
        ManifestError: A manifest cannot be used (a ValueError).
        SpoolError: There is nothing to show, or the file cannot be written.
        EncodeError: A video cannot be decoded.
    """
    import threading

    from daddy_encode.encoding.frames.owners import trusted_owners
    from daddy_encode.errors import SettingsError
    from daddy_encode.jobs.arguments import pixels_of, positive_number, whole_number
    from daddy_encode.jobs.results import JobReceipt, SavedVideo
    from daddy_encode.report.sheet.file import check_output, write_sheet
    from daddy_encode.report.sheet.sheet import make_sheet
    from daddy_encode.spool.paths import user_path

    if not paths:
        raise SettingsError("name at least one job or video")
    if isinstance(at, str) or not isinstance(at, Iterable):
        raise SettingsError(f"at is {at!r:.60}; give the indices of frames, such as [0, 50, 100]")
    chosen = sorted({whole_number("one of at", index) for index in at})
    for name, value in (("columns", columns), ("rows", rows), ("width", width)):
        if value is not None:
            positive_number(name, value)
    if chosen and chosen[0] < 0:
        raise SettingsError(f"at has {chosen[0]}; frames are numbered from 0")
    clips = [
        path.path if isinstance(path, SavedVideo) else path.job if isinstance(path, JobReceipt) else user_path(path)
        for path in paths
    ]
    file = user_path(output)
    check_output(file, clips)
    made = make_sheet(
        clips,
        columns=columns,
        rows=rows,
        at=chosen,
        width=width,
        captions=captions,
        owners=trusted_owners(trust_owner),
        max_pixels=pixels_of(max_pixels),
        stop=threading.Event(),
    )
    write_sheet(made.png, file)
    return file
