"""What is there of a job, and what is left to do: the directory, the manifest, the receipt. Writes nothing."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import Struct

from daddy_encode.encoding.frames.bad_frames import find_bad_frames
from daddy_encode.encoding.frames.complete import check_not_more, check_whole, left_out, nothing_to_read
from daddy_encode.encoding.frames.dropped import Dropped, read_dropped
from daddy_encode.encoding.frames.gaps import expected_numbers, fill
from daddy_encode.encoding.frames.job_directory import JobDirectory
from daddy_encode.encoding.frames.listing import FrameListing, before_listing
from daddy_encode.encoding.gone import frames_gone, half_deleted, video_lost
from daddy_encode.encoding.option_values import Gaps
from daddy_encode.encoding.recorded import gaps_agree, gaps_of, outputs_there, receipt_of, recorded, replaced
from daddy_encode.encoding.settings import DEFAULT_FPS, Plan, Settings, plan
from daddy_encode.errors import ManifestError, Skipped, SpoolError, one_line
from daddy_encode.spool.frames import FrameSequence
from daddy_encode.spool.manifest import ROLLOUT_NAME, Manifest, kept_meta
from daddy_encode.spool.paths import JobPaths, Kind
from daddy_encode.spool.receipt import (
    MAX_LISTED,
    MAX_WHOLE,
    BadFrame,
    Lost,
    Receipt,
    is_receipt_of,
    read_receipt,
)
from daddy_encode.spool.recording.deleting import is_half_deleted
from daddy_encode.spool.recording.rollout import Rollout
from daddy_encode.spool.transient import may_pass

ASSUMED_RATE = f"no manifest, {ROLLOUT_NAME} or --video-fps says how many frames per second: {DEFAULT_FPS} are assumed"


class Examined(Struct, frozen=True):
    """A job with as many of its frames as `gaps` asks for.

    Attributes:
        job: What its errors name.
        manifest: None where there is none.
        manifest_sha256: Of the manifest's bytes.
        listing: Its frames, as they were listed.
        expected: The instants at which its frames should be.
        gaps: How to treat those that are missing or bad.
        salvaged: Whether its rollout died, and what is whole is taken.
        wanted: The videos it should have.
        todo: Those of them that are not there yet.
        earlier: The receipt as it is, whatever it is of.
        is_same: Whether its videos were made of these frames and this manifest.
        receipt: What an earlier encode of this very source left, as it should be now: with the outputs that are still
            there, and the times of these and of the directory.
        is_recorded: Whether the receipt is so already.
        dropped: What the rollout has dropped; not looked for where nothing is left to do.
        meta: The rollout's own values, as far as the receipt keeps them.
        warnings: What whoever sees the videos should know of how they were made.
        parent: The status of the directory that its directory is in, where the outputs go there; else None.
    """

    job: Path
    manifest: Manifest | None
    manifest_sha256: str | None
    listing: FrameListing
    expected: range
    gaps: Gaps
    salvaged: bool
    wanted: Plan
    todo: Plan
    earlier: Receipt | None
    is_same: bool
    receipt: Receipt | None
    is_recorded: bool
    dropped: Dropped
    meta: dict[str, Any] | None
    warnings: Sequence[str]
    parent: os.stat_result | None

    @property
    def frames(self) -> FrameSequence:
        """Its frames."""
        return self.listing.frames

    @property
    def was_reread(self) -> bool:
        """Whether frames were read to find out that the receipt is theirs."""
        if self.receipt is None or self.earlier is None:
            return False
        return self.receipt.source.listing_sha256 != self.earlier.source.listing_sha256

    @property
    def missing(self) -> int:
        """How many frames are missing: none where the numbers are irregular, since nobody knows which there were."""
        if self.frames.numbering == "irregular":
            return 0
        return self.expected.stop - self.expected.start - len(self.frames)

    @property
    def promised_size(self) -> tuple[int, int] | None:
        """The (width, height) that the manifest promises of every frame."""
        if self.manifest is None or self.manifest.sizes_vary:
            return None
        return self.manifest.width, self.manifest.height

    def find_bad_frames(self, directory: JobDirectory) -> dict[str, str]:
        """Read all frames to find the bad ones, by name; see `bad_frames.find_bad_frames`."""
        any_size = any(output.fit is not None for output in self.todo.values())
        return find_bad_frames(directory, self.frames.names, self.promised_size, any_size=any_size)

    def replaced(self, paths: JobPaths, kind: Kind) -> str:
        """Say of a file that the new video of this kind replaces it; see `recorded.replaced`."""
        name = paths.output(kind).name
        if paths.file is not None:
            # No receipt ever does.
            return one_line(f"replaces {name}")
        gaps: Gaps = "hold" if self.gaps == "error" and self.dropped.count else self.gaps
        return replaced(
            name, kind, self.todo[kind], self.earlier, is_same=self.is_same, gaps=gaps, salvaged=self.salvaged
        )

    def filled(self, bad: Mapping[str, str]) -> Literal["hold", "skip"] | None:
        """How frames that are missing, or among the `bad` ones, are made up for; None where there are none.

        Those that were dropped are held, unless the others are left out as well.
        """
        if self.gaps == "skip" and self.dropped.count:
            return "skip"
        if self.gaps == "error" or not (bad or self.missing or self.frames.numbering == "irregular"):
            return None
        return self.gaps

    def shown(self, bad: Mapping[str, str]) -> Sequence[str]:
        """The file that is shown as each frame, `bad` ones left out. Raises FrameError where too little is there."""
        how = self.filled(bad)
        names = self.frames.names
        if how is not None:
            names = fill(self.frames, self.expected, bad, how, str(self.job))
        return names if how == "skip" else self.dropped.hold(names, self.expected.start)

    def lost(self, bad: Mapping[str, str]) -> Lost:
        """For the receipt: what is missing, and the files that are `bad`, with the reason of each."""
        if self.filled(bad) is None:
            return Lost(dropped_count=self.dropped.count)
        return Lost(
            dropped_count=self.dropped.count,
            missing_count=min(self.missing, MAX_WHOLE),
            bad_count=len(bad),
            missing=[one_line(name) for name in self.frames.absent(self.expected, MAX_LISTED)] if self.missing else [],
            bad=[
                BadFrame(name=one_line(name), reason=one_line(reason))
                for name, reason in itertools.islice(bad.items(), MAX_LISTED)
            ],
        )


def examine(
    paths: JobPaths,
    directory: JobDirectory,
    settings: Settings,
    *,
    force: bool = False,
    keep_since: float | None = None,
    reread: bool = True,
    check_stop: Callable[[], None] = lambda: None,
) -> Examined:
    """Find out what is there of a job, and what is left to do.

    Args:
        paths: Where its files are.
        directory: Its directory, opened.
        settings: What to make of it.
        force: Whether everything is left to do, whatever is there. Default: no.
        keep_since: As for `recorded`.
        reread: Whether frames are read where that shows if they are those of the receipt, as copied ones may be, which
            have other times. Default: yes.
        check_stop: Called before each of these.

    Raises:
        ManifestError: The manifest cannot be used, or promises other frames than are there.
        FrameError: The sequence of frames cannot be used.
        FramesGoneError: Its frames are gone, and its videos are there; or its frames are being deleted.
        SpoolError: What should be the job's receipt is another job's; or its sequence of frames has gone.
        Skipped: The manifest is another user's.
    """
    before = before_listing(directory)
    manifest, manifest_digest = before.manifest, before.manifest_sha256
    listing = before.list_frames(paths.pattern)
    frames = listing.frames
    earlier = read_receipt(paths.receipt, directory.check_owner) if paths.file is None else None
    if is_half_deleted(paths, directory.files, directory.descriptor, directory.check_owner):
        raise half_deleted(paths, earlier, manifest_digest)
    if not frames:
        gone = frames_gone(paths, earlier, manifest_digest) or video_lost(paths, earlier, manifest_digest)
        raise gone or nothing_to_read(paths, directory, manifest)
    check_not_more(paths, frames, manifest)
    if earlier is not None and not is_receipt_of(paths, earlier):
        raise SpoolError(
            f"{paths.job}: {paths.receipt} is another job's, of {earlier.sequence or 'a whole directory'}; rename this "
            "directory, or remove that receipt with its videos"
        )
    own = receipt_of(earlier, directory, listing, manifest_digest, check_stop if reread else None)
    gaps, salvaged = gaps_of(settings, own, died=manifest is None or not manifest.complete)
    expected = expected_numbers(frames, listing.promised)
    if gaps == "error":
        check_whole(paths, frames, manifest)
    known = recorded(own, keep_since)
    rollout, warnings = (None, []) if manifest else _rollout(directory, frames)
    # One that an earlier encode was told is known.
    is_told = own is not None and known.outputs and not any(ASSUMED_RATE in record.warnings for record in own.outputs)
    if manifest is None and settings.fps is None and (rollout is None or rollout.rate is None) and not is_told:
        warnings.append(ASSUMED_RATE)
    wanted = plan(settings, manifest or rollout, known)
    stored = own if own is not None and gaps_agree(own, gaps) else None
    receipt = _renewed(paths, stored, listing.directory_mtime_ns, wanted) if stored else None
    there = {record.format for record in receipt.outputs} if receipt else set()
    todo = {
        kind: output
        for kind, output in wanted.items()
        if force or kind not in there or known.outputs.get(kind) != output
    }
    dropped = read_dropped(directory, frames, expected) if todo else Dropped()
    if dropped.fault:
        warnings.append(dropped.fault)
    if todo:
        warnings += left_out(paths, frames, manifest, directory.listed)
    return Examined(
        job=paths.job,
        manifest=manifest,
        manifest_sha256=manifest_digest,
        listing=listing,
        expected=expected,
        gaps=gaps,
        salvaged=salvaged,
        wanted=wanted,
        todo=todo,
        earlier=earlier,
        is_same=own is not None,
        receipt=receipt,
        is_recorded=receipt in (None, earlier),
        dropped=dropped,
        meta=_meta(manifest or rollout) if todo else None,
        warnings=warnings,
        parent=directory.status("..") if paths.base.parent == paths.directory.parent else None,
    )


def _meta(record: Manifest | Rollout | None) -> dict[str, Any] | None:
    return kept_meta(record.meta) if record is not None else None


def _rollout(directory: JobDirectory, frames: FrameSequence) -> tuple[Rollout | None, list[str]]:
    """The record of the job's rollout, and why it is of no use. Raises ManifestError where that may pass.

    One that may not be read is no rollout's whose frames may be.
    """
    try:
        return directory.rollout(frames.names), []
    except (ManifestError, Skipped) as error:
        if may_pass(error) and not isinstance(error.__cause__, PermissionError):
            raise
        return None, [f"{error}; encoded as if it were not there"]


def _renewed(paths: JobPaths, receipt: Receipt, mtime_ns: int, wanted: Plan) -> Receipt:
    """`receipt` with the outputs that are still there, and their times, for a directory of the time `mtime_ns`.

    What failed with other options does not count any more, nor what was not made and is not wanted now.
    """
    return msgspec.structs.replace(
        receipt,
        source=msgspec.structs.replace(receipt.source, directory_mtime_ns=mtime_ns),
        outputs=outputs_there(paths, receipt),
        error=None,
        unfinished={kind: values for kind, values in receipt.unfinished.items() if kind in wanted},
        failures=receipt.failures if receipt.error is None else [],
        frames=None,
    )
