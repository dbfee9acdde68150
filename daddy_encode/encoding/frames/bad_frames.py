"""Which of a job's frames cannot be used, and why."""

from __future__ import annotations

import collections
import contextlib
from collections.abc import Sequence

from daddy_encode.encoding.frames.job_directory import BadFrameError, JobDirectory
from daddy_encode.encoding.png.decode import decode_png
from daddy_encode.encoding.png.inflate import check_image_data
from daddy_encode.encoding.png.parse import PngFault

# What to do about frames of several sizes.
FIT = "--fit pad or --fit scale brings all frames to one size"


def find_bad_frames(
    directory: JobDirectory, names: Sequence[str], promised: tuple[int, int] | None, *, any_size: bool = False
) -> dict[str, str]:
    """Read frames to find the bad ones.

    Args:
        directory: The job's.
        names: The files to read.
        promised: The (width, height) that frames must have; None: the one that most whole frames have.
        any_size: Whether frames may have any size. Default: no.

    Returns:
        What is wrong with each bad file, by name.

    Raises:
        Skipped: A file is another user's.
        TransientError: A file was listed and is not there.
    """
    sizes: dict[str, tuple[int, int]] = {}
    bad: dict[str, str] = {}
    for name in names:
        try:
            png, _ = directory.read(name)
            if png.plain:
                check_image_data(png)
            else:
                decode_png(png)
            sizes[name] = png.size
        except BadFrameError as error:
            bad[name] = error.reason
        except PngFault as fault:
            bad[name] = str(fault)
    if sizes and not any_size:
        ((most, _),) = collections.Counter(sizes.values()).most_common(1)
        size, others = (promised, "the manifest promises") if promised else (most, "most are")
        bad |= {name: f"{size_differs(found, size, others)}; {FIT}" for name, found in sizes.items() if found != size}
    return bad


def has_usable_frame(directory: JobDirectory, names: Sequence[str]) -> bool:
    """Whether any file begins as a frame does. Raises as `find_bad_frames`."""
    for name in names:
        with contextlib.suppress(BadFrameError):
            directory.size(name)
            return True
    return False


def size_differs(found: tuple[int, int], wanted: tuple[int, int], others: str) -> str:
    """What is wrong with a frame of the (width, height) `found`; `others` says whose size is `wanted`."""
    return "is {}x{}, but {} {}x{}".format(*found, others, *wanted)
