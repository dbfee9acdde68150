"""What may pass by itself, wherever in an error's chain of causes it is."""

from __future__ import annotations

import errno

import pytest

from daddy_encode.errors import DaddyEncodeError, EncodeError, FrameError, TransientError
from daddy_encode.spool.transient import TRANSIENT, may_pass, names_transient


def raised(error: BaseException, *, then: str) -> DaddyEncodeError:
    """An error of ours that was raised because of `error`, two steps away."""
    try:
        try:
            try:
                raise error
            except BaseException as first:
                if then == "from":
                    raise FrameError("inner") from first
                if then == "while":
                    raise FrameError("inner")  # noqa: B904
                raise FrameError("inner") from None
        except FrameError as second:
            raise EncodeError("outer") from second
    except EncodeError as last:
        return last


@pytest.mark.parametrize("number", sorted(TRANSIENT | {errno.ENOENT, errno.EACCES}))
@pytest.mark.parametrize("then", ["from", "while"])
def test_an_error_of_the_system_is_found_anywhere_in_the_chain(number: int, then: str) -> None:
    assert may_pass(raised(OSError(number, "why"), then=then))


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("can't start new thread"),
        TransientError("full"),
        OSError(errno.EIO, ""),
        ImportError(),
    ],
)
def test_a_lack_of_ours_and_an_error_that_says_so_may_pass(error: BaseException) -> None:
    assert may_pass(error)
    assert may_pass(raised(error, then="from"))


@pytest.mark.parametrize("number", [errno.ELOOP, errno.ENOTDIR, errno.EISDIR, errno.ENXIO, errno.ENAMETOOLONG])
def test_what_a_name_leads_to_does_not_pass(number: int) -> None:
    assert not may_pass(raised(OSError(number, "why"), then="from"))


def test_a_fault_in_the_job_or_of_ours_does_not_pass() -> None:
    assert not may_pass(FrameError("a gap"))
    assert not may_pass(RuntimeError("a mistake"))
    assert not may_pass(raised(OSError(errno.EIO, "why"), then="from none")), "what was set aside is no cause"
    circle = FrameError("a circle")
    circle.__cause__ = FrameError("of causes")
    circle.__cause__.__cause__ = circle
    assert not may_pass(circle)


@pytest.mark.parametrize(
    "text",
    [
        "av_interleaved_write_frame(): Input/output error",
        "Error writing trailer: Stale file handle",
        "[out#0] Disk quota exceeded",
        "No space left on device",
        "Transport endpoint is not connected",
        "I/O error",
    ],
)
def test_what_ffmpeg_says_of_the_system_is_known(text: str) -> None:
    assert names_transient(f"[error] {text} | ")


@pytest.mark.parametrize("text", ["Invalid data", "Cannot allocate memory", "Resource temporarily unavailable"])
def test_what_it_says_of_a_job_or_of_its_memory_is_not(text: str) -> None:
    assert not names_transient(text)
