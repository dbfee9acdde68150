"""What a user who knows ffmpeg well would type instead of us."""

from __future__ import annotations

from pathlib import Path

from daddy_encode.encoding.ffmpeg.input import DECODE_THREADS
from daddy_encode.encoding.mp4.encode import ENCODE_THREADS, filter_threads, filters
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
