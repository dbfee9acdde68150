"""What a receipt says about videos of the same frames, and what was replaced by a new one."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from daddy_encode.encoding.frames.job_directory import JobDirectory
from daddy_encode.encoding.frames.listing import FrameListing
from daddy_encode.encoding.frames.source import frames_sha256
from daddy_encode.encoding.option_values import Gaps
from daddy_encode.encoding.settings import NOTHING, GifSettings, Mp4Settings, Recorded, Settings, check_depth, plan
from daddy_encode.errors import FrameError, SettingsError, one_line
from daddy_encode.spool.frames import FrameSequence
from daddy_encode.spool.paths import JobPaths, Kind
from daddy_encode.spool.rate import format_fps, parse_fps
from daddy_encode.spool.receipt import MAX_WHOLE, OutputRecord, Receipt, find_recorded, is_receipt_of, read_receipt
from daddy_encode.spool.records import known


def recorded(receipt: Receipt | None, keep_since: float | None = None) -> Recorded:
    """What a receipt says of a job's videos.

    Args:
        receipt: The job's, which is of the frames and the manifest that are there; None where there is none such.
        keep_since: Videos made then or later, in seconds since the epoch, are right as they are, whatever options are
            given. Default: none is.
    """
    if receipt is None:
        return NOTHING
    outputs = {}
    for kind, values in (receipt.unfinished | {record.format: record.settings for record in receipt.outputs}).items():
        if (settings := read_settings(kind, values)) is not None:
            outputs[kind] = settings
    return Recorded(
        outputs=outputs,
        failed=receipt.error is not None,
        fixed=keep_since is not None and receipt.finished >= keep_since,
    )


def read_settings(kind: Kind, values: Mapping[str, Any]) -> Mp4Settings | GifSettings | None:
    """A video's settings as a receipt has them; None where this program would not have written them."""
    with contextlib.suppress(msgspec.ValidationError, SettingsError):
        parse_fps(values.get("fps"))
        check_depth(values.get("depth"))
        return msgspec.convert(dict(values), known(Mp4Settings) if kind == "mp4" else known(GifSettings))
    return None


def gaps_agree(receipt: Receipt, gaps: Gaps | None) -> bool:
    """Whether frames that were lost were made up for as `gaps` says; None: in whichever way."""
    if receipt.gaps is None and gaps == "skip" and receipt.lost.dropped_count:
        # They were held.
        return False
    return receipt.gaps is None or gaps in (None, receipt.gaps)


def is_of(receipt: Receipt, listing_sha256: str, manifest_sha256: str | None) -> bool:
    """Whether a receipt's videos were made of these frames and this manifest.

    One that only says why a job failed is of none.
    """
    source = receipt.source
    return source.sha256 != "" and (source.listing_sha256, source.manifest_sha256) == (listing_sha256, manifest_sha256)


def _may_be_of(receipt: Receipt, frames: FrameSequence, manifest_sha256: str | None) -> bool:
    """Whether a receipt's videos were made of these frames, if their bytes have the digest of its source.

    Of frames that were missing or bad, or at irregular distances, more than their bytes counts.
    """
    source = receipt.source
    return (
        source.sha256 != ""
        and source.manifest_sha256 == manifest_sha256
        and (source.frames, source.numbering, source.stride)
        == (len(frames), frames.numbering, min(frames.stride, MAX_WHOLE))
        and frames.numbering != "irregular"
        and not receipt.lost.missing_count
        and not receipt.lost.bad_count
    )


def receipt_of(
    earlier: Receipt | None,
    directory: JobDirectory,
    listing: FrameListing,
    manifest_sha256: str | None,
    check_stop: Callable[[], None] | None,
) -> Receipt | None:
    """The receipt, with this listing, where its videos were made of these frames; None where they were not.

    Args:
        earlier: As it is.
        directory: The job's.
        listing: Its frames.
        manifest_sha256: Of its manifest.
        check_stop: Called before each frame that is read to find that out; None: none is read.

    Raises:
        TransientError: A frame cannot be read now.
        Skipped: One is another user's.
    """
    if earlier is None or is_of(earlier, listing.sha256, manifest_sha256):
        return earlier
    if check_stop is None or not _may_be_of(earlier, listing.frames, manifest_sha256):
        return None
    try:
        if frames_sha256(directory, listing.frames.names, check_stop) != earlier.source.sha256:
            return None
    except FrameError:
        return None
    source = msgspec.structs.replace(
        earlier.source, names=one_line(listing.frames.pattern), listing_sha256=listing.sha256
    )
    # The same PNGs may be in other files, which packing makes fewer of.
    return msgspec.structs.replace(earlier, source=source, not_packed=None)


def gaps_of(settings: Settings, receipt: Receipt | None, *, died: bool) -> tuple[Gaps, bool]:
    """How to treat frames that are missing or bad, and whether the job is salvaged.

    Args:
        settings: The options.
        receipt: One that is of the same frames: what it says is what no option says. None: there is none.
        died: Whether the job's rollout died.
    """
    salvage = settings.salvage
    if salvage is None:
        salvage = receipt is not None and receipt.salvaged
    salvaged = salvage and died
    gaps: Gaps = settings.gaps or "error"
    if settings.gaps is None and receipt is not None and receipt.gaps is not None:
        gaps = "error" if receipt.salvaged and not salvaged else receipt.gaps
    return ("hold" if salvaged and gaps == "error" else gaps), salvaged


def recorded_since(
    paths: JobPaths, directory: JobDirectory, settings: Settings, *, keep_since: float | None = None
) -> Receipt | None:
    """The receipt of a job of which it says that nothing is left to do, else None. No frame is listed.

    Args:
        paths: As for `examine.examine`, as are all that follow.
        directory: See there.
        settings: See there.
        keep_since: See there.

    Raises:
        ManifestError: The manifest cannot be used.
        Skipped: It is another user's.
    """
    mtime_ns = directory.mtime_ns()
    found = directory.manifest()
    receipt = read_receipt(paths.receipt, directory.check_owner)
    if found is None or receipt is None or not is_receipt_of(paths, receipt) or receipt.error is not None:
        return None
    manifest, digest = found
    source = receipt.source
    if not is_of(receipt, source.listing_sha256, digest) or source.directory_mtime_ns != mtime_ns:
        return None
    known = recorded(receipt, keep_since)
    gaps, _ = gaps_of(settings, receipt, died=not manifest.complete)
    there = {record.format for record in outputs_there(paths, receipt)}
    wanted = plan(settings, manifest, known)
    is_done = all(kind in there and known.outputs.get(kind) == output for kind, output in wanted.items())
    return receipt if is_done and gaps_agree(receipt, gaps) else None


def replaced(
    name: str,
    kind: Kind,
    new: Mp4Settings | GifSettings,
    receipt: Receipt | None,
    *,
    is_same: bool,
    gaps: Gaps,
    salvaged: bool,
) -> str:
    """Say of the file `name` that a new video replaces it, and what it is.

    Args:
        name: Its name.
        kind: What it is.
        new: The settings of the video that replaces it.
        receipt: The job's, as it was before.
        is_same: Whether that is of the frames and the manifest that the new video is made of.
        gaps: How frames that are lost are made up for in the new video.
        salvaged: Whether the new video is salvaged.
    """
    record = next((record for record in receipt.outputs if record.format == kind), None) if receipt else None
    if record is None or receipt is None:
        return one_line(f"replaces {name}, which no receipt names")
    old = read_settings(kind, record.settings)
    others = _differences(old, new) if old is not None else ["other settings"]
    before = receipt.gaps or ("hold" if receipt.lost.dropped_count else gaps)
    others += [f"gaps {before}"] * (before != gaps) + ["salvage"] * (receipt.salvaged and not salvaged)
    how = ["before frames or manifest changed"] * (not is_same)
    if others or is_same:
        how.append(f"with {', '.join(others) or 'the same settings'}")
    return one_line(f"replaces {name} made {', '.join(how)}")


def _differences(old: Mp4Settings | GifSettings, new: Mp4Settings | GifSettings) -> list[str]:
    """Those settings of `old` that are others in `new`, by the names of their options."""
    before, after = _by_option(old), _by_option(new)
    return [f"{name} {value}" for name, value in before.items() if after.get(name) != value]


def settings_text(settings: Mp4Settings | GifSettings, *, every: bool = True) -> str:
    """The settings of a video, by the names of their options.

    Args:
        settings: What decides its bytes.
        every: Whether all are wanted. Default: yes; else those alone that are not as usual.
    """
    values = _by_option(settings)
    if not every:
        kind: Kind = "gif" if isinstance(settings, GifSettings) else "mp4"
        usual = _by_option(plan(Settings(video=kind, fps=settings.fps), None)[kind])
        values = {name: value for name, value in values.items() if usual[name] != value}
    return ", ".join(f"{name} {value}" for name, value in values.items()) or "default settings"


def _by_option(settings: Mp4Settings | GifSettings) -> dict[str, str]:
    values = {name.replace("_", "-"): value for name, value in msgspec.to_builtins(settings).items()}
    values["video-fps"] = values.pop("fps")
    if isinstance(settings, GifSettings):
        values["gif-fps"] = format_fps(parse_fps(settings.fps) / values.pop("step"))
        values["gif-width"] = values.pop("width") or "0 (the frames' own)"
        values["gif-optimize"] = "on" if values.pop("optimize") else "off"
    return {name: "none" if value is None else str(value) for name, value in values.items()}


def outputs_there(paths: JobPaths, receipt: Receipt) -> list[OutputRecord]:
    """The records of those videos of a receipt that are still there. Raises SpoolError where one cannot be read."""
    found = [find_recorded(paths.output(record.format), record) for record in receipt.outputs]
    return [record for record in found if record is not None]
