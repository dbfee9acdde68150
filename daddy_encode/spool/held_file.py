"""Files and directories that are held by their descriptors, whatever others put at their names."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, TypeVar

from daddy_encode.errors import TransientError

Result = TypeVar("Result")

# To open what somebody else may have put at a name: no link is followed, no FIFO waited for, no terminal taken over.
SAFELY = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
# To make a file where there is nothing yet, never through a planted link.
NEW = os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_KINDS = {
    stat.S_IFREG: "file",
    stat.S_IFLNK: "link",
    stat.S_IFDIR: "directory",
    stat.S_IFIFO: "FIFO",
    stat.S_IFSOCK: "socket",
}


def kind_of(mode: int) -> str:
    """What a file of this mode is, for people, such as "link"."""
    return _KINDS.get(stat.S_IFMT(mode), "device")


def is_at(name: str, directory: int, descriptor: int) -> bool:
    """Whether `name` in a directory is an open regular file.

    Args:
        name: The name.
        directory: The directory's descriptor.
        descriptor: The file's.

    Raises:
        OSError: The file system does not answer.
    """
    try:
        named = os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return False
    held = os.fstat(descriptor)
    return os.path.samestat(named, held) and named.st_uid == held.st_uid and stat.S_ISREG(named.st_mode)


def sha256_of(stream: BinaryIO) -> str:
    """The SHA-256 of what is left to read of a stream, in hexadecimal digits."""
    digest = hashlib.sha256()
    while part := stream.read(2**16):
        digest.update(part)
    return digest.hexdigest()


@contextlib.contextmanager
def opened_directory(path: Path, top: Path | None = None, *, make: bool = True) -> Iterator[int]:
    """Open the directory `path` for the length of the block.

    Args:
        path: The directory.
        top: The directory that a user has named, `path` or one above it. Below it others may have put links, and none
            is followed. Default: `path`.
        make: Whether to make it where there is none. Default: yes.

    Yields:
        Its descriptor.

    Raises:
        OSError: It cannot be opened or made.
        TransientError: There is a link below `top`.
    """
    top = path if top is None else top
    parts = (str(top), *path.relative_to(top).parts)
    directory: int | None = None
    try:
        for number, part in enumerate(parts, 1):
            # What is only passed through need not be readable.
            flags = os.O_DIRECTORY | os.O_CLOEXEC | (os.O_RDONLY if number == len(parts) else os.O_PATH)
            try:
                below = _open_part(part, flags, directory, make=make)
            except OSError:
                if directory is not None and _is_link(part, directory):
                    link = top.joinpath(*parts[1:number])
                    raise TransientError(
                        f"{link}: is a link, and only a link that is named on the command line is followed; remove it, "
                        "or choose another place"
                    ) from None
                raise
            before, directory = directory, below
            _close(before)
        assert directory is not None
        yield directory
    finally:
        _close(directory)


def _open_part(part: str, flags: int, above: int | None, *, make: bool) -> int:
    flags |= 0 if above is None else os.O_NOFOLLOW
    try:
        return os.open(part, flags, dir_fd=above)
    except FileNotFoundError:
        if not make:
            raise
        if above is None:
            os.makedirs(part, exist_ok=True)
        else:
            with contextlib.suppress(FileExistsError):
                os.mkdir(part, dir_fd=above)
        return os.open(part, flags, dir_fd=above)


def _is_link(name: str, directory: int) -> bool:
    with contextlib.suppress(OSError):
        return stat.S_ISLNK(os.stat(name, dir_fd=directory, follow_symlinks=False).st_mode)
    return False


def _close(directory: int | None) -> None:
    if directory is not None:
        with contextlib.suppress(OSError):
            os.close(directory)


def by_descriptor(directory: int) -> Path:
    """A path of an open directory, whatever its name leads to by now."""
    return Path(f"/proc/self/fd/{directory}")


def sync_directory(directory: int) -> None:
    """Flush an open directory, where its file system can. Raises OSError."""
    try:
        os.fsync(directory)
    except OSError as error:
        # Some FUSE mounts refuse it.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.ENOSYS):
            raise


class HeldFile:
    """A new file, held: it is written, read, flushed and renamed through descriptors that are kept from its creation.

    In a directory that others may write to, its name may be another file's a moment later. No name is opened.

    Attributes:
        path: Its name, for messages.
        owner: What it is for, as in `orphans.temp_name`.
        directory: A descriptor of its directory.
        descriptor: The file's, for reading and writing; a program inherits it.
    """

    def __init__(self, path: Path, owner: str, directory: int) -> None:
        """Create the file; `directory` is a descriptor of its directory. Raises OSError."""
        self.path = path
        self.owner = owner
        self.directory = directory
        self._has_temp_name = True
        self._siblings: list[HeldFile] = []
        self.descriptor = os.open(path.name, os.O_RDWR | NEW, 0o666, dir_fd=directory)

    def reading(self) -> BinaryIO:
        """A stream of its bytes from the first on; closing it closes nothing else."""
        os.lseek(self.descriptor, 0, os.SEEK_SET)
        return open(self.descriptor, "rb", closefd=False)

    def writing(self) -> BinaryIO:
        """A stream that replaces its bytes; closing it closes nothing else."""
        os.ftruncate(self.descriptor, 0)
        os.lseek(self.descriptor, 0, os.SEEK_SET)
        return open(self.descriptor, "wb", closefd=False)

    def copy_from(self, other: HeldFile) -> None:
        """Replace its bytes by those of `other`."""
        import shutil

        with other.reading() as source, self.writing() as target:
            shutil.copyfileobj(source, target, 2**20)

    def size(self) -> int:
        """Its length in bytes."""
        return os.fstat(self.descriptor).st_size

    def sha256(self) -> str:
        """The SHA-256 of its bytes, in hex."""
        with self.reading() as stream:
            return sha256_of(stream)

    def sibling(self, name: str) -> HeldFile:
        """A new file `name` beside this one, for the same owner; closed with this one, or before. Raises OSError."""
        sibling = HeldFile(self.path.with_name(name), self.owner, self.directory)
        self._siblings.append(sibling)
        return sibling

    def flush(self) -> None:
        """Flush its bytes to disk. Raises OSError."""
        os.fsync(self.descriptor)

    def mtime_ns(self) -> int:
        """Its modification time; once it is flushed that stays."""
        return os.fstat(self.descriptor).st_mtime_ns

    def rename(self, final: Path) -> None:
        """Give it the name `final`, in the same directory, once it is flushed; then flush that.

        Raises:
            OSError: The system refuses.
            TransientError: Its name is another file's by now, or `final` is.
        """
        self._check_name(self.path)
        try:
            os.replace(self.path.name, final.name, src_dir_fd=self.directory, dst_dir_fd=self.directory)
        except FileNotFoundError as error:
            raise _swapped(self.path) from error
        self._has_temp_name = False
        # Since the check above, another file may have got the temporary name, and so the final one.
        self._check_name(final)
        sync_directory(self.directory)

    def close(self) -> None:
        """Close it and remove it, unless it has been renamed, or its name is another file's."""
        for sibling in self._siblings:
            sibling.close()
        if self.descriptor < 0:
            return
        ours = self._has_temp_name and _insist(lambda: self._is_at(self.path.name))
        # First: a file that is open would only be hidden, on NFS and FUSE. What closing could report, fsync has.
        with contextlib.suppress(OSError):
            os.close(self.descriptor)
        self.descriptor = -1
        if ours:
            _insist(lambda: os.unlink(self.path.name, dir_fd=self.directory))

    def _check_name(self, path: Path) -> None:
        # A second name would be somebody else's.
        if not self._is_at(path.name) or os.fstat(self.descriptor).st_nlink != 1:
            raise _swapped(path)

    def _is_at(self, name: str) -> bool:
        """Whether `name` in its directory is this file."""
        return is_at(name, self.directory, self.descriptor)


class NamelessFile(HeldFile):
    """A HeldFile that never has a name: whatever ends this process, nothing is left of it. It cannot be renamed."""

    def __init__(self, folder: Path) -> None:
        """Create the file on the file system of `folder`. Raises OSError."""
        import tempfile

        self.path = folder / "a file without a name"
        self.owner = ""
        self.directory = -1
        self._has_temp_name = False
        self._siblings = []
        # Where the file system knows no such files, it is one whose name is removed at once.
        with tempfile.TemporaryFile(dir=folder) as file:
            self.descriptor = os.dup(file.fileno())

    def sibling(self, name: str) -> HeldFile:
        """Another one, without a name as well. Raises OSError."""
        sibling = NamelessFile(self.path.parent)
        self._siblings.append(sibling)
        return sibling


def _insist(call: Callable[[], Result]) -> Result | None:
    """What `call` returns, the second time where the file system is away for a moment; None where it stays away."""
    for _ in range(2):
        with contextlib.suppress(OSError):
            return call()
    return None


def _swapped(path: Path) -> TransientError:
    return TransientError(
        f"cannot write {path}: another file was put in its place, or it was removed; "
        "choose a directory to which nobody else writes, or run again"
    )
