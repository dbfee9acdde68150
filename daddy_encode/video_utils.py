"""The three functions of the specification. Thin; each imports what it needs when it is called."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal


def save_frames_as_png(
    frames: Iterable[Any],
    output_dir: str | os.PathLike[str],
    *,
    fps: object = 30,
    video: Literal["mp4", "gif", "both"] | None = None,
    meta: Mapping[str, Any] | None = None,
    overwrite: bool = False,
) -> list[Path]:
    """Write `frames` as `000000.png`, `000001.png`, … and, last and atomically, `manifest.json`.

    frames: a list, an array (T, H, W, 3), or any iterable or generator (streamed: memory does not grow with their
        number) of uint8 arrays (H, W, 3), all of one shape. (H, W) and (H, W, 1) are grey, (H, W, 4) is RGBA with
        straight alpha; the encoder blends that on a background. Any strides: a view is as good as a copy.
    output_dir: made where it is not there. One that already holds numbered PNGs, a manifest or annotations is refused.
    fps: frames per second at which the recording plays: a number, a Fraction or "30000/1001". Default 30.
    video: what the encoder shall make, "mp4", "gif" or "both"; None (default) leaves it to the encoder.
    meta: JSON values kept in the manifest (environment, seed, return, …); numpy scalars and arrays are converted.
        Read after the last frame: a generator of frames may add what is known only then, such as the return.
    overwrite: remove the dump that is there (numbered PNGs, manifest, annotations), and nothing else, first. Default
        False.

    Returns the paths of the PNGs in order.
    Raises FrameError (a ValueError) for a bad frame, which it names, or none; SettingsError (a ValueError) for a
    bad fps or video; ManifestError (a ValueError) for meta that is no JSON; SpoolError for a directory that is
    taken or cannot be written, and where less than 1 % of its file system (at most 1 GiB) would stay free. Nothing
    it wrote is left behind then.
    """
    from daddy_encode.dump.save import dump_frames

    return dump_frames(frames, output_dir, fps=fps, video=video, meta=meta, overwrite=overwrite)


def save_mp4(frames: Iterable[Any], path: str | os.PathLike[str], fps: object = 30) -> Path:
    """Encode `frames` as H.264 (libx264, yuv420p, BT.709) in an MP4 at `path`, every frame, at exactly `fps`.

    frames: as for `save_frames_as_png`; RGBA is blended on black. An odd width or height is padded by one repeated
        column or row. fps: frames per second, default 30.

    The file is verified, then appears under its name at once, replacing what was there; parent folders are made.
    The bytes are those that `daddy-encode encode` makes of the same frames with default settings.
    Returns the path. Raises FrameError or SettingsError (both ValueErrors) for bad frames or fps, EncodeError
    where ffmpeg fails, SpoolError where the file cannot be written; an old file stays then.
    """
    from daddy_encode.dump.frames import checked
    from daddy_encode.encode.in_memory import array_to_mp4

    return array_to_mp4(checked(frames), Path(path), fps)


def save_gif(frames: Iterable[Any], path: str | os.PathLike[str], fps: object = 15) -> Path:
    """Encode `frames` as a GIF at `path` that loops forever, every frame, at exactly `fps` on average.

    frames: as for `save_frames_as_png`; RGBA is blended on black. fps: frames per second, default 15. A GIF counts
    hundredths of a second, and browsers slow a delay below 2 of them down: above 50 fps it keeps its speed with
    fewer frames, and a UserWarning says so.

    Returns and raises as `save_mp4` does.
    """
    import tempfile

    from daddy_encode.dump.save import dump_frames
    from daddy_encode.encode.in_memory import directory_to_gif

    # A GIF's palette needs every frame before the first is written; on disk they may be any number.
    with tempfile.TemporaryDirectory(prefix="daddy-encode-") as folder:
        dump_frames(frames, folder, fps=fps)
        return directory_to_gif(Path(folder), Path(path), fps)
