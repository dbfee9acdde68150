"""A gallery: what is known of each job of a root, and the page that is made of it, again and again."""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
import time
from collections.abc import Callable, Iterator, Set
from pathlib import Path

from daddy_encode.errors import DaddyEncodeError, ManifestError, SpoolError, TransientError
from daddy_encode.report.gallery.cards import Card, make_card
from daddy_encode.report.gallery.details import read_head, remove_others
from daddy_encode.report.gallery.links import url
from daddy_encode.report.gallery.meta import shortened
from daddy_encode.report.gallery.page import page_parts
from daddy_encode.report.gallery.page_file import (
    advised,
    check_replaceable,
    page_path,
    read_state,
    ready_state,
    remove_left,
    state_text,
)
from daddy_encode.report.gallery.scan import FoundReceipt, Scan
from daddy_encode.spool.held_file import opened_directory
from daddy_encode.spool.paths import PAGE_FOLDER_SUFFIX, RECEIPT_SUFFIX, absolute
from daddy_encode.spool.publish import publish, reported, temp_file

# The page is written so often while many files are made.
WRITTEN_SECONDS = 30.0
# Others may write the page in the same moment, again and again.
_MOST_TRIES = 5


class Gallery:
    """The page over the receipts of one root.

    Attributes:
        page: The page's path.
        faults: What is wrong with each receipt that cannot be used.
    """

    def __init__(
        self,
        root: Path,
        page: Path | None = None,
        output_dir: Path | None = None,
        title: str | None = None,
        *,
        option: str = "output",
    ) -> None:
        """Look at nothing yet.

        Args:
            root: A spool, the directory of a job, or the one that videos were written to.
            page: Where the page goes: a name that ends in `.html`, or a directory. Default: `index.html` in `root`;
                beside it, with its name, where it is a job.
            output_dir: Where outputs are, besides. Default: nowhere else.
            title: Of the page. Default, also where it is empty: the root's name.
            option: By which a user names another page, for errors. Default: as in Python.

        Raises:
            SettingsError: `page` has another suffix.
        """
        self._root = root
        self.page = page_path(absolute(root), page)
        self._title = shortened(title if title and title.strip() else absolute(root).name or "/")
        self._output_dir = output_dir
        self._option = option
        self._scan = Scan(root, output_dir)
        self._files = self.page.with_suffix(PAGE_FOLDER_SUFFIX)
        # By the paths of their receipts.
        self._cards: dict[str, Card] = {}
        self.faults: list[str] = []
        self._has_frames = True
        # What the page's folder said of the page when receipts were last looked for, or it was written here since.
        self._seen = b""
        self._has_published = False

    @property
    def cards(self) -> list[Card]:
        """All jobs, the newest first."""
        return sorted(self._cards.values(), key=lambda card: (-card.finished, card.identifier))

    def scan(self) -> None:
        """Look for receipts: those that are new, have changed or are gone.

        Raises:
            SpoolError: The root cannot be listed.
        """
        with self._opened_files() as files:
            remove_left(self.page, files)
            # Before the receipts: who writes the page after this moment may know of more.
            seen = read_state(files)
        found = list(self._scan.find())
        self.faults = list(self._scan.faults)
        self._has_frames = any(self._scan.names_in(one.directory) is not None for one in found)
        cards: dict[str, Card] = {}
        taken: set[str] = set()
        with self._opened_files() as files:
            for one in found:
                card = self._look_at(one, taken, files, self._scan.names_in)
                if card is not None:
                    cards[one.path] = card
                    taken.add(card.identifier)
            if self._scan.has_missed:
                # What could not be looked at may be there still.
                cards = {path: card for path, card in self._cards.items() if not _is_gone(path)} | cards
            elif files is not None:
                remove_others(files, taken)
            self._cards = cards
            self._seen = seen

    def check_not_empty(self) -> None:
        """Raise SpoolError where there is nothing to show: the root, or the output directory, may be a wrong one."""
        if self._output_dir is not None and not os.path.isdir(self._output_dir):
            raise SpoolError(f"{self._output_dir}: is not a directory; check --output-dir")
        if self._cards:
            return
        where = "below it or beside it" if self._output_dir is None else f"below it, or in {self._output_dir}"
        kept = f"; {self.page} stays: remove it, if all jobs are gone" if os.path.lexists(self.page) else ""
        usable = "can be used" if self.faults else "is there"
        raise SpoolError(f"{self._root}: no receipt (NAME{RECEIPT_SUFFIX}) {usable}, {where}; is it encoded?{kept}")

    def refresh(self, receipt: Path) -> Card | None:
        """Look at one receipt, which is known to be new or to have changed; return what is known of its job then."""
        one = self._scan.located(str(absolute(receipt)))
        others = {card.identifier for path, card in self._cards.items() if path != one.path}
        with self._opened_files() as files:
            # What was listed when receipts were last looked for may have been a job that was still being written.
            card = self._look_at(one, others, files, lambda directory: None)
        if card is not None:
            self._cards[one.path] = card
        return card

    def _look_at(
        self,
        one: FoundReceipt,
        taken: set[str],
        files: int | None,
        names_in: Callable[[str], Set[str] | None],
    ) -> Card | None:
        identifier = _identifier(one.relative)
        if identifier in taken:
            # One beside its frames, and one in the output directory.
            identifier = _identifier(f"{one.relative}\0{one.path}")
        known = self._cards.get(one.path)
        try:
            directory = str(self.page.parent)
            card = make_card(one, identifier, directory, names_in, known, has_frames=self._has_frames)
        except ManifestError as error:
            self.faults.append(str(error))
            return None
        if card is not None and files is not None and not card.has_file:
            # It may have been made meanwhile, by another process.
            card.head = read_head(files, identifier)
        return card

    def publish(self) -> bool:
        """Write the page, where it would differ from the one that is there; return whether it did.

        Where somebody else has written it since receipts were looked for, they are looked for again: it may show jobs
        that are not known here. A page that this process has not written is never replaced by one of no job.

        Raises:
            SpoolError: It cannot be written; or there is a file of its name that is no gallery; or the root cannot be
                listed.
        """
        for number in range(1, _MOST_TRIES + 1):
            with self._opened_files() as files:
                is_seen = read_state(files) == self._seen
            if not is_seen:
                self.scan()
            try:
                with advised(self._option):
                    return self._write()
            except TransientError:
                # Somebody else has written the page in the same moment.
                if number == _MOST_TRIES:
                    raise
        raise AssertionError("unreachable")

    def complete(self) -> None:
        """Write the page, and again until a look after that finds nothing new.

        So of several processes that write one page, the last one leaves all that was there when any of them wrote it.
        Raises what `publish` raises.
        """
        self.publish()
        for _ in range(_MOST_TRIES):
            self.scan()
            if not self.publish():
                return

    def _write(self) -> bool:
        cards = self.cards
        digest = hashlib.sha256()
        for card in cards:
            digest.update(card.text)
        name = digest.hexdigest()[:16]
        if os.path.lexists(self.page) and (name.encode() in self._seen if self._has_published else not cards):
            return False
        check_replaceable(self.page, self._option)
        state = {"generated": round(time.time(), 3), "jobs": len(cards), "digest": name}
        head = {
            "version": 1,
            "title": self._title,
            "files": url(str(self._files), str(self.page.parent)) + "/",
            **{key: state[key] for key in ("generated", "digest")},
        }
        text = state_text(state)
        with self._made_files() as files, ready_state(files, self._files, text) as replace_state:
            parts = page_parts(self._title, len(cards), head, (card.text for card in cards))
            with temp_file(self.page.parent, self.page.name) as temp:
                with reported(self.page, "write"), temp.writing() as stream:
                    stream.writelines(parts)
                publish(temp, self.page)
            # An open page that reads this finds the new one.
            replace_state()
        self._seen, self._has_published = text, True
        return True

    def missing(self, *, sprites: bool = True) -> list[Card]:
        """The jobs whose file is still to be made."""
        return [card for card in self.cards if card.is_missing(sprites=sprites)]

    def make_details(
        self,
        cards: list[Card],
        ended: Callable[[Card], None],
        *,
        sprites: bool = True,
        workers: int = 1,
        stop: threading.Event,
    ) -> None:
        """Make the files of these jobs, several side by side; the page is written now and then, and not at the end.

        Args:
            cards: The jobs.
            ended: Called, in this thread, after each.
            sprites: Whether they get sprites; else annotations alone.
            workers: How many at a time.
            stop: Set to end it; what is made then is not kept.

        Raises:
            SpoolError: One, or the page, cannot be written.
        """
        from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

        with advised(self._option), self._made_files() as files, ThreadPoolExecutor(workers) as pool:
            waiting, written = iter(cards), time.monotonic()
            running: dict[Future[None], Card] = {}
            try:
                while True:
                    while len(running) < workers and not stop.is_set() and (card := next(waiting, None)) is not None:
                        running[pool.submit(card.make_details, files, stop, sprites=sprites)] = card
                    if not running:
                        return
                    # So often a signal is noticed, and `stop` looked at.
                    for future in wait(running, timeout=0.5, return_when=FIRST_COMPLETED).done:
                        card = running.pop(future)
                        with reported(self._files, "write to"):
                            future.result()
                        ended(card)
                        if time.monotonic() >= written + WRITTEN_SECONDS:
                            self.publish()
                            written = time.monotonic()
            except BaseException:
                stop.set()
                raise

    @contextlib.contextmanager
    def _made_files(self) -> Iterator[int]:
        with reported(self._files, "write to"), opened_directory(self._files, self.page.parent) as files:
            yield files

    @contextlib.contextmanager
    def _opened_files(self) -> Iterator[int | None]:
        """The folder of the jobs' files, where it is there and can be used."""
        with contextlib.ExitStack() as stack:
            files = None
            with contextlib.suppress(OSError, DaddyEncodeError):
                files = stack.enter_context(opened_directory(self._files, self.page.parent, make=False))
            yield files


def _is_gone(path: str) -> bool:
    try:
        os.stat(path, follow_symlinks=False)
    except OSError as error:
        return isinstance(error, FileNotFoundError | NotADirectoryError)
    return False


def _identifier(relative: str) -> str:
    return hashlib.sha256(os.fsencode(relative)).hexdigest()[:12]
