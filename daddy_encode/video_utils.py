"""The three functions of the specification. Thin; each imports what it needs when it is called."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

__all__ = ["save_frames_as_png", "save_gif", "save_mp4"]


def save_frames_as_png(
    frames: Iterable[Any],
    output_dir: str | os.PathLike[str],
    *,
    fps: object = 30,
    video: Literal["mp4", "gif", "both"] | None = None,
    meta: Mapping[str, Any] | None = None,
    overwrite: bool = False,
    container: Literal["png", "tar"] = "png",
) -> list[Path]:
    """Write `frames` as `000000.png`, `000001.png`, …, before them `rollout.json`, and last `manifest.json`.

    After an error nothing that it wrote is left behind.

    Args:
        frames: A list, an array (T, H, W, 3), or any iterable or generator (streamed: memory does not grow with their
            number) of uint8 arrays (H, W, 3), all of one shape. (H, W) and (H, W, 1) are grey, (H, W, 4) is RGBA with
            straight alpha; the encoder blends that on a background. Any strides: a view is as good as a copy. Images of
            Pillow have their colours, whatever their mode (16-bit grey its high byte; not I and F).
        output_dir: Created if it does not exist; `~` is the home directory. One that already has numbered PNGs, a
            `frames.tar`, a manifest, a `rollout.json` or annotations is refused.
        fps: Frames per second at which the recording plays: a number, a Fraction or "30000/1001". Default 30.
        video: What the encoder should make, "mp4", "gif" or "both"; None (default) leaves it to the encoder.
        meta: JSON values kept in the manifest (environment, seed, return, …); numpy scalars and arrays are converted.
            Read after the last frame: a generator of frames may add what is known only then, such as the return.
        overwrite: First remove an existing dump (numbered PNGs or `frames.tar`, manifest, `rollout.json`,
            annotations), and nothing else. Default False.
        container: "png" (default): a file for each frame; "tar": all in one `frames.tar`, for file systems where it
            costs much to make a file, or on which few may be made.

    Returns:
        The paths of the PNGs in order, or of the `frames.tar` alone.

    Raises:
        FrameError: A frame is invalid, and the message says which, or there is none (a ValueError).
        SettingsError: `fps`, `video` or `container` is invalid (a ValueError).
        ManifestError: `meta` is not JSON (a ValueError).
        SpoolError: The directory is taken or cannot be written, or less than 1 % of its file system (at most 1 GiB)
            would stay free.
    """
    from daddy_encode.dump.save import dump_frames

    return dump_frames(frames, output_dir, fps=fps, video=video, meta=meta, overwrite=overwrite, container=container)


def save_mp4(frames: Iterable[Any], path: str | os.PathLike[str], fps: object = 30) -> Path:
    """Encode `frames` as H.264 (libx264, yuv420p, BT.709) in an MP4 at `path`, every frame, at exactly `fps`.

    The file is verified, then appears under its name at once, replacing an old one, which stays after an error; parent
    directories are created. The bytes are those that `daddy-encode encode` makes of the same frames with default
    settings. The logger `daddy_encode` gets, at level INFO, the line that the command prints: path, frames, fps, time
    taken, size, type.

    Args:
        frames: As for `save_frames_as_png`; RGBA is blended on black, and a UserWarning says where it is all but
            transparent, as with an alpha of 0 and 1. An odd width or height is padded by one repeated column or row.
        path: The file, `.mp4`, `.m4v` or with a suffix that is not another format's; `~` is the home directory.
        fps: Frames per second, as for `save_frames_as_png`. Default 30.

    Returns:
        The path, with `~` replaced.

    Raises:
        FrameError: A frame is invalid, and the message says which, or there is none (a ValueError).
        SettingsError: `fps` is invalid, or the suffix is that of another format (a ValueError).
        EncodeError: ffmpeg is missing or fails.
        SpoolError: The file cannot be written.
    """
    from daddy_encode.encoding.in_memory import array_to_mp4
    from daddy_encode.report.log import log_saved
    from daddy_encode.spool.paths import check_suffix, user_path
    from daddy_encode.spool.png.frame_arrays import checked

    final = user_path(path)
    check_suffix(final, "mp4")
    log_saved(array_to_mp4(checked(frames), final, fps), final)
    return final


def save_gif(frames: Iterable[Any], path: str | os.PathLike[str], fps: object = 15) -> Path:
    """Encode `frames` as a GIF at `path` that loops forever, every frame, at exactly `fps` on average.

    As `save_mp4` does, it verifies the file before it replaces an old one, creates parent directories, and logs a line.
    Until it is done, the frames are in the temporary folder (TMPDIR, else /tmp), as PNGs: a GIF's palette needs all of
    them before the first is written, and their number may be any.

    Args:
        frames: As for `save_mp4`.
        path: The file, `.gif` or with a suffix that is not another format's; `~` is the home directory.
        fps: Frames per second, as for `save_frames_as_png`. Default 15. Delays in a GIF are hundredths of a second, and
            browsers slow down a delay below 2 of them: above 50 fps the GIF keeps its speed with fewer frames, and a
            UserWarning says so.

    Returns:
        The path, with `~` replaced.

    Raises:
        FrameError: A frame is invalid, and the message says which, or there is none (a ValueError).
        SettingsError: `fps` is invalid, or the suffix is that of another format (a ValueError).
        EncodeError: ffmpeg is missing or fails.
        SpoolError: The file, or a temporary one, cannot be written.
    """
    import tempfile

    from daddy_encode.dump.save import dump_frames
    from daddy_encode.encoding.in_memory import directory_to_gif
    from daddy_encode.errors import SpoolError
    from daddy_encode.report.log import log_saved
    from daddy_encode.spool.paths import check_suffix, user_path

    final = user_path(path)
    check_suffix(final, "gif")
    # The palette of a GIF needs every frame before the first is written; on disk their number does not matter.
    with tempfile.TemporaryDirectory(prefix="daddy-encode-") as folder:
        try:
            dump_frames(frames, folder, fps=fps)
        except SpoolError as error:
            raise SpoolError(f"{error}; or set TMPDIR to another folder") from error
        log_saved(directory_to_gif(Path(folder), final, fps), final)
    return final
