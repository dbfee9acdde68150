"""The letters of captions: lines and curves on a grid, drawn at any size, the same pixels on every machine.

Of our own making, since what a font engine makes of a font differs from version to version, and Pillow brings none at
all before 10.1. Nothing here needs numpy, which takes longer to load than a sheet takes to be made.
"""

from __future__ import annotations

import functools
import math
import unicodedata

from msgspec import Struct

from daddy_encode.report.sheet.strokes import covered, segments_of

# From the lowest descender to the top of a capital, in units of the grid, and what is left free above and below.
GRID_HEIGHT = 9
LINE_HEIGHT = 13
# Half of a line's thickness.
_RADIUS = 0.46
# On each side of a letter.
_BEARING = 1.0
# Rows of samples in a row of pixels, where letters are small.
_SAMPLES = 4
_UNKNOWN = "\ufffd"
# Points as digits x and y, from the lower left; y is 2 on the baseline, 7 at the height of an x, 9 of a capital. A
# stroke that begins with ~ is a curve: it is drawn towards its points, and where it ends at its first one it is closed.
# A point alone is a dot. The number is the width.
_STROKES = {
    " ": "2",
    "!": "0 0904 02",
    '"': "2 0907 2927",
    "#": "4 1219 3239 0444 0747",
    "$": "4 ~4849090645420203 2129",
    "%": "5 0259 ~0929270709 ~3454523234",
    "&": "5 ~521719393705023255",
    "'": "0 0907",
    "(": "2 ~29070421",
    ")": "2 ~09272401",
    "*": "4 2529 0648 0846",
    "+": "4 2327 0545",
    ",": "1 1200",
    "-": "3 0535",
    ".": "0 02",
    "/": "3 0139",
    "0": "4 ~0242490902",
    "1": "4 072922 0242",
    "2": "4 ~0809494602 0242",
    "3": "4 ~0809494616 ~1646420203",
    "4": "4 32390444",
    "5": "4 490906 ~0647420203",
    "6": "4 ~39090242470704",
    "7": "4 094912",
    "8": "4 ~0949460609 ~0646420206",
    "9": "4 ~12424909044447",
    ":": "0 02 06",
    ";": "1 1200 16",
    "<": "4 470543",
    "=": "4 0444 0646",
    ">": "4 074503",
    "?": "4 ~0809494624 22",
    "@": "6 ~610109696444 ~2444472724",
    "A": "4 022942 1535",
    "B": "4 0209 ~09494606 ~06464202",
    "C": "4 ~484909024243",
    "D": "4 0209 ~09494202",
    "E": "3 39090232 0626",
    "F": "3 390902 0626",
    "G": "4 ~484909024245 4525",
    "H": "4 0209 4249 0646",
    "I": "0 0209",
    "J": "3 ~39320204",
    "K": "4 0209 4905 1642",
    "L": "3 090232",
    "M": "6 0209346962",
    "N": "4 02094249",
    "O": "5 ~0252590902",
    "P": "4 0209 ~09494505",
    "Q": "5 ~0252590902 3451",
    "R": "4 0209 ~09494505 2542",
    "S": "4 ~4849090645420203",
    "T": "4 0949 2922",
    "U": "4 ~09024249",
    "V": "4 092249",
    "W": "6 0912385269",
    "X": "4 0249 0942",
    "Y": "4 092549 2522",
    "Z": "4 09490242",
    "[": "2 29090121",
    "\\": "3 0931",
    "]": "2 09292101",
    "^": "4 072947",
    "_": "4 0141",
    "`": "1 0917",
    "a": "4 ~0747420207 4742",
    "b": "4 0902 ~0747420207",
    "c": "4 ~464707024243",
    "d": "4 4942 ~0747420207",
    "e": "4 ~454707024243 0545",
    "f": "3 ~39191612 0737",
    "g": "4 ~0747420207 ~47400001",
    "h": "4 0902 ~0507474442",
    "i": "0 0207 09",
    "j": "1 ~17111000 19",
    "k": "3 0902 3704 1532",
    "l": "1 ~09050212",
    "m": "6 0702 ~0507373432 ~3537676462",
    "n": "4 0702 ~0507474442",
    "o": "4 ~0747420207",
    "p": "4 0700 ~0747420207",
    "q": "4 4740 ~0747420207",
    "r": "2 0702 ~050727",
    "s": "3 ~3637070534320203",
    "t": "3 ~19141232 0737",
    "u": "4 ~0705024244 4742",
    "v": "4 072247",
    "w": "6 0712365267",
    "x": "4 0247 0742",
    "y": "4 0722 4710",
    "z": "4 07470242",
    "{": "2 29191605141121",
    "|": "0 0901",
    "}": "2 09191625141101",
    "~": "4 ~040626244446",
    # For what is not ASCII, and has no such letter below its accents.
    _UNKNOWN: "4 0242490902",
}


class TextPicture(Struct, frozen=True):
    """A line of text.

    Attributes:
        width: In pixels.
        rows: From above, each rgb24, grey, 255 where there is nothing.
    """

    width: int
    rows: list[bytes]


def draw_text(text: str, unit: float, darkness: int = 255) -> TextPicture:
    """Draw one line of text.

    Args:
        text: What is not ASCII loses its accents, or becomes a box.
        unit: Pixels for a unit of the grid, in which a capital is 7 high.
        darkness: Of the letters: 255 is black. Default: that.
    """
    glyphs = [_glyph(letter, unit, darkness) for letter in _plain(text)]
    rows = [b"".join(row) for row in zip(*glyphs, strict=True)] if glyphs else [b""] * line_pixels(unit)
    return TextPicture(len(rows[0]) // 3, rows)


def line_pixels(unit: float) -> int:
    """The height of a line of text in pixels."""
    return math.ceil(LINE_HEIGHT * unit)


def text_width(text: str, unit: float) -> int:
    """The width of a line of text in pixels, which is not drawn for that."""
    return sum(_advance(letter, unit) for letter in _plain(text))


def _plain(text: str) -> str:
    if text.isascii() and text.isprintable():
        return text
    return "".join(_letter(letter) for letter in unicodedata.normalize("NFC", text))


def _letter(letter: str) -> str:
    base = unicodedata.normalize("NFKD", letter)
    plain = "".join(part for part in base if part in _STROKES)
    return plain or ("" if unicodedata.combining(letter) else _UNKNOWN)


def _advance(letter: str, unit: float) -> int:
    width = int(_STROKES[letter].partition(" ")[0])
    return max(1, round((width + 2 * _BEARING) * unit))


@functools.lru_cache(1024)
def _glyph(letter: str, unit: float, darkness: int) -> list[bytes]:
    """A letter's rows, rgb24."""
    grey = b"".join(_covered(letter, unit)).translate(_shades(darkness))
    rgb = bytearray(3 * len(grey))
    rgb[0::3] = rgb[1::3] = rgb[2::3] = grey
    length = 3 * _advance(letter, unit)
    return [bytes(rgb[at : at + length]) for at in range(0, len(rgb), length)]


@functools.cache
def _shades(darkness: int) -> bytes:
    """The grey of a pixel for each value of how much it is covered."""
    return bytes(255 - darkness * value // 255 for value in range(256))


@functools.lru_cache(1024)
def _covered(letter: str, unit: float) -> list[bytes]:
    """How much of each pixel of a letter's rows is covered, 0 to 255."""
    width, height = _advance(letter, unit), line_pixels(unit)
    # Lines on the grid are in the middle of a pixel where letters are smallest, and so not two grey ones.
    left = int(_BEARING * unit) + 0.5
    bottom = height - int((LINE_HEIGHT - GRID_HEIGHT) / 2 * unit) - 0.5
    segments = [
        (left + x0 * unit, bottom - y0 * unit, left + x1 * unit, bottom - y1 * unit)
        for x0, y0, x1, y1 in segments_of(_STROKES[letter].split(" ")[1:])
    ]
    samples = _SAMPLES if unit < 3 else 2 if unit < 6 else 1
    # Thin letters would be grey all over.
    radius = max(_RADIUS * unit, 0.5)
    return covered(segments, radius, width, height, samples)
