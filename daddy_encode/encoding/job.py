"""One job from its directory to verified, published video and a receipt."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from daddy_encode.encoding.advice import with_way_on
from daddy_encode.encoding.context import Context, Progress, Result, Shares
from daddy_encode.encoding.examine import Examined, examine
from daddy_encode.encoding.ffmpeg.executable import FfmpegExecutable
from daddy_encode.encoding.frames.bad_frames import has_usable_frame
from daddy_encode.encoding.frames.job_directory import BadFrameError, JobDirectory
from daddy_encode.encoding.frames.listing import ChangedError, check_unchanged
from daddy_encode.encoding.frames.pictures import Look
from daddy_encode.encoding.gone import FramesGoneError, check_there, done_without_frames, open_job
from daddy_encode.encoding.output import Target, faults, make_outputs, not_made
from daddy_encode.encoding.receipts import confirm_done, record_done, withdraw
from daddy_encode.encoding.recorded import recorded_since
from daddy_encode.encoding.settings import parts
from daddy_encode.encoding.stored.choose import job_source
from daddy_encode.errors import DaddyEncodeError, EncodeError, FrameError, Interrupted, TransientError, one_line
from daddy_encode.spool.paths import JobPaths, Kind
from daddy_encode.spool.publish import check_can_rename, flushed, rename, temp_file
from daddy_encode.spool.receipt import OutputRecord

if TYPE_CHECKING:
    from daddy_encode.encoding.stored.choose import JobSource

log = logging.getLogger(__name__)

# Of a job whose frames change while it is encoded: a rollout that still writes them is not waited for here.
TRIES = 3


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
        EncodeError: ffmpeg failed, or frames are too large. Where that is so for one of two videos, the other is made,
            and the result has the error.
        FramesGoneError: There are no frames to encode it from anew, as `context.force` asks for.
        SpoolError: An output cannot be written.
        Interrupted: `context.limits.stop` was set, or the job is another encoder's by now.

    Where it raises, no output has appeared or changed, unless the file system refused one of the last steps, which are
    the renames of the outputs and the writing of the receipt: then those that have their names are whole, and no
    receipt names them.
    """
    paths.check_names()
    shares = Shares(progress)
    # What has settled has to settle again.
    tries = 1 if context.settled else TRIES
    while True:
        try:
            return _encode_once(paths, context, shares)
        except FramesGoneError as error:
            return done_without_frames(paths, context, error)
        except ChangedError:
            tries -= 1
            if tries == 0:
                raise
            log.warning("%s: its frames changed while they were encoded; encoding it anew", one_line(str(paths.job)))


def done_already(paths: JobPaths, context: Context) -> Result | None:
    """The result of a job of which nothing is left to do, else None; writes nothing. Raises as `encode_job`.

    None also where its receipt should be written anew, and can be.
    """
    try:
        if context.force:
            # Known without its frames being listed.
            check_there(paths, context.owners.check_file)
        if context.force or not os.path.lexists(paths.receipt):
            return None
        job = examine_job(paths, context, reread=False)
        if job.todo and job.earlier is not None and not os.access(paths.base.parent, os.W_OK):
            # Else whoever can write down what is known then reads them.
            job = examine_job(paths, context)
    except FramesGoneError as error:
        return done_without_frames(paths, context, error)
    if job.todo or job.receipt is None or (not job.is_recorded and os.access(paths.base.parent, os.W_OK)):
        return None
    return Result(paths, [], job.receipt)


def done_since(paths: JobPaths, context: Context) -> Result | None:
    """As `done_already`, of a job that had no receipt when this encoder looked for jobs: its frames are not listed.

    Whoever has encoded it since has listed them, later than this encoder was asked to, also where that was to encode
    anew what was done: each of many encoders would list, or encode, them all.
    """
    if not os.path.lexists(paths.receipt):
        return None
    try:
        with open_job(paths, context) as directory:
            receipt = recorded_since(paths, directory, context.settings, keep_since=context.keep_since)
    except FramesGoneError as error:
        return done_without_frames(paths, context, error)
    return Result(paths, [], receipt) if receipt is not None else None


def examine_job(paths: JobPaths, context: Context, *, reread: bool = True) -> Examined:
    """What is there of a job, and what is left to do; see `examine`. Writes nothing. Raises as `encode_job`."""
    with open_job(paths, context) as directory:
        return _examined(paths, directory, context, reread=reread)


def is_done(paths: JobPaths, context: Context) -> bool:
    """Whether a receipt says that nothing is left to do; what is wrong with the job does not matter."""
    try:
        return os.path.lexists(paths.receipt) and not examine_job(paths, context).todo
    except FramesGoneError as error:
        return error.receipt is not None
    except (DaddyEncodeError, OSError):
        return False


def check_owners(paths: JobPaths, context: Context) -> None:
    """Raise Skipped where the job's directory or manifest is of a user who is not trusted. Raises as `encode_job`."""
    with JobDirectory(paths.directory, context.owners) as directory:
        directory.manifest()


def _encode_once(paths: JobPaths, context: Context, shares: Shares) -> Result:
    """As `encode_job`; raises ChangedError where the frames did not stay as they were."""
    with open_job(paths, context) as directory:
        job = _examined(paths, directory, context)
        if directory.remove_leftovers(rollout_died=job.salvaged):
            # That has changed the directory's time.
            job = _examined(paths, directory, context)
        if context.need_manifest and job.manifest is None:
            raise TransientError(f"{paths.directory}: its manifest is gone: it is being written again; wait for it")
        if not job.todo and job.receipt is not None:
            return Result(paths, [], confirm_done(paths, job))
        if job.was_reread:
            # Nobody has to read the frames once more, even where this encode fails.
            confirm_done(paths, job)
        shares.expect(len(job.frames))
        bad: dict[str, str] = {}
        try:
            try:
                published = _publish_all(paths, context, directory, job, bad, shares)
            except BadFrameError as error:
                if job.gaps == "error":
                    if error.has_option or not has_usable_frame(directory, job.frames.names):
                        raise
                    raise with_way_on(error, job.manifest) from error
                # Which others are bad? Only a job that has one is read twice to find out.
                if not (bad := job.find_bad_frames(directory)):
                    raise
                published = _publish_all(paths, context, directory, job, bad, shares)
        except ChangedError:
            raise
        except (FrameError, TransientError):
            # What is wrong with frames that are being replaced says nothing about the job.
            check_unchanged(directory, job.listing)
            raise
        receipt = record_done(
            paths, context, job, published.source, published.ffmpeg, bad, published.made, published.error
        )
        return Result(paths, published.made, receipt, published.replaced, published.warnings, published.error)


def _examined(paths: JobPaths, directory: JobDirectory, context: Context, *, reread: bool = True) -> Examined:
    return examine(
        paths,
        directory,
        context.settings,
        force=context.force,
        keep_since=context.keep_since,
        reread=reread,
        check_stop=_check_stop(paths, context),
    )


def _check_stop(paths: JobPaths, context: Context) -> Callable[[], None]:
    def check_stop() -> None:
        if context.limits.stop.is_set():
            raise Interrupted(f"{paths.job}: stopped before it was encoded")

    return check_stop


class _Published(NamedTuple):
    """What was made, of which frames, with what; what it replaced; warnings; why other videos could not be made."""

    source: JobSource
    ffmpeg: FfmpegExecutable
    made: list[OutputRecord]
    replaced: dict[Kind, str]
    warnings: list[str]
    error: EncodeError | None


def _publish_all(
    paths: JobPaths,
    context: Context,
    directory: JobDirectory,
    job: Examined,
    bad: Mapping[str, str],
    shares: Shares,
) -> _Published:
    """Encode, verify and publish every output that is left to do, without the files in `bad`."""
    sources = [
        (
            part,
            job_source(
                directory,
                job.shown(bad),
                job.promised_size,
                Look.of(next(iter(part.values()))),
                shares.frame,
                _check_stop(paths, context),
                context.limits.stall_seconds,
            ),
        )
        for part in parts(job.todo)
    ]
    # What is known to fail costs no ffmpeg, and no other video.
    wrong = {kind: fault for part, source in sources for kind, fault in faults(source, part).items()}
    error = not_made({paths.output(kind): fault for kind, fault in wrong.items()}) if wrong else None
    if error is not None and len(wrong) == len(job.todo):
        raise error
    sources = [({kind: part[kind] for kind in part if kind not in wrong}, source) for part, source in sources]
    sources = [(part, source) for part, source in sources if part]
    with contextlib.ExitStack() as temps:
        targets = {
            kind: Target(
                # In a `tmp-dir` there may be those of other jobs of this name.
                temps.enter_context(
                    temp_file(context.tmp_dir, str(paths.base))
                    if context.tmp_dir is not None
                    else temp_file(paths.base.parent, paths.base.name, job.parent, paths.top)
                ),
                paths.output(kind),
            )
            for kind in job.todo
            if kind not in wrong
        }
        ffmpeg = FfmpegExecutable()
        both, made, warnings = len(job.wanted) > 1, [], [*job.warnings]
        for part, source in sources:
            records = make_outputs(ffmpeg, source, part, targets, context.limits, both=both, on_passes=shares.begin)
            seen = [*job.warnings, *source.warnings(), *source.notes()]
            made += [msgspec.structs.replace(record, warnings=[*seen, *record.warnings]) for record in records]
            warnings += source.warnings()
        context.on_encoded()
        ready = {
            kind: temps.enter_context(flushed(target.temp, target.final, paths.base.name, job.parent, paths.top))
            for kind, target in targets.items()
        }
        made = [msgspec.structs.replace(record, mtime_ns=ready[record.format].mtime_ns()) for record in made]
        replaces = {
            kind: job.replaced(paths, kind)
            for kind, target in targets.items()
            if check_can_rename(ready[kind], target.final)
        }

        def is_same() -> bool:
            if not all(source.is_same() for _, source in sources):
                return False
            return not bad or job.find_bad_frames(directory) == bad

        # An encoder may be suspended at any moment, for hours. After all that takes time:
        listing = check_unchanged(directory, job.listing, is_same)
        if withdraw(paths, ready, context, job):
            check_unchanged(directory, listing, is_same)
        if context.limits.stop.is_set() or not context.may_publish():
            raise Interrupted(f"{paths.job}: stopped before its video was published")
        for kind, target in targets.items():
            rename(ready[kind], target.final)
    return _Published(sources[0][1], ffmpeg, made, replaces, list(dict.fromkeys(warnings)), error)
