"""The exception tree. Every foreseen failure is one of these, and its text is one line for a user."""

from __future__ import annotations


def one_line(text: str) -> str:
    """`text` on one printable line: control characters and bytes that are no UTF-8 (from file names) escaped."""
    visible = text.encode("utf-8", "backslashreplace").decode("utf-8")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in visible)


class DaddyEncodeError(Exception):
    """Base of every error this package raises on purpose: says which file, what is wrong and what to do."""

    def __init__(self, message: str) -> None:
        super().__init__(one_line(message))


class FrameError(DaddyEncodeError, ValueError):
    """A frame, or a row of frames, is not what it has to be: wrong dtype, size, a gap, an unreadable file."""


class ManifestError(DaddyEncodeError, ValueError):
    """A manifest or receipt cannot be read, or promises what is not there."""


class SettingsError(DaddyEncodeError, ValueError):
    """An option has a value that cannot work."""


class SpoolError(DaddyEncodeError):
    """A directory or file of the spool cannot be used: it is taken, read-only, full, or not there."""


class TransientError(SpoolError):
    """What may pass by itself: a full disk, a quota, a file system that is away for a while."""


class ClaimedError(DaddyEncodeError):
    """Another encoder works on the job; its name is in the text."""


class EncodeError(DaddyEncodeError):
    """ffmpeg is missing, died, or wrote something other than what was asked for."""


class ClusterError(DaddyEncodeError):
    """Slurm is missing, refused, or gave no answer in time."""


class Interrupted(DaddyEncodeError):
    """The work was told to stop before it was done; nothing half-made is left, try again."""


class Skipped(DaddyEncodeError):
    """A job is left alone on purpose, such as one of another user: no failure, and nothing was made."""
