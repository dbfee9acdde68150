"""The text of the batch script that encodes on a cluster. Everything here is pure."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence

from daddy_encode.errors import SettingsError

# A script requeues itself at most this many times: a job that takes longer than the time limit would never end.
MAX_RESTARTS = 20

_TEXT = """\
#!/bin/bash
# Encodes, on CPUs, what rollouts have left. Written by `daddy-encode submit`; may be submitted again at any time:
# sbatch {script}
{directives}

export CUDA_VISIBLE_DEVICES=
export PYTHONPATH={python_path}
command=(
{command}
)

# Slurm tells this shell before the time limit (USR2), and every process when it ends the Slurm job (TERM). The encoder
# takes any number of USR2 for one wish to stop in good order.
told=0 seen=0 encoder=
stop() {{ told=$((told + 1)); [ -z "$encoder" ] || kill -USR2 "$encoder" 2>/dev/null; }}
trap stop USR2 TERM

"${{command[@]}}" &
encoder=$!
[ "$told" = 0 ] || kill -USR2 "$encoder"
# A signal ends `wait`, not the encoder: wait again.
until wait "$encoder"; status=$?; [ "$seen" = "$told" ]; do seen=$told; done
# It was told before it could listen.
if [ "$told" -gt 0 ] && [ "$status" -gt 128 ]; then status=75; fi

if [ "$status" = 75 ]; then
    id=${{SLURM_ARRAY_JOB_ID:+${{SLURM_ARRAY_JOB_ID}}_$SLURM_ARRAY_TASK_ID}}
    id=${{id:-$SLURM_JOB_ID}}
    # Any other state than RUNNING: it was cancelled, or queued again, by somebody else.
    if [ "${{SLURM_RESTART_COUNT:-0}}" -lt {restarts} ] &&
        [ "$(timeout 10 squeue --noheader --jobs="$id" --format=%T)" = RUNNING ] &&
        timeout 10 scontrol requeue "$id"; then
        echo "Stopped before all was done; Slurm job $id is queued again and goes on where it stopped."
    else
        echo "Stopped before all was done. To go on, unless Slurm starts it again by itself:" sbatch {script_quoted}
    fi
fi
exit "$status"
"""


def batch_script(directives: Sequence[str], command: Sequence[str], python_path: str, script: str) -> str:
    """The text of the whole script.

    Args:
        directives: Options of sbatch, such as "--mem=4G", one `#SBATCH` line each.
        command: The command line of the encoder.
        python_path: The encoder's PYTHONPATH.
        script: The path at which the script will be kept.

    Raises:
        SettingsError: A directive does not fit on one line.
    """
    return _TEXT.format(
        directives="\n".join(f"#SBATCH {quoted_directive(directive)}" for directive in directives),
        python_path=shlex.quote(python_path),
        command="\n".join(f"    {shlex.quote(word)}" for word in command),
        script=shlex.quote(script),
        script_quoted=shlex.quote(shlex.quote(script)),
        restarts=MAX_RESTARTS,
    )


def merged_directives(defaults: Mapping[str, str | None], user_options: Sequence[str]) -> list[str]:
    """Options of sbatch: the defaults that the user has not replaced or removed, then the user's.

    Args:
        defaults: Name to value; the value of a flag is None.
        user_options: Such as "--qos=low". One with the name of a default replaces it; "--name=", with an empty value,
            removes it.
    """
    user_names = [option.partition("=")[0] for option in user_options]
    kept = [
        f"--{name}" if value is None else f"--{name}={value}"
        for name, value in defaults.items()
        if f"--{name}" not in user_names
    ]
    return kept + [option for option in user_options if not re.fullmatch(r"--[a-z-]+=", option)]


def quoted_directive(directive: str) -> str:
    """`directive` as one word of a `#SBATCH` line. Raises SettingsError if that is impossible."""
    if not directive.startswith("-") or not directive.isprintable():
        raise SettingsError(
            f"{directive!r} is not an sbatch option: write --name=value, without line breaks or control characters"
        )
    if re.fullmatch(r"[\w@%+=:,./\[\]^-]+", directive, re.ASCII):
        return directive
    # Within double quotes sbatch accepts a backslash before any character (src/sbatch/opt.c).
    return '"' + re.sub(r'([\\"])', r"\\\1", directive) + '"'
