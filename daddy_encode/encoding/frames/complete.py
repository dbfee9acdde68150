"""Whether the frames of a job are all there, and what is said where they are not."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator, Sequence

from daddy_encode.encoding.advice import way_on
from daddy_encode.encoding.frames.job_directory import JobDirectory
from daddy_encode.encoding.frames.other_files import OtherFiles, is_other_format
from daddy_encode.errors import DaddyEncodeError, FrameError, ManifestError, TransientError
from daddy_encode.spool.frames import FrameSequence, is_own_name
from daddy_encode.spool.manifest import MANIFEST_NAME, ROLLOUT_NAME, Manifest
from daddy_encode.spool.paths import JobPaths
from daddy_encode.spool.receipt import read_receipt


def nothing_to_read(paths: JobPaths, directory: JobDirectory, manifest: Manifest | None) -> DaddyEncodeError:
    """The error to raise where there are no frames: what is there instead."""
    if paths.pattern is not None:
        return TransientError(f"{paths.job}: these frames are not there any more; run again")
    if manifest is not None and manifest.error and not manifest.frames:
        return FrameError(f"{paths.job}: its rollout ended before its first frame: {manifest.error}")
    # The outputs asked for may be elsewhere, where nothing says so.
    beside = JobPaths.of(paths.directory).receipt
    if (receipt := read_receipt(beside)) is not None and receipt.frames == "deleted":
        return FrameError(
            f"{paths.job}: nothing to encode: daddy-encode clean has deleted its frames, as {beside.name} says; its "
            "videos are beside it"
        )
    other = OtherFiles()
    other.add(directory.names())
    promised = f"its manifest promises {manifest.frames} frames, but " if manifest is not None else ""
    return FrameError(f"{paths.job}: nothing to encode: {promised}it {other}")


def check_not_more(paths: JobPaths, frames: FrameSequence, manifest: Manifest | None) -> None:
    """Raise ManifestError where there are more frames than promised."""
    if manifest is not None and manifest.frames < len(frames):
        raise ManifestError(
            f"{paths.manifest}: promises {manifest.frames} frames, but there are {len(frames)} "
            f"({frames.names[0]} to {frames.names[-1]}); remove what does not belong there, or run the rollout again"
        )


def check_whole(paths: JobPaths, frames: FrameSequence, manifest: Manifest | None) -> None:
    """Raise FrameError or ManifestError where frames are missing."""
    way = way_on(manifest) if manifest is not None else "--gaps skip closes up, --gaps hold keeps time"
    advice = f"run the rollout again, or go on: {way}"
    if frames.numbering == "irregular":
        names = ", ".join(frames.names[:3])
        raise FrameError(
            f"{paths.job}: the numbers of its frames are at irregular distances ({names} …); --gaps skip closes up, "
            "--gaps hold keeps time, one frame for each number"
        )
    if frames.missing_count():
        raise FrameError(f"{paths.job}: {missing_text(frames)}; {advice}")
    if manifest is not None and manifest.frames != len(frames):
        raise ManifestError(
            f"{paths.manifest}: promises {manifest.frames} frames, but there are {len(frames)} "
            f"({frames.names[0]} to {frames.names[-1]}); wait for the file system, or {advice}"
        )


def missing_text(frames: FrameSequence) -> str:
    """Which frames are missing and how many, of a sequence that lacks some."""
    gaps = frames.missing_count()
    return f"{', '.join(frames.missing(3))}{' …' if gaps > 3 else ''} missing, {gaps} of {len(frames) + gaps} frames"


def left_out(
    paths: JobPaths, frames: FrameSequence, manifest: Manifest | None, listed: Collection[str]
) -> Iterator[str]:
    """Yield what a viewer should know of files that may have been meant to be frames, and are none.

    Args:
        paths: The job's.
        frames: Its frames.
        manifest: Its manifest, if there is one.
        listed: The names in its directory.
    """
    known = set(frames.names)
    if MANIFEST_NAME in listed or ROLLOUT_NAME in listed:
        # What else is beside a recording is nobody's business, but for what has the names of its frames.
        others = sorted(name for name in listed if is_own_name(name) and name not in known) if manifest else []
        if others and is_own_name(frames.names[0]):
            promised = f"beyond the {len(frames)} that the manifest promises"
            yield f"{_counted(others, 'numbered PNG')} {promised}: not shown, first: {others[0]}"
        return
    if paths.pattern is not None:
        return
    others = [name for name in listed if name not in known]
    pngs = sorted(name for name in others if name[-4:].lower() == ".png" and name[0] != ".")
    if pngs:
        yield f"{_counted(pngs, 'other PNG')} not of the sequence {frames.pattern}, and not shown, first: {pngs[0]}"
    stems = {name[:-4] for name in known} if others else set()
    number = re.compile(f"{re.escape(frames.before)}[0-9]+{re.escape(frames.after)}")
    pictures = sorted(
        name
        for stem, suffix, name in ((*os.path.splitext(name), name) for name in others)
        if stem not in stems and is_other_format(suffix) and number.fullmatch(stem)
    )
    if pictures:
        yield f"{_counted(pictures, 'numbered file')} no PNG, and not shown, first: {pictures[0]}"


def _counted(names: Sequence[str], what: str) -> str:
    return f"{len(names)} {what} is" if len(names) == 1 else f"{len(names)} {what}s are"
