"""Every on-disk name of a job, in one class."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from daddy_encode.errors import SettingsError, SpoolError, one_line
from daddy_encode.spool.manifest import MANIFEST_NAME
from daddy_encode.spool.publish import reported

Kind = Literal["mp4", "gif"]

# After the name of a job's directory.
RECEIPT_SUFFIX = ".receipt.json"
# After the name of a gallery's page, of the directory of its files; one of these is there as soon as the page is.
PAGE_FOLDER_SUFFIX = ".files"
PAGE_STATE_NAME = "latest.js"
# Of every file system that a spool may be on (ext4, XFS, NFS, Lustre, GPFS).
MAX_NAME_BYTES = 255
# Of a sequence of frames, in characters: most of a name is left for the directory's.
LONGEST_SEQUENCE_NAME = 80
_PLAIN_NAME = re.compile(rf"[A-Za-z0-9_.-]{{1,{LONGEST_SEQUENCE_NAME}}}")
_NOT_PLAIN = "[^A-Za-z0-9_.-]+"
# Of the files that players take for a video of each kind.
_SUFFIXES: Mapping[Kind, tuple[str, ...]] = {"mp4": (".mp4", ".m4v"), "gif": (".gif",)}
# Any other says nothing: `run-1.5`, `clip.part`.
_OF_A_FORMAT = r"\.(3gp|apng|avi|avif|bmp|flv|gif|h264|heic|jpe?g|m4v|mkv|mov|mp4|mpe?g|ogv|png|tiff?|ts|webm|webp|wmv)"


class JobPaths(Struct, frozen=True, eq=False):
    """Where one job's files are.

    Attributes:
        directory: The directory of its frames.
        base: The path that the outputs' names begin with: the directory's own, unless an output directory was asked
            for.
        top: The directory of the outputs that a user has named, or the one that a job so named is in: below it, on the
            way to the outputs, no link is followed.
        file: The one video, where a user has named it: nothing else is written then, no receipt and no claim.
        pattern: Of the sequence of frames that the job is, one of several in the directory; None: the only one there.
    """

    directory: Path
    base: Path
    top: Path
    pattern: str | None = None
    file: Path | None = None

    def __eq__(self, other: object) -> bool:
        """Whether the files are the same ones, whatever their `top`."""
        return isinstance(other, JobPaths) and self._compared == other._compared

    def __hash__(self) -> int:
        return hash(self._compared)

    @property
    def _compared(self) -> tuple[object, ...]:
        return self.directory, self.base, self.pattern, self.file

    @classmethod
    def of(cls, directory: Path, root: Path | None = None, output_dir: Path | None = None) -> JobPaths:
        """The names for the job in `directory`.

        Args:
            directory: The directory of its frames.
            root: Where it was found: the top of a tree, or the job itself. Default: the job itself.
            output_dir: Where outputs go, with the job's path relative to `root` (to its parent, where it is the job
                itself). Default: beside the directory, named after it.
        """
        directory = absolute(directory)
        root = absolute(root if root is not None else directory)
        if output_dir is None:
            return cls(directory, directory, root if root != directory else directory.parent)
        relative = directory.relative_to(root) if root != directory else Path(directory.name)
        top = absolute(output_dir)
        return cls(directory, top / relative, top)

    @classmethod
    def named(cls, path: Path) -> JobPaths:
        """The names for a job as people name it: by its directory, or the pattern of one sequence (`DIR/rgb_*.png`).

        A directory may have an asterisk in its own name, and be gone.
        """
        whole = cls.of(path)
        files = (whole.directory, whole.receipt, whole.output("mp4"), whole.output("gif"))
        if "*" not in path.name or any(map(os.path.lexists, files)):
            return whole
        return cls.of(path.parent).of_sequence(path.name)

    def into(self, file: Path) -> JobPaths:
        """The names where the only video is `file`, which ends in `.mp4` or `.gif`."""
        file = absolute(file)
        return replace(self, base=file.with_suffix(""), top=file.parent, file=file)

    def of_sequence(self, pattern: str) -> JobPaths:
        """The names for one of several sequences of frames in the directory, as a job of its own."""
        return replace(self, base=self._with_suffix(f".{sequence_name(pattern)}"), pattern=pattern)

    @property
    def whole(self) -> JobPaths:
        """The names for the directory as one job, where this is one of its sequences; else these."""
        if self.pattern is None:
            return self
        name = self.base.name.removesuffix(f".{sequence_name(self.pattern)}")
        return replace(self, base=self.base.with_name(name), pattern=None)

    @property
    def job(self) -> Path:
        """The job, for people: its directory, or with that the pattern of its frames' names."""
        return self.directory if self.pattern is None else self.directory / self.pattern

    @property
    def name(self) -> str:
        """The job's name in a gallery and in its marks: `job`, relative to what a user has named, as printable text."""
        name = str(self.whole.base.relative_to(self.top))
        return one_line(name if self.pattern is None else f"{name}/{self.pattern}")

    @property
    def manifest(self) -> Path:
        """The manifest, inside the directory."""
        return self.directory / MANIFEST_NAME

    @property
    def receipt(self) -> Path:
        """The receipt, beside the outputs."""
        return self._with_suffix(RECEIPT_SUFFIX)

    def output(self, kind: Kind) -> Path:
        """The video of this kind."""
        return self.file or self._with_suffix(f".{kind}")

    def check_names(self) -> None:
        """Check, before any work, that the outputs' names are not too long, nor those of another directory's outputs.

        Raises:
            SpoolError: The receipt's name, the longest, is more than a file system takes; or a directory has the name
                that the outputs of a sequence of this one begin with.
        """
        if self.file is not None:
            return
        for twin in (self.base, self.directory.with_name(self.base.name)) if self.pattern is not None else ():
            if os.path.isdir(twin):
                raise SpoolError(
                    f"{self.job}: its outputs would have the names of those of {twin}; rename that directory"
                )
        size = len(os.fsencode(self.receipt.name))
        if size > MAX_NAME_BYTES:
            raise SpoolError(
                f"{self.base}: its receipt would have a name of {size} bytes, more than the {MAX_NAME_BYTES} that a "
                "file system takes; rename the directory"
            )

    def _with_suffix(self, suffix: str) -> Path:
        # Not with_suffix: `run-1.5` is a name, not a stem and a suffix.
        return self.base.parent / (self.base.name + suffix)


def sequence_name(pattern: str) -> str:
    """The name of a sequence of frames, which its outputs have after that of the directory.

    That is what the names of its frames have in common, with an N for the number: `rgb` for `rgb_*.png`, `N_rgb` for
    `*_rgb.png`. What would have to be quoted, or is too long, is replaced, and a digest of the pattern is added.
    """
    stem = pattern.removesuffix(".png")
    text = re.sub(r"(?<=.)_\*(?:[._]\*)?\Z", "", stem, flags=re.DOTALL)
    text = re.sub(r"\*[._]\*|\*", "N", text)
    if _PLAIN_NAME.fullmatch(text):
        return text
    digest = hashlib.sha256(os.fsencode(pattern)).hexdigest()[:8]
    return f"{re.sub(_NOT_PLAIN, '-', text)[:LONGEST_SEQUENCE_NAME]}-{digest}"


def user_path(path: str | os.PathLike[str]) -> Path:
    """A path as somebody wrote it, where no shell has replaced `~` or `~name` by a home directory.

    Raises:
        SettingsError: It is empty, which would be the current directory.
    """
    text = os.fspath(path)
    if not text:
        raise SettingsError("the path is empty: is the variable that it comes from not set?")
    return Path(os.path.expanduser(text))


def check_suffix(path: Path, kind: Kind) -> None:
    """Raise SettingsError where a video of this kind should get a name that says that it is something else."""
    suffix = path.suffix.lower()
    if re.fullmatch(_OF_A_FORMAT, suffix) and suffix not in _SUFFIXES[kind]:
        raise SettingsError(f"{path}: the suffix of this {kind.upper()} says {suffix[1:].upper()}; name it .{kind}")


def is_page_folder(directory: str | os.PathLike[str], name: str) -> bool:
    """Whether `name` in a directory is what belongs to a gallery's page, by thousands: nothing to look for jobs in."""
    return name.endswith(PAGE_FOLDER_SUFFIX) and os.path.lexists(os.path.join(directory, name, PAGE_STATE_NAME))


def absolute(path: Path) -> Path:
    """`path` made absolute, `.` and `..` resolved in the text alone: a link keeps the name it was given by."""
    return Path(os.path.abspath(path))


def new_job_directory(parent: Path, name: str) -> Path:
    """Make a directory that nobody else has: `name`, or `name-2`, `name-3`, ….

    A name whose directory is gone, but whose video or receipt is still there, is not used again.

    Args:
        parent: Where to make it; it is there.
        name: Wished for.

    Returns:
        Its path.

    Raises:
        SpoolError: It cannot be made.
    """
    for number in count(1):
        directory = parent / (name if number == 1 else f"{name}-{number}")
        with reported(directory, "make"):
            try:
                # Atomic on network file systems too: of several processes exactly one makes it.
                os.mkdir(directory)
            except FileExistsError:
                continue
            job = JobPaths.of(directory)
            if not any(map(os.path.lexists, (job.output("mp4"), job.output("gif"), job.receipt))):
                return directory
            os.rmdir(directory)
    raise AssertionError
