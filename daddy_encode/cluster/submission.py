"""Submitting an encoder as a Slurm job: the script is written into the spool, then passed to sbatch."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shlex
import sys
import time as clock
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from daddy_encode.cluster.client import NoAnswerError, run_slurm
from daddy_encode.cluster.script import batch_script, merged_directives
from daddy_encode.cluster.script_file import slurm_directory, written_script
from daddy_encode.errors import ClusterError, SettingsError, SpoolError
from daddy_encode.spool.paths import user_path

# After killing sbatch it is unknown whether the job is queued, so the timeout is longer than a controller is ever busy.
SBATCH_TIMEOUT_SECONDS = 120.0
# Slurm's default (slurm.conf manual page): indices 0 to 1000.
DEFAULT_MAX_ARRAY_SIZE = 1001


@dataclass(frozen=True)
class Submission:
    """A submitted Slurm job.

    Attributes:
        job_id: The Slurm job ID; None after `dry_run`, which submits nothing.
        script: Absolute path of the batch script.
        text: The text of that script.
        logs: Absolute paths of the logs, one for each worker; empty after `dry_run`, and if `sbatch_args` set another
            output or array.
        workers: The number of encoders: 1, or the size of the array.
    """

    job_id: str | None
    script: Path
    text: str
    logs: list[Path]
    workers: int

    def how_to_follow(self) -> str:
        """Commands that show the state and the log of the Slurm job and cancel it, as lines for a terminal."""
        more = f" and {len(self.logs) - 1} more" if len(self.logs) > 1 else ""
        log = f"tail -F {shlex.quote(str(self.logs[0]))}{more}" if self.logs else "see the output that you chose"
        return (
            f"Slurm job {self.job_id} is queued: {self.script}\n"
            f"  state:  squeue --jobs={self.job_id}\n"
            f"  log:    {log}\n"
            f"  cancel: scancel {self.job_id}"
        )


def submit(
    root: str | os.PathLike[str],
    *,
    after: str | int | Iterable[str | int] = (),
    workers: int = 1,
    cpus_per_task: int = 4,
    time: str | None = None,
    mem: str | None = None,
    partition: str | None = None,
    account: str | None = None,
    sbatch_args: Sequence[str] = (),
    encode_args: Sequence[str] = (),
    marks: bytes | None = None,
    dry_run: bool = False,
) -> Submission:
    """Submit a CPU-only Slurm job that runs `daddy-encode encode` on `root`, and return at once.

    The batch script and its logs are kept in `root/.daddy-encode/slurm`; where another user has made that, in
    `slurm-<uid>` beside it. This imports no encoder and needs no GPU.

    Args:
        root: The spool: a directory of jobs, or one job.
        after: IDs of Slurm jobs that must have ended first, successfully or not, such as 4711, "4711_3" or a list;
            then `root` need not exist yet. A rollout that passes its own SLURM_JOB_ID is followed even if it crashes.
            Default: Start as soon as there is room.
        workers: Number of equal encoders that share the work. Above 1 they are an array, at most as large as the
            cluster's MaxArraySize. Default 1.
        cpus_per_task: CPUs for each encoder. Default 4.
        time: Time limit, as sbatch takes it ("2:00:00"); None (default) leaves the cluster's.
        mem: Memory for each encoder, as sbatch takes it ("4G"); None (default) leaves the cluster's.
        partition: None (default) leaves the cluster's.
        account: None (default) takes SBATCH_ACCOUNT from the environment, else the cluster's default.
        sbatch_args: Further options of sbatch, "--name=value" each. One whose name the script already sets replaces
            it; "--name=" removes it.
        encode_args: Options of `daddy-encode encode`, such as ["--video", "both"].
        marks: Encode only what people have marked: the content of a gallery's marks.json, such as
            `Path("marks.json").read_bytes()`, which is written beside the script. None (default) encodes every job.
        dry_run: Only make the text of the script; write and submit nothing. Default False.

    Returns:
        The Slurm job ID, the script and the logs.

    Raises:
        SettingsError: An argument that cannot work (a ValueError).
        SpoolError: `root` does not exist and `after` is not given, or it cannot be written.
        ClusterError: sbatch is missing or refuses (no file is left behind then), or does not answer.
    """
    spool = _checked_root(root)
    dependency = _dependency(after)
    if not spool.is_dir() and (spool.exists() or not dependency):
        raise SpoolError(f"{spool}: no such directory; check the path, or give the rollout's Slurm job as --after")
    workers = min(workers, _max_array_size()) if workers > 1 and not dry_run else workers
    directory = slurm_directory(spool)
    requested = {
        "time": time,
        "mem": mem,
        "partition": partition,
        "account": account or os.environ.get("SBATCH_ACCOUNT"),
    }
    user_array = any(argument.startswith(("--array=", "-a")) for argument in sbatch_args)
    log = "encode-%A_%a.log" if workers > 1 or user_array else "encode-%j.log"
    output = str(directory).replace("%", "%%") + "/" + log
    directives = merged_directives(_directives(output, cpus_per_task, requested, workers, dependency), sbatch_args)
    script = directory / f"encode-{clock.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(2)}.sh"
    marks_file = script.with_suffix(".marks.json")
    marked = [] if marks is None else [f"--from={marks_file}"]
    command = [sys.executable, "-m", "daddy_encode", "encode", *encode_args, *marked, "--", str(spool)]
    text = batch_script(directives, command, _python_path(), str(script))
    if dry_run:
        return Submission(None, script, text, [], workers)
    job_id = _submit_script(script, text, {} if marks is None else {marks_file.name: marks})
    names = [f"encode-{job_id}_{task}.log" for task in range(workers)] if workers > 1 else [f"encode-{job_id}.log"]
    logs_known = f"--output={output}" in directives and not user_array
    return Submission(job_id, script, text, [directory / name for name in names] if logs_known else [], workers)


def _directives(
    output: str, cpus_per_task: int, requested: Mapping[str, str | None], workers: int, dependency: str
) -> dict[str, str | None]:
    """The options of sbatch in the script, by name; the value of a flag is None."""
    directives: dict[str, str | None] = {
        "job-name": "daddy-encode",
        # No module in the working directory may be imported by the encoder.
        "chdir": "/",
        "output": output,
        "open-mode": "append",
        "nodes": "1",
        "ntasks": "1",
        "cpus-per-task": str(cpus_per_task),
    }
    directives |= {name: value for name, value in requested.items() if value}
    # USR2, because NCCL, and so PyTorch, catches USR1.
    directives |= {"signal": "B:USR2@60", "requeue": None}
    if workers > 1:
        directives["array"] = f"0-{workers - 1}"
    if dependency:
        directives |= {"dependency": f"afterany:{dependency}", "kill-on-invalid-dep": "yes"}
    return directives


def _checked_root(root: str | os.PathLike[str]) -> Path:
    path = os.path.abspath(user_path(root))
    # A backslash ends the expansion of %j in the name of a log, and is dropped from it.
    if not path.isprintable() or "\\" in path:
        raise SettingsError(
            f"{path}: Slurm cannot write a log below a path with a line break, a control character, a backslash or "
            "bytes that are not text; rename the directory"
        )
    return Path(path)


def _dependency(after: str | int | Iterable[str | int]) -> str:
    """The IDs joined by ":", as --dependency takes them."""
    items = [after] if isinstance(after, str | int) else list(after)
    identifiers = [part.strip() for item in items for part in str(item).split(",")]
    for identifier in identifiers:
        if not re.fullmatch(r"[0-9]+(_[0-9]+)?", identifier, re.ASCII):
            raise SettingsError(f"--after {identifier!r} is not a Slurm job ID: give numbers such as 4711 or 4711_3")
    return ":".join(identifiers)


def _python_path() -> str:
    """A PYTHONPATH with which this interpreter finds this installation of daddy_encode from any directory."""
    parent = Path(__file__).absolute().parents[2]
    inherited = [os.path.abspath(entry) for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]
    # Where pip installs, the interpreter looks anyway, and after the standard library.
    own = [] if parent.name in ("site-packages", "dist-packages") else [str(parent)]
    return os.pathsep.join(dict.fromkeys(own + inherited))


def _max_array_size() -> int:
    """The cluster's MaxArraySize; Slurm's default if the cluster does not answer."""
    with contextlib.suppress(ClusterError):
        return parse_max_array_size(run_slurm("scontrol", "show", "config", timeout=5))
    return DEFAULT_MAX_ARRAY_SIZE


def parse_max_array_size(config: str) -> int:
    """MaxArraySize in the output of `scontrol show config`; at least 1, Slurm's default if it is absent. Pure."""
    match = re.search(r"^MaxArraySize\s*=\s*(\d+)", config, re.MULTILINE)
    return max(1, int(match[1])) if match else DEFAULT_MAX_ARRAY_SIZE


def parse_job_id(output: str) -> str | None:
    """The job ID in the output of sbatch, or of a site's wrapper around it. Pure."""
    match = re.search(r"^Submitted batch job (\d+)", output, re.MULTILINE) or re.search(
        # As with --parsable, which a wrapper may add.
        r"^(\d+)(?:;\S+)?$",
        output,
        re.MULTILINE,
    )
    return match[1] if match else None


def _submit_script(path: Path, text: str, others: Mapping[str, bytes]) -> str:
    """Write the script and what it reads, pass it to sbatch and return the job ID; on failure, remove all of it."""
    # An option may contain a path whose bytes are not text.
    with written_script(path, os.fsencode(text), others) as script:
        try:
            script.check()
            output = run_slurm("sbatch", str(path), timeout=SBATCH_TIMEOUT_SECONDS)
        except NoAnswerError as error:
            raise ClusterError(
                f"{error}; check with `squeue --me` whether it is queued before you try again"
            ) from error
        except SpoolError:
            script.remove()
            raise
        except ClusterError as error:
            script.remove()
            raise ClusterError(
                f"{error}; nothing was submitted. Set what this cluster requires with --partition, --account, --time, "
                "--mem and --sbatch-arg"
            ) from error
    job_id = parse_job_id(output)
    if job_id is None:
        raise ClusterError(
            f"sbatch printed {output.strip()!r} and no job ID; look for the Slurm job with `squeue --me`"
        )
    return job_id
