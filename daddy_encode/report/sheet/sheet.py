"""A contact sheet: of each clip a block of pictures in rows, with what is written under each."""

from __future__ import annotations

import contextlib
import functools
import itertools
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from daddy_encode.errors import SettingsError, one_line
from daddy_encode.report.sheet.captions import Decimals, Noted, caption, decimals_of
from daddy_encode.report.sheet.clip import Clip, opened_clip
from daddy_encode.report.sheet.glyphs import TextPicture, draw_text, line_pixels, text_width
from daddy_encode.report.sheet.in_order import in_order
from daddy_encode.report.sheet.layout import Cell, Grid, cell_of, choose_frames, has_room
from daddy_encode.report.sheet.scanlines import Compressed, compressed, picture_lines, png_of, text_lines, white

if TYPE_CHECKING:
    from daddy_encode.encoding.decoding.rows import Picture, Rows
    from daddy_encode.encoding.frames.owners import Owners

_BLACK, _GREY = 230, 150
# glibc gives memory that is freed back to the system, to take it anew page by page, unless so large a block was freed
# before (mallopt(3), M_MMAP_THRESHOLD): to take one, of which nothing is used, saves a twentieth of a sheet's time.
_LARGE_BLOCK = 2**24
# Of a picture that is decoded at a time: below what malloc gives back to the system at once (128 KiB).
_BYTES_AT_A_TIME = 120_000
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
    pictures: Iterator[Picture]
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
        decimals = decimals_of((noted for each in notes for noted in each.values()), (clip.rate for clip in clips))
        blocks = []
        for clip, grid, noted in zip(clips, grids, notes, strict=True):
            size, pictures = clip.choose(sorted(set(grid.frames)), stop)
            texts = _texts(clip, grid.frames, noted, decimals) if captions else {}
            cell = cell_of(size, width, max((len(text) for text in texts.values()), default=0), str(clip.path))
            title = one_line(_name(clip.path)) if captions and len(clips) > 1 else ""
            blocks.append(_Block(grid, cell, size, pictures, texts, title))
        margin = max(block.cell.gap for block in blocks)
        for block in blocks:
            block.title_unit = max(block.cell.unit for block in blocks)
        whole_width = max(block.width for block in blocks) + 2 * margin
        whole_height = margin + sum(
            block.title_height + len(block.grid.rows()) * (block.cell.whole_height + block.cell.gap) for block in blocks
        )
        whole_height += margin - blocks[-1].cell.gap
        _check_size(whole_width, whole_height)
        bytes(_LARGE_BLOCK)
        png = png_of(whole_width, whole_height, in_order(_parts(blocks, whole_width, margin)))
        return Sheet(
            png,
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
    if not has_room(width, height):
        raise SettingsError(
            f"the sheet would be {width}x{height} pixels, more than most programs show; --width makes the pictures "
            "smaller, --columns and --rows fewer"
        )


def _parts(blocks: Sequence[_Block], width: int, margin: int) -> Iterator[Callable[[], Compressed]]:
    """What makes the lines of the sheet from above: a row of pictures each, with all that is above it and below."""
    above = white(width, margin)
    for block in blocks:
        if block.title:
            title = _fitted(block.title, width - 2 * margin, block.title_unit)
            above += text_lines([draw_text(title, block.title_unit, _BLACK)], margin, width - margin, width)
        rows = block.grid.rows()
        for number, frames in enumerate(rows):
            pictures = [next(block.pictures) for _ in frames]
            texts = _drawn(block, frames)
            is_last = block is blocks[-1] and number == len(rows) - 1
            below = white(width, margin if is_last else block.cell.gap)
            yield functools.partial(_part, above, block, pictures, texts, below, margin, width)
            above = b""
        # To its end: what is packed is known to be whole then.
        for _ in block.pictures:
            pass


def _drawn(block: _Block, frames: Sequence[int]) -> list[list[TextPicture]]:
    """What is below pictures, line by line."""
    cell = block.cell
    texts = [block.texts.get(frame, ()) for frame in frames]
    return [
        [
            draw_text(_joined(parts[line], cell.width, cell.unit) if line < len(parts) else "", cell.unit, darkness)
            for parts in texts
        ]
        for line, darkness in zip(range(cell.lines), (_BLACK, _GREY), strict=False)
    ]


def _part(
    above: bytes,
    block: _Block,
    pictures: Sequence[Picture],
    texts: Sequence[Sequence[TextPicture]],
    below: bytes,
    left: int,
    width: int,
) -> Compressed:
    """The lines of a row of pictures, and of what is written below them."""
    cell = block.cell
    count = max(1, _BYTES_AT_A_TIME // (3 * cell.width))
    rows = [_rows(picture, block.size, (cell.width, cell.height), count) for picture in pictures]
    below_pictures = [text_lines(line, left, cell.width + cell.gap, width) for line in texts]
    return compressed(itertools.chain((above,), picture_lines(rows, cell, left, width), below_pictures, (below,)))


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


def _rows(picture: Picture, size: tuple[int, int], shown: tuple[int, int], count: int) -> Rows:
    """A picture's rows, reduced by averaging all that a pixel covers, or enlarged pixel by pixel."""
    if size == shown:
        return picture(count)
    from PIL import Image

    from daddy_encode.encoding.decoding.rows import whole_picture

    how = Image.Resampling.BOX if shown[0] < size[0] else Image.Resampling.NEAREST
    pixels = b"".join(itertools.chain.from_iterable(picture(count)))
    return whole_picture(Image.frombytes("RGB", size, pixels).resize(shown, how).tobytes(), shown[0])(count)
