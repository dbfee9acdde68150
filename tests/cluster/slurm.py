"""A real Slurm on this machine: one node, four CPUs, one stand-in GPU, no accounting."""

from __future__ import annotations

import getpass
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]
PROGRAMS = {"slurmctld": "slurm-wlm", "slurmd": "slurm-wlm", "sbatch": "slurm-wlm", "munged": "munge"}
# Small, so that a test can exceed it.
MAX_ARRAY_SIZE = 8
# These tests must not depend on the Slurm job that may run them.
CLEAN = {
    name: value
    for name, value in os.environ.items()
    if not name.startswith(("SLURM", "SBATCH", "CUDA_", "PYTHON", "COVERAGE"))
}

CONFIGURATION = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
# A requeued job waits until its credential has expired, two minutes by default.
AuthInfo=socket={folder}/munge.sock,cred_expire=5
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
MaxArraySize={max_array_size}
MpiDefault=none
ReturnToService=2
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
JobAcctGatherType=jobacct_gather/none
SchedulerType=sched/builtin
SchedulerParameters=batch_sched_delay=0,sched_interval=1,sched_min_interval=0
GresTypes=gpu
NodeName={host} NodeAddr=127.0.0.1 CPUs=4 RealMemory=4000 Gres=gpu:1 State=UNKNOWN
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
PartitionName=cpu Nodes=ALL Default=YES MaxTime=INFINITE State=UP
PartitionName=urgent Nodes=ALL PriorityTier=10 PreemptMode=OFF State=UP
"""


class Slurm:
    """A context manager around the daemons, with all their files in `folder`, whose path must be short: a socket's
    name has at most 107 bytes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environ = {**CLEAN, "SLURM_CONF": str(folder / "slurm.conf"), "PYTHONPATH": str(CHECKOUT)}

    def __enter__(self) -> Slurm:
        folder, host = self.folder, socket.gethostname()
        for name in ("state", "spool"):
            (folder / name).mkdir()
        key = folder / "munge.key"
        key.write_bytes(os.urandom(1024))
        key.chmod(0o400)
        (folder / "slurm.conf").write_text(
            CONFIGURATION.format(
                folder=folder, host=host, user=getpass.getuser(), ports=_free_ports(2), max_array_size=MAX_ARRAY_SIZE
            )
        )
        (folder / "gres.conf").write_text(f"NodeName={host} Name=gpu File=/dev/null\n")
        options = {"key-file": key, "socket": folder / "munge.sock", "seed-file": folder / "munge.seed"}
        options |= {"pid-file": folder / "munged.pid", "log-file": folder / "munged.log"}
        with ExitStack() as cleaning:
            cleaning.callback(self._stop)
            self.run("munged", "--force", *(f"--{name}={path}" for name, path in options.items()))
            self.run("slurmctld", "-i", "-c")
            self.run("slurmd", "-c")
            self.wait_until(lambda: self.run("sinfo", "--noheader", "--format=%T").strip() == "idle", "an idle node")
            cleaning.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(AssertionError):
            self.run("scancel", "--user", getpass.getuser())
        self._stop()

    def _stop(self) -> None:
        for daemon in ("slurmd", "slurmctld", "munged"):
            with suppress(FileNotFoundError, ProcessLookupError):
                os.kill(int((self.folder / f"{daemon}.pid").read_text()), signal.SIGTERM)

    def run(self, *command: str | Path, environ: Mapping[str, str] = {}, cwd: Path | None = None) -> str:
        """Run a command that must succeed; its standard output."""
        done = self.attempt(*command, environ=environ, cwd=cwd)
        assert done.returncode == 0, (command, done.stderr, self.log_tails())
        return done.stdout

    def attempt(
        self, *command: str | Path, environ: Mapping[str, str] = {}, cwd: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command that may fail."""
        return subprocess.run(
            [str(word) for word in command],
            env={**self.environ, **environ},
            cwd=cwd or self.folder,
            # The daemons that are started here inherit it.
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )

    def encode(
        self, *arguments: str | Path, environ: Mapping[str, str] = {}, cwd: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        """`daddy-encode` with `arguments`."""
        return self.attempt(sys.executable, "-m", "daddy_encode", *arguments, environ=environ, cwd=cwd)

    def sbatch(self, script: str, *options: str, environ: Mapping[str, str] = {}) -> str:
        """Submit the text of a script; the job ID."""
        path = self.folder / "job.sh"
        path.write_text(script)
        return self.run("sbatch", "--parsable", *options, path, environ=environ).strip()

    def show(self, job: str) -> dict[str, str]:
        """The fields that `scontrol show job` prints for a Slurm job, or for one task, JOB_TASK."""
        words = self.run("scontrol", "--oneliner", "show", "job", job).split()
        return dict(word.split("=", 1) for word in words if "=" in word)

    def wait(self, job: str, *states: str) -> dict[str, str]:
        """Wait until a Slurm job is in one of `states`, or has ended if none is given; its fields then."""
        wanted = states or ("COMPLETED", "FAILED", "CANCELLED", "TIMEOUT")
        last: dict[str, str] = {}

        def reached() -> bool:
            last.update(self.show(job))
            return last["JobState"] in wanted

        self.wait_until(reached, f"Slurm job {job} {' or '.join(wanted)}", lambda: str(last))
        return last

    def wait_until(
        self, condition: Callable[[], object], what: str, more: Callable[[], str] = str, seconds: float = 60
    ) -> None:
        """Wait until `condition` holds."""
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, (f"no {what}", more(), self.log_tails())
            time.sleep(0.1)

    def log_tails(self) -> str:
        """The end of the daemons' logs."""
        return "".join(path.read_text()[-2000:] for path in self.folder.glob("slurm*.log"))


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]
