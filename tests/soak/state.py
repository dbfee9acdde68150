"""What must be true of a job's files after any fault, and after one more run."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from daddy_encode.errors import DaddyEncodeError
from daddy_encode.spool.paths import JobPaths, Kind
from daddy_encode.spool.receipt import OutputRecord, Receipt
from daddy_encode.spool.records import read_record

KINDS: tuple[Kind, ...] = ("mp4", "gif")


@dataclass(frozen=True)
class Video:
    """A whole video that a name may have.

    Attributes:
        data: Its bytes.
        record: What a receipt says of it.
    """

    data: bytes
    record: OutputRecord


@dataclass
class Faults:
    """What was found, by kind.

    Attributes:
        wrong: Something under a final name that is neither the old video nor the right one.
        short: The same, shorter than these.
        lost: A video or a frame that is gone.
        stuck: An encoder, or something that it started, that did not end.
        lying: An exit status or a receipt that says what is not so.
        crashed: An encoder that ended in a way that it does not know.
        final: A job that is given up for a fault that passes.
        left: Files that are there after one more run, beside the frames, the videos and the receipt.
    """

    wrong: list[str] = field(default_factory=list)
    short: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)
    lying: list[str] = field(default_factory=list)
    crashed: list[str] = field(default_factory=list)
    final: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        names = {"final": "passing faults final", "left": "files left"}
        return ", ".join(f"{len(texts)} {names.get(kind, kind)}" for kind, texts in vars(self).items())

    def texts(self) -> list[str]:
        """All that was found."""
        return [f"{kind}: {text}" for kind, texts in vars(self).items() for text in texts]


def videos(paths: JobPaths) -> dict[Kind, Video]:
    """The videos of a job that was encoded, and what its receipt says of them."""
    found = read_record(paths.receipt, Receipt)
    assert found is not None
    records = {record.format: record for record in found[0].outputs}
    return {kind: Video(paths.output(kind).read_bytes(), records[kind]) for kind in records}


def content(directory: Path) -> dict[str, str]:
    """A directory's files, and the digests of their bytes."""
    return {
        str(path.relative_to(directory)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(directory.rglob("*"))
        if path.is_file() or path.is_symlink()
    }


def check_videos(
    what: str, paths: JobPaths, old: Mapping[Kind, Video], right: Mapping[Kind, Video], faults: Faults
) -> dict[Kind, Video]:
    """See that each name has nothing, the old video or the right one; return which."""
    there = {}
    for kind in KINDS:
        path = paths.output(kind)
        whole = [video for videos in (old, right) if (video := videos.get(kind)) is not None]
        if not path.exists():
            if kind in old:
                faults.lost.append(f"{what}: {path.name} is gone")
            continue
        data = path.read_bytes()
        for video in whole:
            if data == video.data:
                there[kind] = video
        if kind not in there:
            is_short = any(len(data) < len(video.data) for video in whole)
            (faults.short if is_short else faults.wrong).append(f"{what}: {path.name} is another, {len(data)} bytes")
    return there


def check_receipt(what: str, paths: JobPaths, there: Mapping[Kind, Video], faults: Faults) -> Receipt | None:
    """See that a receipt says nothing that is not so of the videos that are there; return it."""
    try:
        found = read_record(paths.receipt, Receipt)
    except DaddyEncodeError as error:
        faults.lying.append(f"{what}: {error}")
        return None
    if found is None:
        return None
    for record in found[0].outputs:
        video = there.get(record.format)
        if video is None:
            faults.lying.append(f"{what}: the receipt names {record.path}, which is not there or not whole")
        elif _facts(record) != _facts(video.record):
            faults.lying.append(f"{what}: {_facts(record)} in the receipt, {_facts(video.record)} in the file")
    return found[0]


def check_done(what: str, paths: JobPaths, right: Mapping[Kind, Video], faults: Faults) -> None:
    """See that a job has all its videos, and a receipt of each."""
    there = check_videos(what, paths, {}, right, faults)
    for kind in right.keys() - there.keys():
        faults.lost.append(f"{what}: no {kind} in the end")
    receipt = check_receipt(what, paths, there, faults)
    if receipt is None or receipt.error is not None:
        faults.final.append(f"{what}: in the end {'no receipt' if receipt is None else receipt.error}")
    elif right.keys() - {record.format for record in receipt.outputs}:
        faults.lying.append(f"{what}: the receipt lacks a video in the end")


def files_left(folder: Path, paths: JobPaths, frames: Mapping[str, str], right: Mapping[Kind, Video]) -> Iterator[str]:
    """The files in `folder` that are neither a job's frames nor what it becomes."""
    expected = {paths.directory / name for name in frames} | {paths.output(kind) for kind in right} | {paths.receipt}
    for path in folder.rglob("*"):
        if (path.is_symlink() or not path.is_dir()) and path not in expected:
            yield str(path.relative_to(folder))


def _facts(record: OutputRecord) -> tuple[object, ...]:
    return (record.format, record.frames, record.fps, record.bytes, record.sha256, record.width, record.height)
