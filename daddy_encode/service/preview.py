"""What an encode would make, without making it: nothing is written, no program is started."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from daddy_encode.encoding.context import Context
from daddy_encode.encoding.gone import FramesGoneError
from daddy_encode.encoding.job import examine_job
from daddy_encode.encoding.recorded import settings_text
from daddy_encode.encoding.settings import GifSettings
from daddy_encode.errors import DaddyEncodeError
from daddy_encode.report.log import shown
from daddy_encode.service.found_jobs import FoundJob
from daddy_encode.spool.paths import JobPaths, Kind
from daddy_encode.spool.rate import fps_in_json, parse_fps


class Preview(Struct, frozen=True):
    """A video that would be made.

    Attributes:
        path: Its file.
        frames: How many pictures it would have.
        fps: How many of them would be shown in a second, as JSON has it.
        format: "mp4" or "gif".
        settings: All that decides its bytes, given the frames.
        text: The settings, or some of them, for people.
        replaces: Which file it would replace; empty where there is none.
    """

    path: Path
    frames: int
    fps: int | float | str
    format: Kind
    settings: dict[str, Any]
    text: str
    replaces: str

    def __str__(self) -> str:
        plural = "s" if self.frames != 1 else ""
        replaces = f"; {self.replaces}" if self.replaces else ""
        return (
            f"would save {shown(self.path)}: {self.frames} frame{plural}, {self.fps} fps, {self.format.upper()}; "
            f"{self.text}{replaces}"
        )


def preview(
    jobs: Iterable[FoundJob], context: Context, *, every: bool = False
) -> Iterator[tuple[JobPaths, list[Preview] | DaddyEncodeError]]:
    """Yield each job with the videos that would be made of it, none where it is done, or with what is wrong with it.

    Args:
        jobs: What was found.
        context: What all jobs share.
        every: Whether a video's text has all settings. Default: those that are not as usual.
    """
    for job in jobs:
        try:
            yield job.paths, _videos(job.paths, context, every=every)
        except FramesGoneError as error:
            yield job.paths, [] if error.receipt is not None and not context.force else error
        except DaddyEncodeError as error:
            yield job.paths, error


def _videos(paths: JobPaths, context: Context, *, every: bool) -> list[Preview]:
    job = examine_job(paths, context)
    count = len(job.shown({})) if job.todo else 0
    lost = f", gaps {job.gaps}" * (job.gaps != "error") + ", salvage" * job.salvaged
    videos = []
    for kind, settings in job.todo.items():
        path = paths.output(kind)
        step = settings.step if isinstance(settings, GifSettings) else 1
        is_there = os.path.lexists(path)
        videos.append(
            Preview(
                path=path,
                frames=-(-count // step),
                fps=fps_in_json(parse_fps(settings.fps) / step),
                format=kind,
                settings=msgspec.to_builtins(settings),
                text=settings_text(settings, every=every) + lost,
                replaces=job.replaced(paths, kind) if is_there else "",
            )
        )
    return videos
