"""Deleting the frames of a job: what is deleted needs a proof, and only a verification makes one.

What will go is written down first. Then each file goes by its name, through the directory's descriptor, and only while
it is the file that was proved. Then the receipt says so. Whoever comes after a kill, at any moment, ends the same work.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from collections.abc import Callable, Iterable, Sequence

import msgspec

from daddy_encode.archive.clean.kept_file import write_kept
from daddy_encode.archive.clean.look import check_nothing_else, frame_files, freed_by, left_over
from daddy_encode.archive.clean.outcome import CleanOptions, CleanOutcome, KeptError
from daddy_encode.archive.verify.proof import Proof
from daddy_encode.encoding.frames.job_directory import JobDirectory
from daddy_encode.errors import FrameError, SpoolError, TransientError
from daddy_encode.spool.frames import frame_sequence
from daddy_encode.spool.held_file import SAFELY, opened_directory, sha256_of, sync_directory
from daddy_encode.spool.paths import JobPaths
from daddy_encode.spool.publish import publish_bytes, reported
from daddy_encode.spool.receipt import Receipt, is_receipt_of
from daddy_encode.spool.recording.deleting import (
    MOST_FILES,
    Deleting,
    deleting_name,
    mark,
    read_deleting,
)
from daddy_encode.spool.records import encode_record, read_record

# Of temporary files in a job's directory: whoever holds the claim removes those of a holder that is gone.
OWNER = "frames being deleted"


def delete_frames(
    proof: Proof, directory: JobDirectory, options: CleanOptions, go_on: Callable[[], None]
) -> CleanOutcome:
    """Delete the frames of a job whose claim is held.

    Args:
        proof: That its videos show them.
        directory: Its directory, the one that the proof was made with.
        options: Which frames are kept.
        go_on: Called before something is deleted; raises where the work should end, or the job is another's by now.

    Returns:
        What was deleted.

    Raises:
        KeptError: Something is not as it was proved; nothing was deleted.
        ChangedError: Frames are others by now; nothing was deleted.
        TransientError: A video or the receipt is another by now, or cannot be read now; nothing was deleted.
        SpoolError: Something cannot be written or deleted; run again.
        Interrupted: As `go_on` says.
    """
    paths = proof.paths
    files = frame_files(directory, proof.listing)
    if len(files) > MOST_FILES:
        raise KeptError(f"{paths.job}: kept: it has more than {MOST_FILES} files; `daddy-encode pack` it first")
    statuses = _statuses(paths, directory, files)
    _prove_leftovers(paths, directory, files, go_on)
    # What was asked for above is between two listings that are the same.
    proof.check(directory)
    if frame_files(directory, proof.listing) != files:
        raise TransientError(f"{paths.directory}: is being packed or unpacked; run again")
    check_nothing_else(paths, directory, proof.listing)
    kept = options.names_kept(proof.listing.frames.names)
    if kept:
        write_kept(paths, directory, kept, OWNER)
    record = Deleting.of(proof.receipt_sha256, statuses)
    path = paths.directory / deleting_name(paths.pattern)
    publish_bytes(encode_record(record), path, OWNER, os.fstat(directory.descriptor), make=False)
    # Writing may have taken a while.
    proof.check_outputs(directory)
    go_on()
    _delete(paths, directory, {name: mark(name, status) for name, status in statuses.items()}, go_on)
    _say_deleted(paths, directory, proof.receipt_sha256)
    size = sum(map(freed_by, statuses.values()))
    return CleanOutcome(kind="cleaned", files=len(files), bytes=size, kept=len(kept))


def finish(paths: JobPaths, directory: JobDirectory, go_on: Callable[[], None]) -> CleanOutcome | None:
    """End what an earlier clean has begun on a job whose claim is held.

    Args:
        paths: The job's names.
        directory: Its directory.
        go_on: As for `delete_frames`.

    Returns:
        What was deleted now; None where there is nothing of that kind.

    Raises:
        KeptError: The videos that were proved are not there any more.
        SpoolError: As for `delete_frames`.
        Interrupted: As `go_on` says.
    """
    record = read_deleting(paths.directory / deleting_name(paths.pattern), directory.descriptor, directory.check_owner)
    there = left_over(paths, directory)
    if record is None or there is None:
        return None
    if there.is_whole:
        # Nothing is gone yet; it is proved once more.
        _forget(paths, directory)
        return None
    marks = record.marks
    left = {file: known for file in sorted(there.files) if (known := _mark(directory, file)) in marks and known}
    receipt = _receipt(paths, directory)
    is_proved = receipt is not None and receipt[1] == record.receipt_sha256 and _are_there(paths, directory, receipt[0])
    is_said = receipt is not None and receipt[0].frames == "deleted" and _are_there(paths, directory, receipt[0])
    if not left and not is_proved:
        # All was said and done, or the frames were recorded anew.
        _forget(paths, directory)
        return None
    if not (is_proved or is_said):
        raise KeptError(
            f"{paths.job}: {len(left)} of its files are left of those that were being deleted, and its videos are not "
            "those that were proved; remove what is of no use"
        )
    if not left and any(frame in directory.files for frame in _frames_now(paths, directory)):
        # Recorded anew, before the receipt has said that the older ones are gone.
        _forget(paths, directory)
        return None
    size = sum(freed_by(os.stat(file, dir_fd=directory.descriptor, follow_symlinks=False)) for file in left)
    go_on()
    _delete(paths, directory, left, go_on)
    if is_proved:
        _say_deleted(paths, directory, record.receipt_sha256)
    else:
        _forget(paths, directory)
    return CleanOutcome(kind="finished", files=len(left), bytes=size)


def _frames_now(paths: JobPaths, directory: JobDirectory) -> Sequence[str]:
    return frame_sequence(directory.names(), str(paths.directory), paths.pattern).names


def _mark(directory: JobDirectory, name: str) -> bytes | None:
    try:
        return mark(name, os.stat(name, dir_fd=directory.descriptor, follow_symlinks=False))
    except FileNotFoundError:
        return None


def _prove_leftovers(paths: JobPaths, directory: JobDirectory, files: Iterable[str], go_on: Callable[[], None]) -> None:
    """See that PNGs beside packed frames are those that were packed. Raises KeptError where one is not."""
    packed = directory.packed
    loose = [name for name in files if packed is not None and name in packed]
    if packed is None or not loose:
        return
    # Loaded where there are some: it needs numpy.
    from daddy_encode.archive.pack.left import prove_left
    from daddy_encode.archive.pack.outcome import LeftError

    try:
        # Of a directory that has not been listed each name is that of a file.
        with JobDirectory(paths.directory, directory.owners, directory.max_pixels) as beside:
            prove_left(packed, loose, beside.read, go_on)
    except (SpoolError, FrameError, LeftError) as error:
        raise KeptError(f"{paths.job}: kept: {error}") from error


def _statuses(paths: JobPaths, directory: JobDirectory, files: Iterable[str]) -> dict[str, os.stat_result]:
    statuses = {}
    with reported(paths.directory, "examine files in"):
        for name in files:
            status = os.stat(name, dir_fd=directory.descriptor, follow_symlinks=False)
            if not stat.S_ISREG(status.st_mode):
                raise KeptError(f"{paths.directory / name}: kept: is not a regular file")
            directory.check_owner(status, paths.directory / name)
            statuses[name] = status
    return statuses


def _delete(paths: JobPaths, directory: JobDirectory, marks: dict[str, bytes], go_on: Callable[[], None]) -> None:
    with reported(paths.directory, "delete frames in"):
        for name, known in marks.items():
            go_on()
            if _mark(directory, name) == known:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(name, dir_fd=directory.descriptor)
        sync_directory(directory.descriptor)
    # Those that have changed meanwhile, by a chmod, say.
    left_over(paths, directory)


def _say_deleted(paths: JobPaths, directory: JobDirectory, sha256: str) -> None:
    """Have the receipt say that the frames are deleted, where it is still the one that was proved."""
    found = _receipt(paths, directory)
    if found is None or found[1] != sha256:
        raise TransientError(f"{paths.receipt}: has changed since it was verified; run again")
    parent = directory.status("..") if paths.base.parent == paths.directory.parent else None
    receipt = msgspec.structs.replace(found[0], frames="deleted")
    publish_bytes(encode_record(receipt), paths.receipt, paths.base.name, parent, paths.top)
    _forget(paths, directory)


def _forget(paths: JobPaths, directory: JobDirectory) -> None:
    name = deleting_name(paths.pattern)
    with reported(paths.directory / name, "remove"):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name, dir_fd=directory.descriptor)
        sync_directory(directory.descriptor)


def _receipt(paths: JobPaths, directory: JobDirectory) -> tuple[Receipt, str] | None:
    with (
        reported(paths.receipt, "read"),
        opened_directory(paths.base.parent, paths.top, make=False) as parent,
    ):
        found = read_record(paths.receipt, Receipt, dir_fd=parent, check=directory.check_owner)
    if found is None or not is_receipt_of(paths, found[0]):
        return None
    return found[0], hashlib.sha256(found[1]).hexdigest()


def _are_there(paths: JobPaths, directory: JobDirectory, receipt: Receipt) -> bool:
    """Whether the videos of a receipt are there, to the last byte."""
    with opened_directory(paths.base.parent, paths.top, make=False) as parent:
        for record in receipt.outputs:
            path = paths.output(record.format)
            try:
                descriptor = os.open(path.name, os.O_RDONLY | SAFELY, dir_fd=parent)
            except OSError:
                return False
            with open(descriptor, "rb") as stream:
                status = os.fstat(descriptor)
                directory.check_owner(status, path)
                if not stat.S_ISREG(status.st_mode) or sha256_of(stream) != record.sha256:
                    return False
    return len(receipt.outputs) > 0
