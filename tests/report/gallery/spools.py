"""Spools of many jobs, made quickly: each has links to real videos that were encoded once, and a receipt of its own."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest

from daddy_encode import save_frames_as_png
from daddy_encode.errors import one_line
from daddy_encode.report.gallery.gallery import Gallery
from daddy_encode.report.gallery.page import page_parts
from daddy_encode.report.gallery.sprite import Sprite, make_sprite
from daddy_encode.spool.manifest import ANNOTATIONS_NAME, MANIFEST_NAME, Manifest
from daddy_encode.spool.receipt import Receipt, read_receipt
from daddy_encode.spool.records import encode_record
from tests.jobs import encode
from tests.media import Frames, moving_square


@dataclass
class Clip:
    """A video that was encoded, which many jobs may have."""

    video: Path
    receipt: Receipt


def make_clip(directory: Path, frames: Frames | None = None, fps: float = 30) -> Clip:
    """Record and encode frames (default: 12 of 64x48) in `directory`."""
    save_frames_as_png(moving_square(12) if frames is None else frames, directory, fps=fps)
    encode(directory)
    receipt = read_receipt(Path(f"{directory}.receipt.json"))
    assert receipt is not None and receipt.error is None
    return Clip(Path(f"{directory}.mp4"), receipt)


def add_job(
    root: Path,
    name: str,
    clip: Clip,
    *,
    meta: Mapping[str, Any] | None = None,
    annotations: Sequence[Mapping[str, Any]] = (),
    warnings: Sequence[str] = (),
    error: str | None = None,
    finished: float = 1_764_000_000.0,
    **receipt: Any,
) -> Path:
    """A job with the video of `clip`, without its frames; with an error one that failed and has no video.

    Args:
        root: The spool.
        name: The job's path below it.
        clip: Whose video it has.
        meta: The rollout's, in the receipt, and in a manifest where there are annotations.
        annotations: One object for each frame.
        warnings: Of its video.
        error: Why it failed.
        finished: Seconds since the epoch.
        receipt: Further fields of the receipt, such as `partial`.
    """
    directory = root / name
    directory.parent.mkdir(parents=True, exist_ok=True)
    outputs = []
    if error is None:
        os.link(clip.video, f"{directory}.mp4")
        outputs = [
            msgspec.structs.replace(output, path=one_line(f"{directory.name}.mp4"), warnings=list(warnings))
            for output in clip.receipt.outputs
        ]
    source = clip.receipt.source
    manifest = Manifest(frames=source.frames, width=source.width, height=source.height, meta=dict(meta or {}))
    text = encode_record(manifest) if annotations else b""
    if text:
        source = msgspec.structs.replace(source, manifest_sha256=hashlib.sha256(text).hexdigest())
    made = msgspec.structs.replace(
        clip.receipt,
        source=source,
        job=one_line(directory.name),
        error=error,
        finished=finished,
        **{"outputs": outputs, "meta": dict(meta) if meta else None, **receipt},
    )
    Path(f"{directory}.receipt.json").write_bytes(encode_record(made))
    if annotations:
        directory.mkdir()
        (directory / MANIFEST_NAME).write_bytes(text)
        lines = "".join(json.dumps(annotation) + "\n" for annotation in annotations)
        (directory / ANNOTATIONS_NAME).write_text(lines, encoding="utf-8", errors="surrogatepass")
    return directory


def write_page(page: Path, jobs: Sequence[Mapping[str, Any]]) -> Path:
    """A page of jobs of which there is nothing else, each as the page's data has it."""
    head = {"version": 1, "title": "many", "generated": 1e9, "files": "./index.files/"}
    page.write_bytes(b"".join(page_parts("many", len(jobs), head, [json.dumps(job).encode() for job in jobs])))
    return page


def make_gallery(root: Path, page: Path | None = None, *, title: str | None = None, sprites: bool = True) -> Path:
    """The page over a spool, as `daddy-encode gallery` makes it; the sprite of a video that many share is made once."""
    made: dict[int, Sprite | None] = {}

    def make_once(video: Path, *arguments: Any) -> Sprite | None:
        inode = video.stat().st_ino
        if inode not in made:
            made[inode] = make_sprite(video, *arguments)
        return made[inode]

    gallery = Gallery(root, page, None, title)
    gallery.scan()
    gallery.publish()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("daddy_encode.report.gallery.sprite.make_sprite", make_once)
        gallery.make_details(
            gallery.missing(sprites=sprites), lambda card: None, sprites=sprites, stop=threading.Event()
        )
    gallery.publish()
    return gallery.page
