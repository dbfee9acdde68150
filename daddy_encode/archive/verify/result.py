"""What a verification has found out of one receipt and its videos."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct, field

from daddy_encode.archive.verify.proof import Nearness, Proof
from daddy_encode.errors import one_line
from daddy_encode.spool.paths import Kind

# What helps against every fault of a video: where its frames are there, and where they are not.
ADVICE = "`daddy-encode encode --force` makes it anew"
ADVICE_WITHOUT = "its frames are not there to make it anew: put it back"


class VerifiedVideo(Struct, kw_only=True):
    """One video of a receipt.

    Attributes:
        path: Where it is.
        kind: What it is.
        frames: How many pictures it has, as its receipt says.
        bytes: Its size, as its receipt says.
        faults: What is wrong with it; nothing where it is as it should be.
        unjudged: Why it could not be judged, here and now, whatever it shows; empty where it could.
        worst: The frame that is least near to what it should be; None where it was not compared with its frames.
        mean_psnr: Of all frames' samples together, in dB; None where it was not compared.
        mean_ssim: Of all frames; None where it was not compared, or where the pictures are too small to have one.
    """

    path: Path
    kind: Kind
    frames: int
    bytes: int
    faults: list[str] = field(default_factory=list)
    unjudged: str = ""
    worst: Nearness | None = None
    mean_psnr: float | None = None
    mean_ssim: float | None = None


class VerifiedJob(Struct, kw_only=True):
    """One receipt with its videos.

    Attributes:
        receipt: Where it is.
        videos: Its videos.
        faults: What is wrong with the receipt, or with the job's frames.
        frames_gone: Whether there is nothing to make its videos anew from.
        note: What whoever reads the result should know, though nothing is wrong.
        skipped: Why it was left alone: it is another user's; empty where it was not.
        proof: That all of it is right, compared with the frames; None where it was not compared, or is not so.
    """

    receipt: Path
    videos: list[VerifiedVideo] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    frames_gone: bool = False
    note: str = ""
    skipped: str = ""
    proof: Proof | None = None

    @property
    def is_right(self) -> bool:
        """Whether nothing is wrong, as far as all was judged."""
        return not self.faults and not any(video.faults or video.unjudged for video in self.videos)

    def lines(self) -> Iterator[str]:
        """Yield one line for each thing that is wrong, or not judged: which file, what, and what helps."""
        advice = ADVICE_WITHOUT if self.frames_gone else ADVICE
        for fault in self.faults:
            yield one_line(fault)
        for video in self.videos:
            for fault in video.faults:
                # Another user's says itself what helps.
                yield one_line(f"{video.path}: {fault}" + f"; {advice}" * ("--trust-owner" not in fault))
            if video.unjudged:
                yield one_line(f"{video.path}: cannot be judged now: {video.unjudged}")
