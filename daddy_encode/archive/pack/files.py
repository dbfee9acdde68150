"""The files of a job's directory, by their names in it and through its descriptor: compared, removed, renewed."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable, Iterable
from pathlib import Path

from daddy_encode.encoding.frames.job_directory import JobDirectory
from daddy_encode.encoding.frames.owners import Owners
from daddy_encode.spool.held_file import sync_directory
from daddy_encode.spool.paths import JobPaths
from daddy_encode.spool.publish import publish_bytes, reported
from daddy_encode.spool.receipt import Receipt, is_receipt_of, read_receipt
from daddy_encode.spool.records import encode_record

# Of temporary files in a job's directory: whoever holds the claim removes those of a holder that is gone.
OWNER = "packed frames"


Looks = tuple[int, ...]
"""What shows whether a file is still the same, unchanged."""


def looks_of(directory: int, name: str) -> tuple[Looks, int] | None:
    """What a regular file looks like, and its size; None where there is none of that name. Raises OSError."""
    try:
        status = os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(status.st_mode):
        return None
    looks = status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
    return looks, status.st_size


def remove_proved(directory: int, path: Path, proved: Iterable[tuple[str, Looks]], go_on: Callable[[], None]) -> None:
    """Remove files of a directory, each only while it looks as when it was proved; then flush the directory.

    Args:
        directory: Its descriptor.
        path: Its path, for errors.
        proved: Names, and what they looked like.
        go_on: Called for each; raises where the work should end.

    Raises:
        SpoolError: One cannot be removed.
    """
    with reported(path, "remove frames from"):
        for name, looks in proved:
            go_on()
            found = looks_of(directory, name)
            if found is not None and found[0] == looks:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(name, dir_fd=directory)
        sync_directory(directory)


def renew_receipt(
    paths: JobPaths, directory: JobDirectory, owners: Owners, renewed: Callable[[Receipt], Receipt | None]
) -> None:
    """Write a job's receipt anew, where it has one, so that it stays done for everybody.

    Args:
        paths: The job's names.
        directory: Its directory.
        owners: Whose receipts count.
        renewed: The receipt as it should be; None where it is of other frames.

    Raises:
        SpoolError: It cannot be written.
    """
    receipt = read_receipt(paths.receipt, owners.check_file)
    if receipt is None or not is_receipt_of(paths, receipt):
        return
    new = renewed(receipt)
    if new is None or new == receipt:
        return
    parent = directory.status("..") if paths.base.parent == paths.directory.parent else None
    publish_bytes(encode_record(new), paths.receipt, paths.base.name, parent, paths.top)
