"""One job from its directory to verified, published video and a receipt."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping

from daddy_encode.encode.context import Context, Progress, Result
from daddy_encode.encode.examine import Examined, examine
from daddy_encode.encode.frames.bad_frames import find_bad_frames
from daddy_encode.encode.frames.job_directory import BadFrameError, JobDirectory
from daddy_encode.encode.frames.source import DirectorySource
from daddy_encode.encode.output import Target, make_outputs
from daddy_encode.encode.png.decode import parse_colour
from daddy_encode.encode.receipts import record_done
from daddy_encode.errors import FrameError, TransientError
from daddy_encode.spool.paths import JobPaths
from daddy_encode.spool.publish import publish, temp_file
from daddy_encode.spool.receipt import OutputRecord


def encode_job(paths: JobPaths, context: Context, progress: Progress = lambda share: None) -> Result:
    """Encode a job, unless a receipt says that it is done, for this source and these settings.

    Args:
        paths: Where its files are.
        context: What to make, and how.
        progress: Called as frames go to ffmpeg.

    Raises:
        ManifestError: The manifest is wrong, or promises other frames than are there.
        FrameError: A frame, or the sequence of them, is wrong.
        Skipped: A file is another user's.
        EncodeError: ffmpeg failed.
        SpoolError: An output cannot be written.
        Interrupted: `context.limits.stop` was set.

    No output has appeared or changed where it raises.
    """
    paths.check_names()
    with JobDirectory(paths.directory, context.owners, context.max_pixels) as directory:
        job = examine(paths, directory, context.settings, force=context.force)
        if context.need_manifest and job.manifest is None:
            raise TransientError(f"{paths.directory}: its manifest is gone: it is being written again; wait for it")
        if not job.todo and job.receipt is not None:
            return Result(paths, [], job.receipt)
        shares = _Shares(len(job.frames), progress)
        bad: dict[str, str] = {}
        try:
            source, made = _publish_all(paths, context, directory, job, bad, shares)
        except BadFrameError:
            # Which others are bad? Only a job that has one is read twice to find out.
            if job.gaps == "error" or not (bad := find_bad_frames(directory, job.frames.names, job.promised_size)):
                raise
            source, made = _publish_all(paths, context, directory, job, bad, shares)
        return Result(paths, made, record_done(paths, context, job, source, bad, made))


def done_already(paths: JobPaths, context: Context) -> Result | None:
    """The result of a job of which nothing is left to do, else None; writes nothing. Raises as `encode_job`."""
    with JobDirectory(paths.directory, context.owners, context.max_pixels) as directory:
        job = examine(paths, directory, context.settings, force=context.force)
    return Result(paths, [], job.receipt) if not job.todo and job.receipt is not None else None


def check_owners(paths: JobPaths, context: Context) -> None:
    """Raise Skipped where the job's directory or manifest is of a user who is not trusted. Raises as `encode_job`."""
    with JobDirectory(paths.directory, context.owners) as directory:
        directory.manifest()


def _publish_all(
    paths: JobPaths,
    context: Context,
    directory: JobDirectory,
    job: Examined,
    bad: Mapping[str, str],
    shares: _Shares,
) -> tuple[DirectorySource, list[OutputRecord]]:
    """Encode, verify and publish every output that is left to do, without the files in `bad`."""
    background = parse_colour(context.settings.background)
    source = DirectorySource(directory, job.shown(bad), job.promised_size, background, shares.frame)
    owner = paths.base.name
    with contextlib.ExitStack() as temps:
        targets = {
            kind: Target(
                temps.enter_context(temp_file(context.tmp_dir or paths.base.parent, owner)), paths.output(kind)
            )
            for kind in job.todo
        }
        both = len(job.wanted) > 1
        made = make_outputs(source, job.todo, targets, context.limits, both=both, on_passes=shares.begin)
        context.on_encoded()
        if not directory.in_place():
            raise FrameError(f"{directory.path}: was renamed or replaced while it was encoded; run again")
        for target in targets.values():
            publish(target.temp, target.final)
    return source, made


class _Shares:
    """A job's progress: each frame's share in each pass; never more than the frames, where a pass begins again."""

    def __init__(self, frames: int, progress: Progress) -> None:
        self._left = float(frames)
        self._progress = progress
        self._passes = 1

    def begin(self, passes: int) -> None:
        """Say how many passes over the frames there will be."""
        self._passes = passes

    def frame(self) -> None:
        """One frame has been read in one pass."""
        share = min(self._left, 1 / self._passes)
        self._left -= share
        self._progress(share)
