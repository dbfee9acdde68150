"""`daddy-encode submit`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from daddy_encode.cli.encode.command import command as encode_command
from daddy_encode.cli.marks.options import FromMarks, marks_options
from daddy_encode.cli.user_path import UserPath

# Options of `encode` that have a meaning of their own here, or none in a batch script.
NOT_PASSED_ON = {"workers", "as_json", "no_wait", "dry_run", "output", "marks_file", "mark"}
PASSED_ON = [
    option
    for option in encode_command.params
    if isinstance(option, click.Option) and option.name is not None and option.name not in NOT_PASSED_ON
]


@click.command("submit")
@click.argument("root", type=UserPath(), metavar="ROOT")
@click.option(
    "--after",
    metavar="JOBID[,JOBID]",
    help="Begin when these Slurm jobs have ended, whether they went well or not. ROOT need not exist yet. Default: "
    "begin when there is room.",
)
@click.option(
    "--workers",
    type=click.IntRange(1),
    metavar="N",
    default=1,
    show_default=True,
    help="Number of equal encoders, one array task each, that share the work. More than the cluster's MaxArraySize "
    "are cut to it.",
)
@click.option(
    "--cpus-per-task",
    type=click.IntRange(1),
    metavar="C",
    default=4,
    show_default=True,
    help="CPUs for each encoder. It encodes as many jobs side by side, fewer where memory is short (512 MB each).",
)
@click.option(
    "--time",
    metavar="T",
    help="Time limit, as sbatch takes it: 30, 2:00:00 or 1-0. Before it ends, the encoder stops cleanly and is queued "
    "again. Default: the cluster's.",
)
@click.option("--mem", metavar="M", help="Memory for each encoder, as sbatch takes it: 4G. Default: the cluster's.")
@click.option("--partition", metavar="P", help="Partition: one without GPUs. Default: the cluster's.")
@click.option("--account", metavar="A", help="Account that pays. Default: SBATCH_ACCOUNT, else the cluster's.")
@click.option(
    "--sbatch-arg",
    "sbatch_args",
    metavar="ARG",
    multiple=True,
    help="Another option for sbatch, as in --sbatch-arg=--qos=low; may be given more than once. It replaces one of the "
    "same name in the script, and --sbatch-arg=--signal= leaves that one out. Default: none.",
)
@marks_options()
@click.option(
    "--dry-run", is_flag=True, help="Print the script to standard output, or the JSON object; write and submit nothing."
)
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Write one JSON object to standard output: job_id, script, logs, workers, text. Default: the job ID alone.",
)
def command(root: Path, from_marks: FromMarks | None, dry_run: bool, as_json: bool, **options: Any) -> int:
    """Queue a Slurm job that encodes, on CPUs, what is below ROOT when it begins.

    The script, a copy of the file of --from, and the logs are kept in ROOT/.daddy-encode/slurm. It prints the job ID to
    standard output, so that another job can depend on it. All options of `encode` go with it.
    """
    from daddy_encode.cli.submit.run import run

    context = click.get_current_context()
    encode_options = {str(option.name): options.pop(str(option.name)) for option in PASSED_ON}
    arguments = [
        argument
        for option in PASSED_ON
        if context.get_parameter_source(str(option.name)) is not ParameterSource.DEFAULT
        for argument in _arguments(option, encode_options[str(option.name)])
    ]
    return run(root, arguments, encode_options, from_marks=from_marks, dry_run=dry_run, as_json=as_json, **options)


def _arguments(option: click.Option, value: Any) -> list[str]:
    """`option` with `value` as arguments of a command line that runs in another directory."""
    if option.is_flag:
        return [option.opts[0]] if value else option.secondary_opts[:1]
    values = value if option.multiple else [value]
    return [f"{option.opts[0]}={one.absolute() if isinstance(one, Path) else one}" for one in values]


command.params += PASSED_ON
