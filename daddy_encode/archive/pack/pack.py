"""Packing one job: encoded, proved, on disk under its name, written down; only then do its PNGs go."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from msgspec.structs import replace

from daddy_encode.archive.claimed import remove_left
from daddy_encode.archive.pack.files import OWNER, Looks, looks_of, remove_proved, renew_receipt
from daddy_encode.archive.pack.frames import PngFrames, checked_png
from daddy_encode.archive.pack.left import check_not_deleted, check_nothing_else, left, prove_left
from daddy_encode.archive.pack.made import PACKED_FILES, encode_frames, why_not_worth
from daddy_encode.archive.pack.no_gain import NoGainError, check_not_known, remember
from daddy_encode.archive.pack.outcome import LeftError, PackOutcome
from daddy_encode.archive.pack.there import PackedFiles, check_same_files
from daddy_encode.encoding.context import Context
from daddy_encode.encoding.ffmpeg.executable import FfmpegExecutable
from daddy_encode.encoding.frames.job_directory import JobDirectory
from daddy_encode.encoding.frames.listing import FrameListing, before_listing
from daddy_encode.encoding.gone import frames_gone
from daddy_encode.encoding.recorded import is_of
from daddy_encode.encoding.stored.layout import layout_of
from daddy_encode.encoding.stored.packed import PackedFrames
from daddy_encode.encoding.yuv.worth import LEAST_FRAMES, changing_part
from daddy_encode.errors import FrameError, Interrupted, ManifestError, SpoolError
from daddy_encode.spool.frames import find_several
from daddy_encode.spool.held_file import HeldFile
from daddy_encode.spool.manifest import MANIFEST_NAME, ROLLOUT_NAME
from daddy_encode.spool.paths import JobPaths
from daddy_encode.spool.publish import publish_bytes, rename, reported, temp_file
from daddy_encode.spool.receipt import Receipt, read_receipt
from daddy_encode.spool.stored.names import FRAMES_MKV, FRAMES_TAR, PACK_RECORD
from daddy_encode.spool.stored.pack_record import NumberedNames, PackRecord, encode_pack_record, write_names


def pack_job(
    paths: JobPaths, context: Context, on_frame: Callable[[], None] = lambda: None, *, dry_run: bool = False
) -> PackOutcome:
    """Pack a job's PNGs; whoever calls holds its claim.

    Args:
        paths: Where its files are.
        context: Whose jobs are taken, how large frames may be, when to give up, whether the claim is still held.
        on_frame: Called for each frame, in each of two passes.
        dry_run: Whether only to say what would be done.

    Raises:
        LeftError: It is left as it is, since it cannot be packed exactly, or is not finished.
        FrameError: A frame, or the sequence of them, is wrong.
        EncodeError: ffmpeg failed, or the packed file is not what it should be: it is removed, and the PNGs stay.
        SpoolError: Something cannot be written; a TransientError where the frames changed meanwhile.
        Interrupted: It was stopped, or the claim was lost.
    """
    with JobDirectory(paths.directory, context.owners, context.max_pixels) as directory:
        directory.proves_leftovers = True
        return _Packing(paths, context, directory, on_frame).run(dry_run=dry_run)


class _Packing:
    def __init__(
        self, paths: JobPaths, context: Context, directory: JobDirectory, on_frame: Callable[[], None]
    ) -> None:
        self._paths = paths
        self._context = context
        self._directory = directory
        self._on_frame = on_frame
        self._file = paths.directory / FRAMES_MKV

    def run(self, *, dry_run: bool) -> PackOutcome:
        directory = self._directory
        if not dry_run:
            remove_left(directory, self._context.owners, OWNER)
        check_not_deleted(self._paths, directory)
        before = before_listing(directory)
        manifest, manifest_sha256 = before.manifest, before.manifest_sha256
        try:
            if self._paths.pattern is not None:
                raise FrameError("holds several sequences")
            listing = before.list_frames()
        except FrameError as error:
            text = (
                "holds several sequences of frames, and one file has one" if find_several(directory.listed) else error
            )
            raise self._left(str(text)) from error
        if directory.packed is not None:
            return self._finish(directory.packed, dry_run=dry_run)
        if manifest is None and directory.status(ROLLOUT_NAME) is not None:
            # Also one that seems to be dead, or that was salvaged: whoever still writes would do so in vain.
            raise self._left(f"has no {MANIFEST_NAME}: its rollout may still be writing")
        names = listing.frames.names
        if not names or (manifest is not None and manifest.frames != len(names)):
            receipt = read_receipt(self._paths.receipt, self._context.owners.check_file)
            if not names and frames_gone(self._paths, receipt, manifest_sha256) is not None:
                return PackOutcome(paths=self._paths, kind="already", frames=0)
            if receipt is None or not is_of(receipt, listing.sha256, manifest_sha256):
                promised = f"and its manifest promises {manifest.frames}: not finished" if manifest else ""
                raise self._left(f"has {len(names)} frames, {promised}" if names else "has no frames")
        check_not_known(self._paths, self._context, listing, manifest_sha256)
        files = names if directory.files.issuperset(names) else [FRAMES_TAR]
        check_nothing_else(self._paths, directory.stored, names)
        looks = self._looks(files)
        size = sum(size for _, _, size in looks)
        outcome = PackOutcome(
            paths=self._paths,
            kind="would",
            frames=len(names),
            files_before=len(files),
            files_after=PACKED_FILES,
            bytes_before=size,
        )
        frames = PngFrames(self._paths.directory, names, directory.read, self._step)
        if dry_run:
            return outcome
        with reported(self._file, "look for"):
            is_taken = looks_of(directory.descriptor, FRAMES_MKV) is not None
        sizes = [size for _, _, size in looks]
        try:
            record = self._publish(frames, listing, manifest_sha256, sizes, is_taken=is_taken)
        except NoGainError as error:
            remember(self._paths, self._context, directory, listing, manifest_sha256, error.reason)
            raise
        self._remove(looks, record, PackedFiles(directory))
        return replace(outcome, kind="packed", codec=record.codec, bytes_after=self._packed_bytes())

    def _publish(
        self,
        frames: PngFrames,
        listing: FrameListing,
        manifest_sha256: str | None,
        sizes: Sequence[int],
        *,
        is_taken: bool,
    ) -> PackRecord:
        """Encode, prove, and give both files their names: from then on the packed file is what is read.

        `sizes`: of the files that there are. Raises NoGainError where those that replace them are no gain.
        """
        directory, layout = self._directory, layout_of(frames.png.header)
        own = os.fstat(directory.descriptor)
        with temp_file(self._paths.directory, OWNER, own) as temp:
            ffmpeg = FfmpegExecutable()
            encode_frames(ffmpeg, frames, layout, self._context, temp)
            numbered, listed = self._names(frames)
            size = frames.png.size
            plain = frames.png.plain and len(frames.names) >= LEAST_FRAMES
            with reported(self._file, "write"):
                temp.flush()
                record = PackRecord(
                    frames=len(frames.names),
                    numbered=numbered,
                    listed=listed,
                    width=size[0],
                    height=size[1],
                    head=frames.head.hex(),
                    codec=layout.codec,
                    bytes=temp.size(),
                    mtime_ns=temp.mtime_ns(),
                    sha256=temp.sha256(),
                    pixels_sha256=frames.pixels_sha256,
                    changing=changing_part(directory, frames.names, size) if plain else None,
                    png_sha256=frames.png_sha256,
                    listing_sha256=listing.sha256,
                    manifest_sha256=manifest_sha256,
                    ffmpeg=ffmpeg.version,
                    finished=round(time.time(), 3),
                )
            text = encode_pack_record(record, self._paths.directory)
            if (reason := why_not_worth(sizes, (record.bytes, len(text)))) is not None:
                raise NoGainError(self._paths, reason)
            self._prove(temp, record, frames)
            if is_taken:
                self._check_ours(record)
            check_same_files(directory, listing)
            self._may_go_on()
            rename(temp, self._file)
        # What came or changed since is not in the file.
        check_same_files(directory, listing)
        self._may_go_on()
        publish_bytes(text, self._paths.directory / PACK_RECORD, OWNER, own)
        return record

    def _prove(self, temp: HeldFile, record: PackRecord, frames: PngFrames) -> None:
        packed = self._opened(temp.path, temp.directory, record)
        try:
            frames.prove(packed)
        finally:
            packed.close()

    def _names(self, frames: PngFrames) -> tuple[NumberedNames | None, str]:
        try:
            return write_names(frames.names)
        except ManifestError as error:
            raise self._left(str(error)) from error

    def _check_ours(self, record: PackRecord) -> None:
        """Raise SpoolError where what has the name of the packed file is not what a killed packer left: this very file.

        What nothing describes may be a user's own.
        """
        try:
            there = self._opened(self._file, self._directory.descriptor, record)
            try:
                there.check(self._step)
            finally:
                there.close()
        except FrameError as error:
            raise SpoolError(
                f"{self._file}: is there already, and no {PACK_RECORD} says what it is; move it away"
            ) from error

    def _opened(self, path: Path, directory: int, record: PackRecord) -> PackedFrames:
        return PackedFrames(path, directory, record, self._directory.check_owner, self._directory.max_pixels)

    def _finish(self, packed: PackedFrames, *, dry_run: bool) -> PackOutcome:
        """What is left to do of a job that is packed: PNGs that a killed packer, or one that unpacked, has left."""
        directory, record = self._directory, packed.record
        loose = [name for name in packed.names if name in directory.files]
        archive = [FRAMES_TAR] if FRAMES_TAR in directory.files else []
        looks = self._looks([*loose, *archive])
        there = PackedFiles(directory, packed)
        packed_bytes = self._packed_bytes()
        outcome = PackOutcome(
            paths=self._paths,
            kind="already",
            frames=record.frames,
            codec=record.codec,
            files_before=PACKED_FILES + len(looks),
            files_after=PACKED_FILES,
            bytes_before=packed_bytes + sum(size for _, _, size in looks),
            bytes_after=packed_bytes,
        )
        if dry_run:
            return outcome
        if loose:
            # Read as files, not as what is packed.
            with JobDirectory(self._paths.directory, self._context.owners, directory.max_pixels) as beside:
                prove_left(packed, loose, beside.read, self._step)
        if archive:
            from daddy_encode.encoding.stored.tar import TarFrames

            tar = TarFrames(self._paths.directory / FRAMES_TAR, directory.descriptor, directory.check_owner)
            try:
                check_nothing_else(self._paths, tar, packed.names)
                most = directory.max_pixels
                prove_left(packed, tar.names, lambda name: checked_png(tar.read(name, most)[0], most), self._step)
            finally:
                tar.close()
        self._remove(looks, record, there)
        return replace(outcome, kind="packed") if looks else outcome

    def _remove(self, looks: Sequence[tuple[str, Looks, int]], record: PackRecord, there: PackedFiles) -> None:
        """Remove PNGs that are in the packed file, and see that the job's receipt stays one of it."""
        directory = self._directory

        def go_on() -> None:
            self._may_go_on()
            there.check()

        proved = [(name, look) for name, look, _ in looks]
        remove_proved(directory.descriptor, self._paths.directory, proved, go_on)
        mtime_ns = directory.mtime_ns()
        directory.names()
        if directory.packed is None or directory.packed.record != record:
            return

        def renewed(receipt: Receipt) -> Receipt | None:
            source = receipt.source
            if (source.listing_sha256, source.manifest_sha256) != (record.listing_sha256, record.manifest_sha256):
                return None
            return replace(receipt, source=replace(source, directory_mtime_ns=mtime_ns), not_packed=None)

        renew_receipt(self._paths, directory, self._context.owners, renewed)

    def _packed_bytes(self) -> int:
        return sum(size for _, _, size in self._looks((FRAMES_MKV, PACK_RECORD)))

    def _looks(self, names: Sequence[str]) -> list[tuple[str, Looks, int]]:
        with reported(self._paths.directory, "examine"):
            looks = [(name, looks_of(self._directory.descriptor, name)) for name in names]
        if (other := next((name for name, look in looks if look is None), None)) is not None:
            raise self._left(f"{other} is not a regular file")
        return [(name, *look) for name, look in looks if look is not None]

    def _step(self) -> None:
        if self._context.limits.stop.is_set():
            raise Interrupted(f"{self._paths.job}: stopped before it was packed; its PNGs are all there")
        self._on_frame()

    def _may_go_on(self) -> None:
        if self._context.limits.stop.is_set() or not self._context.may_publish():
            raise Interrupted(f"{self._paths.job}: stopped before it was packed; run again")

    def _left(self, reason: str) -> LeftError:
        return left(self._paths, reason)
