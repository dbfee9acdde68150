"""What may pass by itself: errors of a machine, its memory or a file system, which say nothing about a job."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator

from daddy_encode.errors import TransientError

# Disk, quota, memory, tables of the system, and file systems that are away, busy or behind.
TRANSIENT = frozenset(
    {
        errno.ENOSPC,
        errno.EDQUOT,
        errno.ENOMEM,
        errno.EAGAIN,
        errno.EINTR,
        errno.ENFILE,
        errno.EMFILE,
        errno.ENOLCK,
        errno.EBUSY,
        errno.ETXTBSY,
        errno.EIO,
        errno.EREMOTEIO,
        errno.ESTALE,
        errno.ENOTCONN,
        errno.ECONNRESET,
        errno.ECONNREFUSED,
        errno.ECONNABORTED,
        errno.EHOSTDOWN,
        errno.EHOSTUNREACH,
        errno.ENETDOWN,
        errno.ENETUNREACH,
        errno.ETIMEDOUT,
        errno.ESHUTDOWN,
        errno.ENOLINK,
        errno.EUCLEAN,
    }
)
# A file system that lags, or is read-only after an error; a dump that is being replaced; a ticket or key of this user
# that has run out; a mode that somebody has still to put right, which changes no time of a file.
_OF_ACCESS = frozenset(
    {errno.ENOENT, errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOKEY, errno.EKEYEXPIRED, errno.EKEYREVOKED}
)
# As a program's C library words them; not the lack of memory, or of threads, for want of memory: it may be the job that
# takes too much.
_TEXTS = frozenset(os.strerror(number) for number in TRANSIENT - {errno.ENOMEM, errno.EAGAIN, errno.EINTR})
# musl's words, for an ffmpeg that is linked with it.
_TEXTS |= {"I/O error", "Quota exceeded", "Socket not connected", "Operation timed out", "Resource busy"}

_FULL = (os.strerror(errno.ENOSPC), os.strerror(errno.EDQUOT))


def may_pass(error: BaseException) -> bool:
    """Whether `error`, or anything that led to it, may pass by itself, so that trying again later is right."""
    return any(_may_pass(cause) for cause in _causes(error))


def names_transient(text: str) -> bool:
    """Whether what a program printed names an error of the system that may pass by itself."""
    return any(known in text for known in _TEXTS)


def named_full(text: str) -> str | None:
    """What a program printed of a full disk or quota, in the system's words; None where it is something else."""
    return next((known for known in _FULL if known in text), None)


def _may_pass(error: BaseException) -> bool:
    if isinstance(error, OSError):
        return error.errno in TRANSIENT | _OF_ACCESS
    if isinstance(error, RuntimeError):
        # threading has no class of its own for it.
        return "can't start new thread" in str(error)
    # A module is loaded when it is first needed; where its file system does not answer, Python says that there is none.
    return isinstance(error, TransientError | MemoryError | ImportError)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """`error`, what it was raised from, and what was being handled meanwhile."""
    pending, seen = [error], set()
    while pending:
        each = pending.pop()
        if id(each) not in seen:
            seen.add(id(each))
            yield each
            context = None if each.__suppress_context__ else each.__context__
            pending += [cause for cause in (each.__cause__, context) if cause is not None]
