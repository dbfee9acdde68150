"""What users write who do without us: short scripts, each run in a fresh Python with start-up and imports.

Frames come from a `.npy` file, uint8 (T, H, W, 3), which a script maps into its memory, or from a directory of PNGs in
the order of their names. Every video has 30 frames per second, every GIF 15, and otherwise what the peer's own defaults
give.
"""

from __future__ import annotations

import os
import sys

_FRAMES = """
import sys
import numpy as np
source, target = sys.argv[1:]
frames = list(np.asarray(np.load(source, mmap_mode="r")))
"""
_PNGS = """
import sys
from pathlib import Path
source, target = sys.argv[1:]
pngs = sorted(Path(source).glob("*.png"))
"""

# Frames in memory to a directory of PNGs, which is made.
_IMAGEIO_PNGS = """
import os
import imageio.v2 as imageio
os.mkdir(directory)
for index, frame in enumerate(frames):
    imageio.imwrite(f"{directory}/{index:06d}.png", frame)
"""
# LeRobot's AsyncImageWriter as `lerobot-record` sets it up for one camera: 4 threads, and Pillow at compress_level=1.
_LEROBOT_PNGS = """
import os
import queue
import threading
from PIL import Image
os.mkdir(directory)
waiting = queue.Queue()
def write_images():
    while True:
        frame, path = waiting.get()
        Image.fromarray(frame).save(path, compress_level=1)
        waiting.task_done()
for _ in range(4):
    threading.Thread(target=write_images, daemon=True).start()
for index, frame in enumerate(frames):
    waiting.put((frame, f"{directory}/frame-{index:06d}.png"))
waiting.join()
"""

# PNGs to a video.
_IMAGEIO_READS = """
import imageio.v2 as imageio
imageio.mimsave(target, [imageio.imread(png) for png in pngs], fps=30, codec="libx264")
"""
# LeRobot's encode_video_frames with the defaults of its VideoEncoderConfig: AV1 at CRF 30, every other frame a key
# frame, SVT-AV1's preset 12.
_LEROBOT_READS = """
import av
from PIL import Image
with Image.open(pngs[0]) as first:
    width, height = first.size
options = {"g": "2", "crf": "30", "preset": "12", "svtav1-params": "fast-decode=0"}
with av.open(target, "w") as output:
    stream = output.add_stream("libsvtav1", 30, options=options)
    stream.pix_fmt, stream.width, stream.height = "yuv420p", width, height
    for png in pngs:
        with Image.open(png) as image:
            output.mux(stream.encode(av.VideoFrame.from_image(image.convert("RGB"))))
    output.mux(stream.encode())
"""

# As its documentation shows it, apart from the codec.
_PYAV = """
import av
with av.open(target, mode="w") as container:
    stream = container.add_stream(codec, rate=30)
    stream.height, stream.width = frames[0].shape[:2]
    stream.pix_fmt = "yuv420p"
    for image in frames:
        for packet in stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")):
            container.mux(packet)
    for packet in stream.encode():
        container.mux(packet)
"""

_TO_DIRECTORY = "directory = target\n"
_BY_DIRECTORY = "directory = target + '.pngs'\n"
_OF_DIRECTORY = "from pathlib import Path\npngs = sorted(Path(directory).glob('*.png'))\n"

FROM_FRAMES = {
    "imageio": f"""{_FRAMES}
import imageio.v2 as imageio
imageio.mimsave(target, frames, fps=30, codec="libx264")
""",
    "mediapy": f"""{_FRAMES}
import imageio_ffmpeg
import mediapy
mediapy.set_ffmpeg(imageio_ffmpeg.get_ffmpeg_exe())
mediapy.write_video(target, frames, fps=30)
""",
    # As Gymnasium's RecordVideo ends a recording.
    "moviepy": f"""{_FRAMES}
from moviepy.video.io.ImageSequenceClip import ImageSequenceClip
ImageSequenceClip(frames, fps=30).write_videofile(target, logger=None)
""",
    "PyAV": f"{_FRAMES}codec = 'mpeg4'{_PYAV}",
    "PyAV, H.264": f"{_FRAMES}codec = 'libx264'{_PYAV}",
    "OpenCV": f"""{_FRAMES}
import cv2
height, width = frames[0].shape[:2]
writer = cv2.VideoWriter(target, cv2.VideoWriter_fourcc(*"mp4v"), 30, (width, height))
for frame in frames:
    writer.write(cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
writer.release()
""",
}
"""Frames in memory straight to a video, by name; PyAV's and OpenCV's defaults are MPEG-4 Part 2, not H.264."""

FROM_PNGS = {"imageio": _PNGS + _IMAGEIO_READS, "LeRobot": _PNGS + _LEROBOT_READS}
"""A directory of PNGs to a video; see `by_hand` for ffmpeg."""

TO_PNGS = {
    "imageio": _FRAMES + _TO_DIRECTORY + _IMAGEIO_PNGS,
    "LeRobot": _FRAMES + _TO_DIRECTORY + _LEROBOT_PNGS,
    "OpenCV": f"""{_FRAMES}{_TO_DIRECTORY}
import os
import cv2
os.mkdir(directory)
for index, frame in enumerate(frames):
    cv2.imwrite(f"{{directory}}/{{index:06d}}.png", cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
""",
    "ours": f"""{_FRAMES}{_TO_DIRECTORY}
from daddy_encode import save_frames_as_png
save_frames_as_png(frames, directory)
""",
}
"""Frames in memory to a new directory of PNGs; "ours" is our own."""

BY_WAY_OF_PNGS = {
    "imageio": _FRAMES + _BY_DIRECTORY + _IMAGEIO_PNGS + _OF_DIRECTORY + _IMAGEIO_READS,
    "LeRobot": _FRAMES + _BY_DIRECTORY + _LEROBOT_PNGS + _OF_DIRECTORY + _LEROBOT_READS,
}
"""Frames in memory to PNGs in a new directory, the target's name and `.pngs`, and those to a video: one script."""

TO_GIF = {
    "imageio": f"""{_PNGS}
import imageio.v2 as imageio
imageio.mimsave(target, [imageio.imread(png) for png in pngs], duration=1000 / 15, loop=0)
""",
    "Pillow": f"""{_PNGS}
from PIL import Image
first, *others = [Image.open(png) for png in pngs]
first.save(target, save_all=True, append_images=others, duration=1000 / 15, loop=0)
""",
}
"""A directory of PNGs to a GIF of 15 frames per second."""

LOOK = f"""{_FRAMES}
for frame in frames:
    frame.max()
"""
"""What each script that has frames in memory does before anything else."""


def command(script: str, source: str | os.PathLike[str], target: str | os.PathLike[str]) -> list[str]:
    """The command line that runs one of the scripts in a fresh Python."""
    return [sys.executable, "-c", script, os.fspath(source), os.fspath(target)]
