"""What an encode is asked to do: the options as given, and what they come to for one job. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from daddy_encode.encoding import option_values
from daddy_encode.encoding.option_values import Alpha, Dither, Fit, Gaps, Preset
from daddy_encode.errors import SettingsError
from daddy_encode.spool.manifest import Manifest, Video
from daddy_encode.spool.paths import Kind
from daddy_encode.spool.rate import format_fps, parse_fps

Crf = Annotated[int, Meta(ge=option_values.CRF.least, le=option_values.CRF.greatest)]
Scale = Annotated[int, Meta(ge=option_values.SCALE.least, le=option_values.SCALE.greatest)]
Plays = Annotated[int, Meta(ge=option_values.LOOP.least, le=option_values.LOOP.greatest)]
GifWidth = Annotated[int, Meta(ge=option_values.GIF_WIDTH.least, le=option_values.GIF_WIDTH.greatest)]
Colour = Annotated[str, Meta(pattern="^[0-9A-Fa-f]{6}$")]

DEFAULT_FPS = Fraction(30)
# Browsers show a GIF delay of 0 or 1 hundredths of a second as 10; 2 hundredths, 50 fps, are kept.
MAX_GIF_FPS = Fraction(50)


class Settings(Struct, frozen=True, kw_only=True):
    """Options of an encode, as given.

    Attributes:
        video: What to make; None: what the manifest asks for, else an MP4.
        fps: Frames per second at which the recording plays; None: the manifest's, else 30.
        crf: x264's constant rate factor. Default: 20.
        preset: x264's; slower is smaller. Default: veryfast.
        scale: Whole-number enlargement. Default: 1.
        gif_fps: Frames per second a GIF has at most. Default: 15.
        dither: Of a GIF with more than 256 colours. Default: none.
        loop: Times a GIF plays; 0 (default): forever.
        gif_width: Pixels to which a GIF's frames are reduced; `scale` does not apply to it then. Default: their own.
        gif_optimize: Whether gifsicle makes the GIF smaller. Default: no.
        background: RRGGBB, what transparent pixels are blended on, and what `fit` leaves free. Default: black.
        alpha: Whether transparent pixels are blended, or shown as if they were opaque. Default: blend.
        depth: "MIN:MAX", or "auto" for the least and the greatest value of the clip: what grey values are black and
            white. Default: those of the file's kind.
        fit: How frames of several sizes are brought to the largest. Default: they are an error.
        gaps: What to do where frames are missing or bad. Default: make nothing.
        salvage: Whether to take what is whole of a rollout that died, holding frames over its gaps. Default: no.
    """

    video: Video | None = None
    fps: str | None = None
    crf: Crf = option_values.DEFAULT_CRF
    preset: Preset = option_values.DEFAULT_PRESET
    scale: Scale = option_values.DEFAULT_SCALE
    gif_fps: str = option_values.DEFAULT_GIF_FPS
    dither: Dither = option_values.DEFAULT_DITHER
    loop: Plays = option_values.DEFAULT_LOOP
    gif_width: GifWidth | None = None
    gif_optimize: bool = False
    background: Colour = option_values.DEFAULT_BACKGROUND
    alpha: Alpha | None = None
    depth: str | None = None
    fit: Fit | None = None
    gaps: Gaps = option_values.DEFAULT_GAPS
    salvage: bool = False


class Mp4Settings(Struct, frozen=True, kw_only=True):
    """All that decides an MP4's bytes, given its frames; see `Settings`."""

    fps: str
    crf: Crf
    preset: Preset
    scale: Scale
    background: Colour
    alpha: Alpha = option_values.DEFAULT_ALPHA
    depth: str | None = None
    fit: Fit | None = None


class GifSettings(Struct, frozen=True, kw_only=True):
    """All that decides a GIF's bytes, given its frames: it shows every `step`-th one of a recording at `fps`."""

    fps: str
    step: int
    scale: Scale = option_values.DEFAULT_SCALE
    dither: Dither = option_values.DEFAULT_DITHER
    loop: Plays = option_values.DEFAULT_LOOP
    width: GifWidth | None = None
    optimize: bool = False
    background: Colour = option_values.DEFAULT_BACKGROUND
    alpha: Alpha = option_values.DEFAULT_ALPHA
    depth: str | None = None
    fit: Fit | None = None


Plan = Mapping[Kind, Mp4Settings | GifSettings]
"""The videos to make of a job, and how."""


def make_settings(**values: Any) -> Settings:
    """`Settings` of `values`; raises SettingsError where a type or a bound is wrong."""
    try:
        settings = msgspec.convert(values, Settings)
    except msgspec.ValidationError as error:
        raise SettingsError(f"a setting cannot be used: {error}") from error
    if settings.fps is not None:
        parse_fps(settings.fps)
    if settings.depth not in (None, "auto"):
        parse_depth(settings.depth)
    if parse_fps(settings.gif_fps) > MAX_GIF_FPS:
        raise SettingsError(
            f"gif_fps {settings.gif_fps} is above {MAX_GIF_FPS}: browsers would slow such a GIF down; "
            "a faster recording keeps its speed with fewer frames"
        )
    return settings


def plan(settings: Settings, manifest: Manifest | None) -> Plan:
    """What to make of a job: what the options say, else what its manifest asks for, else an MP4 at 30 fps."""
    video = settings.video or (manifest.video if manifest else None) or "mp4"
    rate = parse_fps(settings.fps) if settings.fps is not None else manifest.rate if manifest else DEFAULT_FPS
    fps = format_fps(rate)
    # The same for both: one pass over the frames may serve them.
    pictures: dict[str, Any] = {
        "background": settings.background.lower(),
        "alpha": settings.alpha or option_values.DEFAULT_ALPHA,
        "depth": settings.depth,
        "fit": settings.fit,
    }
    outputs: dict[Kind, Mp4Settings | GifSettings] = {}
    if video in ("mp4", "both"):
        outputs["mp4"] = Mp4Settings(
            fps=fps, crf=settings.crf, preset=settings.preset, scale=settings.scale, **pictures
        )
    if video in ("gif", "both"):
        step = math.ceil(rate / parse_fps(settings.gif_fps))
        outputs["gif"] = GifSettings(
            fps=fps,
            step=step,
            scale=settings.scale if settings.gif_width is None else 1,
            dither=settings.dither,
            loop=settings.loop,
            width=settings.gif_width,
            optimize=settings.gif_optimize,
            **pictures,
        )
    return outputs


def is_recorded_as(recorded: Mapping[str, Any] | None, output: Mp4Settings | GifSettings) -> bool:
    """Whether the settings in a receipt, where there are some, are those of `output`.

    A receipt of an earlier version lacks those that came later, which had their defaults then.
    """
    if recorded is None:
        return False
    defaults = {field.name: field.default for field in msgspec.structs.fields(output) if not field.required}
    same: bool = {**defaults, **recorded} == msgspec.to_builtins(output)
    return same


def parse_depth(text: str) -> tuple[int, int]:
    """The least and the greatest value that "MIN:MAX" stands for; raises SettingsError where it does not."""
    match = re.fullmatch("([0-9]{1,5}):([0-9]{1,5})", text)
    least, greatest = (int(match[1]), int(match[2])) if match else (0, 0)
    if not option_values.DEPTH.least <= least < greatest <= option_values.DEPTH.greatest:
        raise SettingsError(
            f"depth {text!r:.60} is neither auto nor MIN:MAX, two whole numbers up to {option_values.DEPTH.greatest}, "
            "the smaller one first, such as 300:4000"
        )
    return least, greatest
