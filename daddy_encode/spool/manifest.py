"""`manifest.json`: the writer's promise, written last. Its values are data, never paths or options."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct, field

from daddy_encode.errors import ManifestError, SettingsError, cut, one_line
from daddy_encode.spool.publish import publish_bytes
from daddy_encode.spool.rate import parse_fps
from daddy_encode.spool.records import Check, encode_record, most_values, parse_record, read_record

MANIFEST_NAME = "manifest.json"
# See spool/recording/rollout.py.
ROLLOUT_NAME = "rollout.json"
# See spool/recording/annotations.py.
ANNOTATIONS_NAME = "annotations.jsonl"

# Of a rollout's `meta` in the receipt of its job: bytes of compact JSON, and values; so that a receipt stays readable.
MOST_META = 2**16
MOST_META_VALUES = 10_000
# Of what a rollout died of, in characters, in the receipt of its job.
LONGEST_ERROR = 2000
# The text of a manifest, which is indented, that may hold so much: no larger one's `meta` is looked into.
MOST_META_TEXT = 4 * MOST_META

Video = Literal["mp4", "gif", "both"]
Fps = Annotated[str, Meta(max_length=40)] | float | int
Count = Annotated[int, Meta(ge=0, le=10_000_000)]
# PNG allows 2**31 - 1; H.264 stops far below this, and a size is multiplied, so it is bounded here.
Extent = Annotated[int, Meta(ge=0, le=65_535)]


class Manifest(Struct, frozen=True, kw_only=True):
    """What the writer promises about a directory of frames.

    Attributes:
        version: Of this format: 1.
        frames: How many frames there are.
        width: Of every frame, in pixels, or the largest; 0 only where there is no frame.
        height: Likewise.
        sizes_vary: Whether frames are of several sizes; written only where they are.
        fps: Frames per second, as written: a number, or text such as "30000/1001".
        video: What to make. None: the encoder's default.
        complete: False when the rollout ended early, or a frame could not be written.
        error: Why: the text of an exception, say.
        meta: The user's own JSON.
    """

    version: int = 1
    frames: Count
    width: Extent
    height: Extent
    sizes_vary: bool | msgspec.UnsetType = msgspec.UNSET
    fps: Fps = 30
    video: Video | None = None
    complete: bool = True
    error: Annotated[str, Meta(max_length=100_000)] | None = None
    meta: dict[str, Any] = field(default_factory=dict)

    @property
    def rate(self) -> Fraction:
        """`fps` as an exact rational."""
        return parse_fps(self.fps)


def write_manifest(directory: Path, manifest: Manifest) -> None:
    """Publish `manifest` in `directory` atomically.

    Raises:
        ManifestError: `meta` has a value that JSON cannot hold, or is larger than a reader accepts.
        SpoolError: It cannot be written.
    """
    text = encode_record(manifest)
    # What we write, every reader must accept; better to fail in the rollout that knows its own meta.
    parse_record(text, Manifest, str(directory / MANIFEST_NAME), most_meta=0)
    # Where somebody has removed the directory, its frames are gone as well.
    publish_bytes(text, directory / MANIFEST_NAME, make=False)


def write_manifest_anyway(directory: Path, manifest: Manifest) -> None:
    """As `write_manifest`; where `meta` cannot be written, one without it is there and says so, and that is raised.

    Whoever encodes the frames should know.

    Args:
        directory: Where its frames are.
        manifest: The promise.

    Raises:
        ManifestError: Its `meta` is not JSON, or too large.
        SpoolError: It cannot be written.
    """
    try:
        write_manifest(directory, manifest)
    except ManifestError as fault:
        if manifest.meta:
            error = manifest.error or str(fault)
            write_manifest(directory, msgspec.structs.replace(manifest, meta={}, complete=False, error=error))
        raise


def kept_meta(meta: Mapping[str, Any]) -> dict[str, Any] | None:
    """The `meta` of a rollout for its receipt; None where it is empty, too large, or cannot be written again. Pure."""
    if not meta:
        return None
    try:
        text = msgspec.json.encode(meta)
    except (ValueError, TypeError, RecursionError):
        # A lone surrogate, say, which JSON's escapes can spell.
        return None
    return dict(meta) if len(text) <= MOST_META and most_values(text) <= MOST_META_VALUES else None


def kept_error(manifest: Manifest | None) -> str | None:
    """Why a rollout ended early, for its receipt: on one printable line, cut where it is long. Pure."""
    if manifest is None or manifest.complete or not manifest.error:
        return None
    return one_line(cut(manifest.error.strip(), LONGEST_ERROR)) or None


def read_manifest(
    directory: Path, *, dir_fd: int | None = None, check: Check | None = None, most_meta: int = 0
) -> tuple[Manifest, str] | None:
    """Read the manifest in `directory`, without its `meta`, of which no encoder makes anything.

    Args:
        directory: The job's directory.
        dir_fd: A descriptor of it, where it is open already.
        check: Called with the status of the file before it is read; raises where it should not be used.
        most_meta: As in `parse_record`: a small `meta` is kept in the receipt. Default: none is.

    Returns:
        The manifest, with an empty `meta` where it is larger, and the SHA-256 of its bytes in hexadecimal
        digits; None where there is none.

    Raises:
        ManifestError: There is one that cannot be used.
    """
    found = read_record(directory / MANIFEST_NAME, Manifest, dir_fd=dir_fd, check=check, most_meta=most_meta)
    if found is None:
        return None
    manifest, text = found
    try:
        _ = manifest.rate
    except SettingsError as error:
        raise ManifestError(f"{directory / MANIFEST_NAME}: {error}") from error
    return manifest, hashlib.sha256(text).hexdigest()
