"""`watch --gallery`: the page is kept up to date, in a thread of its own. Whatever fails there, the watcher goes on."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from daddy_encode.errors import DaddyEncodeError, one_line
from daddy_encode.report.gallery.gallery import Gallery
from daddy_encode.spool.walk import is_there

log = logging.getLogger(__name__)

# The page is written no more often than this.
SHORTEST_SECONDS = 3.0
# Between two looks for receipts that other encoders have written, and how much longer than a look itself at least.
SCAN_SECONDS = 60.0
SCAN_SHARE = 20.0
# Between two times that the page is written, how much longer than that itself at least.
WRITING_SHARE = 5.0


class GalleryKeeper:
    """Writes the page when a job has ended, and now and then when others have."""

    def __init__(self, root: Path, page: Path | None, output_dir: Path | None) -> None:
        """Do nothing yet; the arguments are those of `Gallery`. The root need not be there yet.

        Raises:
            SettingsError: As `Gallery` does.
        """
        self._root = root
        self._gallery = Gallery(root, page, output_dir, option="--gallery-page")
        self._condition = threading.Condition()
        # The receipts of jobs that have ended.
        self._changed: set[Path] = set()
        self._has_scanned = self._is_ending = False
        self._stop = threading.Event()
        self._fault = ""
        self._thread = threading.Thread(target=self._run, name="gallery", daemon=True)

    def start(self) -> None:
        """Begin, with a look for all receipts. Where the machine has no room for a thread, there is no gallery."""
        try:
            self._thread.start()
        except (RuntimeError, MemoryError) as error:
            self._warn(f"no gallery is made: {error}")

    def changed(self, receipt: Path) -> None:
        """A job has ended; its receipt is at this path."""
        with self._condition:
            self._changed.add(receipt)
            self._condition.notify()

    def end(self, is_stopped: Callable[[], bool]) -> None:
        """Make the small pictures of the last jobs, write the page once more, and end.

        Args:
            is_stopped: Asked several times a second; once it says so, only the page is written.
        """
        with self._condition:
            self._is_ending = True
            self._condition.notify()
        while self._thread.is_alive():
            if is_stopped():
                self._stop.set()
            self._thread.join(0.2)

    def _run(self) -> None:
        self._try(self._scan)
        scan_at, write_at = time.monotonic() + SCAN_SECONDS, float("-inf")
        # Whether the page may differ from what is known; the receipts of this watcher's jobs whose files are not made.
        is_old, unmade = True, list[Path]()
        while not self._is_ending:
            changed = self._wait(0 if unmade else min(scan_at, write_at if is_old else scan_at))
            now = time.monotonic()
            if now >= scan_at or (changed and not self._has_scanned):
                self._try(self._scan)
                is_old, scan_at = True, time.monotonic() + max(SCAN_SECONDS, (time.monotonic() - now) * SCAN_SHARE)
            for receipt in changed:
                self._try(partial(self._gallery.refresh, receipt))
                unmade.append(receipt)
                is_old = True
            if is_old and (now := time.monotonic()) >= write_at:
                self._try(self._publish)
                pause = max(SHORTEST_SECONDS, (time.monotonic() - now) * WRITING_SHARE)
                is_old, write_at = False, time.monotonic() + pause
            if unmade:
                # The page shows it already, or soon does.
                self._try(partial(self._make_file, unmade.pop(0)))
                is_old = True
        with self._condition:
            changed = self._changed
        for receipt in (*unmade, *changed):
            self._try(partial(self._make_file, receipt))
        self._try(self._complete)

    def _wait(self, until: float) -> set[Path]:
        """Wait until then, or until a job has ended, or all ends; return the receipts that have changed."""
        with self._condition:
            if not self._changed and not self._is_ending and (seconds := until - time.monotonic()) > 0:
                self._condition.wait(seconds)
            if self._is_ending:
                return set()
            changed, self._changed = self._changed, set()
            return changed

    def _scan(self) -> None:
        if is_there(self._root):
            self._gallery.scan()
            self._has_scanned = True

    def _make_file(self, receipt: Path) -> None:
        card = self._gallery.refresh(receipt)
        if card is not None and card.is_missing(sprites=True) and not self._stop.is_set():
            self._gallery.make_details([card], lambda card: None, stop=self._stop)

    def _publish(self) -> None:
        # Never a page that lacks what is there: the root is still waited for, or cannot be listed.
        if self._has_scanned:
            self._gallery.publish()

    def _complete(self) -> None:
        if not self._has_scanned:
            self._scan()
        if self._has_scanned:
            # Others may end in the same moment.
            self._gallery.complete()

    def _try(self, work: Callable[[], object]) -> None:
        try:
            work()
        except (DaddyEncodeError, OSError, MemoryError, RuntimeError) as error:
            self._warn(f"{error}; the gallery is not up to date, and is tried again")

    def _warn(self, text: str) -> None:
        """Once for each fault."""
        if text != self._fault:
            log.warning("%s", one_line(text))
        self._fault = text
