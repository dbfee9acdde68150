"""The page's file: where it is, what it may replace, and what says which one it is."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from daddy_encode.errors import SettingsError, SpoolError
from daddy_encode.report.gallery.details import ready_file
from daddy_encode.report.gallery.page import GENERATOR, embedded_json
from daddy_encode.spool.held_file import SAFELY, by_descriptor, kind_of
from daddy_encode.spool.orphans import remove_abandoned
from daddy_encode.spool.paths import PAGE_STATE_NAME, JobPaths, absolute
from daddy_encode.spool.publish import reported
from daddy_encode.spool.walk import list_directory

PAGE_NAME = "index.html"
_FIRST_BYTES = 4096


def page_path(root: Path, page: Path | None) -> Path:
    """Where the page of `root`, an absolute path, goes; `page` as for `Gallery`. Raises SettingsError for a name."""
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
    if page.suffix.lower() == ".html":
        return page
    if "." in page.name:
        raise SettingsError(
            f"{page}: the page's name has to end in .html; a directory with a dot in its name has to be there already"
        )
    return page / PAGE_NAME


def check_replaceable(page: Path, option: str) -> None:
    """Raise SpoolError where what is at `page` is neither a gallery nor empty; `option` names another page."""
    way_on = f"move it away, or name another page with {option}"
    try:
        descriptor = os.open(page, os.O_RDONLY | SAFELY)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise SpoolError(f"{page}: is a link; {way_on}") from error
        # None there; of anything else the system tells when it is replaced.
        return
    try:
        mode = os.fstat(descriptor).st_mode
        begin = os.read(descriptor, _FIRST_BYTES) if stat.S_ISREG(mode) else b""
    except OSError:
        return
    finally:
        os.close(descriptor)
    if not stat.S_ISREG(mode):
        raise SpoolError(f"{page}: is a {kind_of(mode)}; {way_on}")
    if begin and GENERATOR not in begin:
        raise SpoolError(f"{page}: is there, and is no gallery; {way_on}")


@contextlib.contextmanager
def advised(option: str) -> Iterator[None]:
    """Let an error of the block that says that another place may help name the `option` for that."""
    try:
        yield
    except SpoolError as error:
        if not str(error).endswith("choose another place"):
            raise
        # Whether it may pass is seen from its type, and from what it was raised from.
        raise type(error)(f"{error} with {option}") from error.__cause__


def remove_left(page: Path, files: int | None) -> None:
    """Remove the temporary files of killed writers of the page, and those in the open folder of the jobs' files."""
    remove_abandoned(page.parent, page.name)
    if files is not None:
        remove_abandoned(by_descriptor(files))


def read_state(files: int | None) -> bytes:
    """What an open page asks for, in the open folder of the jobs' files: another one for each page that is written."""
    if files is not None:
        with contextlib.suppress(OSError):
            descriptor = os.open(PAGE_STATE_NAME, os.O_RDONLY | SAFELY, dir_fd=files)
            try:
                return os.read(descriptor, _FIRST_BYTES)
            finally:
                os.close(descriptor)
    return b""


def state_text(state: Any) -> bytes:
    """What `read_state` reads of a page."""
    return b"daddyEncode.latest(" + embedded_json(state) + b");\n"


@contextlib.contextmanager
def ready_state(files: int, path: Path, text: bytes) -> Iterator[Callable[[], None]]:
    """Make all ready so that calling what is yielded replaces what `read_state` reads.

    Args:
        files: A descriptor of the folder.
        path: Its path, for errors.
        text: Made by `state_text`.

    Raises:
        SpoolError: It cannot be written: known before anything is replaced.
    """
    with contextlib.ExitStack() as stack:
        with reported(path / PAGE_STATE_NAME, "write"):
            with contextlib.suppress(FileNotFoundError):
                if stat.S_ISDIR(os.stat(PAGE_STATE_NAME, dir_fd=files, follow_symlinks=False).st_mode):
                    raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
            rename = stack.enter_context(ready_file(files, PAGE_STATE_NAME, text))

        def replace() -> None:
            with reported(path / PAGE_STATE_NAME, "write"):
                rename()

        yield replace
