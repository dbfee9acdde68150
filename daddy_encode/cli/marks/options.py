"""`--from marks.json` and `--mark`, for the commands that take them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar, cast

import click

from daddy_encode.errors import one_line

_Function = TypeVar("_Function", bound=Callable[..., Any])


class FromMarks(NamedTuple):
    """The values of both options.

    Attributes:
        file: A path as somebody wrote it; `-` is standard input.
        marks: Any of which a job must have; empty: as `has_any` of a mark says.
    """

    file: str
    marks: tuple[str, ...]


def marks_options(*, mark_required: bool = False) -> Callable[[_Function], _Function]:
    """The decorator that adds the options to a command; they become one, `from_marks`, a FromMarks or None.

    Args:
        mark_required: Whether `--from` wants a `--mark`.
    """

    def decorate(function: _Function) -> _Function:
        @functools.wraps(function)
        def with_marks(*arguments: Any, marks_file: tuple[str, ...], mark: tuple[str, ...], **options: Any) -> Any:
            if len(marks_file) > 1:
                # Where two people say good and bad of one job, somebody has to look at it.
                raise click.UsageError(
                    one_line(
                        f"--from {marks_file[0]} and --from {marks_file[1]}: give one of them; import both in the "
                        "gallery and export them as one, or run this once for each"
                    )
                )
            if mark and not marks_file:
                raise click.UsageError("--mark: of which file? Give --from marks.json, which a gallery exports")
            if marks_file and mark_required and not mark:
                raise click.UsageError("--from: which of the marks? Give --mark bad, say: nothing is deleted without")
            from_marks = FromMarks(marks_file[0], mark) if marks_file else None
            return function(*arguments, from_marks=from_marks, **options)

        which = (
            "Default: none, and --from needs one"
            if mark_required
            else "Default: every job in the file that is not marked bad"
        )
        decorated: Any = with_marks
        for option in reversed(
            (
                click.option(
                    "--from",
                    "marks_file",
                    metavar="FILE",
                    # To see that there are two: else the last would be taken without a word.
                    multiple=True,
                    help="Only jobs that people have marked: FILE is the marks.json that a gallery exports, - standard "
                    "input. Its names are relative to the tree that the gallery shows, which PATH or ROOT must be. "
                    "One file. Default: all jobs.",
                ),
                click.option(
                    "--mark",
                    type=click.Choice(["good", "bad", "star"]),
                    multiple=True,
                    help=f"Which of the jobs in that file: those marked good or bad, or with a star; may be given "
                    f"several times, for those with any of these. {which}.",
                ),
            )
        ):
            decorated = option(decorated)
        return cast(_Function, decorated)

    return decorate
