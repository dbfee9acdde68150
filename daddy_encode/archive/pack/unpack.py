"""Unpacking one job: its PNGs written, each whole, all proved and on disk; only then does the packed file go."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable

import numpy as np
from msgspec.structs import replace

from daddy_encode.archive.claimed import remove_left
from daddy_encode.archive.pack.files import OWNER, looks_of, remove_proved, renew_receipt
from daddy_encode.archive.pack.frames import PngFrames
from daddy_encode.archive.pack.left import check_not_deleted
from daddy_encode.archive.pack.made import PACKED_FILES
from daddy_encode.archive.pack.outcome import LeftError, PackOutcome
from daddy_encode.archive.pack.there import UnpackedFiles
from daddy_encode.encoding.context import Context
from daddy_encode.encoding.frames.job_directory import JobDirectory
from daddy_encode.encoding.frames.listing import digests
from daddy_encode.encoding.png.parse import Header, Png
from daddy_encode.encoding.png.raw import with_filter_bytes
from daddy_encode.encoding.stored.packed import PackedFrames
from daddy_encode.errors import EncodeError, FrameError, Interrupted, ManifestError, SpoolError
from daddy_encode.spool.held_file import NEW, sync_directory
from daddy_encode.spool.manifest import MANIFEST_NAME
from daddy_encode.spool.orphans import temp_name
from daddy_encode.spool.paths import JobPaths
from daddy_encode.spool.png import deflate
from daddy_encode.spool.png.format import END, GREY, IDAT, RGB, RGBA, SAMPLES, chunk
from daddy_encode.spool.png.pixels import Pixels
from daddy_encode.spool.png.writer import Filter, choose_filter, filter_rows
from daddy_encode.spool.publish import reported
from daddy_encode.spool.receipt import Receipt
from daddy_encode.spool.stored.names import FRAMES_MKV, PACK_RECORD
from daddy_encode.spool.stored.pack_record import PackRecord, names_of, read_pack_record

_LEVEL = 1


def unpack_job(
    paths: JobPaths, context: Context, on_frame: Callable[[], None] = lambda: None, *, dry_run: bool = False
) -> PackOutcome:
    """Write the PNGs of a packed job back; whoever calls holds its claim.

    Args:
        paths: As for `pack_job`, as are all that follow.
        context: See there.
        on_frame: See there.
        dry_run: See there.

    Raises:
        LeftError: It holds several sequences, which are never packed.
        FrameError: The packed file cannot be used.
        EncodeError: It cannot be decoded, or the PNGs are not what they should be: it stays.
        SpoolError: A PNG cannot be written, or another is in its place.
        Interrupted: It was stopped, or the claim was lost.
    """
    with JobDirectory(paths.directory, context.owners, context.max_pixels) as directory:
        directory.proves_leftovers = True
        return _Unpacking(paths, context, directory, on_frame).run(dry_run=dry_run)


class _Unpacking:
    def __init__(
        self, paths: JobPaths, context: Context, directory: JobDirectory, on_frame: Callable[[], None]
    ) -> None:
        self._paths = paths
        self._context = context
        self._directory = directory
        self._on_frame = on_frame

    def run(self, *, dry_run: bool) -> PackOutcome:
        directory = self._directory
        if self._paths.pattern is not None:
            raise LeftError(f"{self._paths.job}: holds several sequences of frames, which are never packed")
        if not dry_run:
            remove_left(directory, self._context.owners, OWNER)
        check_not_deleted(self._paths, directory)
        directory.names()
        if directory.packed is not None:
            return self._unpack(directory.packed, dry_run=dry_run)
        if (late := self._packed_too_early()) is not None:
            with contextlib.closing(late):
                return self._unpack(late, dry_run=dry_run)
        return self._finish(dry_run=dry_run)

    def _packed_too_early(self) -> PackedFrames | None:
        """The packed frames of a job that went on being recorded, and so has others, loose, and another manifest.

        Raises FrameError where some of those are packed as well.
        """
        directory = self._directory
        if not directory.files.issuperset((PACK_RECORD, FRAMES_MKV)):
            return None
        try:
            record = read_pack_record(self._paths.directory, dir_fd=directory.descriptor, check=directory.check_owner)
        except ManifestError:
            # Somebody's own files of these names.
            return None
        if record is None:
            return None
        path = self._paths.directory / FRAMES_MKV
        if (both := next((name for name in names_of(record) if name in directory.files), None)) is not None:
            raise FrameError(
                f"{path}: was packed beside another {MANIFEST_NAME} than is there now, and holds {both}, which is "
                f"there as well; move away the loose frames that it holds, or it and {PACK_RECORD}"
            )
        return PackedFrames(path, directory.descriptor, record, directory.check_owner, directory.max_pixels)

    def _unpack(self, packed: PackedFrames, *, dry_run: bool) -> PackOutcome:
        directory, record = self._directory, packed.record
        written = directory.status(PACK_RECORD)
        outcome = PackOutcome(
            paths=self._paths,
            kind="would",
            frames=record.frames,
            codec=record.codec,
            files_before=PACKED_FILES,
            files_after=record.frames,
            bytes_before=record.bytes + (written.st_size if written is not None else 0),
        )
        if dry_run:
            return outcome
        # Before a PNG is written.
        packed.check_pixels(self._step)
        with reported(self._paths.directory, "examine"):
            looks = [(name, looks_of(directory.descriptor, name)) for name in (FRAMES_MKV, PACK_RECORD)]
        # Of a directory that has not been listed each name is that of a file.
        with JobDirectory(self._paths.directory, self._context.owners, directory.max_pixels) as loose:
            self._write(packed, loose)
            pngs = UnpackedFiles(directory, packed.names)
            size = self._prove(packed, loose)

        def go_on() -> None:
            self._may_go_on()
            pngs.check()

        # The record last: without the packed file it says nothing, and who comes next knows whose it is.
        for name, look in looks:
            assert look is not None
            remove_proved(directory.descriptor, self._paths.directory, [(name, look[0])], go_on)
        self._renew(record, None)
        return replace(outcome, kind="unpacked", bytes_after=size)

    def _finish(self, *, dry_run: bool) -> PackOutcome:
        """What is left to do of a job that is not packed: a record whose packed file has gone already."""
        directory = self._directory
        files = directory.files
        outcome = PackOutcome(paths=self._paths, kind="already", frames=0)
        if PACK_RECORD not in files or FRAMES_MKV in files:
            return outcome
        with reported(self._paths.directory, "examine"):
            look = looks_of(directory.descriptor, PACK_RECORD)
        record = read_pack_record(self._paths.directory, dir_fd=directory.descriptor, check=directory.check_owner)
        if look is None or record is None or not files.issuperset(names_of(record)) or dry_run:
            return outcome
        remove_proved(directory.descriptor, self._paths.directory, [(PACK_RECORD, look[0])], self._may_go_on)
        self._renew(record, None)
        return replace(outcome, kind="unpacked", frames=record.frames, files_after=record.frames)

    def _write(self, packed: PackedFrames, loose: JobDirectory) -> None:
        """Write each PNG that is not there, or see that the one that is there is it."""
        there = [name for name in packed.names if name in self._directory.files]
        if there:
            self._check_there(packed, loose, there)
        head, header = bytes.fromhex(packed.record.head), packed.template.header
        known, chosen = set(there), None
        with reported(self._paths.directory, "write frames to"):
            for name, raw in zip(packed.names, packed.frames(self._step), strict=True):
                self._step()
                if name not in known:
                    chosen = _filter_for(header, raw) if chosen is None else chosen
                    _write_png(self._directory.descriptor, name, _png(head, header, raw, chosen), packed.record)
            sync_directory(self._directory.descriptor)

    def _check_there(self, packed: PackedFrames, loose: JobDirectory, there: list[str]) -> None:
        """Raise SpoolError where a PNG that is there is not the one that was packed."""
        frames, wanted = PngFrames(self._paths.directory, there, loose.read, self._step), set(there)
        for name, raw in zip(packed.names, packed.frames(self._step), strict=True):
            if name in wanted:
                try:
                    frames.prove_one(name, raw)
                except (EncodeError, LeftError) as error:
                    raise SpoolError(
                        f"{self._paths.directory}/{name}: is there and is not the PNG that was packed; move it away"
                    ) from error

    def _prove(self, packed: PackedFrames, loose: JobDirectory) -> int:
        """Read all PNGs, compare them with what is packed, and write down whose they are; return their size."""
        directory, record = self._directory, packed.record
        digest, size = hashlib.sha256(), 0

        def read(name: str) -> tuple[Png, bytes]:
            nonlocal size
            png, data = loose.read(name)
            digest.update(data)
            size += len(data)
            return png, data

        frames = PngFrames(self._paths.directory, packed.names, read, self._step)
        # It has read the first one.
        digest, size = hashlib.sha256(), 0
        if frames.head != bytes.fromhex(record.head):
            raise EncodeError(f"{self._paths.directory}: its PNGs are not those that were packed")
        frames.prove(packed)
        manifest = directory.status(MANIFEST_NAME)
        self._renew(record, (digest.hexdigest(), digests(loose, packed.names, manifest)[0]))
        return size

    def _renew(self, record: PackRecord, new: tuple[str, str] | None) -> None:
        """Have the job's receipt, if it is of the packed file, be of its PNGs; or only have their directory's time."""
        mtime_ns = 0 if new is not None else self._directory.mtime_ns()
        with JobDirectory(self._paths.directory, self._context.owners, self._directory.max_pixels) as loose:
            names, manifest = names_of(record), loose.status(MANIFEST_NAME)
            listing = new[1] if new is not None else digests(loose, names, manifest)[0]

            def renewed(receipt: Receipt) -> Receipt | None:
                source = receipt.source
                if source.manifest_sha256 != record.manifest_sha256:
                    return None
                if source.listing_sha256 not in (record.listing_sha256, listing):
                    return None
                if new is None and source.listing_sha256 != listing:
                    return None
                if new is not None and source.sha256 == record.png_sha256 != new[0]:
                    source = replace(source, sha256=new[0], recorded_sha256=source.recording)
                source = replace(source, listing_sha256=listing, directory_mtime_ns=mtime_ns)
                return replace(receipt, source=source)

            renew_receipt(self._paths, loose, self._context.owners, renewed)

    def _step(self) -> None:
        if self._context.limits.stop.is_set():
            raise Interrupted(f"{self._paths.job}: stopped before it was unpacked; run again")
        self._on_frame()

    def _may_go_on(self) -> None:
        if self._context.limits.stop.is_set() or not self._context.may_publish():
            raise Interrupted(f"{self._paths.job}: stopped before it was unpacked; run again")


def _filter_for(header: Header, raw: memoryview) -> Filter | None:
    """The filter that suits a frame; None for kinds of which few are written, which get none."""
    return choose_filter(_pixels(header, raw)) if header.depth == 8 and header.colour in (GREY, RGB, RGBA) else None


def _pixels(header: Header, raw: memoryview) -> Pixels:
    samples = SAMPLES[header.colour]
    shape = (header.height, header.width, samples) if samples > 1 else (header.height, header.width)
    return np.frombuffer(raw, np.uint8).reshape(shape)


def _png(head: bytes, header: Header, raw: memoryview, row_filter: Filter | None) -> bytes:
    rows: bytes | Pixels = with_filter_bytes(raw, header)
    if row_filter is not None:
        rows = filter_rows(_pixels(header, raw), row_filter)
    return b"".join((head, chunk(IDAT, deflate.compress(rows, _LEVEL)), END))


def _write_png(directory: int, name: str, data: bytes, record: PackRecord) -> None:
    """Write a PNG so that it is whole and on disk before it has its name. Raises OSError."""
    temporary = temp_name(OWNER)
    descriptor = os.open(temporary, os.O_WRONLY | NEW, 0o666, dir_fd=directory)
    try:
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(descriptor, view) :]
            # Not newer than the record: else it would be another recording's.
            os.utime(descriptor, ns=(record.mtime_ns, record.mtime_ns))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.rename(temporary, name, src_dir_fd=directory, dst_dir_fd=directory)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(temporary, dir_fd=directory)
        raise
