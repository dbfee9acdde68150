"""A frame that is swapped for a link to a secret while encodes run: its pixels never appear."""

from __future__ import annotations

import os
import shutil
import threading
from pathlib import Path

from PIL import Image

from daddy_encode.encode.frames.job_directory import BadFrameError, JobDirectory
from daddy_encode.encode.frames.source import DirectorySource
from daddy_encode.encode.job import encode_job
from daddy_encode.errors import DaddyEncodeError
from daddy_encode.spool.paths import JobPaths
from tests.jobs import context
from tests.media import decode_mp4

SWAPS = 10_000


def test_a_linked_secret_never_appears_in_ten_thousand_swaps(job: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret.png"
    Image.new("RGB", (64, 48), (0, 255, 0)).save(secret)
    kept = tmp_path / "000006.png"
    shutil.copy(job / "000006.png", kept)
    done = threading.Event()

    def swap() -> None:
        # Each by a rename, so that one or the other is there at every moment.
        for number in range(SWAPS):
            if number % 2:
                os.link(kept, tmp_path / "next")
            else:
                os.symlink(secret, tmp_path / "next")
            os.replace(tmp_path / "next", job / "000006.png")
        done.set()

    refused = made = read = 0
    thread = threading.Thread(target=swap)
    thread.start()
    while not done.is_set():
        # The frame source alone reads a hundred times as often as whole encodes do.
        with JobDirectory(job) as folder:
            for _ in range(20):
                try:
                    for frame in DirectorySource(folder, ["000006.png"]).frames(as_pixels=True):
                        assert b"\x00\xff\x00" * 8 not in bytes(frame)
                        read += 1
                except BadFrameError as error:
                    assert "000006.png: " in str(error)
                    refused += 1
        try:
            encode_job(JobPaths.of(job), context(force=True))
        except DaddyEncodeError:
            continue
        shown = decode_mp4(job.parent / "episode-0003.mp4", 64, 48).astype(int)
        assert not ((shown[..., 1] > 200) & (shown[..., 0] < 60)).any()
        made += 1
    thread.join()
    assert refused
    assert read
    assert made
