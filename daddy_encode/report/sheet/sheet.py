"""A contact sheet: of each clip a block of pictures in rows, with what is written under each."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from daddy_encode.errors import SettingsError, one_line
from daddy_encode.report.sheet.canvas import Canvas
from daddy_encode.report.sheet.captions import Decimals, Noted, caption, decimals_of
from daddy_encode.report.sheet.clip import Clip, opened_clip
from daddy_encode.report.sheet.glyphs import draw_text, line_pixels, text_width
from daddy_encode.report.sheet.layout import Cell, Grid, cell_of, choose_frames

if TYPE_CHECKING:
    from daddy_encode.encoding.frames.owners import Owners

# Larger ones are not opened by what people look at pictures with: 16 pictures of 2896x2896, say.
MOST_PIXELS = 2**27
LONGEST_SIDE = 65_500
_BLACK, _GREY = 230, 150
_BORDER = 200
_UNKNOWN = Noted()


class Sheet(Struct, frozen=True):
    """What was made.

    Attributes:
        png: The bytes of the file.
        width: In pixels.
        height: In pixels.
        pictures: How many there are.
        sizes: The (width, height) of the pictures of each clip.
    """

    png: bytes
    width: int
    height: int
    pictures: int
    sizes: list[tuple[int, int]]


class _Block(Struct):
    """What the sheet has of one clip."""

    grid: Grid
    cell: Cell
    size: tuple[int, int]
    pixels: Iterator[memoryview | bytes]
    texts: Mapping[int, Sequence[Sequence[str]]]
    title: str
    title_unit: float = 0.0

    @property
    def width(self) -> int:
        return self.grid.columns * (self.cell.width + self.cell.gap) - self.cell.gap

    @property
    def title_height(self) -> int:
        return line_pixels(self.title_unit) if self.title else 0


def make_sheet(
    paths: Sequence[Path],
    *,
    columns: int | None,
    rows: int | None,
    at: Sequence[int],
    width: int | None,
    captions: bool,
    owners: Owners,
    max_pixels: int,
    stop: threading.Event,
) -> Sheet:
    """Make the contact sheet of jobs and videos.

    Args:
        paths: See `opened_clip`.
        columns: Pictures in a row. None: 4, of several clips 6.
        rows: Of each clip. None: 4, of several clips 1.
        at: The frames to show, ascending. None of them: evenly spaced ones.
        width: Of each picture, in pixels. None: their own.
        captions: Whether anything is written.
        owners: Whose files are taken.
        max_pixels: Width times height of a picture, at most.
        stop: Set to give up.

    Raises:
        SettingsError: There is no such frame, or the sheet would be too large.
        DaddyEncodeError: A clip cannot be used.
    """
    with contextlib.ExitStack() as stack:
        clips = [stack.enter_context(opened_clip(path, owners, max_pixels)) for path in paths]
        grids = [choose_frames(clip.count, len(clips) > 1, columns, rows, at, str(clip.path)) for clip in clips]
        notes = [clip.notes(grid.frames) if captions else {} for clip, grid in zip(clips, grids, strict=True)]
        decimals = decimals_of(noted for each in notes for noted in each.values())
        blocks = []
        for clip, grid, noted in zip(clips, grids, notes, strict=True):
            size, pixels = clip.choose(sorted(set(grid.frames)), stop)
            texts = _texts(clip, grid.frames, noted, decimals) if captions else {}
            cell = cell_of(size, width, max((len(text) for text in texts.values()), default=0), str(clip.path))
            title = one_line(_name(clip.path)) if captions and len(clips) > 1 else ""
            blocks.append(_Block(grid, cell, size, pixels, texts, title))
        margin = max(block.cell.gap for block in blocks)
        for block in blocks:
            block.title_unit = max(block.cell.unit for block in blocks)
        whole_width = max(block.width for block in blocks) + 2 * margin
        whole_height = margin + sum(
            block.title_height + len(block.grid.rows()) * (block.cell.whole_height + block.cell.gap) for block in blocks
        )
        whole_height += margin - blocks[-1].cell.gap
        _check_size(whole_width, whole_height)
        canvas = Canvas(whole_width, whole_height)
        canvas.begin(margin)
        for block in blocks:
            _draw(canvas, block, margin)
        canvas.begin(margin - blocks[-1].cell.gap)
        return Sheet(
            canvas.png(),
            whole_width,
            whole_height,
            sum(len(block.grid.frames) for block in blocks),
            [(block.cell.width, block.cell.height) for block in blocks],
        )


def _texts(
    clip: Clip, frames: Sequence[int], notes: Mapping[int, Noted], decimals: Decimals
) -> dict[int, Sequence[Sequence[str]]]:
    """What is written under each frame."""
    texts: dict[int, Sequence[Sequence[str]]] = {}
    for frame in frames:
        noted = notes.get(frame, _UNKNOWN)
        texts[frame] = [line for line in caption(frame, clip.time(frame, noted), noted, decimals) if line]
    return texts


def _name(path: Path) -> str:
    """A clip's name for people: with the directory that it is in, as of an episode of a run."""
    return "/".join(path.parts[-2:])


def _check_size(width: int, height: int) -> None:
    if max(width, height) > LONGEST_SIDE or width * height > MOST_PIXELS:
        raise SettingsError(
            f"the sheet would be {width}x{height} pixels, more than most programs show; --width makes the pictures "
            "smaller, --columns and --rows fewer"
        )


def _draw(canvas: Canvas, block: _Block, left: int) -> None:
    """Draw a clip's pictures, below what there is."""
    cell, border = block.cell, block.cell.border
    if block.title:
        title = _fitted(block.title, canvas.width - 2 * left, block.title_unit)
        canvas.begin(block.title_height)
        canvas.write(left, 0, draw_text(title, block.title_unit, _BLACK))
    shown: tuple[int, memoryview | bytes] = (-1, b"")
    for row in block.grid.rows():
        canvas.begin(cell.whole_height + cell.gap)
        for column, frame in enumerate(row):
            x = left + column * (cell.width + cell.gap)
            if frame != shown[0]:
                shown = frame, _resized(next(block.pixels), block.size, (cell.width, cell.height))
            canvas.frame(x, border, cell.width, cell.height, border, _BORDER)
            canvas.put(x, border, cell.width, cell.height, shown[1])
            for line, (parts, darkness) in enumerate(zip(block.texts.get(frame, ()), (_BLACK, _GREY), strict=False)):
                text = draw_text(_joined(parts, cell.width, cell.unit), cell.unit, darkness)
                canvas.write(x, cell.text_top(line), text)
    # To its end: what is packed is known to be whole then.
    for _ in block.pixels:
        pass


def _fitted(text: str, width: int, unit: float) -> str:
    """`text`, or as much of its end as has room: that of a path says most."""
    if text_width(text, unit) <= width:
        return text
    while text and text_width(f"..{text}", unit) > width:
        text = text[1:]
    return f"..{text}" if text else ""


def _joined(parts: Sequence[str], width: int, unit: float) -> str:
    """As many of the parts as have room; never a part of a number."""
    for count in range(len(parts), 0, -1):
        for space in ("   ", "  "):
            if text_width(text := space.join(parts[:count]), unit) <= width:
                return text
    # The number says what it is by where it stands.
    number = parts[0].rpartition(" ")[2] if parts else ""
    return number if text_width(number, unit) <= width else ""


def _resized(pixels: memoryview | bytes, size: tuple[int, int], shown: tuple[int, int]) -> memoryview | bytes:
    """A picture reduced by averaging all that a pixel covers, or enlarged pixel by pixel."""
    if size == shown:
        return pixels
    from PIL import Image

    how = Image.Resampling.BOX if shown[0] < size[0] else Image.Resampling.NEAREST
    return Image.frombytes("RGB", size, bytes(pixels)).resize(shown, how).tobytes()
