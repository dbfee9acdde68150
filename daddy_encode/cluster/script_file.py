"""The batch script and what it reads, in a spool that others may write to: no link of theirs is followed."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from daddy_encode.errors import SpoolError

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def slurm_directory(spool: Path) -> Path:
    """Where scripts and logs of this user are: `.daddy-encode/slurm`, or `slurm-<uid>` where another has made that.

    Nobody else may write there: Slurm opens the logs by their names, and would follow a link.
    """
    shared = spool / ".daddy-encode"
    with contextlib.suppress(OSError):
        status = os.lstat(shared / "slurm")
        if stat.S_ISDIR(status.st_mode) and status.st_uid != os.geteuid():
            return shared / f"slurm-{os.geteuid()}"
    return shared / "slurm"


class ScriptFile:
    """A script that was written, with what it reads, in a directory that is held.

    Attributes:
        path: Its path.
    """

    def __init__(self, path: Path, directory: int, created: list[Path]) -> None:
        self.path = path
        self._directory = directory
        self._created = created
        self._written: dict[str, os.stat_result] = {}

    def write(self, name: str, text: bytes) -> None:
        """Write a file beside it, or itself."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(name, flags, 0o666, dir_fd=self._directory)
        self._written[name] = os.fstat(descriptor)
        with open(descriptor, "wb") as stream:
            stream.write(text)

    def check(self) -> None:
        """Raise SpoolError where its path leads to anything else: sbatch opens it by its name."""
        with contextlib.suppress(OSError):
            if os.path.samestat(os.lstat(self.path), self._written[self.path.name]):
                return
        raise SpoolError(f"{self.path}: another file was put in its place; choose a directory that is yours")

    def remove(self) -> None:
        """Remove what was written, and every directory that was made for it."""
        for name in self._written:
            with contextlib.suppress(OSError):
                os.unlink(name, dir_fd=self._directory)
        _remove_directories(self._created)


@contextlib.contextmanager
def written_script(path: Path, text: bytes, others: Mapping[str, bytes]) -> Iterator[ScriptFile]:
    """Write a script at `path`, two directories below the spool; these are made, and held for the block.

    Args:
        path: Of the script.
        text: What it holds.
        others: Name to content of the files beside it that it reads.

    Raises:
        SpoolError: It cannot be written; nothing is left then.
    """
    created = [directory for directory in path.parents if not directory.exists()]
    with contextlib.ExitStack() as stack:
        try:
            os.makedirs(path.parents[2], exist_ok=True)
            directory = os.open(path.parents[2], os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            stack.callback(os.close, directory)
            for inner in (path.parents[1], path.parent):
                with contextlib.suppress(FileExistsError):
                    os.mkdir(inner.name, dir_fd=directory)
                above, directory = directory, os.open(inner.name, _DIRECTORY, dir_fd=directory)
                stack.callback(os.close, directory)
                if inner != path.parent and inner in created:
                    _share(directory, above)
            script = ScriptFile(path, directory, created)
            try:
                for name, content in {**others, path.name: text}.items():
                    script.write(name, content)
            except OSError:
                script.remove()
                raise
        except OSError as error:
            _remove_directories(created)
            link = next((str(inner) for inner in (path.parents[1], path.parent) if inner.is_symlink()), None)
            reason = (
                f"{link} is a link; remove it"
                if link
                else f"{error.strerror}; submit writes below ROOT: give one where you may"
            )
            raise SpoolError(f"cannot write {path}: {reason}") from error
        yield script


def _share(directory: int, above: int) -> None:
    """Let whoever may write to the spool claim its jobs in a new `.daddy-encode`, whatever the umask."""
    mode = stat.S_IMODE(os.fstat(above).st_mode)
    if mode & 0o022 and os.fstat(directory).st_gid == os.fstat(above).st_gid:
        with contextlib.suppress(OSError):
            os.fchmod(directory, stat.S_IMODE(os.fstat(directory).st_mode) | mode & ~stat.S_ISUID)


def _remove_directories(created: list[Path]) -> None:
    with contextlib.suppress(OSError):
        for directory in created:
            directory.rmdir()
