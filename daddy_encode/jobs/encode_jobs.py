"""`daddy_encode.encode`."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from daddy_encode.jobs.results import SavedVideo, saved_video

if TYPE_CHECKING:
    from daddy_encode.spool.paths import JobPaths


def encode(
    path: str | os.PathLike[str],
    *,
    output_dir: str | os.PathLike[str] | None = None,
    video: Literal["mp4", "gif", "both"] | None = None,
    fps: object = None,
    crf: int | None = None,
    preset: str | None = None,
    scale: int | None = None,
    gif_fps: object = None,
    gif_width: int | None = None,
    dither: str | None = None,
    loop: int | None = None,
    gif_optimize: bool | None = None,
    background: str | None = None,
    alpha: Literal["blend", "ignore"] | None = None,
    depth: str | None = None,
    fit: Literal["pad", "scale"] | None = None,
    gaps: Literal["error", "hold", "skip"] | None = None,
    salvage: bool | None = None,
    split: bool = False,
    force: bool = False,
    workers: int | None = None,
    tmp_dir: str | os.PathLike[str] | None = None,
    lease: float = 120.0,
    trust_owner: Iterable[str] = (),
    max_pixels: float = 64.0,
    stall_timeout: float = 120.0,
) -> list[SavedVideo]:
    """Make videos of the frames in `path`, as `daddy-encode encode` does: claimed, verified, with receipts.

    Each video is logged when it is saved (logger `daddy_encode`, INFO), as is what was passed over (WARNING). What is
    left out, or None, is as it was when the same frames were encoded last, else as the manifest says, else the
    command's default. Options from the environment are the command's alone. It may be called in any thread; jobs that
    other encoders work on are waited for.

    Args:
        path: A job's directory, or a tree of them. In this path and the others `~` is the home directory.
        output_dir: Where videos and receipts go. Default: beside each job's directory.
        video: What to make.
        fps: Frames per second at which the recording plays: a number, a Fraction or "30000/1001".
        crf: MP4: x264's constant rate factor, 0 to 51.
        preset: MP4: x264's preset.
        scale: Whole-number enlargement.
        gif_fps: GIF: frames per second at most, as `fps`.
        gif_width: GIF: pixels to which frames are reduced; 0: their own width.
        dither: GIF: "none", "bayer" or "sierra2_4a".
        loop: GIF: times it plays; 0: forever.
        gif_optimize: GIF: whether gifsicle makes it smaller.
        background: RRGGBB, what transparent pixels are blended on.
        alpha: Whether transparent pixels are blended, or shown as if they were opaque.
        depth: "MIN:MAX" or "auto": what grey values are black and white.
        fit: How frames of several sizes are brought to one.
        gaps: What to do where frames are missing or damaged.
        salvage: Whether to take what is whole of rollouts that died.
        split: Whether each sequence of frames in a directory that holds several is a job. Default: such a directory is
            an error, unless it was split before.
        force: Whether to encode what is done already. Default: no.
        workers: Jobs to encode side by side. Default: as CPUs and memory suffice for.
        tmp_dir: Where temporary files go; it has to be there. Default: beside each video.
        lease: After how many seconds without a sign of life another encoder's job is taken over. Default: 120.
        trust_owner: Users whose jobs are encoded as well. Default: nobody.
        max_pixels: Largest frame, in units of 2**20 pixels. Default: 64.
        stall_timeout: After how many seconds without progress ffmpeg is ended. Default: 120.

    Returns:
        The videos that are there now, those that were there already among them, in the order of their jobs.

    Raises:
        SettingsError: An argument has a value that cannot work (a ValueError).
        SpoolError: There is nothing to encode, or it cannot be read or written.
        EncodeError: ffmpeg or gifsicle is missing or fails.
        FrameError: The frames of the only job are wrong (a ValueError).
        ManifestError: Its manifest is (a ValueError).
        JobsFailedError: Some of several jobs failed; the others are encoded.
    """
    # What does the work is loaded when it is to be done: a rollout may import this.
    from daddy_encode.cluster.limits import usable_workers
    from daddy_encode.jobs.context import make_context
    from daddy_encode.service.encode_all import encode_path
    from daddy_encode.spool.paths import user_path

    given: dict[str, Any] = {
        "video": video,
        "fps": _rate(fps, "fps"),
        "crf": crf,
        "preset": preset,
        "scale": scale,
        "gif_fps": _rate(gif_fps, "gif_fps"),
        "gif_width": gif_width,
        "dither": dither,
        "loop": loop,
        "gif_optimize": gif_optimize,
        "background": background,
        "alpha": alpha,
        "depth": depth,
        "fit": fit,
        "gaps": gaps,
        "salvage": salvage,
    }
    context = make_context(
        force=force,
        max_pixels=max_pixels,
        trust_owner=trust_owner,
        stall_timeout=stall_timeout,
        tmp_dir=None if tmp_dir is None else os.fspath(tmp_dir),
        **given,
    )
    results = encode_path(
        user_path(path),
        None if output_dir is None else user_path(output_dir),
        context,
        split=split,
        workers=workers or usable_workers(os.environ),
        lease=lease,
    )
    return [
        saved_video(result.paths.output(record.format), _job_of(result.paths), record, made=record in result.made)
        for result in results
        for record in result.receipt.outputs
    ]


def _job_of(paths: JobPaths) -> Path:
    """Its directory, beside its outputs, or with that the pattern of its frames' names."""
    return paths.base if paths.pattern is None else paths.whole.base / paths.pattern


def _rate(value: object, name: str) -> str | None:
    """A rate as options have it."""
    from daddy_encode.spool.rate import format_fps, parse_fps

    return None if value is None else format_fps(parse_fps(value, name))
