"""The bar: on a terminal only, and never mixed into a log line. A real pseudo-terminal, 80 columns wide."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import shlex
import struct
import subprocess
import sys
import termios
from collections.abc import Mapping
from pathlib import Path

import imageio_ffmpeg

from daddy_encode import save_frames_as_png
from tests.media import moving_square


def on_a_terminal(*arguments: str | Path, environ: Mapping[str, str]) -> str:
    """What `daddy-encode` writes to a terminal of 80 columns."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    command = [sys.executable, "-m", "daddy_encode", *map(str, arguments)]
    with subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, close_fds=True, env={**os.environ, **environ}
    ) as child:
        os.close(theirs)
        written = b""
        while True:
            try:
                part = os.read(ours, 65_536)
            except OSError:  # how Linux says that the other side has closed
                break
            if not part:
                break
            written += part
        os.close(ours)
        assert child.wait(30) == 0
    return written.decode()


def test_a_terminal_shows_one_bar_over_all_frames_with_rate_and_time_left(tmp_path: Path) -> None:
    for name in "ab":
        save_frames_as_png(moving_square(100, 120, 160), tmp_path / "spool" / name)
    # The time that is left is shown after a second.
    ffmpeg = tmp_path / "ffmpeg"
    real = shlex.quote(imageio_ffmpeg.get_ffmpeg_exe())
    ffmpeg.write_text(f'#!/bin/sh\n[ "$1" = -version ] || sleep 1.2\nexec {real} "$@"\n')
    ffmpeg.chmod(0o755)
    written = on_a_terminal("encode", tmp_path / "spool", environ={"IMAGEIO_FFMPEG_EXE": str(ffmpeg)})
    bars = [bar for bar in re.split(r"[\r\n]", written) if "frames/s" in bar]
    assert len(bars) > 3
    assert all(re.search(r"\[[#-]{24}\]  [012]/2 jobs  \d+ frames/s", bar) for bar in bars)
    assert any(re.search(r"  0:\d\d:\d\d left", bar) for bar in bars)
    assert "2/2 jobs" in bars[-1]
    visible = [re.sub(r"\x1b\[\??[0-9]*[a-zA-Z]", "", bar).rstrip() for bar in bars]
    assert max(map(len, visible)) < 80
    # What stays on the screen when every carriage return has gone back: the log lines, whole.
    kept = [re.sub(r"\x1b\[\??[0-9]*[a-zA-Z]", "", line.split("\x1b[K")[-1]) for line in written.split("\n")]
    assert sum(bool(re.match(r"INFO saved .*[ab]\.mp4: 100 frames", line.strip())) for line in kept) == 2


def test_without_a_terminal_there_is_no_bar(job: Path) -> None:
    from tests.media import run_command

    told = run_command("encode", job)
    assert "frames/s" not in told.stderr
    assert "\r" not in told.stderr
    assert "\x1b" not in told.stderr
