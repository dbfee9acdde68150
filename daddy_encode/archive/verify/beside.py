"""The videos of one receipt, beside the frames that they were made of, where these are still there."""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from daddy_encode.archive.verify.alone import failure, verify_alone
from daddy_encode.archive.verify.prove import prove
from daddy_encode.archive.verify.result import VerifiedJob
from daddy_encode.encoding.ffmpeg.process import RunLimits
from daddy_encode.encoding.frames.job_directory import JobDirectory
from daddy_encode.encoding.frames.owners import Owners
from daddy_encode.errors import FrameError, Skipped, one_line
from daddy_encode.spool.frames import find_sequences
from daddy_encode.spool.paths import JobPaths
from daddy_encode.spool.receipt import read_receipt

WITHOUT = "its frames are gone, so its videos were verified by themselves"
ELSEWHERE = (
    "its frames are not beside it, so its videos were verified by themselves; where they are elsewhere, give the "
    "folder of the jobs, and this one as --output-dir"
)


def verify_beside_frames(
    paths: JobPaths,
    owners: Owners,
    limits: RunLimits,
    max_pixels: int,
    progress: Callable[[float], None] = lambda frames: None,
) -> VerifiedJob:
    """Verify the videos of a job's receipt beside its frames, or by themselves where the frames are gone.

    Args:
        paths: Where the job's files are.
        owners: Whose files are taken.
        limits: When to give up.
        max_pixels: Width times height of a frame, at most.
        progress: As for `prove`.

    Raises:
        ProgramUnusableError: ffmpeg does not run here.
        Interrupted: `limits.stop` was set.
    """
    if not _is_there(paths):
        return _alone(paths, owners, limits, progress, ELSEWHERE)
    try:
        with JobDirectory(paths.directory, owners, max_pixels) as directory:
            names = directory.names()
            sequences = find_sequences(names, str(paths.directory))
            if not sequences:
                return _alone(paths, owners, limits, progress, WITHOUT)
            if paths.pattern is not None:
                # A receipt has it as printable text.
                spelled = {one_line(sequence.pattern): sequence.pattern for sequence in sequences}
                paths = replace(paths, pattern=spelled.get(paths.pattern, paths.pattern))
            return prove(paths, directory, limits, progress)
    except Skipped as error:
        return VerifiedJob(receipt=paths.receipt, skipped=str(error))
    except FrameError as error:
        receipt = read_receipt(paths.receipt, owners.check_file)
        if receipt is not None and (note := failure(receipt)):
            return VerifiedJob(receipt=paths.receipt, note=note)
        return VerifiedJob(receipt=paths.receipt, faults=[str(error)])


def _is_there(paths: JobPaths) -> bool:
    try:
        return paths.directory.lstat() is not None
    except FileNotFoundError:
        return False
    except OSError:
        # Whoever opens it says why.
        return True


def _alone(
    paths: JobPaths, owners: Owners, limits: RunLimits, progress: Callable[[float], None], note: str
) -> VerifiedJob:
    result = verify_alone(paths, owners, limits, progress)
    if result.is_right and result.videos:
        result.note = note
    return result
