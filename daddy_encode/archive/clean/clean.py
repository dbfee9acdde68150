"""Cleaning one job: claimed, as one that is encoded is, proved, and its frames deleted."""

from __future__ import annotations

from collections.abc import Callable

from daddy_encode.archive.claimed import Stop, claimed, remove_left
from daddy_encode.archive.clean.delete import OWNER, delete_frames, finish
from daddy_encode.archive.clean.look import check_marked, check_may_go
from daddy_encode.archive.clean.outcome import CleanOptions, CleanOutcome, KeptError
from daddy_encode.archive.verify.prove import prove
from daddy_encode.encoding.context import Context
from daddy_encode.encoding.frames.listing import ChangedError
from daddy_encode.encoding.gone import FramesGoneError, open_job
from daddy_encode.errors import Interrupted, one_line
from daddy_encode.spool.claims import Claims
from daddy_encode.spool.paths import JobPaths


def clean_one(
    paths: JobPaths,
    context: Context,
    claims: Claims,
    stop: Stop,
    options: CleanOptions,
    progress: Callable[[float], None] = lambda frames: None,
    source: str | None = None,
) -> CleanOutcome:
    """Verify a job's videos beside its frames, and delete these where nothing is wrong.

    Args:
        paths: The job's names.
        context: Whose jobs are taken, how large frames may be, when to give up.
        claims: Where it is claimed.
        stop: Set by whoever wants the work ended.
        options: Which frames are deleted.
        progress: As for `prove`.
        source: As for `check_marked`.

    Raises:
        KeptError: The frames are to be kept; the text says why.
        ClaimedError: Another process works on it.
        Skipped: A file is another user's.
        Interrupted: `stop` was set.
        ProgramUnusableError: ffmpeg does not run here.
        SpoolError: Something cannot be written or deleted, and may be in another run.
    """
    with claimed(paths, context, claims, stop) as (own, is_held):
        try:
            return _claimed(paths, own, options, progress, source, is_held=is_held)
        except ChangedError as error:
            raise KeptError(f"{paths.job}: kept: its frames changed while they were verified") from error


def _claimed(
    paths: JobPaths,
    context: Context,
    options: CleanOptions,
    progress: Callable[[float], None],
    source: str | None,
    *,
    is_held: bool,
) -> CleanOutcome:
    if not is_held:
        raise KeptError(f"{paths.job}: kept: it cannot be claimed, so that an encoder may be at work on it")
    stopped = context.limits.stop.is_set

    def go_on() -> None:
        if stopped():
            raise Interrupted(f"{paths.job}: stopped before its frames were deleted")

    def go_on_claimed() -> None:
        go_on()
        if not context.may_publish():
            raise Interrupted(f"{paths.job}: is another process's by now")

    try:
        with open_job(paths, context) as directory:
            remove_left(directory, context.owners, OWNER)
            go_on_claimed()
            check_marked(paths, directory, source)
            if (finished := finish(paths, directory, go_on)) is not None:
                return finished
            _, listing = check_may_go(paths, directory, options)
            if listing is None:
                return CleanOutcome(kind="gone")
            found = prove(paths, directory, context.limits, progress)
            if found.proof is None:
                why = found.skipped or next(found.lines(), None) or found.note
                raise KeptError(f"{paths.job}: kept: {why}")
            if options.min_psnr is not None and found.proof.worst_psnr < options.min_psnr:
                worst = min(found.proof.worst.values(), key=lambda nearness: nearness.psnr)
                raise KeptError(
                    one_line(
                        f"{paths.job}: kept: frame {worst.frame} of its {worst.kind.upper()} has {worst.psnr:.1f} dB, "
                        f"less than {options.min_psnr:g}"
                    )
                )
            go_on_claimed()
            return delete_frames(found.proof, directory, options, go_on)
    except FramesGoneError as error:
        if error.receipt is None:
            raise KeptError(str(error)) from error
        return CleanOutcome(kind="gone")
