"""A gallery: what is known of each job of a root, and the page that is made of it, again and again."""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
import time
from collections.abc import Callable, Iterator, Set
from pathlib import Path

from daddy_encode.errors import DaddyEncodeError, ManifestError, SettingsError, SpoolError
from daddy_encode.report.gallery.cards import Card, make_card
from daddy_encode.report.gallery.details import read_head, remove_others, replace_file
from daddy_encode.report.gallery.meta import shortened
from daddy_encode.report.gallery.page import GENERATOR, embedded_json, page_parts
from daddy_encode.report.gallery.scan import FoundReceipt, Scan
from daddy_encode.spool.held_file import SAFELY, opened_directory
from daddy_encode.spool.paths import PAGE_FOLDER_SUFFIX, PAGE_STATE_NAME, RECEIPT_SUFFIX, JobPaths, absolute
from daddy_encode.spool.publish import publish, reported, temp_file
from daddy_encode.spool.walk import list_directory

_FIRST_BYTES = 4096
# The page is written so often while many files are made.
WRITTEN_SECONDS = 30.0
PAGE_NAME = "index.html"


class Gallery:
    """The page over the receipts of one root.

    Attributes:
        page: The page's path.
        faults: What is wrong with each receipt that cannot be used.
    """

    def __init__(
        self, root: Path, page: Path | None = None, output_dir: Path | None = None, title: str | None = None
    ) -> None:
        """Look at nothing yet.

        Args:
            root: A spool, the directory of a job, or the one that videos were written to.
            page: Where the page goes: a name that ends in `.html`, or a directory that is there. Default: `index.html`
                in `root`; beside it, with its name, where it is a job.
            output_dir: Where outputs are, besides. Default: nowhere else.
            title: Of the page. Default: the root's name.

        Raises:
            SettingsError: `page` has another suffix.
        """
        self._root = root
        self.page = _page_path(absolute(root), page)
        self._title = shortened(title if title is not None else absolute(root).name or "/")
        self._scan = Scan(root, output_dir)
        self._files = self.page.with_suffix(PAGE_FOLDER_SUFFIX)
        # By the paths of their receipts.
        self._cards: dict[str, Card] = {}
        self.faults: list[str] = []
        self._has_frames = True
        self._published = b""

    @property
    def cards(self) -> list[Card]:
        """All jobs, the newest first."""
        return sorted(self._cards.values(), key=lambda card: (-card.finished, card.identifier))

    def scan(self) -> None:
        """Look for receipts: those that are new, have changed or are gone.

        Raises:
            SpoolError: The root cannot be listed.
        """
        found = list(self._scan.find())
        self.faults = []
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

    def check_not_empty(self) -> None:
        """Raise SpoolError where there is nothing to show, nor was there: the root may be a wrong one."""
        if not self._cards and not self.faults and not os.path.lexists(self.page):
            raise SpoolError(f"{self._root}: no receipt (NAME{RECEIPT_SUFFIX}) below it or beside it; is it encoded?")

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
        """Write the page, where it would differ from the one that was written last; return whether it did.

        Raises:
            SpoolError: It cannot be written; or there is a file of its name that is no gallery.
        """
        cards = self.cards
        digest = hashlib.sha256()
        for card in cards:
            digest.update(card.text)
        if digest.digest() == self._published:
            return False
        _check_replaceable(self.page)
        generated = round(time.time(), 3)
        state = {"generated": generated, "jobs": len(cards), "digest": digest.hexdigest()[:16]}
        head = {
            "version": 1,
            "title": self._title,
            "files": self.files_url,
            **{key: state[key] for key in ("generated", "digest")},
        }
        with self._made_files() as files:
            parts = page_parts(self._title, len(cards), head, (card.text for card in cards))
            with temp_file(self.page.parent) as temp:
                with reported(self.page, "write"), temp.writing() as stream:
                    stream.writelines(parts)
                publish(temp, self.page)
            # An open page that reads this finds the new one.
            with reported(self._files / PAGE_STATE_NAME, "write"):
                replace_file(files, PAGE_STATE_NAME, b"daddyEncode.latest(" + embedded_json(state) + b");\n")
        self._published = digest.digest()
        return True

    @property
    def files_url(self) -> str:
        """The URL of the folder of the jobs' files."""
        from daddy_encode.report.gallery.links import url

        return url(str(self._files), str(self.page.parent)) + "/"

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

        with self._made_files() as files, ThreadPoolExecutor(workers) as pool:
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


def _page_path(root: Path, page: Path | None) -> Path:
    if page is None:
        try:
            is_job = list_directory(root).is_job
        except OSError:
            # Of a job whose directory is gone, the receipt may be there.
            is_job = os.path.lexists(JobPaths.of(root).receipt)
        # In a job's directory it would change that.
        return root.with_name(f"{root.name}.html") if is_job and root.name else root / PAGE_NAME
    page = absolute(page)
    if os.path.isdir(page):
        return page / PAGE_NAME
    if page.suffix != ".html":
        raise SettingsError(f"{page}: the page's name has to end in .html")
    return page


def _check_replaceable(page: Path) -> None:
    """Raise SpoolError where `page` is a file that is no gallery."""
    try:
        descriptor = os.open(page, os.O_RDONLY | SAFELY)
    except OSError:
        # None there, or a link, which is replaced itself; of anything else the system tells when it is replaced.
        return
    with open(descriptor, "rb") as stream, contextlib.suppress(OSError):
        begin = stream.read(_FIRST_BYTES)
        if begin and GENERATOR not in begin:
            raise SpoolError(f"{page}: is there, and is no gallery; move it away, or name another page with --output")


def _is_gone(path: str) -> bool:
    try:
        os.stat(path, follow_symlinks=False)
    except OSError as error:
        return isinstance(error, FileNotFoundError | NotADirectoryError)
    return False


def _identifier(relative: str) -> str:
    return hashlib.sha256(os.fsencode(relative)).hexdigest()[:12]
