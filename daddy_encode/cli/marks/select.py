"""What the commands call: read the file of marks, keep the jobs that it selects, say what it lists and is not there."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

from daddy_encode.cli.marks.options import FromMarks
from daddy_encode.errors import DaddyEncodeError, ManifestError, SettingsError, SpoolError, one_line
from daddy_encode.report.log import counted, shown
from daddy_encode.report.marks import MAX_MARKS_BYTES, MarkedJobs, parse_marks
from daddy_encode.spool.paths import JobPaths, absolute, user_path
from daddy_encode.spool.publish import explain
from daddy_encode.spool.receipt import read_receipt

log = logging.getLogger(__name__)

OTHER_RECORDING = "another recording than the one that was marked has this name"
# Of the names in the file that are not found.
SHOWN_NAMES = 3
LONGEST_NAME = 100

_Job = TypeVar("_Job")


def read_marks(given: FromMarks | None) -> MarkedJobs | None:
    """The jobs that the options select; None where they were not given.

    Raises:
        SettingsError: The file cannot be read, or is not one of marks.
    """
    return marks_and_text(given)[0] if given is not None else None


def marks_and_text(given: FromMarks) -> tuple[MarkedJobs, bytes]:
    """The jobs that the options select, and what the file holds. Raises SettingsError as `read_marks` does."""
    name = "standard input" if given.file == "-" else shown(user_path(given.file))
    try:
        # The user has named it: it may be a link, a pipe or the like.
        if given.file == "-":
            text = sys.stdin.buffer.read(MAX_MARKS_BYTES + 1)
        else:
            with user_path(given.file).open("rb") as stream:
                text = stream.read(MAX_MARKS_BYTES + 1)
        return MarkedJobs(parse_marks(text, name), given.marks), text
    except IsADirectoryError as error:
        raise SettingsError(f"--from {name}: is a directory; give the marks.json that a gallery exports") from error
    except OSError as error:
        raise SettingsError(f"--from {name}: cannot be read: {explain(error)}") from error
    except ManifestError as error:
        advice = "" if "; " in str(error) else "; export it from the gallery again"
        raise SettingsError(f"--from {error}{advice}") from error


def outermost_first(paths: Iterable[Path]) -> list[Path]:
    """The paths that a user has named, those above others before these.

    A job below two of them is found below the first, and the names in a file of marks are relative to the tree.
    """
    return sorted(paths, key=lambda path: len(absolute(path).parts))


def select_marked(
    marked: MarkedJobs,
    jobs: Iterable[_Job],
    paths_of: Callable[[_Job], JobPaths],
    faults: list[SpoolError] | list[DaddyEncodeError],
    why_not: Callable[[JobPaths, str], str] | None,
) -> list[_Job]:
    """The jobs that `marked` selects; logs which it lists and are not among them.

    Args:
        marked: What `read_marks` gave.
        jobs: What was found.
        paths_of: The names of one of them.
        faults: Is given one where nothing is left of what is listed.
        why_not: Called for each job that the marks select and say of which recording they are, with the job's names and
            what the `source.recording` of that began with: why it is left out, which is logged; empty: it is not.
            None: none is.

    Raises:
        SettingsError: Two jobs have one name.
    """
    selected = marked.select(jobs, paths_of)
    if not marked.listed:
        log.info("the file of marks selects no job")
    elif missing := marked.missing:
        names = ", ".join(one_line(name)[:LONGEST_NAME] for name in missing[:SHOWN_NAMES])
        more = ", ..." if len(missing) > SHOWN_NAMES else ""
        text = f"{len(missing)} of the {counted(marked.listed, 'job')} in the file of marks not found: {names}{more}"
        if selected:
            log.warning("%s", text)
        else:
            faults.append(SpoolError(f"{text}; is PATH the tree that the gallery shows?"))
            log.error("%s", faults[-1])
    left = []
    for job in selected:
        paths = paths_of(job)
        source = marked.source(paths)
        if source and why_not is not None and (reason := why_not(paths, source)):
            log.warning("%s: left out: %s", shown(paths.job), reason)
            marked.left_out += 1
        else:
            left.append(job)
    return left


def receipt_is_other(paths: JobPaths, source: str) -> str:
    """As `why_not`: whether the videos that a job's receipt names are of another recording than the marked one."""
    receipt = read_receipt(paths.receipt)
    if receipt is None or not receipt.source.sha256 or receipt.source.is_of(source):
        return ""
    return OTHER_RECORDING
