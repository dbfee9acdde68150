"""One attempt at a job: claimed, encoded, released, and what became of it."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from typing import Literal

from msgspec.structs import replace

from daddy_encode.archive.clean.outcome import CleanOptions, KeptError
from daddy_encode.archive.pack.claimed import pack_one
from daddy_encode.archive.pack.outcome import LeftError
from daddy_encode.encoding.advice import with_place
from daddy_encode.encoding.context import Context
from daddy_encode.encoding.gone import FramesGoneError, VideoLostError
from daddy_encode.encoding.job import check_owners, done_already, done_since, encode_job
from daddy_encode.encoding.receipts import count_failure, record_failure
from daddy_encode.errors import (
    ClaimedError,
    DaddyEncodeError,
    EncodeError,
    FfmpegUnusableError,
    Interrupted,
    ProgramFailedError,
    ProgramUnusableError,
    SettingsError,
    Skipped,
    SpoolError,
    TransientError,
)
from daddy_encode.service.attempt import Attempt, Outcome, OutcomeKind
from daddy_encode.service.snapshot import failed_before
from daddy_encode.service.stop import StopSwitch
from daddy_encode.spool.claims import Claim, Claims
from daddy_encode.spool.paths import JobPaths
from daddy_encode.spool.publish import explain
from daddy_encode.spool.receipt import MOST_FAILURES, Failure
from daddy_encode.spool.transient import may_pass
from daddy_encode.spool.walk import job_mtime_ns

log = logging.getLogger(__name__)

# Slurm and systemd signal every process of a Slurm job or a service: ffmpeg may be gone a little before our own
# handler has run.
SIGNAL_SECONDS = 1.0


class JobAttempts:
    """Attempts jobs, in whatever thread calls it."""

    def __init__(
        self, context: Context, claims: Claims, stop: StopSwitch, progress: Callable[[float], None] = lambda share: None
    ) -> None:
        """Attempt nothing yet.

        Args:
            context: What all jobs share.
            claims: Where each job is claimed.
            stop: Set by whoever wants the work ended.
            progress: Called with the frames that went to ffmpeg, from the thread of the attempt. Default: not reported.
        """
        self._context = context
        self._claims = claims
        self._stop = stop
        self._progress = progress

    def run(self, attempt: Attempt, on_encoded: Callable[[], None]) -> Outcome:
        """Attempt a job; never raises.

        Args:
            attempt: What to attempt.
            on_encoded: Called when the job only waits for the disk; perhaps more than once.
        """
        try:
            outcome = self._run(attempt, on_encoded)
            if attempt.died_since is not None and outcome.kind is OutcomeKind.DONE:
                return _made_since(outcome, attempt.died_since)
            return outcome
        except Exception as error:
            return unexpected(attempt.paths, error)

    def _run(self, attempt: Attempt, on_encoded: Callable[[], None]) -> Outcome:
        paths = attempt.paths
        if attempt.is_done:
            self._claims.sweep(paths)
            return Outcome(paths, OutcomeKind.CLAIMED)
        if attempt.work != "encode":
            return self._archived(paths, attempt.work)
        context = replace(
            self._context,
            need_manifest=attempt.need_manifest,
            settled=attempt.settled,
            on_encoded=on_encoded,
        )
        try:
            # Without a claim, which needs a write: most jobs of a spool are done, and nothing is written beside another
            # user's. What else is wrong with it is reported by the attempt below, and kept.
            look = done_already if attempt.had_receipt else done_since
            if attempt.check_done_first and (result := look(paths, context)) is not None:
                if attempt.has_lease:
                    self._claims.sweep(paths)
                return Outcome(paths, OutcomeKind.DONE, result)
            check_owners(paths, context)
        except (Skipped, FramesGoneError) as error:
            return Outcome(paths, OutcomeKind.SKIPPED, error=error)
        except DaddyEncodeError:
            pass
        with self._stop.event() as stop:
            own = replace(context, limits=replace(context.limits, stop=stop))
            try:
                with self._claims.hold(paths, stop.set) as claim:
                    return self._claimed(attempt, own, claim)
            except ClaimedError as error:
                return Outcome(paths, OutcomeKind.CLAIMED, error=error)
            except (SettingsError, SpoolError) as error:
                # Nothing was found out about the job.
                return Outcome(paths, OutcomeKind.DEFERRED, error=self._advised(error))

    def _archived(self, paths: JobPaths, work: Literal["pack", "clean"]) -> Outcome:
        try:
            if work == "pack":
                packed = pack_one(paths, self._context, self._claims, self._stop)
                return Outcome(paths, OutcomeKind.PACKED, packed=packed)
            # It needs what decodes videos; most watchers clean nothing.
            from daddy_encode.archive.clean.clean import clean_one

            cleaned = clean_one(paths, self._context, self._claims, self._stop, CleanOptions())
            return Outcome(paths, OutcomeKind.CLEANED, cleaned=cleaned)
        except (LeftError, KeptError, Skipped) as error:
            if work == "clean":
                return Outcome(paths, OutcomeKind.KEPT, error=error)
            # The file that was made to find out has changed it.
            return Outcome(paths, OutcomeKind.LEFT, error=error, mtime_ns=job_mtime_ns(paths.directory))
        except ClaimedError as error:
            return Outcome(paths, OutcomeKind.CLAIMED, error=error)
        except DaddyEncodeError as error:
            kind = OutcomeKind.STOPPED if self._stop.is_set() else OutcomeKind.DEFERRED
            return Outcome(paths, kind, error=error)

    def _claimed(self, attempt: Attempt, context: Context, claim: Claim) -> Outcome:
        paths = attempt.paths
        before = job_mtime_ns(paths.directory)
        if attempt.skip_failed and before is not None:
            listing = failed_before(paths, before, context.owners.check_file)
            if listing is not None:
                return Outcome(paths, OutcomeKind.FAILED_BEFORE, mtime_ns=before, listing_sha256=listing)
        try:
            own = replace(context, may_publish=lambda: claim.refresh(decide=True))
            result = encode_job(paths, own, self._progress)
            if result.error is not None:
                listing = result.receipt.source.listing_sha256
                return Outcome(paths, OutcomeKind.FAILED, result, result.error, mtime_ns=before, listing_sha256=listing)
            kind = OutcomeKind.MADE if result.made else OutcomeKind.DONE
            return Outcome(paths, kind, result, mtime_ns=before)
        except (Skipped, FramesGoneError) as fault:
            return Outcome(paths, OutcomeKind.SKIPPED, error=fault)
        except DaddyEncodeError as fault:
            error = fault
        except OSError as fault:
            error = TransientError(f"{paths.job}: {explain(fault)}")
        if isinstance(error, EncodeError):
            context.limits.stop.wait(SIGNAL_SECONDS)
        if self._stop.is_set():
            return Outcome(paths, OutcomeKind.STOPPED, error=error)
        if isinstance(error, Interrupted) or not claim.is_ours():
            return Outcome(paths, OutcomeKind.CLAIMED, error=ClaimedError(f"{paths.job}: another encoder took it over"))
        if isinstance(error, FfmpegUnusableError):
            # Every job is better left to other encoders; whoever hears this ends all.
            return Outcome(paths, OutcomeKind.STOPPED, error=error)
        if not _is_of_the_job(error) or job_mtime_ns(paths.directory) != before:
            return Outcome(paths, OutcomeKind.DEFERRED, error=self._advised(error))
        failures: list[Failure] = []
        if isinstance(error, ProgramFailedError):
            failures = count_failure(paths, error, context)
            if len(failures) < MOST_FAILURES:
                return Outcome(paths, OutcomeKind.DEFERRED, error=error, failures=failures)
            error = ProgramFailedError(f"{error}; failed {MOST_FAILURES} times, so it is not tried again as it is")
        if isinstance(error, VideoLostError):
            # The receipt is what the video is known by when it is put back.
            return Outcome(paths, OutcomeKind.FAILED, error=error, mtime_ns=before)
        listing = record_failure(paths, error, context, before, failures)
        return Outcome(
            paths, OutcomeKind.FAILED, error=error, mtime_ns=before, listing_sha256=listing, failures=failures
        )

    def _advised(self, error: DaddyEncodeError) -> DaddyEncodeError:
        return with_place(error, self._context.tmp_dir) if isinstance(error, SpoolError) else error


def _made_since(outcome: Outcome, since: float) -> Outcome:
    """The outcome of a job that is done, as made where it was made since then: whoever made it died before it said so.

    Args:
        outcome: That it is done.
        since: When it was begun, in seconds since the epoch.
    """
    result = outcome.result
    if result is None or result.receipt.host != os.uname().nodename or result.receipt.finished < since:
        return outcome
    records = result.receipt.outputs
    # The clock of a file server may be another one.
    made = [record for record in records if (record.mtime_ns or 0) >= since * 1e9] or records
    return replace(outcome, kind=OutcomeKind.MADE, result=replace(result, made=made))


def _is_of_the_job(error: DaddyEncodeError) -> bool:
    """Whether `error` says something about the job, not about options, this machine, a file system, or outputs."""
    return not (isinstance(error, SettingsError | SpoolError | ProgramUnusableError) or may_pass(error))


def unexpected(paths: JobPaths, error: Exception) -> Outcome:
    """The outcome of an attempt in which something was raised that nobody foresaw: it costs no other job."""
    log.debug("unexpected error in %s", paths.job, exc_info=error)
    text = f"{paths.job}: {type(error).__name__}: {error}"
    if may_pass(error):
        return Outcome(paths, OutcomeKind.DEFERRED, error=TransientError(text))
    return Outcome(paths, OutcomeKind.FAILED, error=DaddyEncodeError(f"{text}; report this"))
