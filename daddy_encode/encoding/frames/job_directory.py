"""A job's directory, opened once. All in it is opened relative to it, without following links, and is bounded.

Frames that are stored in one file are named and read as if each were a file in the directory.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from daddy_encode.encoding.frames.other_files import format_of
from daddy_encode.encoding.frames.owners import Owners
from daddy_encode.encoding.png.parse import HEAD_BYTES, Png, PngFault, check_header, check_png
from daddy_encode.encoding.png.read import read_png
from daddy_encode.encoding.stored.opening import stored_frames
from daddy_encode.errors import DaddyEncodeError, FrameError, ManifestError, TransientError
from daddy_encode.spool.held_file import SAFELY, kind_of
from daddy_encode.spool.manifest import MANIFEST_NAME, MOST_META_TEXT, Manifest, read_manifest
from daddy_encode.spool.orphans import is_dead, is_temp_name, remove_from
from daddy_encode.spool.png.pixels import MAX_PIXELS
from daddy_encode.spool.recording.rollout import Rollout, read_rollout
from daddy_encode.spool.stored.names import FRAMES_MKV
from daddy_encode.spool.transient import TRANSIENT

if TYPE_CHECKING:
    from daddy_encode.encoding.stored.packed import PackedFrames
    from daddy_encode.encoding.stored.tar import TarFrames


class BadFrameError(FrameError):
    """One file cannot be used as a frame of its job.

    Attributes:
        reason: What is wrong with it.
        has_option: Whether what it advises is an option.
    """

    def __init__(self, path: Path | str, reason: str, advice: str) -> None:
        super().__init__(f"{path}: {reason}; {advice}")
        self.reason = reason
        self.has_option = "--" in advice


class JobDirectory:
    """A job's directory, held open: whatever takes its place or its name after that is not read.

    Attributes:
        path: Where it is.
        owners: Whose files are taken.
        max_pixels: Width times height of a frame, at most.
        descriptor: Of it, as long as it is open.
        files: The names that were last listed in the directory itself.
        stored: The file that holds its frames, where they were last listed in one.
        proves_leftovers: Whether who reads it compares loose frames beside packed ones, pixel by pixel. Default: no.
    """

    def __init__(self, path: Path, owners: Owners | None = None, max_pixels: int = MAX_PIXELS) -> None:
        """Open the directory at `path`.

        Args:
            path: A directory; a link to one is refused.
            owners: Whose files are taken. Default: this user's.
            max_pixels: Width times height of a frame, at most. Default: 64 * 2**20.

        Raises:
            FrameError: It is not a directory, or cannot be opened.
            Skipped: It belongs to a user who is not trusted.
        """
        self.path = path
        self._text = str(path)
        self.owners = owners or Owners()
        self.max_pixels = max_pixels
        self.proves_leftovers = False
        self._listed: list[str] | None = None
        self.stored: TarFrames | PackedFrames | None = None
        self.files: frozenset[str] = frozenset()
        try:
            self.descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError as error:
            hint = "name the directory that the link leads to" if os.path.islink(path) else "check its permissions"
            raise FrameError(f"{path}: cannot be opened: {error.strerror}; {hint}") from error
        try:
            self.check_owner(os.fstat(self.descriptor), path)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> JobDirectory:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if self.stored:
            self.stored.close()
        os.close(self.descriptor)

    def check_owner(self, status: os.stat_result, path: Path | str) -> None:
        """Raise Skipped where the file of that status belongs to a user who is not trusted."""
        self.owners.check(status.st_uid, path)

    def names(self) -> list[str]:
        """The names in it, and in the file that holds its frames, where there is one.

        Raises FrameError where it cannot be listed, or that file not used; Skipped where that is another user's.
        """
        try:
            names = os.listdir(self.descriptor)
        except OSError as error:
            raise FrameError(f"{self.path}: cannot be listed: {error.strerror}; check its permissions") from error
        before, self.stored = self.stored, None
        where, check, most = (self.path, self.descriptor), self.check_owner, self.max_pixels
        self.stored = stored_frames(*where, names, before, check, most, proves_leftovers=self.proves_leftovers)
        self.files = frozenset(names)
        self._listed = names if self.stored is None else [*{*names, *self.stored.names}]
        return self._listed

    @property
    def packed(self) -> PackedFrames | None:
        """The frames, where they were last listed in a packed file."""
        return self.stored if self.stored is not None and self.stored.file == FRAMES_MKV else None  # type: ignore[return-value]

    def path_of(self, name: str) -> str:
        """The path of a frame, for messages; of one that is stored in a file, with that as if it were a directory."""
        stored = self.stored
        return f"{self._text}/{stored.file}/{name}" if stored and name in stored else f"{self._text}/{name}"

    @property
    def stored_mtime_ns(self) -> int:
        """When the file that holds the frames was last written to before they were listed; 0 where there is none."""
        return self.stored.mtime_ns if self.stored else 0

    @property
    def listed(self) -> frozenset[str]:
        """The names that were last listed in it. Raises as `names`, where none were."""
        return frozenset(self.names() if self._listed is None else self._listed)

    def remove_leftovers(self, *, rollout_died: bool) -> bool:
        """Remove the temporary files that were listed, as far as no rollout can still be writing them.

        Args:
            rollout_died: Whether that is known, and so none is.

        Returns:
            Whether one was removed.
        """
        leftovers = list(filter(is_temp_name, self._listed or ()))
        if not leftovers:
            return False
        manifest = self.status(MANIFEST_NAME)

        def should_go(name: str, status: os.stat_result) -> bool:
            # A rollout that overwrites an older dump removes that one's manifest first.
            is_older = manifest is not None and status.st_mtime_ns < manifest.st_mtime_ns
            is_regular = stat.S_ISREG(status.st_mode) and self.owners.trusts(status.st_uid)
            return is_regular and (rollout_died or is_older or is_dead(name))

        return remove_from(self.descriptor, leftovers, should_go)

    def manifest(self) -> tuple[Manifest, str] | None:
        """Its manifest and the SHA-256 of that; see `read_manifest`. Raises ManifestError, Skipped."""
        try:
            return read_manifest(self.path, dir_fd=self.descriptor, check=self.check_owner, most_meta=MOST_META_TEXT)
        except ManifestError as error:
            raise ManifestError(
                f"{error}; run the rollout again, or move that file away and name this directory, to encode it without"
            ) from error

    def rollout(self, names: Iterable[str]) -> Rollout | None:
        """The rollout's record; `names`: those of its frames. See `read_rollout`. Raises ManifestError, Skipped."""
        check = self.check_owner
        return read_rollout(self.path, names, dir_fd=self.descriptor, check=check, most_meta=MOST_META_TEXT)

    def in_place(self) -> bool:
        """Whether the directory's path still leads to the directory that was opened."""
        try:
            return os.path.samestat(os.stat(self.path, follow_symlinks=False), os.fstat(self.descriptor))
        except OSError:
            return False

    def mtime_ns(self) -> int:
        """When a name in it last came, went or was replaced, by its file system's clock."""
        return os.fstat(self.descriptor).st_mtime_ns

    def status(self, name: str) -> os.stat_result | None:
        """The status of `name`; None where it is not there. Raises FrameError where the file system does not answer."""
        if self.stored and name in self.stored:
            return self.stored.status(name)
        try:
            return os.stat(name, dir_fd=self.descriptor, follow_symlinks=False)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise FrameError(f"{self.path / name}: cannot be examined: {error.strerror}; run again") from error

    def read(self, name: str) -> tuple[Png, bytes]:
        """Read a frame and check it, all but its image data.

        Args:
            name: Of the file in the directory.

        Returns:
            The PNG, and the file's bytes; of a very large file not those far beyond the PNG's end.

        Raises:
            BadFrameError: It is not a regular file, cannot be read, or is not a valid PNG.
            Skipped: It belongs to a user who is not trusted.
            TransientError: It was listed and is not there, or the system cannot read it now.
        """
        path = self.path_of(name)
        try:
            data, unread = self._bytes(name, path)
            try:
                png = check_png(data, self.max_pixels)
            except PngFault as fault:
                if not unread:
                    raise
                read = len(data)
                text = f"has {read + unread} bytes, more than the {read} that a picture of its size can need"
                raise PngFault(text) from fault
        except OSError as error:
            raise _unreadable(path, error) from error
        except PngFault as fault:
            raise BadFrameError(path, str(fault), fault.advice) from fault
        png.has_surplus = png.has_surplus or unread > 0
        return png, data

    def size(self, name: str) -> tuple[int, int]:
        """The (width, height) that the header of a frame claims; raises as `read`, where that header is at fault."""
        path = self.path_of(name)
        try:
            header = check_header(self._bytes(name, path, HEAD_BYTES)[0], self.max_pixels)
            return header.width, header.height
        except OSError as error:
            raise _unreadable(path, error) from error
        except PngFault as fault:
            raise BadFrameError(path, str(fault), fault.advice) from fault

    @contextlib.contextmanager
    def opened(self, name: str) -> Iterator[BinaryIO]:
        """Open a file that is no frame for the length of the block; raises as `read`, in the block as well."""
        path = f"{self._text}/{name}"
        try:
            with open(self._open(name, path)[0], "rb") as stream:
                yield stream
        except OSError as error:
            raise _unreadable(path, error) from error

    def _bytes(self, name: str, path: str, most: int | None = None) -> tuple[bytes, int]:
        """The bytes of a file, and how many were left unread.

        Those are what lies beyond the first `most`, or beyond what a PNG of its header can need.
        """
        if self.stored and name in self.stored:
            data, unread = self.stored.read(name, self.max_pixels, most)
        else:
            descriptor, status = self._open(name, path)
            try:
                data, unread = read_png(descriptor, 0, status.st_size, self.max_pixels, most)
            finally:
                os.close(descriptor)
        if (kind := format_of(data)) is not None:
            raise PngFault(f"is {kind} named .png, and only PNG is read")
        return data, unread

    def _open(self, name: str, path: str) -> tuple[int, os.stat_result]:
        """A descriptor of a regular file of a trusted user, and its status."""
        # Before it is opened too: opening some devices has effects. No link is followed, and no FIFO holds us.
        _check_regular(os.stat(name, dir_fd=self.descriptor, follow_symlinks=False).st_mode, path)
        descriptor = os.open(name, os.O_RDONLY | SAFELY, dir_fd=self.descriptor)
        try:
            status = os.fstat(descriptor)
            _check_regular(status.st_mode, path)
            self.check_owner(status, path)
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor, status


def _unreadable(path: str, error: OSError) -> DaddyEncodeError:
    # The listing had it: a network file system that lags, or a dump that is being replaced. A frame on a bad block
    # gives EIO for ever: one that `--gaps` may go on without.
    if error.errno == errno.ENOENT or error.errno in TRANSIENT - {errno.EIO}:
        return TransientError(f"{path}: was listed, but cannot be read: {error.strerror}; run again")
    return BadFrameError(
        path, f"cannot be read: {error.strerror}", "run again" if error.errno == errno.EIO else "is it yours?"
    )


def _check_regular(mode: int, path: str) -> None:
    if not stat.S_ISREG(mode):
        raise BadFrameError(path, f"is a {kind_of(mode)}, not a regular file", "put a PNG in its place")
