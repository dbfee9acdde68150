"""The receipts below a gallery's root, found again and again: only what has changed is looked at."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Set
from pathlib import Path

from msgspec import Struct

from daddy_encode.errors import one_line
from daddy_encode.report.ledger import Lister, find_receipts
from daddy_encode.spool.manifest import ANNOTATIONS_NAME, MANIFEST_NAME, ROLLOUT_NAME
from daddy_encode.spool.paths import RECEIPT_SUFFIX, absolute, sequence_name
from daddy_encode.spool.receipt import Receipt
from daddy_encode.spool.stored.names import FRAMES_MKV, PACK_RECORD
from daddy_encode.spool.walk import Listing, SpoolDirectory, list_outputs, listing_error

# A directory that has changed within the last so many seconds may change again without its time showing it, as coarse
# as file systems' clocks are, and as much as they may differ from this one.
SETTLED_SECONDS = 60
# Of a job's directory, what the gallery makes something of.
KEPT_NAMES = frozenset((MANIFEST_NAME, ROLLOUT_NAME, ANNOTATIONS_NAME, FRAMES_MKV, PACK_RECORD))


class FoundReceipt(Struct, frozen=True):
    """Where a receipt is.

    Attributes:
        path: Its absolute path.
        job: As `find_receipts` yields it.
        relative: What its job's outputs are named, relative to the root, or to the outputs' directory; without suffix.
        directory: Where its job's frames are, or those of the job of a directory of that name; an absolute path.
    """

    path: str
    job: str | None
    relative: str
    directory: str

    def job_of(self, receipt: Receipt) -> tuple[str, str]:
        """The directory of the frames of its job, and the job's name in the gallery and in marks, as printable text.

        Args:
            receipt: What it says.
        """
        if receipt.sequence is None:
            return self.directory, one_line(self.relative)
        directory = self.directory.removesuffix(f".{sequence_name(receipt.sequence)}")
        above, name = os.path.split(directory)
        if directory == self.directory and receipt.job not in (".", "..") and name.startswith(f"{receipt.job}."):
            # The pattern was not printable, so that the receipt has another text.
            directory = os.path.join(above, receipt.job)
        parts = (os.path.dirname(self.relative), receipt.job, receipt.sequence)
        return directory, one_line("/".join(filter(None, parts)))


class _Known(Struct, frozen=True):
    mtime_ns: int
    listing: Listing
    is_settled: bool
    number: int


class Scan(Lister):
    """Finds the receipts of one root, and remembers what was in each directory while that has not changed.

    Attributes:
        has_missed: Whether a directory could not be listed when receipts were last looked for.
        faults: Why not, of each that a user would miss.
    """

    def __init__(self, root: Path, output_dir: Path | None = None) -> None:
        """Look at nothing yet; the arguments are those of `find_receipts`."""
        self._root = absolute(root)
        self._output_dir = absolute(output_dir) if output_dir is not None else None
        self._known: dict[str, _Known] = {}
        self._number = 0
        self.has_missed = False
        self.faults: list[str] = []

    def find(self) -> Iterator[FoundReceipt]:
        """Yield where each receipt is. Raises SpoolError where the root cannot be listed."""
        self._number += 1
        self.has_missed = False
        self.faults = []
        for path, job in find_receipts(self._root, self._output_dir, self):
            yield self.located(str(path), job)
        self._known = {path: known for path, known in self._known.items() if known.number == self._number}

    def located(self, path: str, job: str | None = None) -> FoundReceipt:
        """Where the receipt at the absolute `path` belongs; `job` as `find_receipts` yields it."""
        base = path.removesuffix(RECEIPT_SUFFIX)
        # The output directory may be below the root, or above it: the nearer one counts.
        tops = [str(top) for top in (self._root, self._output_dir) if top is not None]
        top = max((top for top in tops if base.startswith(top.rstrip("/") + "/")), key=len, default=None)
        if top is None:
            return FoundReceipt(path, job, os.path.basename(base), base)
        relative = base[len(top.rstrip("/")) + 1 :]
        if top == str(self._root) or relative == self._root.name:
            return FoundReceipt(path, job, relative, base if top == str(self._root) else str(self._root))
        return FoundReceipt(path, job, relative, os.path.join(self._root, relative))

    def names(self, path: Path) -> Set[str]:
        """As `Lister.names`, without those of frames and videos."""
        names = list_outputs(path).names
        self.has_missed |= names is None
        if names is None and self._output_dir is not None and self._output_dir in (absolute(path), *path.parents):
            self.faults.append(f"{path}: cannot be listed; check its permissions")
        return frozenset(name for name in names or () if name.endswith(RECEIPT_SUFFIX))

    def list(self, directory: SpoolDirectory) -> Listing:
        """As `Lister.list`, without the names of frames and videos."""
        try:
            return self._list(directory)
        except FileNotFoundError:
            raise
        except OSError as error:
            self.has_missed = True
            self.faults.append(str(listing_error(directory.path, error)))
            raise

    def _list(self, directory: SpoolDirectory) -> Listing:
        # Before the listing: what changes after this moment changes this time.
        mtime_ns = directory.mtime_ns()
        known = self._known.get(directory.path)
        if known is not None and known.is_settled and known.mtime_ns == mtime_ns:
            directory.enter(known.listing.subdirectories)
            listing = known.listing
        else:
            full = directory.list()
            names = frozenset(name for name in full.names if name.endswith(RECEIPT_SUFFIX) or name in KEPT_NAMES)
            listing = Listing(names, full.frames, full.subdirectories)
        is_settled = mtime_ns < (time.time() - SETTLED_SECONDS) * 1e9
        self._known[directory.path] = _Known(mtime_ns, listing, is_settled, self._number)
        return listing

    def names_in(self, directory: str) -> Set[str] | None:
        """Which records and stored frames of a job are in its directory; None where that was not found."""
        known = self._known.get(directory)
        return known.listing.names if known is not None else None
