"""Overwriting a dump while an encoder reads it."""

from __future__ import annotations

import hashlib
import os
import signal
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from daddy_encode.spool.frames import frame_name
from daddy_encode.spool.manifest import Manifest, write_manifest
from tests.jobs import encode
from tests.media import Frames, leftovers, noise
from tests.service.spools import Encoder, receipt_of, video_of
from tests.stand_in import write_ffmpeg

# Of which a pipe holds a few at most.
OLD, NEW = noise(12, 120, 160), noise(12, 120, 160, seed=1)

Overwrite = Callable[[Path, Frames], None]


def loose(job: Path, frames: Frames) -> None:
    """In place, without a manifest."""
    job.mkdir(exist_ok=True)
    for index, frame in enumerate(frames):
        Image.fromarray(frame).save(job / frame_name(index), compress_level=0)


def in_place(job: Path, frames: Frames) -> None:
    loose(job, frames)
    write_manifest(job, Manifest(frames=len(frames), width=160, height=120))


def by_renames(job: Path, frames: Frames) -> None:
    in_place(job.parent / "new", frames)
    for path in (job.parent / "new").iterdir():
        os.replace(path, job / path.name)
    (job.parent / "new").rmdir()


def without_its_manifest(job: Path, frames: Frames) -> None:
    """As a rollout that has not ended yet."""
    (job / "manifest.json").unlink()
    loose(job, frames)


class Blocked:
    """An ffmpeg that takes a little of its input, and the rest only when it is allowed to."""

    def __init__(self, folder: Path) -> None:
        self._allowed = folder / "allowed"
        self._begun = folder / "begun"
        path = write_ffmpeg(
            folder / "bin" / "ffmpeg",
            f"""first() {{
    dd bs=70000 count=1 iflag=fullblock 2>/dev/null
    touch {self._begun}
    while [ ! -e {self._allowed} ]; do sleep 0.05; done
    exec cat
}}
first | "$REAL" "$@"
""",
        )
        self.environment = {"IMAGEIO_FFMPEG_EXE": str(path)}

    def begun(self) -> bool:
        return self._begun.exists()

    def allow(self) -> None:
        self._allowed.touch()


def overwrite_meanwhile(encoder: Encoder, ffmpeg: Blocked, job: Path, overwrite: Overwrite) -> None:
    """Suspend the encoder in the midst of its frames, as Slurm does, and overwrite the dump."""
    encoder.until(ffmpeg.begun, "the first frames")
    encoder.process.send_signal(signal.SIGSTOP)
    overwrite(job, NEW)
    encoder.process.send_signal(signal.SIGCONT)
    ffmpeg.allow()


def assert_it_is_of(frames: Frames, job: Path, tmp_path: Path) -> None:
    in_place(tmp_path / "again", frames)
    encode(tmp_path / "again")
    assert video_of(job).read_bytes() == (tmp_path / "again.mp4").read_bytes()
    source = b"".join(path.read_bytes() for path in sorted((tmp_path / "again").glob("*.png")))
    assert receipt_of(job)["source"]["sha256"] == hashlib.sha256(source).hexdigest()  # type: ignore[index]
    assert leftovers(job.parent) == []
