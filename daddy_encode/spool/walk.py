"""One walk through a spool, for whoever looks for jobs or receipts in it. A listing is the truth, a stat is not.

Hidden directories and links to directories are not entered, so that nothing leads out of the tree.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Set
from pathlib import Path

from msgspec import Struct

from daddy_encode.errors import SpoolError
from daddy_encode.spool.claims import DIRECTORY as CLAIMS_DIRECTORY
from daddy_encode.spool.claims import claimed_names
from daddy_encode.spool.frames import count_frames, find_sequences
from daddy_encode.spool.manifest import MANIFEST_NAME, ROLLOUT_NAME
from daddy_encode.spool.paths import JobPaths, absolute, is_page_folder, sequence_name
from daddy_encode.spool.stored.find import Stored, find_stored, stored_mtime_ns


class Listing(Struct, frozen=True):
    """The entries of one directory.

    Attributes:
        names: The names of all entries.
        frames: How many frames there are: numbered PNGs among them, or in one of them.
        subdirectories: Those to enter, sorted by name.
        stored: The one that holds the frames; None where they are loose PNGs.
    """

    names: frozenset[str]
    frames: int
    subdirectories: tuple[str, ...]
    stored: Stored | None = None

    @property
    def frame_names(self) -> frozenset[str]:
        """The names among which those of frames are, with those of the records that say whose frames these are."""
        if self.stored is None:
            return self.names
        return self.names.intersection((MANIFEST_NAME, ROLLOUT_NAME)).union(self.stored.names)

    def mtime_ns(self, directory: int) -> int:
        """When frames last came, went or were replaced; `directory`: the directory's modification time."""
        return directory if self.stored is None else max(directory, self.stored.mtime_ns)

    @property
    def has_manifest(self) -> bool:
        """Whether a manifest is listed."""
        return MANIFEST_NAME in self.names

    @property
    def is_recording(self) -> bool:
        """Whether this project has recorded here: a manifest or a rollout's record is listed."""
        return self.has_manifest or ROLLOUT_NAME in self.names

    @property
    def has_lone_frame(self) -> bool:
        """Whether the only PNG with a number has it in the middle of its name: a frame where nobody would look."""
        return self.frames == 0 and len(find_sequences(self.frame_names)) == 1

    @property
    def is_job(self) -> bool:
        """Whether the directory is a job: it has frames, a manifest or both."""
        return self.frames > 0 or self.has_manifest


class OutputListing(Struct, frozen=True):
    """What is in the directory where the jobs of one directory have their outputs.

    Attributes:
        names: The names of all entries; None where they are not known, so that each record has to be asked for.
        claimed: The names of the jobs that have a lease, alive or dead.
    """

    names: Set[str] | None
    claimed: Set[str]


UNKNOWN_OUTPUTS = OutputListing(None, frozenset())


class SpoolDirectory:
    """A directory that a walk has come to, before anybody has listed it.

    Attributes:
        path: Its absolute path.
        name: The last part of that.
        is_root: Whether the walk began here.
        subdirectories: Those that the walk enters.
    """

    __slots__ = (
        "_children_outputs",
        "_listing",
        "_output_dir",
        "_parent",
        "_root",
        "_tidy",
        "name",
        "path",
        "subdirectories",
    )

    def __init__(
        self,
        path: str,
        name: str,
        root: Path,
        output_dir: Path | None,
        parent: SpoolDirectory | None = None,
        *,
        tidy: bool = False,
    ) -> None:
        self.path = path
        self.name = name
        self._root = root
        self._output_dir = output_dir
        self._parent = parent
        self._tidy = tidy
        self._listing: Listing | None = None
        self.subdirectories: tuple[str, ...] = ()
        self._children_outputs: OutputListing | None = None

    @property
    def is_root(self) -> bool:
        return self._parent is None

    @property
    def relative(self) -> Path:
        """Its path relative to the directory where the walk began."""
        return Path(self.path).relative_to(self._root)

    @property
    def paths(self) -> JobPaths:
        """The names of the job that it is, or would be."""
        return JobPaths.of(Path(self.path), self._root, self._output_dir)

    def job(self, pattern: str | None) -> JobPaths:
        """The names of the job that it is, or of one of its sequences of frames."""
        return self.paths if pattern is None else self.paths.of_sequence(pattern)

    def job_name(self, pattern: str | None) -> str:
        """What the names of that job's outputs begin with: `self.job(pattern).base.name`, without making a path."""
        return self.name if pattern is None else f"{self.name}.{sequence_name(pattern)}"

    @property
    def outputs(self) -> OutputListing:
        """What is beside its outputs: listed once for all subdirectories of one directory, where that was listed."""
        return UNKNOWN_OUTPUTS if self._parent is None else self._parent.inner_outputs

    @property
    def inner_outputs(self) -> OutputListing:
        """What is beside the outputs of its subdirectories, where it was listed."""
        if self._listing is None:
            return UNKNOWN_OUTPUTS
        if self._children_outputs is None:
            names = self._listing.names if self._output_dir is None else None
            inner = self.inner_paths
            self._children_outputs = list_outputs(inner.base.parent, names, inner.top, tidy=self._tidy)
        return self._children_outputs

    @property
    def inner_paths(self) -> JobPaths:
        """The names of the job that a directory named `_` in it would be."""
        return JobPaths.of(Path(self.path, "_"), self._root, self._output_dir)

    def mtime_ns(self, *, is_stored: bool = False) -> int:
        """When a name in it last came, went or was replaced, in nanoseconds by the file system's clock.

        A listing that is made after this is out of date once this time has changed.

        Args:
            is_stored: Whether one file is known to hold its frames, whose own time then counts as well. Default: no.

        Raises:
            OSError: It cannot be asked for.
        """
        own = os.stat(self.path, follow_symlinks=self._parent is None).st_mtime_ns
        return max(own, stored_mtime_ns(self.path)) if is_stored else own

    def list(self) -> Listing:
        """List it; the walk then enters its subdirectories.

        Raises:
            OSError: It cannot be listed; nothing in it is entered.
        """
        listing = list_directory(self.path)
        self._listing, self.subdirectories = listing, listing.subdirectories
        return listing

    def enter(self, subdirectories: tuple[str, ...]) -> None:
        """Enter these subdirectories, remembered from an earlier listing, and no others.

        What is beside their outputs is then not known.
        """
        self._listing, self.subdirectories = None, subdirectories

    def children(self) -> Iterator[SpoolDirectory]:
        """The subdirectories to enter."""
        for name in self.subdirectories:
            path = os.path.join(self.path, name)
            yield SpoolDirectory(path, name, self._root, self._output_dir, self, tidy=self._tidy)


def walk(root: Path, output_dir: Path | None = None, *, tidy: bool = False) -> Iterator[SpoolDirectory]:
    """Yield `root` and the directories below it, each before those inside it, sorted by name.

    The caller lists each, or says what to `enter`; otherwise nothing inside it is yielded.

    Args:
        root: Where to begin: a directory, or a link to one.
        output_dir: Where the jobs' outputs are. Default: beside the jobs.
        tidy: As in `claimed_names`, where claims are looked at.
    """
    top = absolute(root)
    directory = SpoolDirectory(str(top), top.name, top, output_dir, tidy=tidy)
    yield directory
    # A stack: a tree may be deeper than recursion goes.
    pending = [directory.children()]
    while pending:
        child = next(pending[-1], None)
        if child is None:
            pending.pop()
        else:
            yield child
            if child.subdirectories:
                pending.append(child.children())


def list_directory(path: str | Path) -> Listing:
    """List a directory, without looking at any file in it but one that holds all frames.

    Raises:
        OSError: It cannot be listed.
    """
    names, subdirectories = list[str](), list[str]()
    with os.scandir(path) as entries:
        for entry in entries:
            name = entry.name
            names.append(name)
            # Nothing else is asked of what may be a frame: on some network file systems that costs a call.
            if name[-4:].lower() != ".png" and name[0] != "." and entry.is_dir(follow_symlinks=False):
                subdirectories.append(name)
    stored = find_stored(path, names)
    frames = count_frames(names) if stored is None else stored.frames
    subdirectories = sorted(name for name in subdirectories if not is_page_folder(path, name))
    return Listing(frozenset(names), frames, tuple(subdirectories), stored)


def list_outputs(
    directory: Path, names: Set[str] | None = None, top: Path | None = None, *, tidy: bool = False
) -> OutputListing:
    """What is in `directory`, where jobs have their outputs.

    Args:
        directory: A directory that need not exist.
        names: The names in it, where it was listed already.
        top: As in `opened_directory`, for the claims.
        tidy: As in `claimed_names`.
    """
    if names is None:
        try:
            names = frozenset(os.listdir(directory))
        except FileNotFoundError:
            return OutputListing(frozenset(), frozenset())
        except OSError:
            return UNKNOWN_OUTPUTS
    claimed = claimed_names(directory, top, tidy=tidy) if CLAIMS_DIRECTORY in names else frozenset()
    return OutputListing(names, claimed)


def listing_error(path: str | Path, error: OSError) -> SpoolError:
    """The error to raise where `path` cannot be listed."""
    return SpoolError(f"{path}: cannot be listed: {error.strerror}; check the path and its permissions")


def mtime_ns(path: str | Path, *, follow_symlinks: bool = False) -> int | None:
    """The modification time of `path` in nanoseconds; None where the file system does not say."""
    try:
        return os.stat(path, follow_symlinks=follow_symlinks).st_mtime_ns
    except OSError:
        return None


def job_mtime_ns(directory: Path) -> int | None:
    """As `mtime_ns` and `Listing.mtime_ns`, of a job's directory, or what a link to it leads to."""
    own = mtime_ns(directory, follow_symlinks=True)
    return None if own is None else max(own, stored_mtime_ns(directory))


def is_there(path: Path) -> bool:
    """Whether there is something at `path`; where the system does not say, the walk says why."""
    try:
        os.stat(path)
    except OSError as error:
        return not isinstance(error, FileNotFoundError)
    return True
