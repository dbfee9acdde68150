"""A job's videos compared with the frames that they were made of: this alone makes a proof."""

from __future__ import annotations

import contextlib
import hashlib
import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from daddy_encode.archive.verify.alone import begun, failure, opened_parent, outputs_of, receipt_faults
from daddy_encode.archive.verify.proof import _VERIFIED, Proof
from daddy_encode.archive.verify.result import VerifiedJob, VerifiedVideo
from daddy_encode.archive.verify.verdict import (
    is_without_loss,
    judge_beside_anew,
    judge_exact,
    judge_floor,
    worst_of,
)
from daddy_encode.archive.verify.video import OpenVideo, VideoFault, decoded_faults, fault_text, faults_of, opened_video
from daddy_encode.encoding.decoding.anew import NotMadeError, made_anew
from daddy_encode.encoding.decoding.nearness import Shown, compare, psnr, shown_by_gif, shown_by_mp4
from daddy_encode.encoding.examine import Examined, examine
from daddy_encode.encoding.ffmpeg.executable import FfmpegExecutable
from daddy_encode.encoding.ffmpeg.process import RunLimits
from daddy_encode.encoding.frames.frame_source import frame_input
from daddy_encode.encoding.frames.job_directory import JobDirectory
from daddy_encode.encoding.frames.listing import check_unchanged
from daddy_encode.encoding.frames.pictures import Look
from daddy_encode.encoding.gif.timing import shown_rate
from daddy_encode.encoding.recorded import read_settings
from daddy_encode.encoding.settings import GifSettings, Mp4Settings, Settings
from daddy_encode.encoding.stored.choose import job_source
from daddy_encode.errors import (
    EncodeError,
    FrameError,
    Interrupted,
    ManifestError,
    ProgramUnusableError,
    Skipped,
    SpoolError,
)
from daddy_encode.spool.paths import JobPaths
from daddy_encode.spool.publish import reported
from daddy_encode.spool.receipt import OutputRecord, Receipt
from daddy_encode.spool.records import read_record

if TYPE_CHECKING:
    from daddy_encode.encoding.decoding.shown import GifPictures
    from daddy_encode.encoding.stored.choose import JobSource


def prove(
    paths: JobPaths,
    directory: JobDirectory,
    limits: RunLimits,
    progress: Callable[[float], None] = lambda frames: None,
) -> VerifiedJob:
    """Verify the videos of a job's receipt, each beside the frames that it was made of.

    Args:
        paths: Where the job's files are.
        directory: The job's, opened.
        limits: When to give up.
        progress: Called as frames are compared; they add up to the pictures of all videos.

    Returns:
        What was found out. Its `proof` is there where nothing is wrong: the receipt is of these frames, by their bytes,
        every video that it names is as it says, shows each of them, and nothing of the job failed.

    Raises:
        ProgramUnusableError: ffmpeg does not run here.
        Interrupted: `limits.stop` was set.
    """
    result = VerifiedJob(receipt=paths.receipt)
    try:
        with contextlib.ExitStack() as stack:
            parent = stack.enter_context(opened_parent(paths))
            found = read_record(paths.receipt, Receipt, dir_fd=parent, check=directory.check_owner)
            if found is None:
                result.faults.append(f"{paths.receipt}: is not there any more; run again")
                return result
            _Verification(paths, directory, limits, progress, parent, found[0], result, stack).run(found[1])
    except Skipped as error:
        result.skipped = str(error)
    except (ManifestError, SpoolError, FrameError) as error:
        result.faults.append(str(error))
    return result


class _Compared(Struct):
    """A video that is in order by itself, and what it was compared with."""

    video: VerifiedVideo
    opened: OpenVideo
    record: OutputRecord
    source: JobSource | None = None


class _Verification:
    """That of one job, whose directory and receipt are open."""

    def __init__(
        self,
        paths: JobPaths,
        directory: JobDirectory,
        limits: RunLimits,
        progress: Callable[[float], None],
        parent: int,
        receipt: Receipt,
        result: VerifiedJob,
        stack: contextlib.ExitStack,
    ) -> None:
        self._paths = paths
        self._directory = directory
        self._limits = limits
        self._progress = progress
        self._parent = parent
        self._receipt = receipt
        self._result = result
        self._stack = stack
        self._ffmpeg = FfmpegExecutable()

    def run(self, text: bytes) -> None:
        """Verify; `text`: the receipt's bytes. Raises as `prove`, and what reading frames raises."""
        receipt, result = self._receipt, self._result
        if faults := receipt_faults(self._paths, receipt, may_be_renamed=True):
            result.faults += faults
            return
        if note := failure(receipt):
            result.note = note
            return
        videos = [compared for record in outputs_of(receipt) if (compared := self._opened(record)) is not None]
        examined = examine(self._paths, self._directory, Settings(), force=True, check_stop=self._check_stop)
        if not examined.is_same:
            then = "`daddy-encode encode` makes the videos anew"
            if receipt.error is not None:
                then = f"to encode them has failed: {receipt.error}"
            result.faults.append(
                f"{self._paths.job}: its frames, or its manifest, are not those of {self._paths.receipt.name}; {then}"
            )
            return
        bad = examined.find_bad_frames(self._directory) if receipt.lost.bad_count else {}
        shown = examined.shown(bad)
        if not self._are_packed_pixels_right():
            return
        for compared in videos:
            self._compare(compared, examined, shown)
        self._finish(videos, examined, text)

    def _are_packed_pixels_right(self) -> bool:
        """Whether the frames are those that were packed, where they are in a packed file; else it is a fault."""
        try:
            if self._directory.packed is not None:
                self._directory.packed.check_pixels(self._check_stop, self._limits.stall_seconds)
        except (ProgramUnusableError, Interrupted):
            raise
        except EncodeError as error:
            self._result.faults.append(f"{error}; bring back the file that was packed")
            return False
        return True

    def _opened(self, record: OutputRecord) -> _Compared | None:
        """A video that is as its receipt says, as far as it is looked at by itself; None where it is not."""
        video = begun(self._paths.output(record.format), record)
        self._result.videos.append(video)
        try:
            with reported(video.path, "read"):
                opened = self._stack.enter_context(opened_video(video.path, self._parent, self._directory.check_owner))
                video.faults += faults_of(opened, record, self._receipt)
        except (VideoFault, SpoolError, Skipped) as fault:
            video.faults.append(fault_text(fault, video.path))
        return None if video.faults else _Compared(video, opened, record)

    def _compare(self, compared: _Compared, examined: Examined, shown: Sequence[str]) -> None:
        """Compare a video with the frames that it should show."""
        record, video = compared.record, compared.video
        settings = read_settings(record.format, record.settings)
        assert settings is not None, "one without was found faulty before"
        expected = len(shown) if isinstance(settings, Mp4Settings) else -(-len(shown) // settings.step)
        fewer = isinstance(settings, GifSettings) and settings.optimize
        if record.frames > expected or (record.frames < expected and not fewer):
            video.faults.append(f"has {record.frames} pictures, its frames make {expected}")
            return
        share = record.frames / len(shown)

        def source_of(on_frame: Callable[[], None]) -> JobSource:
            look = Look.of(settings)
            seconds = self._limits.stall_seconds
            return job_source(self._directory, shown, examined.promised_size, look, on_frame, self._check_stop, seconds)

        compared.source = source_of(lambda: self._progress(share))
        try:
            self._compare_with(compared, settings, lambda: source_of(lambda: None))
            compared.opened.check_same()
        except (ProgramUnusableError, Interrupted):
            raise
        except NotMadeError as error:
            video.unjudged = str(error)
        except EncodeError as error:
            video.faults.append(f"cannot be compared with its frames: {error}")
        except VideoFault as fault:
            video.faults.append(str(fault))

    def _compare_with(
        self, compared: _Compared, settings: Mp4Settings | GifSettings, source_anew: Callable[[], JobSource]
    ) -> None:
        """Compare a video with the frames of its source; `source_anew`: makes another source of them."""
        record, video, source = compared.record, compared.video, compared.source
        assert source is not None
        shown, count, pictures = _shown(source, settings)
        comparison = compare(self._ffmpeg, shown, count, compared.opened.descriptor, self._limits)
        video.faults += decoded_faults(record, comparison.decoded, comparison.samples)
        if video.faults:
            return
        step = settings.step if isinstance(settings, GifSettings) else 1
        video.worst = worst_of(comparison, record.format, step)
        video.mean_psnr = psnr(sum(comparison.error) / len(comparison.error))
        ssim = sum(comparison.ssim) / len(comparison.ssim)
        video.mean_ssim = None if math.isnan(ssim) else ssim
        if is_without_loss(settings, is_exact=pictures is not None and pictures.is_exact):
            video.faults += judge_exact(video.worst)
            return
        faults = self._faults_beside_anew(compared, settings, source_anew, step)
        video.faults += faults or judge_floor(video.worst, settings, (record.width, record.height))

    def _faults_beside_anew(
        self,
        compared: _Compared,
        settings: Mp4Settings | GifSettings,
        source_anew: Callable[[], JobSource],
        step: int,
    ) -> list[str]:
        """What is wrong with a video beside one that is made of its frames now: one line, or none."""
        with made_anew(self._ffmpeg, source_anew(), settings, self._limits) as made:
            if made.sha256() == compared.record.sha256:
                return []
            # It needs numpy, which takes longer to load than a small video to verify.
            from daddy_encode.encoding.decoding.apart import compare_apart

            shown, count, _ = _shown(source_anew(), settings)
            descriptor = compared.opened.descriptor
            pictures = compare_apart(self._ffmpeg, shown, descriptor, made.descriptor, count, self._limits)
            made_by = self._receipt.ffmpeg, self._receipt.ffmpeg_build
            is_same = made_by == (self._ffmpeg.version, self._ffmpeg.build)
            return judge_beside_anew(pictures, step, is_same_ffmpeg=is_same)

    def _finish(self, videos: Sequence[_Compared], examined: Examined, text: bytes) -> None:
        """Make the proof, where nothing is wrong."""
        receipt, result = self._receipt, self._result
        sources = [compared.source for compared in videos if compared.source is not None and compared.source.sha256]
        if any(source.sha256 != receipt.source.sha256 for source in sources):
            result.faults.append(
                f"{self._paths.job}: its frames are not those of {self._paths.receipt.name} (SHA-256); "
                "`daddy-encode encode --force` makes the videos anew"
            )
        listing = check_unchanged(
            self._directory, examined.listing, lambda: all(source.is_same() for source in sources)
        )
        if not result.is_right or not result.videos:
            return
        if receipt.error is not None or receipt.unfinished:
            result.note = f"not done: {receipt.error or 'a video that was asked for is missing'}"
            return
        result.proof = Proof(
            _VERIFIED,
            self._paths,
            listing,
            receipt,
            hashlib.sha256(text).hexdigest(),
            {compared.video.kind: compared.opened.identity for compared in videos},
            {compared.video.kind: compared.video.worst for compared in videos if compared.video.worst is not None},
        )

    def _check_stop(self) -> None:
        if self._limits.stop.is_set():
            raise Interrupted(f"{self._paths.job}: stopped before it was verified")


def _shown(source: JobSource, settings: Mp4Settings | GifSettings) -> tuple[Shown, int, GifPictures | None]:
    """What a video should show of a source's frames, how many pictures, and of a GIF these."""
    if isinstance(settings, Mp4Settings):
        return shown_by_mp4(frame_input(source, may_be_yuv=settings.scale == 1), settings), source.count, None
    # It needs numpy, which takes longer to load than a small video to verify.
    from daddy_encode.encoding.decoding.shown import GifPictures

    pictures = GifPictures(source, settings)
    length = 1 / shown_rate(settings)
    begins = pictures.begins
    return shown_by_gif(pictures.input(), begins, length, settings.scale), len(begins), pictures
