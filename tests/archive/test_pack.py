"""Packing a job and unpacking it: what is read, made and left is as if nothing had happened."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from PIL import Image

from daddy_encode import save_frames_as_png
from daddy_encode.archive.pack.outcome import LeftError
from daddy_encode.archive.pack.pack import pack_job
from daddy_encode.archive.pack.unpack import unpack_job
from daddy_encode.dump import FrameWriter
from daddy_encode.encoding.job import encode_job
from daddy_encode.encoding.settings import make_settings
from daddy_encode.errors import FrameError
from daddy_encode.service.job_status import job_statuses
from daddy_encode.service.watcher.scanner import Scanner
from daddy_encode.spool.frames import count_frames
from daddy_encode.spool.paths import JobPaths
from daddy_encode.spool.stored.find import find_stored
from tests.archive.commands import told
from tests.jobs import context, encode
from tests.media import leftovers, moving_square, noise, read_png, run_command
from tests.pngs import DEPTHS, chunk, png, random_samples
from tests.service.spools import receipt_of, until
from tests.stand_in import write_ffmpeg
from tests.users import User

KINDS = [(colour, depth) for colour, depths in DEPTHS.items() for depth in depths]
# Of those, the ones of which videos are made as well: each way in which samples become pictures.
SHOWN = {(0, 2), (3, 4), (4, 16)}
PALETTE = bytes(itertools.islice(itertools.cycle((200, 30, 0, 0, 90, 255, 17, 17, 18)), 3 * 256))


def pack(directory: Path) -> Path:
    pack_job(JobPaths.of(directory), context())
    return directory


def unpack(directory: Path) -> None:
    unpack_job(JobPaths.of(directory), context())


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def whole_frames(directory: Path) -> int:
    there = names(directory) if directory.is_dir() else []
    stored = find_stored(directory, there)
    return stored.frames if stored is not None else count_frames(there)


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def write_pngs(directory: Path, colour: int, depth: int, count: int = 5, before: bytes = b"") -> Path:
    """PNGs of one kind, of 13x7 samples, some filtered, two alike."""
    directory.mkdir(parents=True)
    if colour == 3:
        before += chunk(b"PLTE", PALETTE[: 3 << depth])
    for index in range(count):
        samples = random_samples(7, 13, depth, colour, seed=min(index, 3))
        (directory / f"{index:06d}.png").write_bytes(png(samples, depth, colour, before=before))
    return directory


def videos(directory: Path, **settings: object) -> dict[str, bytes]:
    """The bytes of both videos that are made of a directory, from the beginning."""
    for kind in ("mp4", "gif"):
        directory.with_name(f"{directory.name}.{kind}").unlink(missing_ok=True)
    directory.with_name(f"{directory.name}.receipt.json").unlink(missing_ok=True)
    encode(directory, video="both", **settings)
    return {kind: directory.with_name(f"{directory.name}.{kind}").read_bytes() for kind in ("mp4", "gif")}


@pytest.mark.parametrize(
    ("colour", "depth"),
    [kind if kind in SHOWN else pytest.param(*kind, marks=pytest.mark.soak) for kind in KINDS],
)
def test_every_kind_of_png_is_packed_and_comes_back_as_pillow_and_videos_show_it(
    tmp_path: Path, colour: int, depth: int
) -> None:
    loose = write_pngs(tmp_path / "loose", colour, depth)
    packed = pack(shutil.copytree(loose, tmp_path / "packed"))
    assert names(packed) == ["frames.json", "frames.mkv"]
    if (colour, depth) in SHOWN:
        settings = {"depth": "auto", "background": "20c040"}
        assert videos(packed, **settings) == videos(loose, **settings)
    unpack(packed)
    assert names(packed) == names(loose)
    for path in loose.iterdir():
        with Image.open(path) as one, Image.open(packed / path.name) as other:
            assert (one.mode, one.size) == (other.mode, other.size)
            assert np.array_equal(np.asarray(one), np.asarray(other))


@pytest.mark.parametrize("transparency", [b"\0\x05", bytes(6), bytes([0, 128, 255])])
def test_a_transparent_colour_and_a_transparent_palette_stay(tmp_path: Path, transparency: bytes) -> None:
    colour = {2: 0, 6: 2, 3: 3}[len(transparency)]
    before = (chunk(b"PLTE", PALETTE) if colour == 3 else b"") + chunk(b"tRNS", transparency)
    loose = tmp_path / "loose"
    loose.mkdir()
    for index in range(4):
        samples = random_samples(9, 11, 8, colour, index) % 8
        (loose / f"{index}.png").write_bytes(png(samples, 8, colour, before=before))
    packed = pack(shutil.copytree(loose, tmp_path / "packed"))
    assert names(packed) == ["frames.json", "frames.mkv"]
    assert videos(packed, background="ff8000") == videos(loose, background="ff8000")
    unpack(packed)
    for path in loose.iterdir():
        with Image.open(path) as one, Image.open(packed / path.name) as other:
            assert np.array_equal(np.asarray(one.convert("RGBA")), np.asarray(other.convert("RGBA")))


@pytest.mark.parametrize(
    "settings",
    [
        {"scale": 2, "fps": "12.5"},
        {"fit": "pad", "dither": "bayer"},
        pytest.param({"gaps": "skip", "gif_fps": "7"}, marks=pytest.mark.soak),
        pytest.param({"gif_width": 40, "loop": 2}, marks=pytest.mark.soak),
    ],
    ids=str,
)
def test_videos_of_a_packed_job_are_those_of_its_pngs(tmp_path: Path, settings: dict[str, object]) -> None:
    frames = moving_square(40, 128, 160)
    frames[20:30] = frames[20]
    save_frames_as_png(frames, tmp_path / "loose")
    save_frames_as_png(frames, tmp_path / "packed")
    pack(tmp_path / "packed")
    assert videos(tmp_path / "packed", **settings) == videos(tmp_path / "loose", **settings)


@pytest.mark.soak
def test_many_colours_missing_frames_and_an_odd_size_too(tmp_path: Path) -> None:
    save_frames_as_png(noise(8, 33, 27), tmp_path / "loose")
    (tmp_path / "loose" / "000004.png").unlink()
    for name in ("manifest.json", "rollout.json"):
        (tmp_path / "loose" / name).unlink()
    packed = pack(shutil.copytree(tmp_path / "loose", tmp_path / "packed"))
    for gaps in ("hold", "skip"):
        assert videos(packed, gaps=gaps) == videos(tmp_path / "loose", gaps=gaps)
    with pytest.raises(FrameError, match=r"000004.png missing, 1 of 8 frames"):
        encode_job(JobPaths.of(packed), context(force=True, gaps="error"))


def test_a_done_job_stays_done_when_it_is_packed_and_unpacked(tmp_path: Path) -> None:
    job = tmp_path / "run"
    save_frames_as_png(moving_square(6), job)
    assert encode(job).made
    for act in (pack, unpack, pack):
        act(job)
        assert not encode(job).made
        (status,) = job_statuses(job)
        assert (status.state.value, status.frames) == ("done", 6)
    assert json.loads(run_command("log", tmp_path, "--json").stdout)["frames"] == 6
    done = run_command("watch", tmp_path, "--once")
    assert done.returncode == 0 and "0 videos saved, 1 job already done" in done.stderr


def test_a_receipt_of_a_packed_job_is_one_of_its_pngs(tmp_path: Path) -> None:
    for name in ("loose", "packed"):
        save_frames_as_png(moving_square(5), tmp_path / name)
    sources = []
    for name in ("loose", "packed"):
        if name == "packed":
            for path in (tmp_path / "loose").iterdir():
                os.utime(tmp_path / name / path.name, ns=(path.stat().st_mtime_ns,) * 2)
            pack(tmp_path / name)
        source = encode(tmp_path / name).receipt.source
        sources.append((source.names, source.frames, source.width, source.sha256, source.listing_sha256))
    assert sources[0][:4] == sources[1][:4]


def test_packed_twice_gives_the_same_file_and_a_second_pack_does_nothing(tmp_path: Path) -> None:
    for name in "ab":
        save_frames_as_png(moving_square(70, 90, 110), tmp_path / name)
        pack(tmp_path / name)
    assert (tmp_path / "a/frames.mkv").read_bytes() == (tmp_path / "b/frames.mkv").read_bytes()
    before = digests(tmp_path)
    assert pack_job(JobPaths.of(tmp_path / "a"), context()).kind == "already"
    assert digests(tmp_path) == before


@pytest.mark.soak
def test_one_core_and_all_give_the_same_file(tmp_path: Path) -> None:
    for name in "ab":
        save_frames_as_png(noise(61, 30, 40), tmp_path / name)
    cores = sorted(os.sched_getaffinity(0))
    pack(tmp_path / "a")
    try:
        os.sched_setaffinity(0, cores[:1])
        pack(tmp_path / "b")
    finally:
        os.sched_setaffinity(0, cores)
    assert (tmp_path / "a/frames.mkv").read_bytes() == (tmp_path / "b/frames.mkv").read_bytes()


def test_a_frame_of_another_program_is_decoded_by_ffmpeg_as_it_was(tmp_path: Path) -> None:
    from tests.media import ffmpeg

    frames = moving_square(7, 50, 70)
    save_frames_as_png(frames, tmp_path / "run")
    pack(tmp_path / "run")
    command = [
        ffmpeg(),
        "-v",
        "error",
        "-i",
        str(tmp_path / "run/frames.mkv"),
        "-pix_fmt",
        "rgb24",
        "-f",
        "rawvideo",
        "-",
    ]
    raw = subprocess.run(command, check=True, capture_output=True, timeout=60).stdout
    assert np.array_equal(np.frombuffer(raw, np.uint8).reshape(frames.shape), frames)


def other_size(directory: Path) -> None:
    Image.fromarray(noise(1, 8, 9)[0]).save(directory / "000003.png")


def other_kind(directory: Path) -> None:
    Image.fromarray(noise(1)[0]).convert("L").save(directory / "000003.png")


def damaged(directory: Path) -> None:
    path = directory / "000003.png"
    path.write_bytes(path.read_bytes()[:-20])


def interlaced(directory: Path) -> None:
    samples = random_samples(24, 32, 8, 2)
    for path in directory.glob("*.png"):
        path.write_bytes(png(samples, interlaced=True))


def with_a_gamma(directory: Path) -> None:
    path = directory / "000003.png"
    path.write_bytes(png(random_samples(24, 32, 8, 2), before=chunk(b"gAMA", b"\0\0\xb1\x8f")))


def with_a_late_text(directory: Path) -> None:
    path = directory / "000003.png"
    path.write_bytes(png(random_samples(24, 32, 8, 2), after=chunk(b"tEXt", b"reward\x001.5")))


def with_more(directory: Path) -> None:
    path = directory / "000003.png"
    path.write_bytes(path.read_bytes() + b"more")


def a_link(directory: Path) -> None:
    path = directory / "000003.png"
    path.rename(directory.with_name("elsewhere.png"))
    path.symlink_to(directory.with_name("elsewhere.png"))


def fewer(directory: Path) -> None:
    (directory / "000005.png").unlink()


def several(directory: Path) -> None:
    for name in ("manifest.json", "rollout.json"):
        (directory / name).unlink()
    for path in directory.glob("*.png"):
        shutil.copy(path, directory / f"rgb_{path.name}")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (other_size, "000003.png is 9x8, the first 32x24"),
        (other_kind, "000003.png is of another kind of pixels than the first"),
        (damaged, "000003.png: is cut off"),
        (interlaced, "000000.png is interlaced"),
        (with_a_gamma, "000003.png has other texts or colours than the first"),
        (with_a_late_text, "000003.png has texts, or something else, after its image data"),
        (with_more, "000003.png has bytes after its picture"),
        (a_link, "000003.png is not a regular file"),
        (fewer, "has 5 frames, and its manifest promises 6: not finished"),
        (several, "several sequences"),
    ],
)
def test_what_cannot_be_packed_exactly_is_left_and_said_to_be(tmp_path: Path, change: object, reason: str) -> None:
    job = tmp_path / "run"
    save_frames_as_png(noise(6), job)
    change(job)  # type: ignore[operator]
    before = digests(tmp_path)
    with pytest.raises(LeftError, match=reason):
        pack(job)
    assert digests(tmp_path) == before


def test_the_command_says_what_it_leaves(tmp_path: Path) -> None:
    save_frames_as_png(noise(4), tmp_path / "run")
    other_size(tmp_path / "run")
    before = digests(tmp_path)
    done = run_command("pack", tmp_path, "--json")
    assert done.returncode == 0 and "0 jobs packed, 0 already, 1 left, 0 failed" in done.stderr
    assert "000003.png is 9x8, the first 32x24" in json.loads(done.stdout)["reason"]
    assert digests(tmp_path) == before


def test_texts_and_colours_that_all_frames_have_come_back(tmp_path: Path) -> None:
    job = tmp_path / "run"
    before = chunk(b"gAMA", b"\0\0\xb1\x8f") + chunk(b"tEXt", b"Software\0matplotlib") + chunk(b"pHYs", bytes(9))
    write_pngs(job, 2, 8, before=before)
    pack(job)
    unpack(job)
    with Image.open(job / "000002.png") as image:
        image.load()
        assert image.info["gamma"] == pytest.approx(0.45455) and image.info["Software"] == "matplotlib"


def test_other_names_come_back(tmp_path: Path) -> None:
    job = tmp_path / "run"
    job.mkdir()
    named = ["frame_7.5.png", "frame_8.25.png", "frame_10.125.png"]
    for name, frame in zip(named, noise(3), strict=True):
        Image.fromarray(frame).save(job / name)
    twin = shutil.copytree(job, tmp_path / "twin")
    pack(job)
    assert videos(job) == videos(twin)
    unpack(job)
    assert names(job) == sorted(named)
    for name in named:
        assert np.array_equal(read_png(job / name), read_png(twin / name))


def test_a_recording_is_not_begun_over_packed_frames_and_overwrite_removes_them(tmp_path: Path) -> None:
    from daddy_encode.errors import SpoolError

    job = tmp_path / "run"
    save_frames_as_png(noise(3), job)
    pack(job)
    with pytest.raises(SpoolError, match="already holds"):
        save_frames_as_png(noise(2), job)
    save_frames_as_png(noise(2, seed=1), job, overwrite=True)
    assert names(job) == ["000000.png", "000001.png", "manifest.json", "rollout.json"]
    assert encode(job).receipt.source.frames == 2


def test_the_command_packs_a_tree_and_says_what_it_comes_to(tmp_path: Path) -> None:
    for name in ("a", "b/c"):
        save_frames_as_png(moving_square(5), tmp_path / name)
    dry = run_command("pack", tmp_path, "--dry-run")
    assert dry.returncode == 0 and "2 jobs would be packed" in dry.stderr and not list(tmp_path.rglob("frames.*"))
    young = run_command("pack", tmp_path, "--older-than", "1h")
    assert (
        young.returncode == 0
        and "0 jobs packed, 0 already, 2 left" in young.stderr
        and not list(tmp_path.rglob("frames.*"))
    )
    done = run_command("pack", tmp_path, "--json")
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["state"] for line in lines] == ["packed", "packed"]
    there = sum(path.stat().st_size for path in tmp_path.rglob("frames.*"))
    assert sum(line["bytes_after"] for line in lines) == there
    assert "2 jobs packed, 0 already, 0 left, 0 failed; 10 files of" in done.stderr
    assert not list(tmp_path.rglob("*.png")) and not leftovers(tmp_path)
    undone = run_command("pack", "--undo", tmp_path)
    assert undone.returncode == 0 and len(list(tmp_path.rglob("*.png"))) == 10
    assert not list(tmp_path.rglob("frames.*"))


def test_a_reader_that_has_gone_ends_no_pack(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        save_frames_as_png(moving_square(5), tmp_path / name)
    reads, writes = os.pipe()
    os.close(reads)
    command = [sys.executable, "-m", "daddy_encode", "pack", "--json", str(tmp_path)]
    with open(writes, "wb") as closed:
        done = subprocess.run(command, stdout=closed, stderr=subprocess.PIPE, text=True, timeout=60)
    assert (done.returncode, done.stderr.count("no more JSON lines, but packing goes on")) == (0, 1), done.stderr
    assert "3 jobs packed" in done.stderr


def test_a_directory_that_is_closed_is_a_failure(tmp_path: Path, nobody: User) -> None:
    job = tmp_path / "spool" / "run"
    save_frames_as_png(moving_square(5), job)
    for path in (job.parent, job, *job.iterdir()):
        os.chown(path, nobody.uid, nobody.gid)
    job.chmod(0o555)
    done = nobody.run("pack", job, reach=[job.parent])
    assert done.returncode == 1 and "1 failed" in done.stderr and len(names(job)) == 7, done.stderr


def test_a_tar_is_packed_too(tmp_path: Path) -> None:
    import tarfile

    save_frames_as_png(moving_square(6), tmp_path / "loose")
    job = shutil.copytree(tmp_path / "loose", tmp_path / "run")
    with tarfile.open(job / "frames.tar", "w", format=tarfile.USTAR_FORMAT) as archive:
        for path in sorted(job.glob("*.png")):
            archive.add(path, path.name)
            path.unlink()
    assert encode(job).made
    pack(job)
    assert names(job) == ["frames.json", "frames.mkv", "manifest.json", "rollout.json"]
    assert not encode(job).made
    assert videos(job) == videos(tmp_path / "loose")


@pytest.mark.parametrize("other", ["000000.json", "state.npz", "sub/._000000.png", "depth.png"])
def test_an_archive_that_holds_more_than_frames_stays_whole(tmp_path: Path, other: str) -> None:
    import tarfile

    job = tmp_path / "run"
    save_frames_as_png(moving_square(6), job)
    alone = shutil.copytree(job, tmp_path / "alone")
    (tmp_path / "other").write_bytes((job / "000000.png").read_bytes())
    for directory in (job, alone):
        with tarfile.open(directory / "frames.tar", "w", format=tarfile.USTAR_FORMAT) as archive:
            archive.add(tmp_path, "./", recursive=False)
            for path in sorted(directory.glob("*.png")):
                archive.add(path, path.name)
                path.unlink()
            if directory == job:
                archive.add(tmp_path / "other", other)
    before = digests(job)
    with pytest.raises(LeftError, match=f"not packed: .*{other}"):
        pack(job)
    assert digests(job) == before
    # Nor is it removed as what a killed packer has left.
    pack(alone)
    for name in ("frames.mkv", "frames.json"):
        shutil.copy2(alone / name, job)
    with pytest.raises(LeftError, match=f"not packed: .*{other}"):
        pack(job)
    assert (job / "frames.tar").exists()


@pytest.mark.parametrize("container", ["png", "tar"])
def test_a_rollout_that_may_still_be_writing_is_left_and_loses_nothing(
    tmp_path: Path, container: Literal["png", "tar"]
) -> None:
    frames, job = moving_square(20), tmp_path / "run"
    writer = FrameWriter(job, fps=30, container=container)
    with writer:
        for frame in frames[:11]:
            writer.write(frame)
        until(lambda: whole_frames(job) == 11, "11 frames")
        # Also where a video has been salvaged from it.
        encode(job)
        before = digests(job)
        with pytest.raises(LeftError, match=r"has no manifest\.json: its rollout may still be writing"):
            pack(job)
        assert digests(job) == before
        for frame in frames[11:]:
            writer.write(frame)
    assert encode(job).receipt.source.frames == 20
    pack(job)
    unpack(job)
    assert np.array_equal([read_png(job / f"{number:06}.png") for number in range(20)], frames)


def test_what_was_packed_before_its_rollout_had_ended_is_unpacked(tmp_path: Path) -> None:
    frames, job = moving_square(20), tmp_path / "run"
    save_frames_as_png(frames, job)
    (tmp_path / "late").mkdir()
    for path in [job / "manifest.json", job / "rollout.json", *sorted(job.glob("*.png"))[11:]]:
        path.rename(tmp_path / "late" / path.name)
    pack(job)
    for path in (tmp_path / "late").iterdir():
        path.rename(job / path.name)
    copy = shutil.copytree(job, tmp_path / "both")
    unpack(job)
    assert np.array_equal([read_png(job / f"{number:06}.png") for number in range(20)], frames)
    assert encode(job).receipt.source.frames == 20 and not (job / "frames.mkv").exists()
    (copy / "000003.png").write_bytes((copy / "000012.png").read_bytes())
    before = digests(copy)
    with pytest.raises(FrameError, match=r"holds 000003\.png, which is there as well; move away"):
        unpack(copy)
    assert digests(copy) == before


def test_what_would_be_no_smaller_stays(tmp_path: Path) -> None:
    for name, count in (("one", 1), ("few", 3)):
        save_frames_as_png(noise(count, 64, 64), tmp_path / name)
    save_frames_as_png(noise(12, 64, 64), tmp_path / "tar", container="tar")
    told = run_command("pack", tmp_path)
    assert (told.returncode, told.stderr.count("not packed: it would be no smaller")) == (0, 2), told.stderr
    assert names(tmp_path / "one") == ["000000.png", "manifest.json", "rollout.json"]
    assert names(tmp_path / "few") == ["frames.json", "frames.mkv", "manifest.json", "rollout.json"], "fewer files"
    assert names(tmp_path / "tar") == ["frames.tar", "manifest.json", "rollout.json"]


def test_what_would_be_no_smaller_is_tried_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    job = tmp_path / "job"
    save_frames_as_png(noise(12, 64, 64), job, container="tar")
    encode(job)
    made = receipt_of(job)
    found = "not packed: it would be no smaller"
    status, said = told("pack", job)
    assert (status, found in said, "as was found before" in said) == (0, True, False), said
    # Of nothing else is its receipt another, but of the directory's time.
    assert {key for key, value in receipt_of(job).items() if value != made[key]} == {"not_packed", "source"}
    assert encode(job).made == []
    # Whoever tries again is seen to.
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(write_ffmpeg(tmp_path / "ffmpeg", "echo no >&2; exit 1")))
    for options in ((), ("--dry-run",)):
        status, said = told("pack", job, *options)
        assert (status, found in said, "as was found before" in said) == (0, True, True), said
    status, said = told("pack", job, "--force")
    assert (status, found in said, "ffmpeg" in said) == (1, False, True), said
    # As loose files the same PNGs would be fewer when packed; others may be smaller.
    subprocess.run(["tar", "-xf", "frames.tar"], cwd=job, check=True, timeout=60)
    (job / "frames.tar").unlink()
    assert encode(job).made == []
    assert told("pack", job)[0] == 1
    save_frames_as_png(noise(12, 64, 64, seed=1), job, container="tar", overwrite=True)
    assert told("pack", job)[0] == 1
    assert names(job) == ["frames.tar", "manifest.json", "rollout.json"]


def test_what_is_smaller_by_now_when_packed_is_packed_and_its_receipt_says_so(tmp_path: Path) -> None:
    job = tmp_path / "run"
    save_frames_as_png(moving_square(5), job)
    encode(job)
    receipt = receipt_of(job)
    job.with_suffix(".receipt.json").write_text(json.dumps({**receipt, "not_packed": "it would be no smaller"}))
    assert told("pack", job)[0] == 0
    assert "frames.mkv" not in names(job)
    assert told("pack", job, "--force")[0] == 0
    assert ("frames.mkv" in names(job), receipt_of(job)["not_packed"]) == (True, None)


def test_force_makes_the_same_videos_again(tmp_path: Path) -> None:
    job = tmp_path / "run"
    save_frames_as_png(moving_square(5), job)
    before = videos(job)
    pack(job)
    result = encode_job(JobPaths.of(job), context(force=True))
    assert {record.format for record in result.made} == {"mp4", "gif"}
    assert {kind: job.with_name(f"run.{kind}").read_bytes() for kind in ("mp4", "gif")} == before


def test_a_watcher_packs_what_is_done_and_leaves_what_cannot_be(tmp_path: Path) -> None:
    save_frames_as_png(moving_square(4), tmp_path / "a")
    save_frames_as_png(moving_square(4), tmp_path / "b")
    for path in (tmp_path / "b").glob("*.png"):
        path.write_bytes(png(random_samples(48, 64, 8, 2), interlaced=True))
    encode(tmp_path / "a")
    scanner = Scanner(tmp_path, make_settings(), after={"pack": 3600})
    assert [attempt.paths.job.name for attempt in scanner.scan()] == ["b"]
    done = run_command("watch", tmp_path, "--once", "--pack-after", "0")
    assert done.returncode == 0, done.stderr
    assert names(tmp_path / "a") == ["frames.json", "frames.mkv", "manifest.json", "rollout.json"]
    assert len(list((tmp_path / "b").glob("*.png"))) == 4
    assert "packed" in done.stderr and done.stderr.count("000000.png is interlaced") == 1
    assert {job.state.value for job in job_statuses(tmp_path)} == {"done"}


@pytest.mark.soak
def test_a_watcher_tries_once_to_pack_what_would_be_no_smaller(tmp_path: Path) -> None:
    save_frames_as_png(noise(12, 64, 64), tmp_path / "job", container="tar")
    told = run_command("watch", tmp_path, "--once", "--pack-after", "0")
    assert (told.returncode, told.stderr.count("not packed: it would be no smaller")) == (0, 1), told.stderr
    assert names(tmp_path / "job") == ["frames.tar", "manifest.json", "rollout.json"]


@pytest.mark.soak
def test_encode_and_the_script_of_submit_pack_what_is_encoded(tmp_path: Path) -> None:
    save_frames_as_png(moving_square(4), tmp_path / "a")
    done = run_command("encode", tmp_path, "--pack")
    assert done.returncode == 0 and "1 job packed" in done.stderr
    assert names(tmp_path / "a") == ["frames.json", "frames.mkv", "manifest.json", "rollout.json"]
    again = run_command("encode", tmp_path, "--pack")
    assert again.returncode == 0 and "0 jobs packed, 1 already" in again.stderr
    wrong = run_command("encode", tmp_path / "a", "--pack", "-o", tmp_path / "x.mp4")
    assert wrong.returncode == 2 and "--output and --pack" in wrong.stderr
    assert "--pack" in run_command("submit", tmp_path, "--pack", "--dry-run").stdout


@pytest.mark.soak
def test_packers_a_watcher_and_encoders_at_once_lose_nothing_and_make_nothing_twice(tmp_path: Path) -> None:
    spool, count = tmp_path / "spool", 3
    for index in range(count):
        save_frames_as_png(moving_square(5), spool / f"{index}")
    single = tmp_path / "single"
    save_frames_as_png(moving_square(5), single)
    encode(single)
    commands = [
        ["watch", "--once", "--pack-after", "0"],
        ["encode", "--pack"],
        ["pack"],
        ["pack", "--undo"],
    ]
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "daddy_encode", *command, str(spool), "--lease", "5"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for command in commands
    ]
    for command, process in zip(commands, running, strict=True):
        said, _ = process.communicate(timeout=120)
        assert process.returncode in (0, 75) and "Traceback" not in said, (command, said)
    done = run_command("encode", spool, "--pack")
    assert done.returncode == 0, done.stderr
    for index in range(count):
        assert names(spool / f"{index}") == ["frames.json", "frames.mkv", "manifest.json", "rollout.json"]
        assert (spool / f"{index}.mp4").read_bytes() == (tmp_path / "single.mp4").read_bytes()
    assert not leftovers(spool)
