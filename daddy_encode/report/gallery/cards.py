"""One job of a gallery: read from its receipt and what is beside that, and again only where that has changed."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Callable, Iterable, Set
from pathlib import Path
from typing import Any

from msgspec import Struct

from daddy_encode.errors import Interrupted
from daddy_encode.report.gallery.annotations import Annotations, Shown, read_annotations
from daddy_encode.report.gallery.details import Head, details_key, read_details, write_details
from daddy_encode.report.gallery.jobs import Surroundings, Video, job_data
from daddy_encode.report.gallery.links import url
from daddy_encode.report.gallery.meta import facts_of
from daddy_encode.report.gallery.page import embedded_json
from daddy_encode.report.gallery.scan import KEPT_NAMES, FoundReceipt
from daddy_encode.report.ledger import read_one
from daddy_encode.spool.frames import is_own_name
from daddy_encode.spool.manifest import ANNOTATIONS_NAME
from daddy_encode.spool.paths import RECEIPT_SUFFIX, JobPaths, Kind
from daddy_encode.spool.receipt import OutputRecord, Receipt, read_receipt
from daddy_encode.spool.stored.names import FRAMES_MKV, PACK_RECORD

# Of a file: its size, modification time and inode; None where it is not there.
_Stamp = tuple[int, int, int] | None
# What stands for a symbolic link: no encoder makes one, and where it leads a copied folder may not have the file.
_LINK = (-1, 0, 0)


class Source(Struct, frozen=True):
    """What a job's file is made of.

    Attributes:
        video: The video's path.
        shown: How many pictures it has, and of which frames.
        width: In pixels.
        height: In pixels.
        annotations: The path of the rollout's annotations; None where they are gone, or there were none.
        receipt: The path of the receipt, which tells whether these are of the video.
    """

    video: str
    shown: Shown
    width: int
    height: int
    annotations: str | None
    receipt: str


class Card(Struct):
    """One job.

    Attributes:
        identifier: In this gallery.
        finished: When it was encoded, in seconds since the epoch.
        seen: What was looked at: the receipt, the videos, the names in the job's directory.
        videos: The paths of the videos that were looked at.
        data: The job's data in the page, as JSON, without what its file holds.
        key: Of the videos that the receipt names, as in the first line of the job's file; empty where they are of an
            earlier recording.
        source: What its file is made of; None where there is no video.
        head: The first line of its file, as it is.
    """

    identifier: str
    finished: float
    seen: tuple[Any, ...]
    videos: tuple[str, ...]
    data: bytes
    key: str
    source: Source | None
    head: Head | None = None

    @property
    def text(self) -> bytes:
        """The job's data in the page, as JSON."""
        if not self.has_file or (head := self.head) is None:
            return self.data
        more: dict[str, Any] = {"sprite": head.sprite} if head.sprite is not None else {}
        more |= {"columns": head.columns} if head.columns else {}
        return self.data[:-1] + b"," + embedded_json(more)[1:] if more else self.data

    @property
    def has_file(self) -> bool:
        """Whether its file is of its videos, if only of what they were: they may be gone."""
        return self.head is not None and self.head.key == self.key

    def is_missing(self, *, sprites: bool) -> bool:
        """Whether its file is still to be made."""
        if self.source is None:
            return False
        if not self.has_file or self.head is None:
            return sprites or self.source.annotations is not None
        return sprites and not self.head.has_tried

    def make_details(self, files: int, stop: threading.Event, *, sprites: bool) -> None:
        """Make its file in the open folder `files`, unless `stop` is set meanwhile. Raises OSError."""
        source = self.source
        assert source is not None
        details: dict[str, Any] = {}
        try:
            found = self._annotations(source, stop)
        except Interrupted:
            return
        if found is not None:
            details = {"columns": found.columns, "texts": found.texts, "step": found.step}
            details = {name: value for name, value in details.items() if value not in ({}, 1)}
        elif self.has_file:
            # They are gone, or another recording's; what was made of them is kept.
            details = read_details(files, self.identifier)
        sprite = None
        if sprites:
            from daddy_encode.report.gallery.sprite import make_sprite

            sprite = make_sprite(Path(source.video), source.shown.frames, source.width, source.height, stop)
            if stop.is_set():
                return
            if sprite is not None:
                details |= {"poster": sprite.poster_uri, "sprite": sprite.data_uri, "cells": sprite.cells}
        head = {
            "key": self.key,
            "sprite": sprite.layout if sprite is not None else None,
            "columns": list(details.get("columns", ())),
            "has_tried": sprites,
        }
        self.head = write_details(files, self.identifier, head, details)

    def _annotations(self, source: Source, stop: threading.Event) -> Annotations | None:
        """Those of the video; None where there are none, or what is there is of another recording."""
        if source.annotations is None:
            return None
        from daddy_encode.encoding.decoding.recording import holds_recording_of

        def check_stop() -> None:
            if stop.is_set():
                raise Interrupted(f"{source.annotations}: stopped before it was read")

        path = Path(source.annotations)
        found = read_annotations(path, source.shown)
        receipt = read_receipt(Path(source.receipt))
        if receipt is None or details_key(receipt) != self.key:
            return None
        paths = JobPaths.of(path.parent)
        if receipt.sequence is not None:
            paths = paths.of_sequence(receipt.sequence)
        return found if holds_recording_of(receipt, paths, check_stop=check_stop) else None


def make_card(
    found: FoundReceipt,
    identifier: str,
    directory: str,
    names_in: Callable[[str], Set[str] | None],
    known: Card | None = None,
    *,
    has_frames: bool = True,
) -> Card | None:
    """What is known of the job of a receipt: `known` itself, where nothing of it has changed.

    Args:
        found: Where the receipt is.
        identifier: Of the job, in this gallery.
        directory: Of the page.
        names_in: Gives the names of KEPT_NAMES in a job's directory; None where they are not known.
        known: The same of an earlier look. Default: there was none.
        has_frames: Whether jobs have their frames here, or had; not so where only videos were written to.

    Returns:
        None where the receipt is gone, or another job's.

    Raises:
        ManifestError: It cannot be used.
    """
    stamp = _stamp(found.path)
    if known is not None and known.identifier == identifier:
        # Of a sequence's frames the directory is another one, and known by the receipt alone.
        seen = (stamp, known.seen[1], _names(known.seen[1], names_in), has_frames, *map(_stamp, known.videos))
        if seen == known.seen:
            return known
    receipt = read_one(Path(found.path), found.job)
    if receipt is None:
        return None
    base = found.path.removesuffix(RECEIPT_SUFFIX)
    job_directory, name = found.job_of(receipt)
    names = _names(job_directory, names_in)
    # One of each format, however many are listed; beside the receipt, whatever the receipt says.
    records: dict[Kind, OutputRecord] = {record.format: record for record in receipt.outputs}
    stamps = {kind: _stamp(f"{base}.{kind}") for kind in records}
    videos = {
        kind: Video(
            record,
            url(f"{base}.{kind}", directory),
            stamps[kind] not in (None, _LINK),
            _is(stamps[kind], record),
            stamps[kind] == _LINK,
        )
        for kind, record in records.items()
    }
    around = Surroundings(
        is_packed=names is not None and {FRAMES_MKV, PACK_RECORD} <= names,
        directory=job_directory,
        outputs=os.path.dirname(base),
        has_directory=names is not None or not has_frames or os.path.lexists(job_directory),
        rollout=facts_of(receipt, Path(job_directory), names or ()),
    )
    data = job_data(receipt, identifier, name, videos, around)
    best = next((kind for kind in ("mp4", "gif") if kind in data), None)
    source = None
    if best is not None:
        record = records["mp4" if best == "mp4" else "gif"]
        annotations = os.path.join(job_directory, ANNOTATIONS_NAME) if ANNOTATIONS_NAME in (names or ()) else None
        source = Source(
            f"{base}.{best}",
            _shown(receipt, record),
            record.width,
            record.height,
            annotations,
            found.path,
        )
    return Card(
        identifier,
        receipt.finished,
        (stamp, job_directory, names, has_frames, *stamps.values()),
        tuple(f"{base}.{kind}" for kind in records),
        embedded_json(data),
        "" if receipt.is_of_earlier_videos else details_key(receipt),
        source,
    )


def _names(directory: str, names_in: Callable[[str], Set[str] | None]) -> Set[str] | None:
    """Which of KEPT_NAMES are in a job's directory; None where it is not there."""
    names = names_in(directory)
    if names is not None:
        return names & KEPT_NAMES
    there = frozenset(name for name in KEPT_NAMES if os.path.lexists(os.path.join(directory, name)))
    return there if there or os.path.isdir(directory) else None


def _shown(receipt: Receipt, record: OutputRecord) -> Shown:
    """Which frames a video shows. Of frames of our own names the number is what counts; others have no annotations."""
    step = record.settings.get("step", 1)
    left_out: Iterable[str] = ()
    if receipt.gaps == "skip":
        left_out = (*receipt.lost.missing, *(frame.name for frame in receipt.lost.bad))
    return Shown(
        record.frames,
        frozenset(int(name[:-4]) for name in left_out if len(name) < 20 and is_own_name(name)),
        holds_dropped=receipt.gaps != "skip",
        step=step if type(step) is int and 1 <= step <= record.frames else 1,
    )


def _stamp(path: str) -> _Stamp:
    try:
        status = os.stat(path, follow_symlinks=False)
    except OSError:
        return None
    if stat.S_ISLNK(status.st_mode):
        return _LINK
    return status.st_size, status.st_mtime_ns, status.st_ino


def _is(stamp: _Stamp, record: OutputRecord) -> bool:
    # A copy of a spool has other times.
    return stamp is not None and stamp[0] == record.bytes
