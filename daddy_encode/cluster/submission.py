"""Queueing an encoder as a Slurm job: the script is written into the spool, then given to sbatch."""

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

from daddy_encode.cluster.client import NoAnswerError, ask
from daddy_encode.cluster.script import batch_script, merged_directives
from daddy_encode.errors import ClusterError, SettingsError, SpoolError

# Killing sbatch leaves open whether the job is queued, so it gets longer than a controller is ever busy.
SBATCH_PATIENCE_SECONDS = 120.0
# Slurm's own default (slurm.conf manual page): indices 0 to 1000.
MAX_ARRAY_SIZE = 1001
# Below the spool's root: scripts and logs.
FOLDER = Path(".daddy-encode", "slurm")


@dataclass(frozen=True)
class Submission:
    """A queued Slurm job: its ID (None where nothing was submitted), the `script` and its `text`, one log for each of
    its `workers`, absolute; none is known where the caller chose another place or array, or nothing was submitted."""

    job_id: str | None
    script: Path
    text: str
    logs: list[Path]
    workers: int

    def how_to_follow(self) -> str:
        """What people do next with the Slurm job: lines for a terminal."""
        more = f" and {len(self.logs) - 1} more" if len(self.logs) > 1 else ""
        log = f"tail -F {shlex.quote(str(self.logs[0]))}{more}" if self.logs else "where the output you chose says"
        return (
            f"Slurm job {self.job_id} is queued: {self.script}\n"
            f"  where it is: squeue --jobs={self.job_id}\n"
            f"  its log:     {log}\n"
            f"  to end it:   scancel {self.job_id}"
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
    dry_run: bool = False,
) -> Submission:
    """Queue a CPU-only Slurm job that runs `daddy-encode encode` on `root`, and return at once.

    `after`: IDs of Slurm jobs that must have ended first, well or not; with it `root` need not exist yet. A rollout
    that gives its own SLURM_JOB_ID is followed even when it crashes. `workers`: above 1, an array of that many equal
    encoders that share the work, cut to the cluster's MaxArraySize. `time`, `mem`, `partition`, `account`: as sbatch
    takes them; None leaves the cluster's default. `sbatch_args`: further options of sbatch, "--name=value" each; one
    of a name that is set here replaces it, and "--name=" leaves it out. `encode_args`: options of `daddy-encode
    encode`, such as ["--video", "both"]. `dry_run`: only make the text.

    This imports no encoder and needs no GPU. Raises SettingsError for arguments that cannot work, SpoolError where
    `root` cannot be written, ClusterError where sbatch is missing, refuses (nothing is left then) or does not answer.
    """
    spool = _checked_root(root)
    dependency = _dependency(after)
    if not spool.is_dir() and (spool.exists() or not dependency):
        raise SpoolError(f"{spool}: no such folder; check the path, or give the rollout's Slurm job as --after")
    workers = min(workers, _max_array_size()) if workers > 1 and not dry_run else workers
    folder = spool / FOLDER
    asked = {"time": time, "mem": mem, "partition": partition, "account": account or os.environ.get("SBATCH_ACCOUNT")}
    own_array = any(argument.startswith(("--array=", "-a")) for argument in sbatch_args)
    log = "encode-%A_%a.log" if workers > 1 or own_array else "encode-%j.log"
    output = str(folder).replace("%", "%%") + "/" + log
    directives = merged_directives(_directives(output, cpus_per_task, asked, workers, dependency), sbatch_args)
    script = folder / f"encode-{clock.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(2)}.sh"
    command = [sys.executable, "-m", "daddy_encode", "encode", *encode_args, "--", str(spool)]
    text = batch_script(directives, command, _python_path(), str(script))
    if dry_run:
        return Submission(None, script, text, [], workers)
    job_id = _submitted(script, text)
    names = [f"encode-{job_id}_{task}.log" for task in range(workers)] if workers > 1 else [f"encode-{job_id}.log"]
    known = f"--output={output}" in directives and not own_array
    return Submission(job_id, script, text, [folder / name for name in names] if known else [], workers)


def _directives(
    output: str, cpus_per_task: int, asked: Mapping[str, str | None], workers: int, dependency: str
) -> dict[str, str | None]:
    """What the script asks sbatch for, by name; None is the value of a flag."""
    directives: dict[str, str | None] = {
        "job-name": "daddy-encode",
        # Nothing in the working directory, least of all a module, is meant for the encoder.
        "chdir": "/",
        "output": output,
        "open-mode": "append",
        "nodes": "1",
        "ntasks": "1",
        "cpus-per-task": str(cpus_per_task),
    }
    directives |= {name: value for name, value in asked.items() if value}
    # USR2: NCCL, and so a PyTorch that somebody loads, catches USR1.
    directives |= {"signal": "B:USR2@60", "requeue": None}
    if workers > 1:
        directives["array"] = f"0-{workers - 1}"
    if dependency:
        directives |= {"dependency": f"afterany:{dependency}", "kill-on-invalid-dep": "yes"}
    return directives


def _checked_root(root: str | os.PathLike[str]) -> Path:
    path = os.path.abspath(root)
    # A backslash ends the expansion of %j in a log's name, and is dropped from it.
    if not path.isprintable() or "\\" in path:
        raise SettingsError(
            f"{path}: Slurm cannot write a log below a path with a line break, a control character, a backslash or "
            "bytes that are no text; rename the folder"
        )
    return Path(path)


def _dependency(after: str | int | Iterable[str | int]) -> str:
    """IDs joined by ":", as --dependency takes them."""
    given = [after] if isinstance(after, str | int) else list(after)
    identifiers = [part.strip() for item in given for part in str(item).split(",")]
    for identifier in identifiers:
        if not re.fullmatch(r"[0-9]+(_[0-9]+)?", identifier, re.ASCII):
            raise SettingsError(f"--after {identifier!r} is no Slurm job ID: give numbers such as 4711 or 4711_3")
    return ":".join(identifiers)


def _python_path() -> str:
    """PYTHONPATH with which this interpreter finds this installation of daddy_encode, from any directory."""
    home = Path(__file__).absolute().parents[2]
    inherited = [os.path.abspath(entry) for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]
    # Where pip has put it, the interpreter looks by itself, and after the standard library.
    own = [] if home.name in ("site-packages", "dist-packages") else [str(home)]
    return os.pathsep.join(dict.fromkeys(own + inherited))


def _max_array_size() -> int:
    """How many tasks an array may have: the cluster's MaxArraySize, Slurm's default where it does not say."""
    with contextlib.suppress(ClusterError):
        return parse_max_array_size(ask("scontrol", "show", "config", patience=5))
    return MAX_ARRAY_SIZE


def parse_max_array_size(config: str) -> int:
    """MaxArraySize in the words of `scontrol show config`; at least 1, Slurm's default where it is absent. Pure."""
    match = re.search(r"^MaxArraySize\s*=\s*(\d+)", config, re.MULTILINE)
    return max(1, int(match[1])) if match else MAX_ARRAY_SIZE


def parse_job_id(words: str) -> str | None:
    """The job ID in what sbatch, or a site's wrapper around it, said. Pure."""
    match = re.search(r"^Submitted batch job (\d+)", words, re.MULTILINE) or re.search(
        # As with --parsable, which a wrapper may add.
        r"^(\d+)(?:;\S+)?$",
        words,
        re.MULTILINE,
    )
    return match[1] if match else None


def _submitted(script: Path, text: str) -> str:
    """Write the script, give it to sbatch and return the job ID; when that fails, what was made is removed."""
    made = [folder for folder in (script.parent, *script.parent.parents) if not folder.exists()]
    try:
        script.parent.mkdir(parents=True, exist_ok=True)
        with script.open("xb") as stream:
            # An option may name a path whose bytes are no text.
            stream.write(os.fsencode(text))
    except OSError as error:
        _remove(script, made)
        raise SpoolError(f"cannot write {script}: {error.strerror}; is the folder yours?") from error
    try:
        words = ask("sbatch", str(script), patience=SBATCH_PATIENCE_SECONDS)
    except NoAnswerError as error:
        raise ClusterError(f"{error}; see in `squeue --me` whether it is queued before you try again") from error
    except ClusterError as error:
        _remove(script, made)
        raise ClusterError(
            f"{error}; nothing was submitted. What this cluster asks for can be set with --partition, --account, "
            "--time, --mem and --sbatch-arg"
        ) from error
    job_id = parse_job_id(words)
    if job_id is None:
        raise ClusterError(f"sbatch did not say a job ID but {words.strip()!r}; look for it in `squeue --me`")
    return job_id


def _remove(script: Path, made: Sequence[Path]) -> None:
    with contextlib.suppress(OSError):
        script.unlink(missing_ok=True)
        for folder in made:
            folder.rmdir()
