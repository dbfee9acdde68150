"""Whether the frames of a job are all there, and what is said where they are not."""

from __future__ import annotations

from daddy_encode.encoding.advice import way_on
from daddy_encode.encoding.frames.job_directory import JobDirectory
from daddy_encode.encoding.frames.other_files import OtherFiles
from daddy_encode.errors import DaddyEncodeError, FrameError, ManifestError, TransientError
from daddy_encode.spool.frames import FrameSequence
from daddy_encode.spool.manifest import Manifest
from daddy_encode.spool.paths import JobPaths


def nothing_to_read(paths: JobPaths, directory: JobDirectory, manifest: Manifest | None) -> DaddyEncodeError:
    """The error to raise where there are no frames: what is there instead."""
    if paths.pattern is not None:
        return TransientError(f"{paths.job}: these frames are not there any more; run again")
    if manifest is not None and manifest.error and not manifest.frames:
        return FrameError(f"{paths.job}: its rollout ended before its first frame: {manifest.error}")
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
    advice = f"run the rollout again, or go on: {way_on(manifest)}"
    if frames.numbering == "irregular":
        names = ", ".join(frames.names[:3])
        raise FrameError(
            f"{paths.job}: the numbers of its frames are at irregular distances ({names} …); --gaps skip closes up, "
            "--gaps hold keeps time, one frame for each number"
        )
    gaps = frames.missing_count()
    if gaps:
        names = ", ".join(frames.missing(3))
        raise FrameError(
            f"{paths.job}: {names}{' …' if gaps > 3 else ''} missing, {gaps} of {len(frames) + gaps} frames; {advice}"
        )
    if manifest is not None and manifest.frames != len(frames):
        raise ManifestError(
            f"{paths.manifest}: promises {manifest.frames} frames, but there are {len(frames)} "
            f"({frames.names[0]} to {frames.names[-1]}); wait for the file system, or {advice}"
        )
