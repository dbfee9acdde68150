"""How much a video shows of the frames that it was made of, by ffmpeg's filters xpsnr, ssim and psnr.

The video is taken as a player takes it: by the matrix and the range that its tags say. Where it says none, by BT.601 up
to 576 lines and by BT.709 above, limited range, as mpv, VLC and Chromium do. So wrong colours count as an error.
"""

from __future__ import annotations

import math
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tests.media import ffmpeg

# Untagged video of more lines is HD to players.
MOST_SD_LINES = 576
# Of planes without any error, for which the filters print "inf".
LOSSLESS_DB = 100.0
_ACCURATE = "flags=bicubic+accurate_rnd+full_chroma_int+full_chroma_inp"


@dataclass(frozen=True)
class VideoQuality:
    """What a video is worth.

    Attributes:
        size: Of the file, in bytes.
        frames: How many it has.
        xpsnr: In dB, weighted (4 Y + U + V) / 6.
        ssim: Weighted in the same way; at most 1.
        psnr: Of red, green and blue, in dB.
        colours: What a player takes them by, such as "BT.709, tagged".
        shown: Its width and height where they are not those of the frames, such as "160x224"; else empty.
    """

    size: int
    frames: int
    xpsnr: float
    ssim: float
    psnr: float
    colours: str
    shown: str


def video_quality(video: Path, frames: npt.NDArray[np.uint8]) -> VideoQuality:
    """Compare a video with the frames that it was made of, uint8 (T, H, W, 3), one by one.

    The reference is 4:4:4, made with accurate rounding in the video's own matrix and range: nobody's way of making
    4:2:0 is the measure, and what it loses counts. A video of another size is scaled back to that of the frames.

    Raises:
        SystemExit: ffmpeg cannot compare them; before 7.1 it has no filter xpsnr.
    """
    _, height, width, _ = frames.shape
    stream = _stream(video)
    matrix, how = _matrix(stream, height)
    full = bool(re.search(r"yuvj|\bpc\b", stream))
    colour_range = "pc" if full else "tv"
    shown = re.search(r" (\d+x\d+)[ ,]", stream)
    assert shown is not None, stream
    to_yuv = f"out_color_matrix={matrix}:out_range={colour_range}:{_ACCURATE}"
    as_taken = f"setparams=range={colour_range}:colorspace={'bt709' if matrix == 'bt709' else 'smpte170m'}"
    timing = "settb=1/30,setpts=N"
    graph = (
        f"[0:v]{timing},split[source][rgb];[rgb]format=gbrp[rgb];"
        f"[source]scale={to_yuv},format=yuv444p,{as_taken},split[first][second];"
        f"[1:v]{timing},{as_taken},scale={width}:{height}:{_ACCURATE},format=yuv444p,split=3[one][two][three];"
        f"[three]scale=in_color_matrix={matrix}:in_range={colour_range}:{_ACCURATE},format=gbrp[shown];"
        # xpsnr weighs by what is in its first input.
        "[first][one]xpsnr=shortest=1,nullsink;[two][second]ssim=shortest=1,nullsink;"
        "[shown][rgb]psnr=shortest=1[out]"
    )
    command = [
        *(ffmpeg(), "-hide_banner", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}"),
        *("-framerate", "30", "-i", "pipe:0", "-i", str(video)),
        *("-lavfi", graph, "-map", "[out]", "-fps_mode", "passthrough", "-f", "null", "-"),
    ]
    process = subprocess.run(command, input=np.ascontiguousarray(frames).data, capture_output=True, check=False)
    said = process.stderr.decode(errors="replace")
    if process.returncode:
        raise SystemExit(f"{video}: ffmpeg cannot compare it: {said[-2000:]}")
    if (count := frame_count(video)) != len(frames):
        raise SystemExit(f"{video}: {count} pictures cannot be compared with {len(frames)} frames")
    planes = dict(re.findall(r"\b([yuv]): *(inf|[\d.]+)", _line(said, "XPSNR")))
    structure = {plane: float(value) for plane, value in re.findall(r"\b([YUV]):([\d.]+)", _line(said, "SSIM"))}
    return VideoQuality(
        size=os.path.getsize(video),
        frames=count,
        xpsnr=(4 * _decibels(planes["y"]) + _decibels(planes["u"]) + _decibels(planes["v"])) / 6,
        ssim=(4 * structure["Y"] + structure["U"] + structure["V"]) / 6,
        psnr=_decibels(re.findall(r"average:(inf|[\d.]+)", _line(said, "PSNR r:"))[0]),
        colours=f"{'BT.709' if matrix == 'bt709' else 'BT.601'}{', full range' if full else ''}, {how}",
        shown="" if shown[1] == f"{width}x{height}" else shown[1],
    )


def frame_count(video: Path) -> int:
    """The frames that a decoder gets out of a video."""
    command = [ffmpeg(), "-nostdin", "-i", str(video), "-fps_mode", "passthrough", "-f", "framecrc", "-c", "copy", "-"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return sum(not line.startswith("#") for line in listed.splitlines())


def _line(said: str, word: str) -> str:
    lines = [line for line in said.splitlines() if word in line and "inf" not in line.split(word)[0]]
    if not lines:
        raise SystemExit(f"ffmpeg printed no {word}: {said[-2000:]}")
    return lines[-1]


def _decibels(text: str) -> float:
    value = float(text)
    return LOSSLESS_DB if math.isinf(value) else value


def _stream(video: Path) -> str:
    """The line in which ffmpeg describes the video's stream."""
    said = subprocess.run([ffmpeg(), "-hide_banner", "-nostdin", "-i", str(video)], capture_output=True, text=True)
    return next(line for line in said.stderr.splitlines() if "Video:" in line)


def _matrix(stream: str, height: int) -> tuple[str, str]:
    """The matrix that a player uses for a stream, as swscale names it, and whether that is tagged or assumed."""
    # As in "yuv420p(tv, bt709/bt709/iec61966-2-1, progressive)": the matrix is the first of three, or all three.
    described = re.search(r"yuvj?\d+p(?:\d+le)?\(([^)]*)\)", stream)
    for tag in described[1].split(", ") if described else ():
        match tag.partition("/")[0]:
            case "bt709":
                return "bt709", "tagged"
            case "bt470bg" | "smpte170m":
                return "smpte170m", "tagged"
    return ("bt709" if height > MOST_SD_LINES else "smpte170m"), "untagged"
