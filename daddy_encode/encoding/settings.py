"""What an encode is asked to do: the options as given, and what they come to for one job. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Annotated, Any, Protocol, get_args

import msgspec
from msgspec import Meta, Struct, field

from daddy_encode.encoding import option_values
from daddy_encode.encoding.option_values import Alpha, Dither, Fit, Gaps, Preset
from daddy_encode.errors import SettingsError
from daddy_encode.spool.manifest import Video
from daddy_encode.spool.paths import Kind
from daddy_encode.spool.rate import format_fps, parse_fps

Crf = Annotated[int, Meta(ge=option_values.CRF.least, le=option_values.CRF.greatest)]
Scale = Annotated[int, Meta(ge=option_values.SCALE.least, le=option_values.SCALE.greatest)]
Plays = Annotated[int, Meta(ge=option_values.LOOP.least, le=option_values.LOOP.greatest)]
GifWidth = Annotated[int, Meta(ge=option_values.GIF_WIDTH.least, le=option_values.GIF_WIDTH.greatest)]
Step = Annotated[int, Meta(ge=1, le=100_000)]
Colour = Annotated[str, Meta(pattern=r"^[0-9A-Fa-f]{6}\Z")]

KINDS: tuple[Kind, ...] = get_args(Kind)
DEFAULT_FPS = Fraction(30)
# Browsers show a GIF delay of 0 or 1 hundredths of a second as 10; 2 hundredths, 50 fps, are kept.
MAX_GIF_FPS = Fraction(50)


class Settings(Struct, frozen=True, kw_only=True):
    """Options of an encode, as given; None: not given.

    What is not given is as the job's receipt says, where that is of the same frames: see `plan`. The defaults below are
    for a job without one.

    Attributes:
        video: What to make. Default: what the manifest, or the rollout's record, asks for, else an MP4.
        fps: Frames per second at which the recording plays. Default: as the manifest or that record says, else 30.
        crf: x264's constant rate factor. Default: 20.
        preset: x264's; slower is smaller. Default: veryfast.
        scale: Whole-number enlargement. Default: 1.
        gif_fps: Frames per second a GIF has at most. Default: 15.
        dither: Of a GIF with more than 256 colours. Default: none.
        loop: Times a GIF plays; 0 (default): forever.
        gif_width: Pixels to which a GIF's frames are reduced; `scale` does not apply to it then. 0 (default): their
            own.
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
    crf: Crf | None = None
    preset: Preset | None = None
    scale: Scale | None = None
    gif_fps: str | None = None
    dither: Dither | None = None
    loop: Plays | None = None
    gif_width: GifWidth | None = None
    gif_optimize: bool | None = None
    background: Colour | None = None
    alpha: Alpha | None = None
    depth: str | None = None
    fit: Fit | None = None
    gaps: Gaps | None = None
    salvage: bool | None = None


class Mp4Settings(Struct, frozen=True, kw_only=True):
    """All that decides an MP4's bytes, given its frames; see `Settings`."""

    fps: str
    crf: Crf = option_values.DEFAULT_CRF
    preset: Preset = option_values.DEFAULT_PRESET
    scale: Scale = option_values.DEFAULT_SCALE
    background: Colour = option_values.DEFAULT_BACKGROUND
    alpha: Alpha = option_values.DEFAULT_ALPHA
    depth: str | None = None
    fit: Fit | None = None


class GifSettings(Struct, frozen=True, kw_only=True):
    """All that decides a GIF's bytes, given its frames: it shows every `step`-th one of a recording at `fps`."""

    fps: str
    step: Step
    scale: Scale = option_values.DEFAULT_SCALE
    dither: Dither = option_values.DEFAULT_DITHER
    loop: Plays = option_values.DEFAULT_LOOP
    width: GifWidth | None = None
    optimize: bool = False
    background: Colour = option_values.DEFAULT_BACKGROUND
    alpha: Alpha = option_values.DEFAULT_ALPHA
    depth: str | None = None
    fit: Fit | None = None


# What an output's setting is called as an option, where that is another name.
OPTION_OF = {"width": "gif_width", "optimize": "gif_optimize"}
# The settings that say how frames are read: videos that differ in one are made one after the other.
READING = ("fps", "background", "alpha", "depth", "fit")

Plan = Mapping[Kind, Mp4Settings | GifSettings]
"""The videos to make of a job, and how."""


class Asked(Protocol):
    """What the rollout asks for, as its manifest says, or its own record where there is no manifest."""

    @property
    def video(self) -> Video | None:
        """What to make; None: whatever is usual."""

    @property
    def rate(self) -> Fraction | None:
        """Frames per second; None: not known."""


class Recorded(Struct, frozen=True):
    """What a receipt says of the videos of these same frames; by default nothing.

    Attributes:
        outputs: The settings of each, whether it is still there or not.
        failed: Whether the encode that left the receipt has not made all that it should.
        fixed: Whether these videos are right as they are, whatever options are given.
    """

    outputs: Plan = field(default_factory=dict)
    failed: bool = False
    fixed: bool = False


NOTHING = Recorded()


def make_settings(**values: Any) -> Settings:
    """`Settings` of `values`; raises SettingsError where a type or a bound is wrong."""
    for name, value in values.items():
        check_setting(name, value, name)
    return msgspec.convert(values, Settings)


def check_setting(name: str, value: object, called: str) -> None:
    """Raise SettingsError where a value of the field `name` of `Settings` cannot be used; None is not given.

    Args:
        name: The field's.
        value: What somebody gave.
        called: What it is called in the error, before the value.
    """
    if value is None:
        return
    if name == "fps":
        parse_fps(value, called)
    elif name == "gif_fps" and parse_fps(value, called) > MAX_GIF_FPS:
        raise SettingsError(
            f"{called} {value} is above {MAX_GIF_FPS}: browsers would slow such a GIF down; "
            "a faster recording keeps its speed with fewer frames"
        )
    elif name == "depth":
        check_depth(value, called)
    try:
        msgspec.convert({name: value}, Settings)
    except msgspec.ValidationError as error:
        raise SettingsError(f"{called} {value!r:.60} {_wrong(name)}") from error


def _wrong(name: str) -> str:
    """What is wrong with a value that the field `name` of `Settings` does not take."""
    if name in option_values.BOUNDS:
        return "is not a whole number from {} to {}".format(*option_values.BOUNDS[name])
    if name in option_values.CHOICES:
        return f"is none of {', '.join(option_values.CHOICES[name])}"
    if name == "background":
        return "is not a colour in six hexadecimal digits, RRGGBB, such as 1e90ff"
    return "is neither True nor False" if name in ("gif_optimize", "salvage") else "is not a text"


def plan(settings: Settings, asked: Asked | None, recorded: Recorded = NOTHING) -> Plan:
    """What to make of a job, and how.

    Each setting is what its option says, else what the receipt says of that kind of video, else of the other kind, else
    what the rollout asks for, else its default.

    Args:
        settings: The options.
        asked: What the rollout asks for, where that is known.
        recorded: What a receipt says. Default: there is none.
    """
    return {kind: _output(kind, settings, asked, recorded) for kind in _kinds(settings, asked, recorded)}


def parts(wanted: Plan) -> list[Plan]:
    """Divide a plan into those whose videos are made of frames that are read in one way, so in one go."""
    made: dict[tuple[Any, ...], dict[Kind, Mp4Settings | GifSettings]] = {}
    for kind, settings in wanted.items():
        made.setdefault(tuple(getattr(settings, name) for name in READING), {})[kind] = settings
    return list(made.values())


def _kinds(settings: Settings, asked: Asked | None, recorded: Recorded) -> list[Kind]:
    """The kinds of video to make, the MP4 first."""
    kinds: set[Kind] = set()
    if settings.video is None:
        kinds.update(recorded.outputs)
    video = settings.video
    if video is None and asked is not None and (not kinds or recorded.failed):
        video = asked.video
    if video is None and not kinds:
        video = "mp4"
    return [kind for kind in KINDS if kind in kinds or video in (kind, "both")]


def _output(kind: Kind, settings: Settings, asked: Asked | None, recorded: Recorded) -> Mp4Settings | GifSettings:
    own = recorded.outputs.get(kind)
    if own is not None and recorded.fixed:
        return own
    known = own or next(iter(recorded.outputs.values()), None)
    if settings.fps is not None:
        rate = parse_fps(settings.fps)
    elif known is not None:
        rate = parse_fps(known.fps)
    else:
        rate = (asked.rate if asked is not None else None) or DEFAULT_FPS
    made = Mp4Settings if kind == "mp4" else GifSettings
    values: dict[str, Any] = {}
    for name in made.__struct_fields__:
        given = getattr(settings, OPTION_OF.get(name, name), None)
        value = getattr(known, name, None) if given is None else given
        if value is not None:
            values[name] = value
    values["fps"] = format_fps(rate)
    if "background" in values:
        values["background"] = values["background"].lower()
    if kind == "gif":
        values["step"] = math.ceil(rate / _gif_rate(settings, own))
        # 0 is an option's way to say that frames keep their width.
        values["width"] = values.get("width") or None
        if values["width"] is not None:
            values["scale"] = 1
    return made(**values)


def _gif_rate(settings: Settings, own: Mp4Settings | GifSettings | None) -> Fraction:
    """How many frames per second a GIF has at most; where no option says, one with which `own` was as it is."""
    usual = parse_fps(option_values.DEFAULT_GIF_FPS)
    if settings.gif_fps is not None:
        return parse_fps(settings.gif_fps)
    if not isinstance(own, GifSettings):
        return usual
    rate = parse_fps(own.fps)
    return usual if math.ceil(rate / usual) == own.step else rate / own.step


def check_depth(value: object, called: str = "depth") -> None:
    """Raise SettingsError where a depth, `called` so, is neither None nor "auto" nor "MIN:MAX"."""
    if value is not None and value != "auto":
        parse_depth(str(value), called)


def parse_depth(text: str, called: str = "depth") -> tuple[int, int]:
    """The least and the greatest value that "MIN:MAX" stands for; raises SettingsError where it does not."""
    match = re.fullmatch("([0-9]{1,5}):([0-9]{1,5})", text)
    least, greatest = (int(match[1]), int(match[2])) if match else (0, 0)
    if not option_values.DEPTH.least <= least < greatest <= option_values.DEPTH.greatest:
        raise SettingsError(
            f"{called} {text!r:.60} is neither auto nor MIN:MAX, two whole numbers up to "
            f"{option_values.DEPTH.greatest}, the smaller one first, such as 300:4000"
        )
    return least, greatest
