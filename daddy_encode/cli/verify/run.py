"""What `daddy-encode verify` calls: find the receipts, verify the videos of each, say what is wrong."""

from __future__ import annotations

import json
import logging
import math
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from daddy_encode.archive.verify.alone import verify_alone
from daddy_encode.archive.verify.many import side_by_side
from daddy_encode.archive.verify.result import VerifiedJob, VerifiedVideo
from daddy_encode.cli.begin import make_context
from daddy_encode.cli.json_lines import print_line
from daddy_encode.cli.main import FAILED, INTERRUPTED
from daddy_encode.cli.marks.options import FromMarks
from daddy_encode.cli.marks.select import outermost_first, read_marks, receipt_is_other, select_marked
from daddy_encode.cli.scheduling import schedule_as_batch
from daddy_encode.cli.signals import on_signals
from daddy_encode.cli.verify.find import FoundReceipt, find_receipts
from daddy_encode.cluster.limits import usable_workers
from daddy_encode.encoding.ffmpeg.process import RunLimits
from daddy_encode.encoding.frames.owners import trusted_owners
from daddy_encode.report.log import counted, seconds_text, set_up_logging, shown
from daddy_encode.report.progress import AboveBar, Progress
from daddy_encode.service.stop import StopSwitch
from daddy_encode.spool.paths import JobPaths

log = logging.getLogger(__name__)


def run(
    paths: Sequence[Path],
    *,
    against_frames: bool,
    from_marks: FromMarks | None,
    output_dir: Path | None,
    workers: int | None,
    trust_owner: Iterable[str],
    max_pixels: float,
    stall_timeout: float,
    as_json: bool,
    quiet: bool,
    verbose: bool,
) -> int:
    """Verify the videos of the receipts below `paths`; the other arguments are the options.

    Returns:
        The exit status.

    Raises:
        SettingsError: An option has a value that cannot work.
        ProgramUnusableError: ffmpeg is missing, or does not work here.
    """
    marked = read_marks(from_marks)
    owners = trusted_owners(trust_owner)
    set_up_logging(AboveBar(), quiet=quiet, verbose=verbose)
    stop = StopSwitch()
    on_signals(stop.set)
    schedule_as_batch()
    begin = time.monotonic()
    found = find_receipts(paths if marked is None else outermost_first(paths), output_dir)
    unreadable = found.unreadable if marked is None else marked.select(found.unreadable, lambda one: one[1])
    found.faults += [fault for fault, _ in unreadable]
    for error in found.faults:
        log.error("%s", error)
    if marked is not None:
        context = make_context(trust_owner, max_pixels, stall_timeout)

        def why_not(paths: JobPaths, source: str) -> str:
            other = receipt_is_other(paths, source)
            if other or not against_frames:
                return other
            from daddy_encode.cli.marks.recording import recording_is_other

            return recording_is_other(paths, source, context)

        found.receipts = select_marked(marked, found.receipts, lambda receipt: receipt.paths, found.faults, why_not)
    tally = _Tally(len(found.faults), marked.left_out if marked is not None else 0, as_json=as_json)
    with (
        Progress(len(found.receipts), sum(receipt.frames for receipt in found.receipts), hidden=quiet) as progress,
        stop.event() as event,
    ):
        limits = RunLimits(event, stall_timeout)

        def work(receipt: FoundReceipt) -> VerifiedJob:
            if against_frames:
                # It needs what reads frames; most of the work is done without.
                from daddy_encode.archive.verify.beside import verify_beside_frames

                return verify_beside_frames(receipt.paths, owners, limits, int(max_pixels * 2**20), progress.add)
            return verify_alone(receipt.paths, owners, limits, progress.add)

        def ended(job: VerifiedJob, receipt: FoundReceipt) -> None:
            tally.add(job)
            progress.end_job()

        side_by_side(found.receipts, work, ended, workers or usable_workers(os.environ), stop.is_set)
    log.info("%s; %s", tally, seconds_text(time.monotonic() - begin))
    if stop.is_set():
        log.warning("stopped before all was verified; run the same command again")
        return INTERRUPTED
    return FAILED if tally.faults or tally.unjudged or (tally.skipped and not tally.videos) else 0


class _Tally:
    """Says what is wrong with each job, and counts."""

    def __init__(self, faults: int, skipped: int, *, as_json: bool) -> None:
        self.faults = faults
        self.unjudged = 0
        self.videos = 0
        self.jobs = 0
        self.skipped = skipped
        self._as_json = as_json

    def __str__(self) -> str:
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        unjudged = f", {self.unjudged} not judged" if self.unjudged else ""
        return (
            f"{counted(self.videos, 'video')} of {counted(self.jobs, 'job')} verified, {counted(self.faults, 'fault')}"
            f"{unjudged}{skipped}"
        )

    def add(self, job: VerifiedJob) -> None:
        if self._as_json:
            for record in _json_lines(job):
                print_line(json.dumps(record), "verifying")
        if job.skipped:
            self.skipped += 1
            log.warning("%s", job.skipped)
            return
        self.jobs += 1
        self.videos += len(job.videos)
        lines = list(job.lines())
        for line in lines:
            log.error("%s", line)
        unjudged = sum(video.unjudged != "" for video in job.videos)
        self.unjudged += unjudged
        self.faults += len(lines) - unjudged
        if job.note:
            log.info("%s: %s", shown(job.receipt), job.note)
        for video in job.videos:
            if not video.faults and not video.unjudged:
                log.debug("%s: as it should be%s", shown(video.path), _nearness(video))


def _nearness(video: VerifiedVideo) -> str:
    worst = video.worst
    if worst is None or video.mean_psnr is None:
        return ""
    if worst.psnr == math.inf:
        return ", every pixel"
    return f", {video.mean_psnr:.1f} dB; worst: frame {worst.frame}, {worst.psnr:.1f} dB, SSIM {worst.ssim:.3f}"


def _json_lines(job: VerifiedJob) -> Iterator[dict[str, Any]]:
    """Yield an object for each video, and one for the receipt where something is wrong with that, or it was skipped."""
    if job.faults or job.skipped:
        yield {
            "path": str(job.receipt),
            "format": None,
            "ok": False,
            "faults": job.faults,
            "skipped": job.skipped or None,
        }
    for video in job.videos:
        worst = video.worst
        yield {
            "path": str(video.path),
            "format": video.kind,
            "ok": not video.faults and not video.unjudged and not job.faults,
            "faults": video.faults,
            "unjudged": video.unjudged or None,
            "frames": video.frames,
            "bytes": video.bytes,
            "frames_read": worst is not None,
            "worst_frame": worst.frame if worst is not None else None,
            "worst_psnr": _number(worst.psnr) if worst is not None else None,
            "worst_ssim": _number(worst.ssim) if worst is not None else None,
            "psnr": _number(video.mean_psnr),
            "ssim": _number(video.mean_ssim),
            "is_exact": worst.psnr == math.inf if worst is not None else None,
        }


def _number(value: float | None) -> float | None:
    """As JSON has it: without what is not finite."""
    return round(value, 4) if value is not None and math.isfinite(value) else None
