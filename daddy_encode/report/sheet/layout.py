"""Where everything of a sheet is: pure arithmetic."""

from __future__ import annotations

import math
from collections.abc import Sequence

from msgspec import Struct

from daddy_encode.errors import SettingsError
from daddy_encode.report.sheet.glyphs import line_pixels
from daddy_encode.report.spacing import evenly_spaced

# Of one clip, where nobody asks for others; of several, one row each.
COLUMNS, ROWS = 4, 4
COLUMNS_OF_SEVERAL = 6
# A letter's unit in a picture's width: a caption of both values takes most of it, and can be read in print.
_UNITS_IN_WIDTH = 170
_SMALLEST_UNIT = 1.0
# Of the line around a picture, beside it, so that a white one ends somewhere.
_BORDER_IN_WIDTH = 500
# Between pictures, and around all of them, in a picture's width.
_GAP_IN_WIDTH = 60
_SMALLEST_GAP = 4
# Larger sheets are not opened by what people look at pictures with: more than 16 pictures of 2896x2896, say.
_LONGEST_SIDE = 65_500
_MOST_PIXELS = 2**27


class Grid(Struct, frozen=True):
    """How many pictures of a clip there are, and which.

    Attributes:
        columns: Pictures in a row, at most.
        frames: The frames that they show.
    """

    columns: int
    frames: Sequence[int]

    def rows(self) -> list[Sequence[int]]:
        """The frames of each row."""
        return [self.frames[at : at + self.columns] for at in range(0, len(self.frames), self.columns)]


class Cell(Struct, frozen=True):
    """A picture and what is around it, in pixels.

    Attributes:
        width: Of the picture.
        height: Of the picture.
        unit: Of letters.
        gap: To the next picture.
        border: The line around the picture, a part of the gap.
        lines: Of text below it.
    """

    width: int
    height: int
    unit: float
    gap: int
    border: int
    lines: int

    @property
    def whole_height(self) -> int:
        """Of the picture and the text below it."""
        return self.text_top(self.lines)

    def text_top(self, line: int) -> int:
        """Where a line of the text begins, below the top of the picture."""
        return self.height + 2 * self.border + line * line_pixels(self.unit)


def choose_frames(
    count: int, of_several: bool, columns: int | None, rows: int | None, at: Sequence[int], name: str
) -> Grid:
    """Which frames of a clip are shown, and in how many columns.

    Args:
        count: How many it has.
        of_several: Whether there are other clips on the sheet.
        columns: As asked for.
        rows: As asked for.
        at: The frames that were asked for; none: they are evenly spaced, the first and the last among them.
        name: The clip, for errors.

    Raises:
        SettingsError: It has no such frame, or there is no room for all of them.
    """
    if at:
        if max(at) >= count:
            raise SettingsError(f"{name}: has no frame {max(at)}, its last one is {count - 1}; give others with --at")
        if columns is None:
            columns = math.ceil(len(at) / rows) if rows else len(at) if of_several else min(len(at), COLUMNS)
        if rows is not None and len(at) > columns * rows:
            raise SettingsError(
                f"--at names {len(at)} frames, and --columns {columns} --rows {rows} has room for {columns * rows}"
            )
        return Grid(columns, at)
    columns = columns or (COLUMNS_OF_SEVERAL if of_several else COLUMNS)
    rows = rows or (1 if of_several else ROWS)
    frames = evenly_spaced(columns * rows, count)
    return Grid(min(columns, len(frames)), frames)


def has_room(width: int, height: int) -> bool:
    """Whether a sheet may be as large."""
    return max(width, height) <= _LONGEST_SIDE and width * height <= _MOST_PIXELS


def _alone(width: int, height: int) -> tuple[int, int]:
    """The size of a sheet of one picture, without a word."""
    around = 2 * _gap(width)
    return width + around, height + around + 2 * _border(width)


def _gap(width: int) -> int:
    return max(_SMALLEST_GAP, width // _GAP_IN_WIDTH)


def _border(width: int) -> int:
    return max(1, width // _BORDER_IN_WIDTH)


def cell_of(size: tuple[int, int], width: int | None, lines: int, name: str) -> Cell:
    """The cell for pictures of that (width, height).

    Args:
        size: Of the pictures.
        width: That of a cell, as asked for. Default: the pictures' own.
        lines: Of text below it.
        name: The clip, for errors.

    Raises:
        SettingsError: They would be enlarged, but not to whole pixels.
    """
    wide, high = size
    if width is not None and width > wide and width % wide:
        times = min(max(2, round(width / wide)), _LONGEST_SIDE // wide)
        while times > 1 and not has_room(*_alone(times * wide, times * high)):
            times -= 1
        larger = f", or {wide * times}" if times > 1 else ""
        raise SettingsError(
            f"{name}: --width {width} would blur its pictures, which are {wide} wide; give {wide} or less{larger}, so "
            "that each pixel is a square"
        )
    shown = width or wide
    unit = max(_SMALLEST_UNIT, shown / _UNITS_IN_WIDTH)
    return Cell(
        width=shown,
        height=max(1, (2 * high * shown + wide) // (2 * wide)),
        unit=unit,
        gap=_gap(shown),
        border=_border(shown),
        lines=lines,
    )
