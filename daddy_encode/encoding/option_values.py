"""What options of an encode may be, and their defaults: for `Settings`, and for `--help`, which loads little else."""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args

Gaps = Literal["error", "hold", "skip"]
"""`error`: nothing is made; `hold`: the last good frame is repeated, so that time stays right; `skip`: they are left
out, and the recording gets shorter."""

Preset = Literal[
    "ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow", "placebo"
]
Dither = Literal["none", "bayer", "sierra2_4a"]
Alpha = Literal["blend", "ignore"]
Fit = Literal["pad", "scale"]

PRESETS: tuple[Preset, ...] = get_args(Preset)
DITHERS: tuple[Dither, ...] = get_args(Dither)
ALPHAS: tuple[Alpha, ...] = get_args(Alpha)
FITS: tuple[Fit, ...] = get_args(Fit)
GAPS: tuple[Gaps, ...] = get_args(Gaps)


class Bounds(NamedTuple):
    """The least and the greatest value."""

    least: int
    greatest: int


CRF = Bounds(0, 51)
SCALE = Bounds(1, 16)
# 16 bits hold the number of repeats.
LOOP = Bounds(0, 65_535)
# 0: the frames' own.
GIF_WIDTH = Bounds(0, 65_535)
# Of a sample of 16 bits.
DEPTH = Bounds(0, 65_535)

# Of settings, by name.
BOUNDS = {"crf": CRF, "scale": SCALE, "loop": LOOP, "gif_width": GIF_WIDTH}
CHOICES: dict[str, tuple[str, ...]] = {
    "video": ("mp4", "gif", "both"),
    "preset": PRESETS,
    "dither": DITHERS,
    "alpha": ALPHAS,
    "fit": FITS,
    "gaps": GAPS,
}

# Of --max-pixels, in units of 2**20.
MAX_PIXELS = Bounds(1, 1024)

DEFAULT_CRF = 20
DEFAULT_PRESET: Preset = "veryfast"
DEFAULT_SCALE = 1
DEFAULT_GIF_FPS = "15"
DEFAULT_DITHER: Dither = "none"
DEFAULT_LOOP = 0
DEFAULT_BACKGROUND = "000000"
DEFAULT_ALPHA: Alpha = "blend"
DEFAULT_GAPS: Gaps = "error"

# How long ffmpeg may make no progress.
DEFAULT_STALL_SECONDS = 120.0
