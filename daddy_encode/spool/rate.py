"""Frame rates as exact rationals, read as they are written: 30, 12.5 or "30000/1001"."""

from __future__ import annotations

import math
from fractions import Fraction
from numbers import Rational

from daddy_encode.errors import SettingsError

# A GIF holds a delay of at most 655.35 s, and an MP4's sample times need a numerator that fits 32 bits.
# Within these bounds both hold every rate exactly.
MIN_FPS = Fraction(1, 100)
MAX_FPS = Fraction(1000)
# ffmpeg reads a rate exactly while numerator and denominator stay within 1,001,000 (libavutil, av_parse_video_rate),
# also when a GIF divides it. 30000/1001 and 29.97 are kept as given; 29.97002997002997 becomes 30000/1001.
MAX_DENOMINATOR = 10_000
MAX_NUMERATOR = 1_000_000


def parse_fps(value: object, name: str = "fps") -> Fraction:
    """A rate in frames per second, exactly.

    Args:
        value: An int, float or Fraction, numpy's numbers among them, or text such as "12.5" or "30000/1001".
        name: What it is called, in errors.

    Raises:
        SettingsError: It is not a number, NaN, outside 0.01 to 1000 frames per second, or a fraction in text whose
            numbers are too large to be kept. A ValueError, too.
    """
    try:
        rate = _to_fraction(value)
    except (TypeError, ValueError, ZeroDivisionError, OverflowError) as error:
        raise SettingsError(
            f"{name} {value!r:.60} is not a rate: give a number such as 30, 12.5 or 30000/1001"
        ) from error
    if not MIN_FPS <= rate <= MAX_FPS:
        raise SettingsError(f"{name} {value!r:.60} is outside {float(MIN_FPS)} to {MAX_FPS}")
    exact = rate.limit_denominator(min(MAX_DENOMINATOR, int(MAX_NUMERATOR / rate)))
    if exact != rate and isinstance(value, str) and "/" in value:
        raise SettingsError(
            f"{name} {value!r:.60} has a denominator above {MAX_DENOMINATOR}, or a numerator above {MAX_NUMERATOR}; "
            f"the nearest rate is {format_fps(exact)}"
        )
    return exact


def _to_fraction(value: object) -> Fraction:
    if isinstance(value, bool | bytes | bytearray):
        raise TypeError
    if isinstance(value, Rational):
        return Fraction(value)
    if isinstance(value, str):
        # Fraction("1e999999999") would compute for hours; a rate needs no exponent.
        if len(value) > 40 or "e" in value.lower():
            raise ValueError
        return Fraction(value)
    # numpy's scalars are numbers without being registered as Rational or float.
    number = float(value)  # type: ignore[arg-type]
    if not math.isfinite(number):
        raise ValueError
    # repr gives the shortest decimal of this float: 12.1 is 121/10, not a 52-bit binary fraction.
    return Fraction(repr(number))


def format_fps(rate: Fraction) -> str:
    """The rate as people write it: "30", "12.5", else "30000/1001"."""
    if rate.denominator == 1:
        return str(rate.numerator)
    decimal = f"{float(rate):.3f}".rstrip("0")
    return decimal if Fraction(decimal) == rate else f"{rate.numerator}/{rate.denominator}"


def fps_in_json(value: object) -> int | float | str:
    """The rate as our JSON holds it: a number where a short decimal is exact, such as 30 or 12.5, else "30000/1001".

    Raises:
        SettingsError: As `parse_fps` does.
    """
    text = format_fps(parse_fps(value))
    if "/" in text:
        return text
    return float(text) if "." in text else int(text)
