"""What `daddy-encode submit` calls: check what can be checked here, submit, print how to follow."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from daddy_encode.cli.marks.options import FromMarks
from daddy_encode.cli.marks.select import marks_and_text
from daddy_encode.cluster import Submission, submit
from daddy_encode.encoding.settings import Settings, make_settings
from daddy_encode.errors import SettingsError


def run(
    root: Path,
    encode_args: Sequence[str],
    encode_options: Mapping[str, Any],
    *,
    from_marks: FromMarks | None,
    after: str | None,
    workers: int,
    dry_run: bool,
    as_json: bool,
    **options: Any,
) -> int:
    """Submit the follow-up Slurm job.

    Args:
        root: The argument.
        encode_args: Options of `encode`, as its command line has them.
        encode_options: The same as values.
        from_marks: Which of the jobs; None: all.
        after: The option, as are all that follow.
        workers: How many equal encoders.
        dry_run: Whether only to print the script.
        as_json: Whether to print a JSON object instead of the job ID.
        **options: Those of `daddy_encode.cluster.submit`.

    Returns:
        The exit status.

    Raises:
        SettingsError: An option has a value with which the encoder would fail later.
        SpoolError: The script cannot be written.
        ClusterError: Slurm is missing, refused, or gave no answer in time.
    """
    given = {name: encode_options.get(name) for name in Settings.__struct_fields__}
    make_settings(**{name: value for name, value in given.items() if value is not None})
    if encode_options["force"] and workers > 1:
        raise SettingsError("--force would make each encoder encode every job; give --workers 1, or leave it out")
    marks = None
    if from_marks is not None:
        marked, marks = marks_and_text(from_marks)
        if not marked.listed:
            raise SettingsError("--from: the file of marks selects no job; give another file, or another --mark")
        encode_args = [*encode_args, *(f"--mark={mark}" for mark in from_marks.marks)]
    done = submit(
        root,
        after=() if after is None else after,
        workers=workers,
        encode_args=encode_args,
        marks=marks,
        dry_run=dry_run,
        **options,
    )
    if as_json:
        click.echo(_as_json(done))
    else:
        click.echo(os.fsencode(done.text) if dry_run else done.job_id, nl=not dry_run)
    if done.workers < workers:
        click.echo(f"The cluster allows {done.workers} tasks in an array; more were asked for.", err=True)
    if not dry_run and not encode_options["quiet"]:
        click.echo(done.how_to_follow(), err=True)
    return 0


def _as_json(done: Submission) -> str:
    values = {
        "job_id": done.job_id,
        "script": str(done.script),
        "logs": [str(log) for log in done.logs],
        "workers": done.workers,
        "text": done.text,
    }
    return json.dumps(values)
