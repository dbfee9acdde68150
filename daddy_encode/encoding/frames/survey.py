"""What has to be known of all frames before the first is shown: their sizes, the range of their grey values."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from daddy_encode.encoding.frames.job_directory import BadFrameError, JobDirectory
from daddy_encode.encoding.frames.pictures import Look, Range, Size
from daddy_encode.encoding.png.grey import is_grey, read_grey
from daddy_encode.encoding.png.inflate import check_image_data
from daddy_encode.encoding.png.parse import Png, PngFault
from daddy_encode.errors import FrameError

if TYPE_CHECKING:
    from daddy_encode.encoding.png.grey import Samples


class Survey(Struct):
    """What was found.

    Attributes:
        size: The largest width and the largest height; 0 where nobody asked.
        smallest: The size of the frame with the fewest pixels.
        is_varied: Whether frames are of several sizes.
        depth: The least and the greatest value of all grey frames; None where there is none, or nobody asked.
    """

    size: Size = (0, 0)
    smallest: Size = (0, 0)
    is_varied: bool = False
    depth: Range | None = None

    def notes(self, look: Look) -> Iterator[str]:
        """Yield what a viewer of a video with this `look` should know."""
        if self.is_varied:
            how = "enlarged and centred" if look.fit == "scale" else "centred"
            yield "frames of several sizes, the smallest {}x{}: each is {} on {}x{}".format(
                *self.smallest, how, *self.size
            )
        if self.depth is not None and self.depth[0] < self.depth[1]:
            yield "--depth auto: {} is black, {} white".format(*self.depth)


def survey(
    directory: JobDirectory, names: Sequence[str], look: Look, check_stop: Callable[[], None] = lambda: None
) -> Survey:
    """Look at frames for what `look` needs to know: at their headers for sizes, at all for grey values.

    Args:
        directory: The job's.
        names: The file that is shown as each frame.
        look: How they are to be shown.
        check_stop: Called for each frame; raises where the work should end. Default: nothing.

    Raises:
        BadFrameError: A frame is bad.
        FrameError: The one size for all has more pixels than a frame may have.
    """
    found = Survey()
    if look.fit is None and look.depth != "auto":
        return found
    for name, _ in itertools.groupby(names):
        check_stop()
        if look.depth == "auto":
            png, _ = directory.read(name)
            _add_values(found, png, directory.path_of(name))
            size = png.size
        else:
            size = directory.size(name)
        if look.fit is not None:
            _add_size(found, size)
    width, height = found.size
    if width * height > directory.max_pixels:
        raise FrameError(
            f"{directory.path}: brought to one size its frames would be {width}x{height}, more than the limit of "
            f"{directory.max_pixels} pixels; --max-pixels raises it"
        )
    return found


def _add_size(found: Survey, size: Size) -> None:
    if found.size == (0, 0):
        found.size = found.smallest = size
    elif size != found.size:
        found.is_varied = True
        found.size = (max(size[0], found.size[0]), max(size[1], found.size[1]))
        found.smallest = min(size, found.smallest, key=math.prod)


def _add_values(found: Survey, png: Png, path: str) -> None:
    try:
        if not is_grey(png):
            check_image_data(png)
            return
        samples = read_grey(png).samples
    except PngFault as fault:
        raise BadFrameError(path, str(fault), fault.advice) from fault
    add_grey(found, samples)


def add_grey(found: Survey, samples: Samples) -> None:
    """Take the values of one more grey frame."""
    least, greatest = int(samples.min()), int(samples.max())
    if found.depth is not None:
        least, greatest = min(least, found.depth[0]), max(greatest, found.depth[1])
    found.depth = (least, greatest)
