"""The frames of a `frames.mkv`, which a `frames.json` describes: held open, checked before any is shown.

Both are another's files as PNGs are: what the record says is bounded, and compared with the file, before it is used.
"""

from __future__ import annotations

import functools
import hashlib
import os
import stat
from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from pathlib import Path

from daddy_encode.encoding.option_values import DEFAULT_STALL_SECONDS
from daddy_encode.encoding.png.parse import HEAD_BYTES, Png, PngFault
from daddy_encode.encoding.png.stored import StoredPng
from daddy_encode.encoding.stored.decoder import decoded
from daddy_encode.encoding.stored.layout import Layout, layout_of, template_of
from daddy_encode.encoding.stored.loose import check_leftovers
from daddy_encode.errors import EncodeError, FrameError, ManifestError, TransientError
from daddy_encode.spool.frames import count_frames
from daddy_encode.spool.held_file import SAFELY
from daddy_encode.spool.manifest import MANIFEST_NAME, read_manifest
from daddy_encode.spool.png.pixels import MAX_PIXELS
from daddy_encode.spool.stored.names import FRAMES_MKV, FRAMES_TAR, PACK_RECORD
from daddy_encode.spool.stored.pack_record import PackRecord, names_of, read_pack_record

_PIECE = 2**18


class PackedFrames:
    """The frames of a packed file; the file stays the one that was opened.

    Attributes:
        record: What `frames.json` says.
        names: Of the frames, in order.
        path: The file, for errors.
        descriptor: Of it.
        file: Its name.
        mtime_ns: 0: the directory's own time tells of changes.
    """

    file = FRAMES_MKV
    mtime_ns = 0

    def __init__(
        self,
        path: Path,
        directory: int,
        record: PackRecord,
        check_owner: Callable[[os.stat_result, Path], None],
        max_pixels: int = MAX_PIXELS,
    ) -> None:
        """Open the file that `record` describes.

        Args:
            path: The file's.
            directory: A descriptor of its directory.
            record: The one beside it.
            check_owner: Raises Skipped where a file of that status and path should not be used.
            max_pixels: Width times height of a frame, at most.

        Raises:
            FrameError: It is not the file of that record, or that cannot be used.
            Skipped: It belongs to a user who is not trusted.
        """
        self.record = record
        self.path = str(path)
        self._is_checked = False
        # Where frames are read one by one, by name.
        self._reading: Generator[bytes, None, None] | None = None
        self._next = 0
        advice = f"remove {PACK_RECORD} and {FRAMES_MKV}, and run the rollout again"
        try:
            self.names = names_of(record)
            self.template: Png = template_of(bytes.fromhex(record.head), max_pixels)
            self.layout: Layout = layout_of(self.template.header)
        except (ManifestError, PngFault, ValueError) as fault:
            record_path = path.with_name(PACK_RECORD)
            hint = fault.advice if isinstance(fault, PngFault) and "--" in fault.advice else advice
            raise FrameError(f"{record_path}: {fault}; {hint}") from fault
        try:
            self.descriptor = os.open(path.name, os.O_RDONLY | SAFELY, dir_fd=directory)
        except OSError as error:
            raise FrameError(f"{path}: cannot be opened: {error.strerror}; is it there, and yours?") from error
        try:
            status = os.fstat(self.descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise FrameError(f"{path}: is not a regular file; {advice}")
            check_owner(status, path)
            if status.st_size != record.bytes:
                raise FrameError(
                    f"{path}: has {status.st_size} bytes, and {PACK_RECORD} says {record.bytes}: it is cut off, or "
                    f"another file; copy it anew, or {advice}"
                )
        except BaseException:
            self.close()
            raise
        self._status = _looks(status)

    def other_than(self, names: Collection[str]) -> str | None:
        """As for an archive: it holds nothing but frames."""
        return next((name for name in self.names if name not in names), None)

    def close(self) -> None:
        self._stop_reading()
        os.close(self.descriptor)

    @functools.cached_property
    def _numbers(self) -> Mapping[str, int]:
        return {name: number for number, name in enumerate(self.names)}

    def __contains__(self, name: str) -> bool:
        return name in self._numbers

    def number(self, name: str) -> int:
        """Which frame has that name, from 0. Raises KeyError where none has."""
        return self._numbers[name]

    def is_current(self, directory: int) -> bool:
        """Whether the file is still there, as it was opened."""
        try:
            return _looks(os.stat(FRAMES_MKV, dir_fd=directory, follow_symlinks=False)) == self._status
        except OSError:
            return False

    @property
    def digest(self) -> str:
        """Of what a listing shows of the file: another one is another file, or one that was written to."""
        return hashlib.sha256(repr(self._status).encode()).hexdigest()

    def check(self, check_stop: Callable[[], None] = lambda: None) -> None:
        """Read the file and see that it is the one that was proved when it was packed; once is enough.

        Args:
            check_stop: Called for each piece; raises where the work should end. Default: nothing.

        Raises:
            FrameError: It is another one, or damaged.
            TransientError: It is being written to, or cannot be read now.
        """
        if self._is_checked and self._status == _looks(os.fstat(self.descriptor)):
            return
        digest, at = hashlib.sha256(), 0
        try:
            while piece := os.pread(self.descriptor, _PIECE, at):
                check_stop()
                digest.update(piece)
                at += len(piece)
                if at > self.record.bytes:
                    break
        except OSError as error:
            raise TransientError(f"{self.path}: cannot be read: {error.strerror}; run again") from error
        if self._status != _looks(os.fstat(self.descriptor)):
            raise TransientError(f"{self.path}: changed while it was read; run again")
        if digest.hexdigest() != self.record.sha256:
            raise FrameError(
                f"{self.path}: is damaged: its SHA-256 is not the one in {PACK_RECORD}; copy it anew, or remove both "
                "and run the rollout again"
            )
        self._is_checked = True

    def checked_png_sha256(self, check_stop: Callable[[], None]) -> str:
        """The digest of the bytes of the PNGs that were packed. Raises as `check`."""
        self.check(check_stop)
        return self.record.png_sha256

    def frames(
        self,
        check_stop: Callable[[], None] = lambda: None,
        stall_seconds: float = DEFAULT_STALL_SECONDS,
        step: int = 1,
    ) -> Generator[memoryview, None, None]:
        """Yield the samples of each frame as PNG has them without filters; see `decoded`. Raises as `check`, too."""
        self.check(check_stop)
        codec, count = self.record.codec, self.record.frames
        yield from decoded(self.descriptor, self.layout, codec, count, self.path, check_stop, stall_seconds, step)

    def check_pixels(
        self, check_stop: Callable[[], None] = lambda: None, stall_seconds: float = DEFAULT_STALL_SECONDS
    ) -> None:
        """Decode the file whole, and see that it shows what was packed. Raises as `frames`; EncodeError where not."""
        digest = hashlib.sha256()
        for raw in self.frames(check_stop, stall_seconds):
            digest.update(raw)
        if digest.hexdigest() != self.record.pixels_sha256:
            raise EncodeError(f"{self.path}: its frames are not those that were packed, as {PACK_RECORD} says")

    def rows(self, raw: memoryview) -> bytes:
        """A frame's rows, each with its filter byte: what the image data of its PNG inflates to."""
        from daddy_encode.encoding.png.raw import with_filter_bytes

        return with_filter_bytes(raw, self.template.header)

    def pngs(self, check_stop: Callable[[], None] = lambda: None) -> Generator[bytes, None, None]:
        """Yield each frame as a PNG that is stored, not compressed."""
        stored = StoredPng(self.template.header, bytes.fromhex(self.record.head)[HEAD_BYTES:])
        for raw in self.frames(check_stop):
            yield bytes(stored.fill((self.rows(raw),)))

    def read(self, name: str, max_pixels: int, most: int | None = None) -> tuple[bytes, int]:
        """A frame as a PNG, and how many of its bytes were left out; quick for one after another.

        Args:
            name: Its name.
            max_pixels: Not used: the limit was kept when the file was opened.
            most: How many bytes are wanted. Default: all.
        """
        number = self._numbers[name]
        if self._reading is None or number < self._next:
            self._stop_reading()
            self._reading, self._next = self.pngs(), 0
        try:
            while self._next <= number:
                data = next(self._reading)
                self._next += 1
        except BaseException:
            self._stop_reading()
            raise
        return (data, 0) if most is None else (data[:most], max(0, len(data) - most))

    def _stop_reading(self) -> None:
        if self._reading is not None:
            self._reading.close()
            self._reading = None

    def status(self, name: str) -> os.stat_result:
        """That of the file: frames have none of their own."""
        return os.fstat(self.descriptor)


def opened_packed(
    path: Path,
    directory: int,
    listed: Sequence[str],
    check_owner: Callable[[os.stat_result, Path], None],
    max_pixels: int,
    before: object = None,
    *,
    proves_leftovers: bool = False,
) -> PackedFrames | None:
    """The packed frames of a directory that has a record and a packed file; None where its frames are others.

    Args:
        path: The directory's.
        directory: Its descriptor.
        listed: The names in it.
        check_owner: As for PackedFrames.
        max_pixels: See there.
        before: What was opened before: returned where it is still what is there.
        proves_leftovers: As for `check_leftovers`.

    Raises:
        FrameError: They cannot be used, or there are loose frames that are not what a packer has left.
        ManifestError: The record, or the manifest, cannot be used.
        Skipped: A file belongs to a user who is not trusted.
    """
    is_loose = count_frames(listed) > 0
    try:
        record = read_pack_record(path, dir_fd=directory, check=check_owner)
    except ManifestError:
        if is_loose:
            # Somebody's own files of these names.
            return None
        raise
    if record is None:
        return None
    manifest = read_manifest(path, dir_fd=directory, check=check_owner)
    if (manifest[1] if manifest is not None else None) != record.manifest_sha256:
        if is_loose:
            # It is being recorded anew.
            return None
        raise FrameError(
            f"{path / FRAMES_MKV}: was packed beside another {MANIFEST_NAME} than is there now; bring that back, or "
            "remove what does not belong there"
        )
    is_same = isinstance(before, PackedFrames) and before.record == record
    found = before if is_same else PackedFrames(path / FRAMES_MKV, directory, record, check_owner, max_pixels)
    assert isinstance(found, PackedFrames)
    try:
        if is_loose or FRAMES_TAR in listed:
            check_leftovers(path, directory, listed, record, found.names, proves=proves_leftovers)
    except BaseException:
        if not is_same:
            found.close()
        raise
    return found


def _looks(status: os.stat_result) -> tuple[int, ...]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
