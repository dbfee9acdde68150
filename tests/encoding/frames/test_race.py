"""A frame that is swapped for a link to a secret while encodes run: its pixels never appear."""

from __future__ import annotations

import os
import shutil
import threading
from pathlib import Path

import pytest
from PIL import Image

from daddy_encode.encoding.frames.job_directory import BadFrameError, JobDirectory
from daddy_encode.encoding.frames.source import DirectorySource
from daddy_encode.encoding.job import encode_job
from daddy_encode.errors import DaddyEncodeError
from daddy_encode.spool.paths import JobPaths
from tests.jobs import context
from tests.media import decode_mp4

# So many whole encodes have to succeed, with the frame or without the link at the moment of its reading.
MADE = 3


@pytest.mark.parametrize("swaps", [1000, pytest.param(10_000, marks=pytest.mark.soak)])
def test_a_linked_secret_never_appears_however_often_it_is_swapped_in(job: Path, tmp_path: Path, swaps: int) -> None:
    secret = tmp_path / "secret.png"
    Image.new("RGB", (64, 48), (0, 255, 0)).save(secret)
    kept = tmp_path / "000006.png"
    shutil.copy(job / "000006.png", kept)
    stop = threading.Event()
    swapped = 0

    def swap() -> None:
        nonlocal swapped
        # Each by a rename, so that one or the other is there at every moment.
        while not stop.is_set():
            if swapped % 2:
                os.link(kept, tmp_path / "next")
            else:
                os.symlink(secret, tmp_path / "next")
            os.replace(tmp_path / "next", job / "000006.png")
            swapped += 1

    refused = made = read = 0
    thread = threading.Thread(target=swap)
    thread.start()
    try:
        while swapped < swaps or made < MADE or not (refused and read):
            # The frame source alone reads a hundred times as often as whole encodes do.
            with JobDirectory(job) as directory:
                for _ in range(20):
                    try:
                        for frame in DirectorySource(directory, ["000006.png"]).frames(as_pixels=True):
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
    finally:
        stop.set()
        thread.join()
