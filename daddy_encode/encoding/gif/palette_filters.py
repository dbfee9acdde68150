"""ffmpeg's options for a clip's pictures, for a palette of a whole clip, and for pictures in it."""

from __future__ import annotations

from daddy_encode.encoding.option_values import Dither

# The weakest of ffmpeg's Bayer patterns: the coarser ones cost up to 16 dB and half the file again.
DITHERS: dict[Dither, str] = {"none": "none", "bayer": "bayer:bayer_scale=5", "sierra2_4a": "sierra2_4a"}


def palette_output(step: int, stream: str = "0:v:0", before: str = "") -> list[str]:
    """One output, to ffmpeg's standard output: the palette of every `step`-th picture of a stream, as a PNG.

    `before`: the filters of its input; see `FrameInput.filters`.
    """
    taken = f"select=not(mod(n\\,{step}))," if step > 1 else ""
    return [
        *("-map", stream, "-fps_mode", "passthrough"),
        # No entry is kept for transparency: a picture uses an index that it does not draw.
        *("-vf", f"{before}{taken}palettegen=reserve_transparent=0:stats_mode=full"),
        *("-c:v", "png", "-f", "image2pipe", "pipe:1"),
    ]


def pictures_output(before: str) -> list[str]:
    """One output, to ffmpeg's standard output: the pictures of its only stream after the filters `before`, as rgb24."""
    return [
        *("-map", "0:v:0", "-fps_mode", "passthrough", "-vf", f"{before}null"),
        *("-c:v", "rawvideo", "-pix_fmt", "rgb24", "-f", "rawvideo", "pipe:1"),
    ]


def in_palette(dither: Dither, enlarge: int, before: str = "") -> list[str]:
    """The palette as a second input, "{input0}", and the first one's pictures in it at ffmpeg's standard output.

    Args:
        dither: How colours between those of the palette are shown.
        enlarge: How many times as large the pictures come out.
        before: The filters of the first input; see `FrameInput.filters`.
    """
    enlarged = f"scale=iw*{enlarge}:ih*{enlarge}:flags=neighbor," if enlarge > 1 else ""
    return [
        *("-protocol_whitelist", "pipe", "-format_whitelist", "png_pipe", "-codec_whitelist", "png"),
        *("-f", "png_pipe", "-i", "{input0}"),
        "-filter_complex",
        f"[0:v:0]{before}{enlarged}null[v];[v][1:v:0]paletteuse=dither={DITHERS[dither]}:diff_mode=rectangle",
        *("-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "pal8", "pipe:1"),
    ]
