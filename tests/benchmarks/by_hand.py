"""What a user who knows ffmpeg well would type instead of us."""

from __future__ import annotations

import subprocess
from pathlib import Path

from daddy_encode.encoding.ffmpeg.input import DECODE_THREADS
from daddy_encode.encoding.mp4.encode import ENCODE_THREADS, filter_threads, filters
from daddy_encode.spool.png.pixels import Pixels
from tests.benchmarks.clips import CLIPS, clip
from tests.media import ffmpeg


def by_hand(job: Path | str, video: Path | str, width: int, height: int) -> list[str]:
    """ffmpeg's command line that makes `video` of the PNGs in `job`, with the flags that an encoder gives it."""
    return [
        *(ffmpeg(), "-nostdin", "-loglevel", "error", "-y", "-filter_threads", filter_threads(width, height)),
        *("-threads", DECODE_THREADS, "-framerate", "30", "-i", f"{job}/%06d.png"),
        *("-map", "0:v:0", "-fps_mode", "passthrough"),
        *("-vf", filters(width, height, 1), "-c:v", "libx264", "-preset", "veryfast", "-crf", "20"),
        *("-bf", "0", "-g", "60", "-threads", ENCODE_THREADS),
        *("-x264-params", "cpu-independent=1:lookahead-threads=1"),
        *("-flags:v", "+bitexact", "-fflags", "+bitexact", "-map_metadata", "-1"),
        *("-movflags", "+faststart", str(video)),
    ]


def raw_yuv(frames: Pixels, target: Path) -> Path:
    """Write frames in the colours that x264 is given, yuv420p, one after another, to `target`, which is returned."""
    _, height, width, _ = frames.shape
    raw = target.with_suffix(".rgb")
    frames.tofile(raw)
    read = [ffmpeg(), "-nostdin", "-loglevel", "error", *_raw(width, height, "rgb24"), "-i", str(raw)]
    subprocess.run([*read, "-vf", filters(width, height, 1), "-f", "rawvideo", str(target)], check=True)
    raw.unlink()
    return target


def of_raw_yuv(source: Path | str, video: Path | str, width: int, height: int) -> list[str]:
    """What is left of `by_hand` where ffmpeg is given a file by `raw_yuv`: x264 and the MP4."""
    command = by_hand("", video, width, height)
    begin, end = command.index("-framerate"), command.index("-map")
    limit = [*command[:begin], *_raw(width, height, "yuv420p"), "-i", str(source), *command[end:]]
    at = limit.index("-vf")
    return [*limit[:at], *limit[at + 2 :]]


def x264_alone(folder: Path, name: str, count: int | None = None) -> list[str]:
    """`of_raw_yuv` of the clip `name`, or of its first `count` frames, which is written now, in `folder`."""
    frames = clip(name)[:count]
    yuv = raw_yuv(frames, folder / f"{name}.limit.yuv")
    return of_raw_yuv(yuv, yuv.with_suffix(".mp4"), CLIPS[name].width, CLIPS[name].height)


def _raw(width: int, height: int, pixels: str) -> list[str]:
    return ["-f", "rawvideo", "-video_size", f"{width}x{height}", "-framerate", "30", "-pixel_format", pixels]
