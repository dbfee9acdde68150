"""Jobs whose frames are in a `frames.tar`: what becomes of them is what becomes of loose frames."""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
from pathlib import Path

import msgspec
import pytest

from daddy_encode import save_frames_as_png
from daddy_encode.dump import FrameWriter
from daddy_encode.encoding.frames.job_directory import JobDirectory
from daddy_encode.encoding.job import encode_job
from daddy_encode.errors import FrameError, ManifestError
from daddy_encode.spool.paths import JobPaths
from daddy_encode.spool.stored.find import find_stored
from tests.encoding.frames.test_gaps import shown
from tests.encoding.stored.tars import add, add_all, into_tar, loose
from tests.jobs import context, encode
from tests.media import moving_square, noise


def as_recorded(job: Path, twin: Path) -> None:
    save_frames_as_png(moving_square(12), twin, container="tar")


def as_gnu_tar_does(job: Path, twin: Path) -> None:
    twin.mkdir()
    shutil.copy(job / "manifest.json", twin)
    subprocess.run(["tar", "-C", job, "--exclude=*.json", "-cf", twin / "frames.tar", "."], check=True, timeout=60)


def as_python_does(job: Path, twin: Path) -> None:
    # Its times are fractions, which are in a pax header before each entry.
    twin.mkdir()
    shutil.copy(job / "manifest.json", twin)
    with tarfile.open(twin / "frames.tar", "w") as archive:
        for name in loose(job):
            archive.add(job / name, f"frames/{name}")


def in_any_order_beside_other_files(job: Path, twin: Path) -> None:
    twin.mkdir()
    shutil.copy(job / "manifest.json", twin)
    frames = loose(job)
    with tarfile.open(twin / "frames.tar", "w", format=tarfile.GNU_FORMAT) as archive:
        for name in reversed(frames):
            add(archive, f"./._{name}", b"what macOS leaves")
            add(archive, name, frames[name])
            add(archive, name.replace("png", "json"), b"{}")


@pytest.mark.parametrize("make", [as_recorded, as_gnu_tar_does, as_python_does, in_any_order_beside_other_files])
def test_videos_are_byte_for_byte_those_of_loose_frames(job: Path, make: object) -> None:
    twin = job.parent / "twin"
    assert callable(make)
    make(job, twin)
    assert loose(twin) == {}
    receipts = [encode(directory, video="both").receipt for directory in (job, twin)]
    for kind in ("mp4", "gif"):
        assert (job.parent / f"twin.{kind}").read_bytes() == (job.parent / f"episode-0003.{kind}").read_bytes()
    assert receipts[1].source.sha256 == receipts[0].source.sha256
    assert encode(twin, video="both").made == [], "it is done"


def test_frames_of_changed_pixels_and_of_other_kinds_are_read_alike(tmp_path: Path) -> None:
    kinds = {
        "noise": noise(20, 130, 130),
        "grey": moving_square(5)[:, :, :, 0],
        "still": moving_square(1).repeat(20, 0),
    }
    for name, frames in kinds.items():
        save_frames_as_png(frames, tmp_path / f"{name}-loose")
        save_frames_as_png(frames, tmp_path / f"{name}-tar", container="tar")
        videos = []
        for kept in ("loose", "tar"):
            encode(tmp_path / f"{name}-{kept}")
            videos.append((tmp_path / f"{name}-{kept}.mp4").read_bytes())
        assert videos[0] == videos[1], name


def killed(job: Path, beyond: int | None = None) -> None:
    """As SIGKILL leaves an archive: no manifest, no end, and of the last frame's entry so much (default: half)."""
    path = into_tar(job)
    (job / "manifest.json").unlink()
    with tarfile.open(path) as archive:
        last = archive.getmembers()[11]
    os.truncate(path, last.offset + (512 + last.size // 2 if beyond is None else beyond))


def test_a_killed_rollout_loses_its_last_frame_and_with_salvage_says_so(job: Path) -> None:
    killed(job)
    with pytest.raises(FrameError, match=r"/frames\.tar/000011\.png: is cut off: frames\.tar ends after .*--salvage"):
        encode(job)
    receipt = encode(job, salvage=True).receipt
    assert (receipt.salvaged, receipt.gaps, receipt.lost.bad_count) == (True, "hold", 1)
    assert receipt.lost.bad[0].name == "000011.png"
    assert "is cut off" in receipt.lost.bad[0].reason
    assert shown(job.parent / "episode-0003.mp4") == [*range(11), 10]
    encode(job, salvage=True, gaps="skip")
    assert shown(job.parent / "episode-0003.mp4") == list(range(11))


@pytest.mark.parametrize(("beyond", "says"), [(0, None), (100, "ends within its header"), (512, "ends after 0 of its")])
def test_an_archive_that_ends_before_the_data_of_an_entry_has_all_before_it(
    job: Path, beyond: int, says: str | None
) -> None:
    killed(job, beyond)
    receipt = encode(job, salvage=True).receipt
    # What has begun is known to be lost.
    assert [
        f"{bad.name}: is cut off: frames.tar {says}" in f"{bad.name}: {bad.reason}" for bad in receipt.lost.bad
    ] == ([True] if says else [])
    assert shown(job.parent / "episode-0003.mp4") == [*range(11), *[10] * bool(says)]


def test_gaps_and_bad_frames_are_as_in_a_directory(job: Path) -> None:
    def make(archive: tarfile.TarFile, frames: dict[str, bytes]) -> None:
        del frames["000004.png"]
        frames["000007.png"] = frames["000007.png"][:-20]
        add_all(archive, frames)

    into_tar(job, make)
    with pytest.raises(FrameError, match=r"000004\.png missing, 1 of 12 frames"):
        encode(job)
    receipt = encode(job, gaps="hold").receipt
    assert receipt.lost.missing == ["000004.png"]
    assert [bad.name for bad in receipt.lost.bad] == ["000007.png"]
    assert shown(job.parent / "episode-0003.mp4") == [0, 1, 2, 3, 3, 5, 6, 6, 8, 9, 10, 11]


def test_a_manifest_that_promises_other_frames_is_an_error(job: Path) -> None:
    def make(archive: tarfile.TarFile, frames: dict[str, bytes]) -> None:
        add_all(archive, dict(list(frames.items())[:-1]))

    into_tar(job, make)
    with pytest.raises(ManifestError, match="promises 12 frames, but there are 11"):
        encode(job)


def test_what_is_appended_later_is_encoded_anew_and_a_copy_is_not(job: Path) -> None:
    path = into_tar(job)
    (job / "manifest.json").unlink()
    encode(job)
    shutil.copy(path, job.parent / "copy.tar")
    os.replace(job.parent / "copy.tar", path)
    assert encode(job).made == [], "other times, the same bytes"
    with tarfile.open(path, "a") as archive:
        add(archive, "000012.png", loose_frame(job.parent))
    assert encode(job).made[0].frames == 13


def loose_frame(folder: Path) -> bytes:
    save_frames_as_png(moving_square(1), folder / "one")
    data = (folder / "one" / "000000.png").read_bytes()
    shutil.rmtree(folder / "one")
    return data


def test_an_archive_that_changes_while_it_is_encoded_is_encoded_anew(job: Path) -> None:
    path = into_tar(job)
    other = job.parent / "other.tar"
    frames = moving_square(12)[::-1]
    save_frames_as_png(frames, job.parent / "reversed", container="tar")
    os.replace(job.parent / "reversed" / "frames.tar", other)
    asked = context()
    changes = iter([lambda: path.write_bytes(other.read_bytes())])
    asked = msgspec.structs.replace(asked, on_encoded=lambda: next(changes, lambda: None)())
    encode_job(JobPaths.of(job), asked)
    assert shown(job.parent / "episode-0003.mp4") == list(range(11, -1, -1))


def test_loose_frames_beside_an_archive_are_refused_and_other_pictures_are_not(job: Path) -> None:
    frames = loose(job)
    into_tar(job)
    (job / "plot_1.png").write_bytes(frames["000001.png"])
    (job / "plot_2.png").write_bytes(frames["000001.png"])
    encode(job)
    (job / "000000.png").write_bytes(frames["000000.png"])
    with pytest.raises(FrameError, match=r"holds both frames\.tar and loose frames, such as 000000\.png"):
        encode(job)
    (job / "frames.tar").write_bytes(b"")
    with pytest.raises(ManifestError, match="promises 12 frames, but there are 1"):
        encode(job)


def test_an_archive_without_numbered_pngs_is_no_job(job: Path) -> None:
    into_tar(job, lambda archive, frames: add(archive, "notes.txt", b"hello"))
    (job / "manifest.json").unlink()
    with pytest.raises(FrameError, match=r"nothing to encode: it holds frames\.tar, in which no PNG is numbered"):
        encode(job)


@pytest.mark.parametrize("fill", [0, 100_000], ids=["short", "long"])
def test_missing_frames_are_not_counted(job: Path, fill: int) -> None:
    def make(archive: tarfile.TarFile, frames: dict[str, bytes]) -> None:
        for index, data in enumerate(list(frames.values())[:6]):
            add(archive, f"{5 * index:06d}.png", data + bytes(fill))

    into_tar(job, make)
    found = find_stored(job, ["frames.tar"])
    assert found is not None
    assert found.frames == 6


def test_a_large_record_size_of_tar_is_read(job: Path) -> None:
    subprocess.run(["tar", "-C", job, "-b", "8192", "-cf", job / "frames.tar", *loose(job)], check=True, timeout=60)
    for name in loose(job):
        (job / name).unlink()
    assert encode(job).made[0].frames == 12


def test_an_archive_that_is_being_written_has_what_is_whole(tmp_path: Path) -> None:
    with FrameWriter(tmp_path / "job", container="tar", processes=False) as writer:
        seen: list[int] = []
        for frame in moving_square(40):
            writer.write(frame)
            if (tmp_path / "job" / "frames.tar").exists():
                with JobDirectory(tmp_path / "job") as directory:
                    names = sorted(name for name in directory.names() if name.endswith(".png"))
                    assert names == [f"{index:06d}.png" for index in range(len(names))]
                    seen.append(len(names))
                    for name in names[-1:]:
                        directory.read(name)
    assert seen == sorted(seen)
    assert encode(tmp_path / "job").made[0].frames == 40
