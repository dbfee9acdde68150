"""`daddy-encode status`."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("status")
@click.argument("root", type=click.Path(path_type=Path), metavar="ROOT")
@click.option(
    "--output-dir",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Where the encoders write. Default: beside the jobs.",
)
@click.option("--all", "every", is_flag=True, help="Also show every job that is done. Default: the ten newest.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per job, all of them, instead of the table.")
def command(root: Path, output_dir: Path | None, every: bool, as_json: bool) -> int:
    """Show the state of every job below ROOT: how many there are of each, who works on them, why they failed.

    Jobs that need attention come first. AGE is the time since a file in the job last came or went. Needs no write
    permission, and is right while encoders are at work.
    """
    import json
    import shutil

    from daddy_encode.cluster.queue import running_jobs
    from daddy_encode.report.status import StatusRow, rollout_note, status_lines
    from daddy_encode.service.job_status import job_statuses

    jobs = list(job_statuses(root, output_dir))
    rollouts = {job.rollout for job in jobs if job.rollout}
    # Only where a dump says that a Slurm job writes it; where squeue does not answer in time, nothing is known.
    running = running_jobs(rollouts) if rollouts else {}
    rows = [
        StatusRow(
            job.state.value,
            job.job,
            job.frames,
            job.age,
            rollout_note(job.rollout, running) if job.rollout else job.note,
        )
        for job in jobs
    ]
    if as_json:
        for row in rows:
            click.echo(json.dumps({**row._asdict(), "age": round(row.age, 1)}))
    else:
        for line in status_lines(rows, shutil.get_terminal_size().columns, every=every):
            click.echo(line)
    return 0
