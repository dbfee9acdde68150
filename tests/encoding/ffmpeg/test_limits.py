"""What ffmpeg is given: formats and protocols named one by one, bounded memory, no file's name, a time limit."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from daddy_encode import save_frames_as_png
from daddy_encode.encoding.ffmpeg.memory import MEMORY_BYTES, MEMORY_PER_CPU, MEMORY_PER_PIXEL
from daddy_encode.errors import EncodeError
from daddy_encode.spool.png.writer import encode_png
from tests.encoding.conftest import StandIn
from tests.jobs import encode
from tests.media import moving_square, run_command, shaded

# The limit is set as soon as the process is there.
WAIT_FOR_LIMIT = 'while [ "$(ulimit -d)" = unlimited ]; do sleep 0.01; done'


@pytest.mark.parametrize("alpha", [False, True])
def test_no_name_from_the_spool_and_only_named_formats_reach_its_command_line(
    tmp_path: Path, stand_in: StandIn, alpha: bool
) -> None:
    log = tmp_path / "log"
    stand_in(f'printf "%s\\n" "$@" >> {log}\npwd >> {log}\nexec "$REAL" "$@"')
    # More colours than a palette holds, so that ffmpeg makes the GIF as well.
    frames = shaded(3)
    job = tmp_path / "a-name-to-look-for"
    save_frames_as_png(frames if not alpha else frames[..., [0, 1, 2, 0]], job)
    encode(job, video="both")
    arguments = log.read_text().splitlines()
    assert not [argument for argument in arguments if "look-for" in argument or "000000" in argument]
    inputs = [index for index, argument in enumerate(arguments) if argument == "-i"]
    assert inputs
    for index in inputs:
        assert arguments[index + 1].startswith("pipe:")
    kind = "rawvideo" if alpha else "image2pipe"
    assert arguments.count("-protocol_whitelist") == arguments.count("-format_whitelist") == len(inputs)
    assert arguments[arguments.index("-protocol_whitelist") + 1] == "pipe"
    assert arguments[arguments.index("-format_whitelist") + 1] == kind
    assert arguments[arguments.index("-f") + 1] == kind
    assert arguments[arguments.index("-codec_whitelist") + 1] in ("png", "rawvideo")
    (output,) = [argument for argument in arguments if argument.startswith("file:")][:1]
    assert output.startswith("file:/proc/self/fd/")


def test_its_memory_is_bounded_by_the_size_of_the_frames(tmp_path: Path, stand_in: StandIn) -> None:
    log = tmp_path / "log"
    stand_in(f'{WAIT_FOR_LIMIT}; ulimit -d >> {log}; exec "$REAL" "$@"')
    save_frames_as_png(moving_square(3, 48, 64), tmp_path / "job")
    encode(tmp_path / "job")
    bound = MEMORY_BYTES + MEMORY_PER_CPU * (os.cpu_count() or 1) + MEMORY_PER_PIXEL * 48 * 64
    assert log.read_text().split() == [str(bound // 1024)]


def test_an_ffmpeg_that_takes_more_memory_fails_and_is_reported(tmp_path: Path, stand_in: StandIn) -> None:
    greedy = "x = bytearray(64 << 30)"
    stand_in(f"{WAIT_FOR_LIMIT}; exec {sys.executable} -c '{greedy}'")
    save_frames_as_png(moving_square(3), tmp_path / "job")
    with pytest.raises(EncodeError, match="MemoryError"):
        encode(tmp_path / "job")


def test_one_that_stalls_is_ended_after_the_time_that_was_given(tmp_path: Path, stand_in: StandIn) -> None:
    stand_in("exec sleep 1000")
    save_frames_as_png(moving_square(3), tmp_path / "job")
    completed = run_command("encode", tmp_path / "job", "--stall-timeout", "0.5")
    assert completed.returncode == 1
    assert "ffmpeg made no progress for 0.5 s and was ended" in completed.stderr
    assert not (tmp_path / "job.mp4").exists()


def test_a_frame_above_the_pixel_limit_is_refused_and_the_limit_is_an_option(tmp_path: Path) -> None:
    save_frames_as_png(moving_square(3, 128, 128), tmp_path / "job")
    completed = run_command("encode", tmp_path / "job", "--max-pixels", "0.015")
    assert completed.returncode == 1
    assert "000000.png: is 128x128, more than the limit of 15728 pixels" in completed.stderr
    assert run_command("encode", tmp_path / "job", "--max-pixels", "0.015625").returncode == 0


@pytest.mark.parametrize("value", ["red", "#ff0000", "ff00", "gg0000"])
def test_a_background_that_is_not_a_colour_is_wrong_usage(tmp_path: Path, value: str) -> None:
    completed = run_command("encode", tmp_path, "--background", value)
    assert completed.returncode == 2
    assert "background" in completed.stderr


@pytest.mark.soak
def test_a_frame_at_the_default_limit_is_encoded(tmp_path: Path) -> None:
    (tmp_path / "job").mkdir()
    (tmp_path / "job" / "000000.png").write_bytes(encode_png(moving_square(1, 8192, 8192)[0], 0))
    for index in range(1, 12):
        shutil.copy(tmp_path / "job" / "000000.png", tmp_path / "job" / f"{index:06d}.png")
    assert encode(tmp_path / "job", preset="ultrafast").made[0].width == 8192
