"""The exceptions that this package raises on purpose. The text of each is one printable line for a user.

    DaddyEncodeError
    ├── FrameError, also a ValueError
    ├── ManifestError, also a ValueError
    ├── SettingsError, also a ValueError
    ├── SpoolError
    │   └── TransientError
    ├── EncodeError
    ├── JobsFailedError
    └── ClusterError

All are in the module `daddy_encode.errors`, which imports nothing.
"""

from __future__ import annotations

import copyreg

# Not those that only encoders raise, and handle, themselves: ClaimedError, Interrupted, Skipped, and the kinds of
# EncodeError: ProgramFailedError, ProgramUnusableError, FfmpegUnusableError.
__all__ = [
    "ClusterError",
    "DaddyEncodeError",
    "EncodeError",
    "FrameError",
    "JobsFailedError",
    "ManifestError",
    "SettingsError",
    "SpoolError",
    "TransientError",
]


def one_line(text: str) -> str:
    """`text` on one printable line: control characters and bytes that are not UTF-8 (from file names) are escaped."""
    if text.isprintable():
        # As most are; surrogates, which stand for such bytes, are not.
        return text
    visible = text.encode("utf-8", "backslashreplace").decode("utf-8")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in visible)


def cut(text: str, longest: int) -> str:
    """`text`, or of a longer one the beginning, with an ellipsis as the last of so many characters."""
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


class DaddyEncodeError(Exception):
    """The base class: the message says which file, what is wrong and what to do."""

    def __init__(self, message: str) -> None:
        super().__init__(one_line(message))

    def __reduce__(self) -> tuple[object, ...]:
        # Pickled by its text: some classes are made of other arguments. Whether it may pass is seen from its cause.
        cause = self.__cause__ if isinstance(self.__cause__, OSError) else None
        return copyreg.__newobj__, (type(self), *self.args), {**self.__dict__, "__cause__": cause}  # type: ignore[attr-defined]


class FrameError(DaddyEncodeError, ValueError):
    """A frame or a sequence of frames is invalid: wrong dtype or size, a gap, an unreadable file."""


class ManifestError(DaddyEncodeError, ValueError):
    """A manifest or receipt cannot be read or written, or does not match the frames."""


class SettingsError(DaddyEncodeError, ValueError):
    """An option or argument has a value that cannot work."""


class SpoolError(DaddyEncodeError):
    """A directory or file cannot be used: it is taken, read-only, full, or does not exist."""


class TransientError(SpoolError):
    """A failure that may pass by itself: a full disk, a quota, a file system that is unavailable for a while."""


class ClaimedError(DaddyEncodeError):
    """Another encoder is working on the job; the message names it."""


class EncodeError(DaddyEncodeError):
    """ffmpeg is missing, failed, or wrote something other than requested."""


class ProgramFailedError(EncodeError):
    """ffmpeg or gifsicle failed on a job: the job's fault, or this machine's, which only another try can show."""


class ProgramUnusableError(EncodeError):
    """ffmpeg or gifsicle does not run on this machine, or cannot do what is asked of it: no job's fault."""


class FfmpegUnusableError(ProgramUnusableError):
    """No job can be encoded on this machine: a trial has shown that its ffmpeg cannot make such videos."""


class JobsFailedError(DaddyEncodeError):
    """Some of several jobs failed, and the others were encoded; its attribute `errors` has the reason of each."""

    def __init__(self, message: str, errors: tuple[DaddyEncodeError, ...] = ()) -> None:
        super().__init__(message)
        self.errors = errors


class ClusterError(DaddyEncodeError):
    """Slurm is missing, refuses, or does not answer in time."""


class Interrupted(DaddyEncodeError):
    """The work was stopped before it was done; no partial output is left, try again."""


class Skipped(DaddyEncodeError):
    """A job is skipped on purpose, such as one of another user: not a failure, and nothing was encoded."""
