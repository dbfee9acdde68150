"""What a user who knows ffmpeg well would type instead of us."""

from __future__ import annotations

import subprocess
from pathlib import Path

from daddy_encode.encoding.ffmpeg.input import DECODE_THREADS
from daddy_encode.encoding.mp4.encode import ENCODE_THREADS, filter_threads, filters
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


def x264_alone(folder: Path, name: str, count: int | None = None) -> list[str]:
    """The same, given the clip `name`, or its first `count` frames, in x264's own format: made now, in `folder`."""
    described = CLIPS[name]
    target = folder / f"{name}.limit.mp4"
    raw, yuv = target.with_suffix(".rgb"), target.with_suffix(".yuv")
    clip(name)[:count].tofile(raw)
    raw_video = ["-f", "rawvideo", "-video_size", described.size, "-framerate", "30"]
    conversion = ["-vf", filters(described.width, described.height, 1), "-f", "rawvideo"]
    read = [ffmpeg(), "-nostdin", "-loglevel", "error", *raw_video, "-pixel_format", "rgb24", "-i", str(raw)]
    subprocess.run([*read, *conversion, str(yuv)], check=True)
    raw.unlink()
    command = by_hand(folder, target, described.width, described.height)
    begin, end = command.index("-framerate"), command.index("-map")
    limit = [*command[:begin], *raw_video, "-pixel_format", "yuv420p", "-i", str(yuv), *command[end:]]
    at = limit.index("-vf")
    return [*limit[:at], *limit[at + 2 :]]
