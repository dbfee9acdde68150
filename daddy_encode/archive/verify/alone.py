"""The videos of one receipt, without the frames that they were made of."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

from daddy_encode.archive.verify.result import VerifiedJob, VerifiedVideo
from daddy_encode.archive.verify.video import VideoFault, decoding_faults, fault_text, faults_of, opened_video
from daddy_encode.encoding.ffmpeg.executable import FfmpegExecutable
from daddy_encode.encoding.ffmpeg.process import RunLimits
from daddy_encode.encoding.frames.owners import Owners
from daddy_encode.errors import FrameError, ManifestError, Skipped, SpoolError, one_line
from daddy_encode.spool.frames import find_sequences
from daddy_encode.spool.held_file import opened_directory
from daddy_encode.spool.manifest import read_manifest
from daddy_encode.spool.paths import JobPaths
from daddy_encode.spool.publish import reported
from daddy_encode.spool.receipt import OutputRecord, Receipt, is_receipt_of
from daddy_encode.spool.records import read_record
from daddy_encode.spool.walk import list_directory


def verify_alone(
    paths: JobPaths, owners: Owners, limits: RunLimits, progress: Callable[[float], None] = lambda frames: None
) -> VerifiedJob:
    """Verify the videos of a job's receipt by themselves.

    Args:
        paths: Where the job's files are; its directory need not be there.
        owners: Whose files are taken.
        limits: When to give up.
        progress: Called with the frames of each video that was looked at.

    Raises:
        ProgramUnusableError: ffmpeg does not run here.
        Interrupted: `limits.stop` was set.
    """
    result = VerifiedJob(receipt=paths.receipt)
    ffmpeg = FfmpegExecutable()
    try:
        with opened_parent(paths) as parent:
            found = read_record(paths.receipt, Receipt, dir_fd=parent, check=owners.check_file)
            if found is None:
                result.faults.append(f"{paths.receipt}: is not there any more; run again")
                return result
            receipt = found[0]
            result.note = failure(receipt)
            if (wrong := receipt_faults(paths, receipt)) and are_gone(paths, receipt):
                wrong = receipt_faults(paths, receipt, may_be_renamed=_is_its_own(paths, receipt, owners))
            result.faults += wrong
            for record in outputs_of(receipt):
                video = begun(paths.output(record.format), record)
                result.videos.append(video)
                try:
                    with reported(video.path, "read"), opened_video(video.path, parent, owners.check_file) as opened:
                        video.faults += faults_of(opened, record, receipt)
                        if not video.faults:
                            video.faults += decoding_faults(opened, record, ffmpeg, limits)
                        opened.check_same()
                except (VideoFault, SpoolError, Skipped) as fault:
                    video.faults.append(fault_text(fault, video.path))
                progress(record.frames)
            if not result.is_right:
                result.frames_gone = are_gone(paths, receipt)
    except Skipped as error:
        result.skipped = str(error)
    except (ManifestError, SpoolError) as error:
        result.faults.append(str(error))
    return result


@contextlib.contextmanager
def opened_parent(paths: JobPaths) -> Iterator[int]:
    """Open the directory of a job's outputs for the length of the block, and yield its descriptor.

    Raises:
        SpoolError: It cannot be opened, or there is a link on the way to it, below the directory that a user has named.
    """
    with contextlib.ExitStack() as stack:
        with reported(paths.base.parent, "open"):
            parent = stack.enter_context(opened_directory(paths.base.parent, paths.top, make=False))
        yield parent


def begun(path: Path, record: OutputRecord) -> VerifiedVideo:
    """The result for a video that nothing is known of yet."""
    return VerifiedVideo(path=path, kind=record.format, frames=record.frames, bytes=record.bytes)


def outputs_of(receipt: Receipt) -> list[OutputRecord]:
    """One record for each kind of video, however many are listed."""
    return list({record.format: record for record in receipt.outputs}.values())


def receipt_faults(paths: JobPaths, receipt: Receipt, *, may_be_renamed: bool = False) -> list[str]:
    """What is wrong with a receipt where it is: it is another job's.

    Args:
        paths: Where the job's files are.
        receipt: The receipt.
        may_be_renamed: Whether a job of another name is no fault, since something else than its name shows whose the
            receipt is. Default: it is.
    """
    if not is_receipt_of(paths, receipt):
        return [f"{paths.receipt}: is another job's, of {receipt.sequence or 'a whole directory'}; remove it"]
    name = one_line(paths.base.name)
    is_its_name = name == receipt.job if receipt.sequence is None else name.startswith(f"{receipt.job}.")
    if is_its_name or may_be_renamed:
        return []
    if are_gone(paths, receipt):
        return [
            f"{paths.receipt}: is the receipt of the job {receipt.job}, and nothing that is left here is that job's; "
            "bring back the names that its files had"
        ]
    return [
        f"{paths.receipt}: is the receipt of the job {receipt.job}; where that was renamed, --against-frames says "
        "whether the videos are right, else remove it"
    ]


def failure(receipt: Receipt) -> str:
    """What to say of a job that failed, and has no video; empty of any other."""
    return f"has no video: the job failed: {receipt.error}" if receipt.error is not None and not receipt.outputs else ""


def are_gone(paths: JobPaths, receipt: Receipt) -> bool:
    """Whether the frames that a job's videos were made of are not there any more."""
    try:
        names = list_directory(paths.directory).frame_names
        sequences = find_sequences(names, str(paths.directory))
    except (FileNotFoundError, NotADirectoryError):
        return True
    except (OSError, FrameError):
        # Whoever reads them says what is wrong.
        return False
    return not any(receipt.sequence in (None, one_line(sequence.pattern)) for sequence in sequences)


def _is_its_own(paths: JobPaths, receipt: Receipt, owners: Owners) -> bool:
    """Whether what is left of a job without frames shows that its receipt is its own, whatever its name is by now."""
    try:
        found = read_manifest(paths.directory, check=owners.check_file)
    except (ManifestError, Skipped):
        return False
    return receipt.frames == "deleted" if found is None else found[1] == receipt.source.manifest_sha256
