"""What the commands call: read the file of marks, keep the jobs that it selects, say what it lists and is not there."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterable
from typing import TypeVar

from daddy_encode.cli.marks.options import FromMarks
from daddy_encode.errors import DaddyEncodeError, ManifestError, SettingsError, SpoolError, one_line
from daddy_encode.report.log import counted, shown
from daddy_encode.report.marks import MAX_MARKS_BYTES, MarkedJobs, parse_marks
from daddy_encode.spool.paths import JobPaths, user_path
from daddy_encode.spool.publish import explain
from daddy_encode.spool.receipt import read_receipt

log = logging.getLogger(__name__)

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
        raise SettingsError(f"--from {error}; export it from the gallery again") from error


def select_marked(
    marked: MarkedJobs,
    jobs: Iterable[_Job],
    paths_of: Callable[[_Job], JobPaths],
    faults: list[SpoolError] | list[DaddyEncodeError],
    *,
    compare: bool = True,
) -> list[_Job]:
    """The jobs that `marked` selects; logs which it lists and are not among them.

    Args:
        marked: What `read_marks` gave.
        jobs: What was found.
        paths_of: The names of one of them.
        faults: Is given one where nothing is left of what is listed.
        compare: Whether to leave out those that are another recording by now, or in another tree, than the one that was
            marked, as far as the marks say which. Default: yes.

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
    return [job for job in selected if not compare or _is_marked(marked.source(paths_of(job)), paths_of(job))]


def _is_marked(source: str, paths: JobPaths) -> bool:
    """Whether a job's receipt is of the recording that was marked; logs where it is of another."""
    receipt = read_receipt(paths.receipt) if source else None
    if receipt is None or not receipt.source.sha256 or receipt.source.sha256.startswith(source):
        return True
    log.warning("%s: left out: another recording than the one that was marked has this name", paths.job)
    return False
