"""Small pictures of a video, evenly spaced, in one image: what a card shows while the pointer crosses it."""

from __future__ import annotations

import base64
import contextlib
import functools
import io
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from daddy_encode.errors import DaddyEncodeError
from daddy_encode.report.spacing import evenly_spaced
from daddy_encode.spool.png.pixels import MAX_PIXELS, Pixels

if TYPE_CHECKING:
    from PIL.Image import Image

    from daddy_encode.encoding.decoding.pictures import VideoFile

MOST_CELLS = 24
COLUMNS = 6
# Of a cell, in pixels; none is larger than its video. One of as few pixels in another shape, such as Atari's, stays
# as it is.
WIDEST, HIGHEST = 240, 180
LONGEST_SIDE = 320
# Of a video with more pixels in all, and so many key frames, those alone are decoded, which takes a tenth of the time.
# Ours have one in 60, and more where much changes, so they are not quite evenly spaced.
MANY_PIXELS = 2**27
ENOUGH_KEY_FRAMES = 12
_JPEG_QUALITY = 80
# Pictures that are not reduced are mostly drawn, with edges of one pixel, which halved chroma blurs.
_HALVED_CHROMA, _WHOLE_CHROMA = 2, 0
MOST_COLOURS = 256


class Sprite(Struct, frozen=True):
    """Pictures of one video, row by row in one image.

    Attributes:
        layout: Columns, rows, width and height of a cell in pixels, and how many cells there are.
        cells: Of each the number, from 0, of the frame of the video that it shows.
        image: The bytes of the image: a JPEG, or a PNG where that is exact and smaller.
        media_type: Of the image: "image/jpeg" or "image/png".
        poster_uri: The cell in the middle alone, as a URL that holds it: pages show many at once, for which a browser
            would have to decode all cells.
    """

    layout: tuple[int, int, int, int, int]
    cells: list[int]
    image: bytes
    media_type: str
    poster_uri: str

    @property
    def data_uri(self) -> str:
        """The image as a URL that holds it."""
        return _data_uri(self.image, self.media_type)


def make_sprite(video: Path, frames: int, width: int, height: int, stop: threading.Event) -> Sprite | None:
    """Decode a video, and make its sprite.

    Args:
        video: A GIF, as its suffix says, or else an MP4. A link is not followed.
        frames: How many it has.
        width: Of its frames, in pixels.
        height: Of its frames, in pixels.
        stop: Set to give up.

    Returns:
        None where it is not such a video, or cannot be decoded, or `stop` was set: no exception is raised.
    """
    if not (frames > 0 and width > 0 and height > 0 and width * height <= MAX_PIXELS):
        return None
    # numpy is needed from here on.
    from daddy_encode.encoding.decoding.pictures import opened_video

    with contextlib.suppress(DaddyEncodeError, OSError, ValueError, MemoryError), opened_video(video) as opened:
        return _made(opened, frames, (width, height), stop)
    return None


def cell_size(width: int, height: int) -> tuple[int, int]:
    """The (width, height) of a cell for frames of that size: reduced to fit, never enlarged."""
    if width * height <= WIDEST * HIGHEST and max(width, height) <= LONGEST_SIDE:
        return width, height
    factor = min(WIDEST / width, HIGHEST / height, 1)
    return max(1, round(width * factor)), max(1, round(height * factor))


def cells_of(frames: int, pixels: int, key_frames: Sequence[int]) -> tuple[list[int], list[int] | None]:
    """Which frames of a video a sprite shows.

    Args:
        frames: How many it has.
        pixels: Of each.
        key_frames: The numbers of its key frames, ascending.

    Returns:
        Their numbers; and, where all of them are key frames, their places in `key_frames`, else None.
    """
    targets = evenly_spaced(MOST_CELLS, frames)
    if frames * pixels <= MANY_PIXELS or not ENOUGH_KEY_FRAMES <= len(key_frames) < frames:
        return targets, None
    places = sorted({min(range(len(key_frames)), key=lambda at: abs(key_frames[at] - target)) for target in targets})
    if len(places) < ENOUGH_KEY_FRAMES:
        return targets, None
    return [key_frames[place] for place in places], places


def _made(video: VideoFile, frames: int, size: tuple[int, int], stop: threading.Event) -> Sprite:
    import numpy as np

    cells, places = cells_of(frames, size[0] * size[1], video.key_frames())
    width, height = cell_size(*size)
    columns = min(COLUMNS, len(cells))
    rows = -(-len(cells) // columns)
    image = np.zeros((rows * height, columns * width, 3), np.uint8)

    def put(number: int, picture: Pixels) -> None:
        top, left = number // columns * height, number % columns * width
        image[top : top + height, left : left + width] = picture

    wanted = cells if places is None else places
    video.decode(wanted, size, (width, height), put, stop, of_key_frames=places is not None)
    is_reduced = (width, height) != size
    data, media_type = _compressed(image, is_reduced=is_reduced)
    top, left = len(cells) // 2 // columns * height, len(cells) // 2 % columns * width
    poster = _data_uri(*_compressed(image[top : top + height, left : left + width], is_reduced=is_reduced))
    return Sprite((columns, rows, width, height, len(cells)), cells, data, media_type, poster)


def _data_uri(image: bytes, media_type: str) -> str:
    return f"data:{media_type};base64,{base64.b64encode(image).decode('ascii')}"


def _compressed(image: Pixels, *, is_reduced: bool) -> tuple[bytes, str]:
    """An image as a JPEG, or as a PNG where that is exact and smaller; and which it is."""
    from PIL import Image

    picture = Image.fromarray(image)
    chroma = _HALVED_CHROMA if is_reduced else _WHOLE_CHROMA
    jpeg = _saved(picture, "JPEG", subsampling=chroma, qtables=_quantization())
    png = _png_of_few_colours(picture, image)
    if png is not None and len(png) < len(jpeg):
        return png, "image/png"
    return jpeg, "image/jpeg"


def _png_of_few_colours(picture: Image, image: Pixels) -> bytes | None:
    """An image, both ways, as a PNG with a palette; None where it has too many colours for one."""
    import numpy as np
    from PIL import Image

    colours = picture.getcolors(MOST_COLOURS)
    if colours is None:
        return None
    palette = np.array(sorted(colour for _, colour in colours), np.uint32)
    places = np.array([2**16, 2**8, 1], np.uint32)
    indexed = Image.fromarray(np.searchsorted(palette @ places, image @ places).astype(np.uint8))
    indexed.putpalette(palette.astype(np.uint8).tobytes())
    return _saved(indexed, "PNG")


@functools.cache
def _quantization() -> dict[int, list[int]]:
    """JPEG's tables for our quality; where Pillow is told the quality instead, it has no room to optimize noise."""
    from PIL import Image

    stream = io.BytesIO()
    Image.new("RGB", (1, 1)).save(stream, "JPEG", quality=_JPEG_QUALITY)
    # Its type is of a JPEG, which only some versions of Pillow say.
    jpeg: Any = Image.open(stream)
    with jpeg:
        tables: dict[int, list[int]] = jpeg.quantization
        return tables


def _saved(picture: Image, form: str, **how: Any) -> bytes:
    """A picture in as few bytes as its pixels need: codes made for it save up to a third of a JPEG."""
    stream = io.BytesIO()
    picture.save(stream, form, optimize=True, **how)
    return stream.getvalue()
