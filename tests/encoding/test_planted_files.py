"""What others put where an encoder writes: links at the output's name, another file in a temporary one's place."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from daddy_encode import save_frames_as_png
from daddy_encode.encoding.job import encode_job
from daddy_encode.encoding.receipts import record_failure
from daddy_encode.errors import DaddyEncodeError, FrameError, SpoolError, TransientError
from daddy_encode.spool.claims import Claims, claimed_names
from daddy_encode.spool.paths import JobPaths
from daddy_encode.spool.publish import publish, temp_file
from tests.jobs import context, encode
from tests.media import decode_mp4, moving_square


@pytest.fixture
def precious(tmp_path: Path) -> Path:
    path = tmp_path / "precious"
    path.write_text("not to be touched")
    return path


@pytest.mark.parametrize("dangling", [False, True])
def test_a_link_at_an_outputs_name_is_replaced_not_followed(job: Path, precious: Path, dangling: bool) -> None:
    target = precious.parent / "not-there" if dangling else precious
    outputs = [job.parent / f"episode-0003.{suffix}" for suffix in ("mp4", "gif", "receipt.json")]
    for path in outputs:
        path.symlink_to(target)
    encode(job, video="both")
    assert not any(path.is_symlink() for path in outputs)
    assert len(decode_mp4(outputs[0], 64, 48)) == 12
    assert precious.read_text() == "not to be touched"
    assert not (precious.parent / "not-there").exists()


@pytest.mark.parametrize("plant", [os.symlink, os.link, lambda precious, name: os.mkfifo(name), None])
def test_a_file_in_a_temporary_ones_place_is_neither_written_nor_published_nor_removed(
    tmp_path: Path, precious: Path, plant: Callable[[Path, Path], None] | None
) -> None:
    with temp_file(tmp_path) as temp:
        temp.path.unlink()
        if plant is not None:
            plant(precious, temp.path)
        with temp.writing() as stream:
            stream.write(b"ours")
        with temp.reading() as stream:
            assert stream.read() == b"ours"
        with pytest.raises(TransientError, match=r"cannot write .*\.tmp: another file was put in its place"):
            publish(temp, tmp_path / "final")
    assert precious.read_text() == "not to be touched"
    assert not os.path.lexists(tmp_path / "final")
    assert os.path.lexists(temp.path) == (plant is not None)


def test_a_file_with_a_second_name_is_not_published(tmp_path: Path) -> None:
    with temp_file(tmp_path) as temp:
        os.link(temp.path, tmp_path / "second")
        with pytest.raises(TransientError):
            publish(temp, tmp_path / "final")
    assert os.listdir(tmp_path) == ["second"]


def test_a_link_in_the_folders_place_is_not_followed(tmp_path: Path, precious: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    with temp_file(tmp_path / "out") as temp:
        (tmp_path / "out").rename(tmp_path / "moved")
        (tmp_path / "out").symlink_to("elsewhere")
        publish(temp, tmp_path / "out" / "final")
    assert os.listdir(tmp_path / "elsewhere") == []
    assert os.listdir(tmp_path / "moved") == ["final"]


def test_a_file_swapped_in_just_before_the_renaming_is_reported(
    tmp_path: Path, precious: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with temp_file(tmp_path) as temp:
        rename = os.replace

        def swap_and_rename(*names: Any, **directories: Any) -> None:
            temp.path.unlink()
            temp.path.symlink_to(precious)
            rename(*names, **directories)

        monkeypatch.setattr(os, "replace", swap_and_rename)
        with pytest.raises(TransientError, match=r"cannot write .*/final: another file was put in its place"):
            publish(temp, tmp_path / "final")
    assert precious.read_text() == "not to be touched"


@pytest.mark.parametrize("kind", ["mp4", "gif"])
def test_a_folder_at_an_outputs_name_is_reported_and_neither_output_appears(job: Path, kind: str) -> None:
    (job.parent / f"episode-0003.{kind}").mkdir()
    with pytest.raises(
        SpoolError, match=rf"episode-0003\.{kind}: Is a directory; a directory has that name: move it away"
    ):
        encode(job, video="both")
    assert sorted(os.listdir(job.parent)) == ["episode-0003", f"episode-0003.{kind}"]


@pytest.mark.parametrize("with_the_frames", [False, True])
@pytest.mark.parametrize("tmp_dir", [False, True])
def test_a_link_in_the_place_of_the_jobs_folder_is_not_followed(
    job: Path, tmp_path: Path, tmp_dir: bool, with_the_frames: bool
) -> None:
    """Somebody who may write to the spool puts a link there just before the video is published."""
    folder, private = job.parent, tmp_path / "private"
    private.mkdir()
    ours = [private / f"{job.name}{suffix}" for suffix in (".mp4", ".receipt.json")]
    for path in ours:
        path.write_text("not to be touched")

    def swap() -> None:
        folder.rename(tmp_path / "moved")
        if with_the_frames:
            (tmp_path / "moved" / job.name).rename(private / job.name)
        folder.symlink_to(private)

    asked = replace(context(), on_encoded=swap, tmp_dir=tmp_path / "scratch" if tmp_dir else None)
    # Without its frames it is then tried once more, where no job is.
    message = "another directory was put in its" if with_the_frames else "cannot be opened"
    with pytest.raises(DaddyEncodeError, match=message):
        encode_job(JobPaths.of(job), asked)
    assert sorted(path for path in private.iterdir() if path.is_file()) == ours
    assert {path.read_text() for path in ours} == {"not to be touched"}


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("with_output_dir", [True, False])
def test_a_link_among_the_directories_of_the_outputs_is_not_followed(
    tmp_path: Path, fails: bool, with_output_dir: bool
) -> None:
    spool, out, mine = tmp_path / "spool", tmp_path / "real-out", tmp_path / "mine"
    mine.mkdir()
    (mine / "job.mp4").write_text("precious")
    (mine / ".daddy-encode").mkdir()
    (mine / ".daddy-encode" / "gone-0123456789abcdef").write_text("precious")
    for directory in (spool / "run-1" / "deep" / "job", spool / "run-2" / "job"):
        save_frames_as_png(moving_square(3, 16, 16), directory)
    top = out if with_output_dir else spool
    if with_output_dir:
        out.mkdir()
    else:
        (spool / "run-1" / "deep").rename(tmp_path / "deep")
        (tmp_path / "deep" / "job").rename(mine / "job")
        (spool / "run-1").rmdir()
    (top / "run-1").symlink_to(mine)
    (tmp_path / "link-out").symlink_to(top)
    root = spool if with_output_dir else tmp_path / "link-out"
    before = sorted(mine.rglob("*"))

    def paths(*parts: str) -> JobPaths:
        return JobPaths.of(root.joinpath(*parts), root, tmp_path / "link-out" if with_output_dir else None)

    linked = paths("run-1", "deep", "job") if with_output_dir else paths("run-1", "job")
    claimed_names(linked.base.parent, linked.top, tidy=True)
    if fails:
        record_failure(linked, FrameError("bad"), context(), 1)
    else:
        for attempt in (lambda: encode_job(linked, context()), lambda: Claims(60).hold(linked, print).__enter__()):
            with pytest.raises(TransientError, match="run-1: is a link, and only a link that is named") as raised:
                attempt()
            assert "\n" not in str(raised.value)
        assert encode_job(paths("run-2", "job"), context()).made
        assert (top / "run-2" / "job.mp4").is_file()
    assert sorted(mine.rglob("*")) == before
    assert (mine / "job.mp4").read_text() == "precious"
