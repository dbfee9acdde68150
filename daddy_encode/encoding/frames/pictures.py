"""What a PNG becomes in the video: RGB, at the size of all frames; and what should be said of how a clip looks."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from daddy_encode.encoding.option_values import Alpha, Fit
from daddy_encode.encoding.png.decode import BLACK, Rgb, decode_png, parse_colour, to_rgb
from daddy_encode.encoding.png.grey import is_grey, read_grey
from daddy_encode.encoding.png.parse import Png
from daddy_encode.encoding.png.unfilter import PlainPixels
from daddy_encode.spool.png.pixels import Pixels

if TYPE_CHECKING:
    from daddy_encode.encoding.settings import GifSettings, Mp4Settings

Size = tuple[int, int]
"""Width and height in pixels."""
Range = tuple[int, int]
"""The value that is shown as black, and the one that is shown as white."""

# A clip with nothing brighter, or nothing more opaque, than this of 255 is hardly meant to be shown so.
FAINT = 32


class Look(Struct, frozen=True):
    """How pictures are shown, whatever they are.

    Attributes:
        background: What alpha is blended on, and what `fit` leaves free. Default: black.
        alpha: Whether it is blended at all. Default: yes.
        depth: What grey values are black and white; "auto": the clip's least and greatest. Default: the file's own.
        fit: How frames of several sizes are brought to one. Default: they are an error.
    """

    background: Rgb = BLACK
    alpha: Alpha = "blend"
    depth: Range | Literal["auto"] | None = None
    fit: Fit | None = None

    @staticmethod
    def of(settings: Mp4Settings | GifSettings) -> Look:
        """The look that the settings of a video ask for."""
        # Loaded where there are any: a sheet of frames that have no video needs none.
        from daddy_encode.encoding.settings import parse_depth

        depth = settings.depth
        values = parse_depth(depth) if depth not in (None, "auto") else None
        background = parse_colour(settings.background)
        return Look(background, settings.alpha, "auto" if depth == "auto" else values, settings.fit)


class Pictures:
    """Makes the pictures of one clip, and keeps what there is to say of all of them together.

    Attributes:
        most_opaque: The greatest alpha in those that were made; above FAINT any such one.
    """

    def __init__(self, look: Look, size: Size, depth: Range | None = None) -> None:
        """Make pictures of `size`; `depth`: the one of `look`, or what "auto" has come to."""
        self._look = look
        self._size = size
        self._depth = depth
        self._table: Pixels | None = None
        self._is_seen = self._has_grey = False
        # Of all pictures, up to 255; nothing more is looked for once that is above FAINT.
        self._brightest = self.most_opaque = 0

    @functools.cached_property
    def _plain(self) -> PlainPixels:
        return PlainPixels(*self._size)

    def of(self, png: Png, rows: bytes | bytearray | None = None) -> memoryview:
        """The picture in `png` as rgb24, row by row; it lasts until the next call.

        Args:
            png: Of any kind.
            rows: What its image data inflates to, where that is known already.

        Raises:
            PngFault: Its image data is not exactly what it should be.
        """
        self._is_seen = True
        if png.plain:
            self.saw_plain()
            if png.size == self._size:
                return self._plain.of(png)
        rgb = to_rgb(self._channels(png, rows), self._look.background)
        if self._brightest <= FAINT:
            self._brightest = max(self._brightest, int(rgb.max()) if is_grey(png) else 255)
        return self._fitted(rgb).data.cast("B")

    def saw_plain(self) -> None:
        """One picture was opaque RGB, which is shown as it is."""
        self._is_seen = True
        self._brightest = self.most_opaque = 255

    def warnings(self) -> Iterator[str]:
        """Yield what is most likely not meant to look as it does."""
        if not self._is_seen:
            return
        if self._look.depth is not None and not self._has_grey:
            yield "none of its frames is grey: --depth has changed nothing"
        elif self._look.depth == "auto" and self._depth is not None and self._depth[0] == self._depth[1]:
            yield f"all its grey values are {self._depth[0]}, so --depth auto shows black; --depth MIN:MAX shows more"
        if self.most_opaque <= FAINT:
            yield (
                f"all but transparent: its alpha is at most {self.most_opaque} of 255, so little but the background "
                "is seen; --alpha ignore shows its colours"
            )
        elif self._brightest <= FAINT and self._look.depth is None:
            yield (
                f"nothing in it is brighter than {self._brightest} of 255; where its frames are depth pictures or "
                "masks, --depth auto or --depth MIN:MAX makes their values visible"
            )

    def _channels(self, png: Png, rows: bytes | bytearray | None) -> Pixels:
        """A picture's grey, RGB or RGBA, with grey values as `depth` says."""
        import numpy as np

        if self._depth is None or not is_grey(png):
            picture = decode_png(png, rows)
        else:
            self._has_grey = True
            if self._table is None:
                self._table = stretched(*self._depth)
            grey = read_grey(png, rows)
            picture = self._table[grey.samples]
            if grey.alpha is not None:
                picture = np.dstack([picture, picture, picture, grey.alpha])
        if self._look.alpha == "ignore" and picture.ndim == 3:
            picture = picture[:, :, :3]
        if self.most_opaque <= FAINT:
            self.most_opaque = max(self.most_opaque, alpha_of(picture))
        return picture

    def _fitted(self, rgb: Pixels) -> Pixels:
        """`rgb` at the size of all pictures."""
        import numpy as np

        height, width = rgb.shape[:2]
        if (width, height) == self._size:
            return rgb
        if self._look.fit == "scale":
            from PIL import Image

            width, height = enlarged((width, height), self._size)
            rgb = np.asarray(Image.fromarray(rgb).resize((width, height), Image.Resampling.LANCZOS))
        whole = np.empty((self._size[1], self._size[0], 3), np.uint8)
        whole[:] = self._look.background
        left, top = (self._size[0] - width) // 2, (self._size[1] - height) // 2
        whole[top : top + height, left : left + width] = rgb
        return whole


def alpha_of(picture: Pixels) -> int:
    """The greatest alpha in a picture, (H, W), (H, W, 3) or (H, W, 4); 255 where it has none."""
    return int(picture[:, :, 3].max()) if picture.ndim == 3 and picture.shape[2] == 4 else 255


def stretched(least: int, greatest: int) -> Pixels:
    """What each grey value of up to 16 bits becomes: `least` 0, `greatest` 255, in proportion, to the nearest."""
    import numpy as np

    # Where all values are the same they are black.
    span = max(1, greatest - least)
    values = np.arange(2**16, dtype=np.int64).clip(least, greatest) - least
    return ((values * 510 + span) // (2 * span)).astype(np.uint8)


def enlarged(size: Size, whole: Size) -> Size:
    """The largest (width, height) with the proportions of `size` that `whole` has room for."""
    width, height = size
    if whole[0] * height <= whole[1] * width:
        return whole[0], max(1, (2 * height * whole[0] + width) // (2 * width))
    return max(1, (2 * width * whole[1] + height) // (2 * height)), whole[1]
