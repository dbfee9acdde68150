"""Scanning a spool again and again: what is new, what is ready. Cheap for what is known.

A directory that holds no frames is listed in every scan. A job that is done or failed costs one stat: while its
directory's modification time is the same, no name in it came, went or was replaced. Times of the file system are
compared with each other only; ages are measured on this process's own clock.
"""

from __future__ import annotations

import logging
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from daddy_encode.encode.settings import Settings, plan
from daddy_encode.service.look import Listing, list_directory, look
from daddy_encode.service.state import Seen, State, classify
from daddy_encode.service.worker import Attempt
from daddy_encode.spool.claims import FOLDER, claimed_names
from daddy_encode.spool.paths import JobPaths, absolute

log = logging.getLogger(__name__)

# A file system whose times are coarse (1 or 2 s) can show two changes with one time. A listing counts as the last word
# on a time only when it was made this long after that time was first seen.
CALM_SECONDS = 3.0


class _Node:
    """What is remembered of a job between scans."""

    __slots__ = (
        "changed_at",
        "failed_mtime_ns",
        "folders",
        "frames",
        "listed_at",
        "mtime_ns",
        "next_try",
        "outputs",
        "seen",
        "state",
        "tries",
        "verified_mtime_ns",
    )

    def __init__(self) -> None:
        self.mtime_ns = -1
        # When, on our clock, the job last looked different, and when it was last listed.
        self.changed_at = 0.0
        self.listed_at = 0.0
        self.frames = 0
        self.folders: tuple[str, ...] = ()
        self.seen: Seen | None = None
        self.state = State.WRITING
        self.outputs: tuple[str, ...] = ()
        # The directory's time for which an attempt found the job done, or failed for good.
        self.verified_mtime_ns = -1
        self.failed_mtime_ns = -1
        self.tries = 0
        self.next_try = 0.0


@dataclass(frozen=True)
class Ready:
    """A job to be attempted. `order`: the lowest has waited longest, by the file system's clock."""

    attempt: Attempt
    order: int


class Scanner:
    """Everything known of the spool below `root`."""

    def __init__(
        self,
        root: Path,
        settings: Settings,
        output_dir: Path | None = None,
        *,
        settle: float | None = None,
        retry_failed: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.root = absolute(root)
        self._settings = settings
        self._output_dir = output_dir
        self._settle = settle
        self._retry_failed = retry_failed
        self._clock = clock
        self._nodes: dict[str, _Node] = {}
        self._met: set[str] = set()
        # Jobs whose one more try `retry_failed` has granted.
        self._retried: set[str] = set()

    def scan(self) -> list[Ready]:
        """Look through the spool; return what is to be attempted now, the oldest first.

        What cannot be listed keeps what was known of it until the next scan.
        """
        self._met = set()
        ready = sorted(self._root(), key=lambda job: job.order)
        for path in self._nodes.keys() - self._met:
            del self._nodes[path]
        return ready

    def counts(self) -> Counter[State]:
        """How many jobs are in each state."""
        return Counter(node.state for node in self._nodes.values())

    def quiet(self) -> bool:
        """Whether nothing is going on: every job is done, has failed, or has not changed for ten minutes."""
        late = self._clock() - 600
        final = (State.DONE, State.FAILED)
        return all(node.state in final or node.changed_at < late for node in self._nodes.values())

    def done(self, paths: JobPaths) -> None:
        """The job was found done, or made, as it was last seen."""
        if node := self._nodes.get(str(paths.directory)):
            node.verified_mtime_ns = node.mtime_ns
            # Listed once more: its outputs and its receipt tell the rest.
            node.listed_at = 0.0
            node.tries = 0

    def failed(self, paths: JobPaths) -> None:
        """An attempt has failed for good."""
        self._retried.add(str(paths.directory))
        if node := self._nodes.get(str(paths.directory)):
            node.failed_mtime_ns = node.mtime_ns
            node.listed_at = 0.0

    def later(self, paths: JobPaths, *, back_off: bool) -> None:
        """Try again in a later scan; with `back_off`, each time after twice as long, from 5 s to 5 minutes."""
        if node := self._nodes.get(str(paths.directory)):
            node.tries = node.tries + 1 if back_off else 0
            node.next_try = self._clock() + (min(5.0 * 2 ** (node.tries - 1), 300.0) if back_off else 0.0)

    def _root(self) -> Iterator[Ready]:
        path = str(self.root)
        try:
            mtime_ns = os.stat(path).st_mtime_ns
            listing, entries = list_directory(path)
        except OSError as error:
            log.warning("%s: cannot be listed now: %s", path, error.strerror)
            self._keep(path)
            return
        if listing.is_job:
            yield from self._job(path, mtime_ns, None, set(), listing)
        else:
            yield from self._container(path, listing, entries)

    def _container(self, path: str, listing: Listing, entries: list[os.DirEntry[str]]) -> Iterator[Ready]:
        names: set[str] | None = None
        claimed: set[str] = set()
        if self._output_dir is None:
            names = {entry.name for entry in entries}
            if FOLDER in names:
                claimed = claimed_names(Path(path))
        wanted = set(listing.folders)
        for entry in entries:
            if entry.name in wanted:
                yield from self._folder(entry, names, claimed)

    def _keep(self, path: str) -> None:
        inside = path + os.sep
        self._met.update(known for known in self._nodes if known == path or known.startswith(inside))

    def _folder(self, entry: os.DirEntry[str], beside: set[str] | None, claimed: set[str]) -> Iterator[Ready]:
        if entry.path in self._nodes:
            try:
                mtime_ns = entry.stat(follow_symlinks=False).st_mtime_ns
            except OSError:
                self._keep(entry.path)
                return
            yield from self._job(entry.path, mtime_ns, beside, claimed)
            return
        try:
            mtime_ns = entry.stat(follow_symlinks=False).st_mtime_ns
            listing, entries = list_directory(entry.path)
        except OSError as error:
            log.warning("%s: cannot be listed now: %s", entry.path, error.strerror)
            self._keep(entry.path)
            return
        if listing.is_job:
            yield from self._job(entry.path, mtime_ns, beside, claimed, listing)
        else:
            yield from self._container(entry.path, listing, entries)

    def _job(
        self, path: str, mtime_ns: int, beside: set[str] | None, claimed: set[str], listing: Listing | None = None
    ) -> Iterator[Ready]:
        self._met.add(path)
        now = self._clock()
        node = self._nodes.get(path)
        if node is None:
            node = self._nodes[path] = _Node()
        name = os.path.basename(path)
        if self._must_list(node, mtime_ns, beside):
            try:
                self._list(path, node, mtime_ns, beside, listing, now)
            except OSError as error:
                log.warning("%s: cannot be listed now: %s", path, error.strerror)
                self._keep(path)
                return
        if node.seen is not None:
            node.state = self._classify(path, node, now)
            may_run = node.state in (State.READY, State.ABANDONED)
            settled = node.state is State.ABANDONED
            if node.state not in (State.DONE, State.FAILED) and name in claimed:
                node.state = State.CLAIMED
            if may_run and now >= node.next_try:
                # A claimed one, too: its holder may be dead.
                yield Ready(
                    Attempt(self._paths(path), need_manifest=not settled, settled=settled, look_first=False), mtime_ns
                )
            if node.state in (State.DONE, State.FAILED):
                node.outputs = tuple(f"{name}.{kind}" for kind in node.seen.outputs)
                # Twenty thousand finished jobs need not be remembered in full.
                node.seen = None
        for folder in node.folders:
            yield from self._nested(os.path.join(path, folder))

    def _nested(self, path: str) -> Iterator[Ready]:
        """A folder inside a job's directory: its parent's listing is not made anew in every scan."""
        try:
            mtime_ns = os.stat(path, follow_symlinks=False).st_mtime_ns
            if path in self._nodes:
                yield from self._job(path, mtime_ns, None, set())
                return
            listing, entries = list_directory(path)
        except OSError:
            self._keep(path)
            return
        if listing.is_job:
            yield from self._job(path, mtime_ns, None, set(), listing)
        else:
            yield from self._container(path, listing, entries)

    def _must_list(self, node: _Node, mtime_ns: int, beside: set[str] | None) -> bool:
        if node.mtime_ns != mtime_ns or node.listed_at < node.changed_at + CALM_SECONDS:
            return True
        if node.state is State.WAITING:
            return True
        # An output that somebody removed.
        return node.state is State.DONE and beside is not None and not all(output in beside for output in node.outputs)

    def _list(
        self, path: str, node: _Node, mtime_ns: int, beside: set[str] | None, listing: Listing | None, now: float
    ) -> None:
        if listing is None:
            listing, _ = list_directory(path)
        if (node.mtime_ns, node.frames) != (mtime_ns, listing.frames):
            node.changed_at = now
        node.mtime_ns, node.frames, node.folders = mtime_ns, listing.frames, listing.folders
        node.listed_at = now
        paths = self._paths(path)
        node.seen = look(paths, listing, mtime_ns, beside)

    def _classify(self, path: str, node: _Node, now: float) -> State:
        seen = node.seen
        assert seen is not None
        wanted = plan(self._settings, seen.manifest)
        state = classify(
            seen,
            wanted=wanted,
            unchanged_seconds=now - node.changed_at,
            settle=self._settle,
            retry_failed=self._retry_failed and path not in self._retried,
        )
        if state in (State.READY, State.ABANDONED):
            if node.verified_mtime_ns == node.mtime_ns and seen.outputs >= wanted.keys():
                return State.DONE
            if node.failed_mtime_ns == node.mtime_ns:
                return State.FAILED
        return state

    def _paths(self, path: str) -> JobPaths:
        return JobPaths.of(Path(path), self.root, self._output_dir)
