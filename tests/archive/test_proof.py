"""A proof is made by a verification alone, and holds only as long as everything is as it was."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from daddy_encode import save_frames_as_png
from daddy_encode.archive.verify.proof import Proof
from daddy_encode.archive.verify.prove import prove
from daddy_encode.encoding.frames.job_directory import JobDirectory
from daddy_encode.errors import TransientError
from daddy_encode.spool.paths import JobPaths
from tests.archive.jobs import beside, change_receipt, limits
from tests.jobs import encode
from tests.media import moving_square
from tests.test_architecture import PACKAGE

Proved = tuple[Path, JobDirectory, Proof]


@pytest.fixture
def proved(tmp_path: Path) -> Iterator[Proved]:
    save_frames_as_png(moving_square(6), tmp_path / "job")
    encode(tmp_path / "job", video="both")
    with JobDirectory(tmp_path / "job") as directory:
        proof = prove(JobPaths.of(tmp_path / "job"), directory, limits()).proof
        assert proof is not None
        yield tmp_path / "job", directory, proof


def rewrite(path: Path) -> None:
    path.write_bytes(path.read_bytes())


def replace(path: Path) -> None:
    """By a copy that looks the same but is another file."""
    status = path.stat()
    path.with_name("copy").write_bytes(path.read_bytes())
    os.utime(path.with_name("copy"), ns=(status.st_atime_ns, status.st_mtime_ns))
    path.with_name("copy").rename(path)


def rewrite_with_its_time(path: Path) -> None:
    status = path.stat()
    rewrite(path)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def test_it_holds_while_all_is_as_it_was(proved: Proved) -> None:
    job, directory, proof = proved
    proof.check(directory)
    (job.parent / "another.mp4").write_bytes(b"")
    proof.check(directory)
    assert set(proof.outputs) == {"mp4", "gif"}
    assert proof.worst_psnr == proof.worst["mp4"].psnr < proof.worst["gif"].psnr
    assert proof.listing.frames.names == sorted(path.name for path in job.glob("*.png"))


@pytest.mark.parametrize(
    "change", [rewrite, rewrite_with_its_time, replace, Path.unlink], ids=lambda call: call.__name__
)
@pytest.mark.parametrize(
    "name",
    [
        "job.mp4",
        "job/000003.png",
        *(pytest.param(name, marks=pytest.mark.soak) for name in ("job.gif", "job/manifest.json")),
    ],
)
def test_it_ends_with_any_change(proved: Proved, change: Callable[[Path], object], name: str) -> None:
    job, directory, proof = proved
    change(job.parent / name)
    with pytest.raises(TransientError):
        proof.check(directory)


def test_it_ends_with_another_file_another_receipt_another_directory(proved: Proved) -> None:
    job, directory, proof = proved
    (job / "another.txt").write_bytes(b"")
    with pytest.raises(TransientError, match="its frames changed"):
        proof.check(directory)
    proof.check_outputs(directory)
    change_receipt(job, lambda receipt: receipt.update(host="elsewhere"))
    with pytest.raises(TransientError, match=r"job\.receipt\.json: has changed since it was verified; run again"):
        proof.check_outputs(directory)
    job.rename(job.with_name("moved"))
    with pytest.raises(TransientError, match="its frames changed"):
        proof.check(directory)


def test_nothing_else_makes_one_or_changes_it(proved: Proved) -> None:
    _, _, proof = proved
    with pytest.raises(TypeError, match="a proof is made by a verification"):
        Proof(object(), proof.paths, proof.listing, proof.receipt, "", proof.outputs, proof.worst)
    with pytest.raises(AttributeError, match="stays as it was made"):
        proof.outputs = {}
    users = [path.name for path in PACKAGE.rglob("*.py") if "_VERIFIED" in path.read_text()]
    assert sorted(users) == ["proof.py", "prove.py"]


def unfinish(receipt: dict[str, Any]) -> None:
    receipt["unfinished"] = {"gif": receipt["outputs"].pop(1)["settings"]}


def fail(receipt: dict[str, Any]) -> None:
    receipt["error"] = "no GIF"


@pytest.mark.parametrize("change", [unfinish, fail])
def test_a_job_that_is_not_done_has_none(proved: Proved, change: Callable[[dict[str, Any]], None]) -> None:
    job, _, _ = proved
    change_receipt(job, change)
    result = beside(job)
    assert (result.proof, result.is_right) == (None, True)
    assert result.note.startswith("not done: ")


def test_frames_that_change_while_they_are_compared_have_none(proved: Proved) -> None:
    job, directory, _ = proved
    seen = 0

    def progress(frames: float) -> None:
        nonlocal seen
        seen += 1
        if seen == 3:
            (job / "000000.png").write_bytes((job / "000005.png").read_bytes())

    result = prove(JobPaths.of(job), directory, limits(), progress)
    assert result.proof is None
    assert "its frames changed" in "".join(result.lines())
