"""What a video of the defaults shows of its frames, against what peers' defaults make of the same frames."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from daddy_encode import save_frames_as_png
from tests.benchmarks import peers
from tests.benchmarks.by_hand import by_hand
from tests.benchmarks.clips import CLIPS, clip
from tests.benchmarks.measure import command_seconds
from tests.benchmarks.options import DADDY_ENCODE, Options
from tests.benchmarks.result import Row, Table
from tests.benchmarks.shown_frames import described, shown_frames
from tests.benchmarks.video_quality import VideoQuality, video_quality
from tests.media import ffmpeg

TITLE = "Quality of the defaults"
ABOUT = """
The same frames by `daddy-encode encode`, and by each peer's defaults. A video is taken as a player takes it: with the
matrix and range of its tags; untagged, BT.601 up to 576 lines and BT.709 above. XPSNR (ffmpeg's filter, in dB) and SSIM
are those of Y, U and V weighted (4 Y + U + V) / 6, against frames that were converted to 4:4:4 with accurate rounding
in the matrix that the video is taken to be in: what 4:2:0 loses counts for all. PSNR is that of red, green and blue as
they are seen, where wrong colours show; what 4:2:0 loses of chroma, BT.709 makes 1.0 dB more of red and 0.4 dB more of
blue than BT.601, which untagged small videos are taken to be. A picture of another size is scaled back (imageio
enlarges to multiples of 16).

Each picture is compared with the frame that it shows. Of `RecordVideo`'s (moviepy's) videos that is not always the
frame of the same number: some frames are there twice and others missing, as the column *frames* says, so that a viewer
sees them a 30th of a second late or not at all. Which ones, frames tell that carry their number; the values below do
not count it against it.

Rows: ours minus the peer's, at the peer's size: with the default `--crf 20` where that gives no larger file and nothing
worse, else with the least `--crf` whose file is not larger than the peer's.
"""
PACKAGES = ("mediapy", "moviepy", "av", "cv2")
SHOWN = ("breakout", "cartpole", "cheetah", "humanoid")
FRAMES = 120
# Those that the bars speak of: by the name of a peer, and what it is called here.
BARRED = {"imageio": "imageio.mimsave", "LeRobot": "LeRobot", "moviepy": "RecordVideo"}
WHY = (
    "x264's own defaults there are its preset medium, B-frames, and key frames up to 250 apart; ours are its preset "
    "veryfast, none, and 60: the table of x264's options shows what each is worth, and costs in processor time"
)
LARGEST_CRF = 51
# What else x264 could be told, as changes of the command line by hand.
VARIANTS: dict[str, dict[str, str]] = {
    "-g 60": {"-g": "60"},
    "-g 250": {"-g": "250"},
    "-g 250 -preset fast": {"-g": "250", "-preset": "fast"},
    "-g 250 -bf 3 -preset medium": {"-g": "250", "-bf": "3", "-preset": "medium"},
}


def run(options: Options) -> Iterator[Row | Table]:
    for name in options.sizes(SHOWN, SHOWN[:1]):
        with tempfile.TemporaryDirectory() as folder:
            yield from _Compared(Path(folder), name, options.sizes(FRAMES, 16)).items(options)


@dataclass
class _Compared:
    """One clip, in a folder of its own."""

    folder: Path
    name: str
    count: int
    _made: dict[int, Path] = field(default_factory=dict)

    @cached_property
    def frames(self) -> npt.NDArray[np.uint8]:
        return np.array(clip(self.name)[: self.count])

    def items(self, options: Options) -> Iterator[Row | Table]:
        np.save(self.folder / "frames.npy", self.frames)
        save_frames_as_png(self.frames, self.folder / "job")
        ours = self.quality(self.ours(20))
        shown = {peer: shown_frames(script, self.count) for peer, script in peers.FROM_FRAMES.items()}
        theirs = {peer: self.quality(path, shown.get(peer)) for peer, path in self.theirs()}
        for peer, called in BARRED.items():
            yield from self.rows(called, theirs[peer], ours)
        yield Table(
            f"{self.name} {CLIPS[self.name].size}, {self.count} frames, everybody's defaults",
            ["", "bytes", "XPSNR", "SSIM", "PSNR of RGB", "frames", "colours", "size"],
            [
                [
                    BARRED.get(peer, peer),
                    *_cells(found),
                    described(shown[peer], self.count) if peer in shown else str(found.frames),
                    found.colours,
                    found.shown or "as it was",
                ]
                for peer, found in {"daddy-encode": ours, **theirs}.items()
            ],
        )
        if not options.quick:
            yield self.variants(theirs["imageio"])

    def theirs(self) -> Iterator[tuple[str, Path]]:
        """The peers' videos."""
        source, pngs = self.folder / "frames.npy", self.folder / "job"
        commands = {peer: (script, source) for peer, script in peers.FROM_FRAMES.items()}
        commands["LeRobot"] = (peers.FROM_PNGS["LeRobot"], pngs)
        for peer, (script, read) in commands.items():
            target = self.folder / f"{peer.replace(', ', '-')}.mp4"
            command_seconds(peers.command(script, read, target))
            yield peer, target
        target = self.folder / "by-hand.mp4"
        command = [ffmpeg(), "-nostdin", "-y", "-framerate", "30", "-i", f"{pngs}/%06d.png", "-pix_fmt", "yuv420p"]
        command_seconds([*command, str(target)])
        yield "ffmpeg by hand", target

    def ours(self, crf: int) -> Path:
        """Our video of that --crf."""
        if crf not in self._made:
            self._made[crf] = self.folder / f"ours-{crf}.mp4"
            command_seconds([DADDY_ENCODE, "encode", self.folder / "job", "--crf", str(crf), "-o", self._made[crf]])
        return self._made[crf]

    def quality(self, video: Path, shown: list[int] | None = None) -> VideoQuality:
        """`shown`: the frame that each picture shows. Default: each its own."""
        return video_quality(video, self.frames if shown is None else self.frames[shown])

    def rows(self, called: str, peer: VideoQuality, ours: VideoQuality) -> Iterator[Row]:
        """Ours at the peer's size."""
        crf = 20
        if ours.size > peer.size or ours.xpsnr < peer.xpsnr or ours.ssim < peer.ssim:
            crf = _least_crf(lambda crf: os.path.getsize(self.ours(crf)), peer.size)
            ours = self.quality(self.ours(crf))
        what = f"{self.name} against {called}"
        sizes = f"--crf {crf}, {ours.size} bytes against {peer.size}"
        yield Row(
            what=f"{what}: XPSNR, dB",
            value=ours.xpsnr - peer.xpsnr,
            bar=">= 0",
            figures=f"{ours.xpsnr:.2f} against {peer.xpsnr:.2f}; {sizes}",
            why=WHY,
        )
        yield Row(
            what=f"{what}: SSIM",
            value=ours.ssim - peer.ssim,
            bar=">= 0",
            figures=f"{ours.ssim:.5f} against {peer.ssim:.5f}; {sizes}",
            why=WHY,
        )

    def variants(self, peer: VideoQuality) -> Table:
        """What other options of x264 would give at the peer's size."""
        cells = []
        for named, changes in VARIANTS.items():
            seconds: dict[int, float] = {}

            def made(crf: int, changes: dict[str, str] = changes, seconds: dict[int, float] = seconds) -> Path:
                target = self.folder / f"variant-{crf}.mp4"
                described = CLIPS[self.name]
                command = by_hand(self.folder / "job", target, described.width, described.height)
                for option, value in {**changes, "-crf": str(crf)}.items():
                    command[command.index(option) + 1] = value
                _, seconds[crf] = command_seconds(command)
                return target

            crf = _least_crf(lambda crf, made=made: os.path.getsize(made(crf)), peer.size)  # type: ignore[misc]
            found = self.quality(made(crf))
            cells.append([named, str(crf), *_cells(found), f"{seconds[crf]:.2f} s"])
        return Table(
            f"{self.name}, other options of x264 by hand at imageio.mimsave's size, {peer.size} bytes "
            f"(its XPSNR {peer.xpsnr:.2f}, SSIM {peer.ssim:.5f})",
            ["", "--crf", "bytes", "XPSNR", "SSIM", "PSNR of RGB", "CPU"],
            cells,
        )


def _cells(found: VideoQuality) -> list[str]:
    return [str(found.size), f"{found.xpsnr:.2f}", f"{found.ssim:.5f}", f"{found.psnr:.2f}"]


def _least_crf(size: Callable[[int], int], most: int) -> int:
    """The least crf whose file has at most `most` bytes; the largest where none has."""
    # 0 is lossless, another profile.
    low, high = 1, LARGEST_CRF
    while low < high:
        middle = (low + high) // 2
        if size(middle) <= most:
            high = middle
        else:
            low = middle + 1
    return low
