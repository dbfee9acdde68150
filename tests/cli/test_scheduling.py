"""How the system schedules what a command starts."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from daddy_encode import save_frames_as_png
from tests.media import moving_square, run_command
from tests.stand_in import write_ffmpeg


@pytest.mark.parametrize(("before", "after"), [(os.SCHED_OTHER, os.SCHED_BATCH), (os.SCHED_IDLE, os.SCHED_IDLE)])
def test_ffmpeg_interrupts_nobody_and_a_policy_that_was_chosen_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: int, after: int
) -> None:
    save_frames_as_png(moving_square(2, 12, 16), tmp_path / "ep")
    script = write_ffmpeg(tmp_path / "bin" / "ffmpeg", 'cat /proc/self/stat > "$0.stat"; exec "$REAL" "$@"')
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(script))
    told = run_command(
        "encode", tmp_path / "ep", preexec_fn=lambda: os.sched_setscheduler(0, before, os.sched_param(0))
    )
    assert told.returncode == 0, told.stderr
    # proc(5): the 41st field; the third follows the name.
    assert int(script.with_name("ffmpeg.stat").read_text().rpartition(")")[2].split()[38]) == after
