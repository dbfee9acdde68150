"""Strokes of a pen on a grid as pixels: lines and curves of one thickness with round ends. Pure."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Iterator, Sequence

Point = tuple[float, float]
Segment = tuple[float, float, float, float]
"""From x and y to x and y."""

# A curve is cut at its corners so often.
_ROUNDS = 3


def segments_of(strokes: Sequence[str]) -> Iterator[Segment]:
    """The straight parts of strokes on a grid.

    Args:
        strokes: Of each the digits x and y of its points, after a ~ where it is a curve between these.
    """
    for stroke in strokes:
        digits = stroke.removeprefix("~")
        points: list[Point] = [(int(digits[at]), int(digits[at + 1])) for at in range(0, len(digits), 2)]
        if len(points) == 1:
            points *= 2
        if stroke[0] == "~":
            points = _rounded(points)
        yield from ((*before, *after) for before, after in itertools.pairwise(points))


def covered(segments: Sequence[Segment], radius: float, width: int, height: int, samples: int) -> list[bytes]:
    """How much of each pixel, 0 to 255, lies within `radius` of the segments, row by row.

    Args:
        segments: In pixels, from the upper left.
        radius: Half of a line's thickness.
        width: Of the picture.
        height: Of the picture.
        samples: How often each row of pixels is looked at; along a row it is computed.
    """
    spans = [_united(each, width) for each in _spans(segments, radius, height * samples, samples)]
    if samples == 1:
        return list(map(functools.partial(_covered_once, width=width), spans))
    return [_coverage(spans[row * samples : (row + 1) * samples], width) for row in range(height)]


def _rounded(points: list[Point]) -> list[Point]:
    """A curve through the middles of the lines between the points (Chaikin's corner cutting)."""
    is_closed = points[0] == points[-1]
    for _ in range(_ROUNDS):
        cut: list[Point] = []
        for (x0, y0), (x1, y1) in itertools.pairwise(points):
            cut += [((3 * x0 + x1) / 4, (3 * y0 + y1) / 4), ((x0 + 3 * x1) / 4, (y0 + 3 * y1) / 4)]
        points = [*cut, cut[0]] if is_closed else [points[0], *cut[1:-1], points[-1]]
    return points


def _spans(segments: Sequence[Segment], radius: float, rows: int, samples: int) -> list[list[tuple[float, float]]]:
    """Of each row of samples, from above, where it is within `radius` of the segments; `samples`: in one pixel."""
    spans: list[list[tuple[float, float]]] = [[] for _ in range(rows)]
    square = radius * radius
    for x0, y0, x1, y1 in segments:
        run, rise = x1 - x0, y1 - y0
        length = math.sqrt(run * run + rise * rise)
        across, up = (radius * rise / length, radius * run / length) if length else (0.0, 0.0)
        highest, lowest = min(y0, y1) - radius, max(y0, y1) + radius
        for row in range(max(0, int(highest * samples)), min(rows, int(lowest * samples) + 1)):
            above = (row + 0.5) / samples - y0
            left, right = math.inf, -math.inf
            # The round ends, then the edges that are `radius` away on each side. Unrolled: it is most of a letter.
            if (rest := square - above * above) > 0:
                half = math.sqrt(rest)
                left, right = x0 - half, x0 + half
            distance = (row + 0.5) / samples - y1
            if (rest := square - distance * distance) > 0:
                half = math.sqrt(rest)
                left = x if (x := x1 - half) < left else left
                right = x if (x := x1 + half) > right else right
            if rise:
                if 0 <= (share := (above + up) / rise) <= 1:
                    x = x0 + across + share * run
                    left, right = x if x < left else left, x if x > right else right
                if 0 <= (share := (above - up) / rise) <= 1:
                    x = x0 - across + share * run
                    left, right = x if x < left else left, x if x > right else right
            if left < right:
                spans[row].append((left, right))
    return spans


def _covered_once(spans: Sequence[tuple[float, float]], width: int) -> bytes:
    """How much of each pixel of a row is covered, 0 to 255, from the spans in its middle."""
    row = bytearray(width + 1)
    for begin, end in spans:
        first, last = int(begin), int(end)
        if first == last:
            row[first] += int(255 * (end - begin) + 0.5)
        else:
            row[first] += int(255 * (first + 1 - begin) + 0.5)
            row[first + 1 : last] = b"\xff" * (last - first - 1)
            row[last] += int(255 * (end - last) + 0.5)
    return bytes(row[:width])


def _coverage(samples: Sequence[Sequence[tuple[float, float]]], width: int) -> bytes:
    """How much of each pixel of a row is covered, 0 to 255, from the spans in each of its rows of samples."""
    if not any(samples):
        return bytes(width)
    # By how much a pixel is covered more than the one before, where that is not nothing.
    steps: dict[int, float] = {}
    for spans in samples:
        for begin, end in spans:
            for edge, sign in ((begin, 1.0), (end, -1.0)):
                pixel = int(edge)
                steps[pixel] = steps.get(pixel, 0.0) + sign * (pixel + 1 - edge)
                steps[pixel + 1] = steps.get(pixel + 1, 0.0) + sign * (edge - pixel)
    full = 255 / len(samples)
    row = bytearray()
    covered = 0.0
    for pixel in sorted(steps):
        row += bytes((int(covered * full + 0.5),)) * (pixel - len(row))
        covered += steps[pixel]
    return bytes(row.ljust(width, b"\0")[:width])


def _united(spans: list[tuple[float, float]], width: int) -> list[tuple[float, float]]:
    """The same spans from the left, those that touch one another as one, and none beyond the sides."""
    if not spans:
        return spans
    spans.sort()
    united = []
    first, last = spans[0]
    for begin, end in spans:
        if begin > last:
            united.append((first, last))
            first, last = begin, end
        elif end > last:
            last = end
    united.append((first, last))
    if united[0][0] < 0 or last > width:
        return [(max(begin, 0.0), min(end, float(width))) for begin, end in united if begin < width and end > 0]
    return united
