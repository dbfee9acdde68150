"""A record and a packed file that lie, as another user may have written them: refused, bounded, never removed for."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from daddy_encode import save_frames_as_png
from daddy_encode.archive.pack.pack import pack_job
from daddy_encode.archive.pack.unpack import unpack_job
from daddy_encode.errors import DaddyEncodeError
from daddy_encode.service.job_status import job_statuses
from daddy_encode.spool.paths import JobPaths
from tests.jobs import context, encode
from tests.media import ffmpeg, moving_square, noise, run_command
from tests.users import User

# With those of the other modules here they take too long for the default tests.
pytestmark = pytest.mark.soak


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    job = tmp_path / "run"
    save_frames_as_png(moving_square(6), job)
    pack_job(JobPaths.of(job), context())
    return job


def rewrite(job: Path, **fields: Any) -> None:
    record = json.loads((job / "frames.json").read_text())
    record |= fields
    (job / "frames.json").write_text(json.dumps(record))


def replace_file(job: Path, data: bytes, **fields: Any) -> None:
    """Another packed file, which the record describes as if it were right."""
    (job / "frames.mkv").write_bytes(data)
    rewrite(job, bytes=len(data), sha256=hashlib.sha256(data).hexdigest(), **fields)


def video(job: Path, frames: str, *options: str) -> bytes:
    """A Matroska file of another program."""
    path = job.parent / "other.mkv"
    command = [ffmpeg(), "-v", "error", "-y", "-f", "lavfi", "-i", frames, *options, "-f", "matroska", str(path)]
    subprocess.run(command, check=True, timeout=60, stdin=subprocess.DEVNULL)
    data = path.read_bytes()
    path.unlink()
    return data


def fewer(job: Path) -> None:
    replace_file(job, video(job, "testsrc=s=64x48:r=25", "-frames:v", "5", "-c:v", "libx264rgb", "-qp", "0"))


def more(job: Path) -> None:
    replace_file(job, video(job, "testsrc=s=64x48:r=25", "-frames:v", "400", "-c:v", "libx264rgb", "-qp", "0"))


def larger(job: Path) -> None:
    replace_file(job, video(job, "testsrc=s=640x480:r=25", "-frames:v", "6", "-c:v", "libx264rgb", "-qp", "0"))


def another_codec(job: Path) -> None:
    replace_file(job, video(job, "testsrc=s=64x48:r=25", "-frames:v", "6", "-c:v", "mpeg4"))


def no_video(job: Path) -> None:
    replace_file(job, b"\x1a\x45\xdf\xa3" + bytes(1000))


def cut_off(job: Path) -> None:
    os.truncate(job / "frames.mkv", 900)


def flipped(job: Path) -> None:
    data = bytearray((job / "frames.mkv").read_bytes())
    data[-20] ^= 1
    (job / "frames.mkv").write_bytes(data)


def a_link(job: Path) -> None:
    (job / "frames.mkv").rename(job.parent / "elsewhere.mkv")
    (job / "frames.mkv").symlink_to(job.parent / "elsewhere.mkv")


def a_fifo(job: Path) -> None:
    (job / "frames.mkv").unlink()
    os.mkfifo(job / "frames.mkv")


def of_a_million_names(job: Path) -> None:
    rewrite(job, frames=1_000_000)


def of_too_many_frames(job: Path) -> None:
    rewrite(job, frames=1_000_001)


def with_names_that_lead_elsewhere(job: Path) -> None:
    rewrite(job, numbered=None, listed="/".join(["../../escape.png"] * 3))


def with_no_names(job: Path) -> None:
    rewrite(job, numbered=None)


def of_a_huge_size(job: Path) -> None:
    head = bytearray(bytes.fromhex(json.loads((job / "frames.json").read_text())["head"]))
    head[16:24] = b"\0\1\0\0\0\1\0\0"
    rewrite(job, head=head.hex())


def of_another_head(job: Path) -> None:
    rewrite(job, head="00" * 40)


def of_a_head_that_is_none(job: Path) -> None:
    rewrite(job, head="not hex")


def no_record(job: Path) -> None:
    (job / "frames.json").write_text('{"version": 1}')


def of_another_manifest(job: Path) -> None:
    text = (job / "manifest.json").read_text()
    (job / "manifest.json").write_text(text.replace('"fps": 30', '"fps": 29'))


LIES: list[tuple[Callable[[Path], None], str]] = [
    (fewer, "has 5 frames"),
    (more, "has more than the 6 frames"),
    (larger, "does not decode it|has more than the 6 frames"),
    (another_codec, "does not decode it"),
    (no_video, "does not decode it"),
    (cut_off, "has 900 bytes, and frames.json says"),
    (flipped, "is damaged: its SHA-256"),
    (a_link, "cannot be opened"),
    (a_fifo, "is not a regular file"),
    (of_a_million_names, "bytes are 1000000 frames"),
    (of_too_many_frames, "not a valid packrecord"),
    (with_names_that_lead_elsewhere, "frames.json"),
    (with_no_names, "does not name as many PNGs"),
    (of_a_huge_size, "more than the limit of"),
    (of_another_head, "wrong signature"),
    (of_a_head_that_is_none, "frames.json"),
    (no_record, "not a valid packrecord"),
    (of_another_manifest, "was packed beside another manifest.json"),
]


@pytest.mark.parametrize(("lie", "reason"), LIES, ids=lambda value: getattr(value, "__name__", ""))
def test_a_lie_is_an_error_and_nothing_is_made_or_removed(
    packed: Path, lie: Callable[[Path], None], reason: str
) -> None:
    lie(packed)
    before = sorted(path.name for path in packed.iterdir())
    with pytest.raises(DaddyEncodeError, match=reason):
        encode(packed)
    assert not list(packed.parent.glob("run.mp4"))
    for work in (pack_job, unpack_job):
        with contextlib.suppress(DaddyEncodeError):
            work(JobPaths.of(packed), context())
    assert [job.state.value for job in job_statuses(packed)] != ["done"]
    assert sorted(path.name for path in packed.iterdir()) == before


def test_loose_frames_that_are_not_those_that_were_packed_are_an_error(packed: Path) -> None:
    other = packed.parent / "other"
    save_frames_as_png(noise(8, 48, 64), other)
    (packed / "000006.png").write_bytes((other / "000006.png").read_bytes())
    with pytest.raises(DaddyEncodeError, match=r"packed frames and 000006.png, which is none of them or newer"):
        encode(packed)
    (packed / "000006.png").unlink()
    # Written after the packing: it is not what a killed packer has left.
    (packed / "000002.png").write_bytes((other / "000002.png").read_bytes())
    with pytest.raises(DaddyEncodeError, match=r"000002.png, which is none of them or newer"):
        encode(packed)


def test_a_leftover_that_is_another_picture_is_never_removed(packed: Path) -> None:
    other = packed.parent / "other"
    save_frames_as_png(noise(8, 48, 64), other)
    frame = packed / "000002.png"
    frame.write_bytes((other / "000002.png").read_bytes())
    # As one that unpacks leaves them.
    made = json.loads((packed / "frames.json").read_text())["mtime_ns"]
    os.utime(frame, ns=(made, made))
    assert encode(packed).made
    for arguments in (("pack",), ("pack", "--undo")):
        done = run_command(*arguments, packed)
        assert done.returncode == 1 and "is not the PNG that was packed; move it away" in done.stderr
        assert frame.read_bytes() == (other / "000002.png").read_bytes()
        assert (packed / "frames.mkv").exists()


def test_leftovers_of_a_killed_packer_are_proved_and_removed(packed: Path) -> None:
    twin = packed.parent / "twin"
    save_frames_as_png(moving_square(6), twin)
    for name in ("000001.png", "000004.png"):
        (packed / name).write_bytes((twin / name).read_bytes())
        os.utime(packed / name, ns=(0, 0))
    # They might be a new recording's, until they are compared.
    with pytest.raises(DaddyEncodeError, match="pack removes it where it is what was packed"):
        encode(packed)
    done = run_command("pack", packed)
    assert done.returncode == 0 and not list(packed.glob("*.png")), done.stderr
    assert encode(packed).receipt.source.frames == 6


def test_a_users_own_file_of_the_name_is_not_replaced(tmp_path: Path) -> None:
    job = tmp_path / "run"
    save_frames_as_png(moving_square(4), job)
    (job / "frames.mkv").write_bytes(b"mine")
    done = run_command("pack", job)
    assert done.returncode == 1 and "is there already, and no frames.json says what it is" in done.stderr
    assert (job / "frames.mkv").read_bytes() == b"mine" and len(list(job.glob("*.png"))) == 4


def test_a_users_own_json_of_the_name_does_no_harm(tmp_path: Path) -> None:
    job = tmp_path / "run"
    save_frames_as_png(moving_square(4), job)
    (job / "frames.json").write_text('{"0": "left"}')
    (job / "frames.mkv").write_bytes(b"mine")
    assert encode(job).made
    assert run_command("status", job).returncode == 0


def test_another_users_packed_file_is_not_taken(packed: Path, nobody: User) -> None:
    os.chown(packed / "frames.mkv", nobody.uid, nobody.gid)
    done = run_command("encode", packed)
    assert done.returncode == 1 and "--trust-owner" in done.stderr and not list(packed.parent.glob("run.mp4"))
