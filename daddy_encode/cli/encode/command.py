"""`daddy-encode encode`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from daddy_encode.cli.duration import Seconds
from daddy_encode.cli.environment import is_from_environment
from daddy_encode.cli.marks.options import marks_options
from daddy_encode.cli.user_path import UserPath
from daddy_encode.encoding import option_values
from daddy_encode.spool.png.pixels import MAX_PIXELS

Command = TypeVar("Command", bound=Callable[..., Any])


def _checked(context: click.Context, option: click.Parameter, value: str | None) -> str | None:
    """The value of an option that click cannot check; raises BadParameter where it cannot be used."""
    if value is None or context.resilient_parsing:
        return value
    from daddy_encode.encoding.settings import check_setting
    from daddy_encode.errors import SettingsError

    try:
        check_setting(str(option.name), value, "")
    except SettingsError as error:
        raise click.BadParameter(str(error).strip(), context, option) from error
    return value


def not_empty(context: click.Context, option: click.Parameter, value: str | None) -> str | None:
    """The value of an option that is a path on another machine."""
    if value == "":
        raise click.BadParameter("the path is empty: is the variable that it comes from not set?", context, option)
    return value


# In the order in which --help shows them.
SETTINGS = [
    click.option(
        "--video",
        type=click.Choice(["mp4", "gif", "both"]),
        help="What to make. Default: what the manifest asks for, else mp4.",
    ),
    click.option(
        "--video-fps",
        "fps",
        metavar="F",
        callback=_checked,
        help="Frames per second at which the recording plays, in both outputs: a decimal or a fraction such as "
        "30000/1001. Default: the manifest's, else 30. Another rate makes it play faster or slower.",
    ),
    click.option(
        "--crf",
        type=click.IntRange(*option_values.CRF),
        help="MP4: x264's constant rate factor. Lower is better and larger; 6 less doubles the file, about. Default: "
        f"{option_values.DEFAULT_CRF}.",
    ),
    click.option(
        "--preset",
        type=click.Choice(option_values.PRESETS),
        metavar="P",
        help=f"MP4: x264's preset, {option_values.PRESETS[0]} to {option_values.PRESETS[-1]}. A slower one makes a "
        f"smaller file. Default: {option_values.DEFAULT_PRESET}.",
    ),
    click.option(
        "--scale",
        type=click.IntRange(*option_values.SCALE),
        help="Enlarge by this whole number, in sharp squares (nearest neighbour). For small screens such as Atari's. "
        f"Default: {option_values.DEFAULT_SCALE}.",
    ),
    click.option(
        "--gif-fps",
        metavar="F",
        callback=_checked,
        help="GIF: frames per second at most, 50 or less. A faster recording keeps its speed and shows every Nth "
        f"frame; fewer make a smaller file. Default: {option_values.DEFAULT_GIF_FPS}.",
    ),
    click.option(
        "--gif-width",
        type=click.IntRange(*option_values.GIF_WIDTH),
        metavar="W",
        help="GIF: reduce it to W pixels wide, for a lighter preview; --scale does not apply to it then. A "
        "whole fraction of the frames' own width is an exact average; narrower frames stay as they are. Default: 0, "
        "their own width.",
    ),
    click.option(
        "--dither",
        type=click.Choice(option_values.DITHERS),
        help="GIF of more than 256 colours: mix near colours in a pattern. It hides bands in smooth shades, and makes "
        f"the file larger. With 256 colours or fewer every pixel is exact, without any. Default: "
        f"{option_values.DEFAULT_DITHER}.",
    ),
    click.option(
        "--loop",
        type=click.IntRange(*option_values.LOOP),
        metavar="N",
        help="GIF: times it plays, then it stops at its last picture. Default: 0, forever.",
    ),
    click.option(
        "--gif-optimize/--no-gif-optimize",
        default=None,
        help="GIF: let gifsicle -O3 make it smaller; equal pictures in a row become one. Needs gifsicle, which "
        "daddy-encode[gif] brings, and memory for the whole GIF. Default: it is not run.",
    ),
    click.option(
        "--background",
        metavar="RRGGBB",
        callback=_checked,
        help="Colour, in hexadecimal digits, on which transparent pixels are blended, and of the bars of --fit. "
        f"Default: {option_values.DEFAULT_BACKGROUND}.",
    ),
    click.option(
        "--alpha",
        type=click.Choice(option_values.ALPHAS),
        help="blend: show transparent pixels on --background. ignore: show every pixel as if it were opaque, for an "
        "alpha channel that means something else, such as 0 and 1 instead of 0 and 255. Default: "
        f"{option_values.DEFAULT_ALPHA}.",
    ),
    click.option(
        "--depth",
        metavar="MIN:MAX|auto",
        callback=_checked,
        help="Depth pictures and masks, grey of 8 or 16 bits: show the value MIN as black, MAX as white, what lies "
        "between in proportion. auto: the least and greatest value of the clip. Default: 0:255 and, of 16 bits, "
        "0:65535, where millimetres are black.",
    ),
    click.option(
        "--fit",
        type=click.Choice(option_values.FITS),
        help="Frames of several sizes: bring them to the largest width and height. pad: with bars on all sides. scale: "
        "enlarged as far as their proportions allow, then with bars. Default: they are an error.",
    ),
    click.option(
        "--gaps",
        type=click.Choice(option_values.GAPS),
        help="What to do where frames are missing or damaged. error: make nothing. hold: repeat the last good frame, "
        "so that time stays right. skip: leave them out, and those that the rollout dropped; the video gets shorter. "
        f"Log and receipt list them. Default: {option_values.DEFAULT_GAPS}.",
    ),
    click.option(
        "--salvage/--no-salvage",
        default=None,
        help="Encode what is whole of rollouts that died (no manifest, or one that says so), with --gaps hold; also in "
        "a tree, so only where no rollout is still writing. Default: missing or damaged frames are an error.",
    ),
]


# How an encoder works, whatever it makes.
WORKING = [
    click.option(
        "--split",
        is_flag=True,
        help="Make a video of each sequence of frames in a directory that holds several, such as rgb_0000.png and "
        "depth_0000.png, or two episodes: DIR.rgb.mp4, DIR.depth.mp4. `encode` does so in a tree, too, so only where "
        "nothing still writes them. Default: such a directory is an error that lists them, or passed over in a tree, "
        "unless it was split before.",
    ),
    click.option(
        "--output-dir",
        type=UserPath(),
        metavar="DIR",
        help="Write videos and receipts below DIR, with the jobs' paths relative to the tree that was named. Default: "
        "beside each job's directory, named after it.",
    ),
    click.option(
        "--tmp-dir",
        metavar="DIR",
        callback=not_empty,
        help="Write temporary files in DIR, such as a node's own disk, and copy finished videos from there; variables "
        "such as '$TMPDIR' are filled in on the machine that encodes, where DIR has to be there. Default: beside each "
        "video, with no copy.",
    ),
    click.option(
        "--workers",
        type=click.IntRange(1, 1024),
        metavar="N",
        help="Jobs to encode side by side. Default: the CPUs this process may use. More use more memory.",
    ),
    click.option(
        "--lease",
        type=Seconds(1, 86_400),
        metavar="SECONDS",
        # Twice the 60 s for which NFS clients cache attributes by default: a heartbeat every 40 s is seen.
        default=120.0,
        show_default=True,
        help="After how many seconds without a sign of life another encoder's job is taken over. The same for every "
        "encoder of a spool, and longer than the file system's attribute cache (60 s on NFS).",
    ),
    click.option(
        "--trust-owner",
        metavar="NAME",
        multiple=True,
        help="Also encode jobs of the user NAME, or everybody's with `any`; may be given several times. Default: other "
        "users' jobs are skipped, and the log says so.",
    ),
    click.option(
        "--max-pixels",
        type=click.FloatRange(0.0001, 1024),
        metavar="MPIXEL",
        default=MAX_PIXELS / 2**20,
        show_default=True,
        help="Largest frame, in units of 1,048,576 pixels; 64 is 8192x8192. A larger one is an error: each Mpixel may "
        "cost a gigabyte of ffmpeg's memory at worst, and about 0.2 as a rule.",
    ),
    click.option(
        "--stall-timeout",
        type=Seconds(0.1, 86_400),
        metavar="SECONDS",
        default=option_values.DEFAULT_STALL_SECONDS,
        show_default=True,
        help="End ffmpeg or gifsicle after this long without progress; the job is tried again, three times in all.",
    ),
    click.option(
        "--json",
        "as_json",
        is_flag=True,
        help="Write one JSON object per saved video to standard output, besides the log on standard error.",
    ),
    click.option("-q", "--quiet", is_flag=True, help="Log only warnings and errors, and show no bar."),
    click.option(
        "-v",
        "--verbose",
        is_flag=True,
        help="Also log each job that is done already, and the settings of each video. Default: only their number.",
    ),
]


def encoding_options(command: Command) -> Command:
    """Add the options that every command that encodes takes: what the videos are, and how the work is done."""
    for option in reversed([*SETTINGS, *WORKING]):
        command = option(command)
    return command


def archive_options(command: Command) -> Command:
    """Add those of these options that mean the same for what becomes of frames afterwards."""
    probe = click.Command("probe")
    for option in WORKING:
        option(probe)
    names = ("output_dir", "lease", "trust_owner", "max_pixels", "stall_timeout")
    for option in reversed([WORKING[index] for index, one in enumerate(probe.params) if one.name in names]):
        command = option(command)
    return command


@click.command("encode")
@click.argument("paths", nargs=-1, required=True, type=UserPath(), metavar="PATH...")
@encoding_options
@marks_options()
@click.option(
    "--no-wait",
    is_flag=True,
    help="Exit with status 75 when only jobs are left that other encoders work on. Default: wait for them.",
)
@click.option(
    "-o",
    "--output",
    type=UserPath(dir_okay=False),
    metavar="FILE",
    help="Write one video of the one job at PATH to FILE, which ends in .mp4 or .gif, and nothing else: no receipt, so "
    "it is made each time, and replaces FILE, which cannot be a job's own video. Default: beside the job, named after "
    "it.",
)
@click.option(
    "--dry-run",
    is_flag=True,
    help="Show what would be made, with which settings where they are not the default ones, and what it would replace; "
    "write nothing. With --json as one JSON object per video.",
)
@click.option(
    "--pack",
    is_flag=True,
    help="Afterwards pack the frames of each job that is done, as `pack` does. Default: they stay as they are.",
)
@click.option("--force", is_flag=True, help="Also encode jobs again that are done. Default: they are skipped.")
def command(paths: tuple[Path, ...], output_dir: Path | None, as_json: bool, **options: Any) -> int:
    """Make videos of the frames in each PATH: a job's directory, or a tree of them.

    A directory of numbered PNGs without a manifest is encoded when it is named itself; in a tree it is passed over, as
    one that is still being written. Of several sequences in a directory, one alone is named as 'DIR/rgb_*.png', in
    quotes. Each video is verified before it appears; a log line says its path, frames, fps, time, size and type.

    What has been encoded stays: without options it is done, whatever it was encoded with. An option that is given and
    differs makes the video anew; those that are not given are then as they were. The defaults below are for new frames.
    """
    from daddy_encode.cli.encode.run import run

    if options["output"] is not None:
        # Its name says both, and what is on the command line comes first.
        context = click.get_current_context()
        output_dir = None if is_from_environment(context, "output_dir") else output_dir
        options["video"] = None if is_from_environment(context, "video") else options["video"]
    return run(paths, output_dir, as_json=as_json, **options)
