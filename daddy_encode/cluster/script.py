"""The text of the batch script that encodes on a cluster. Pure."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence

from daddy_encode.errors import SettingsError

# At most this many times a script queues itself again: one job that takes longer than the time limit never ends.
MOST_RESTARTS = 20

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
    """The whole script, to be kept at `script`: `directives` as sbatch's options, `command` run with `python_path`.

    Raises SettingsError for a directive that would not stay on its line.
    """
    return _TEXT.format(
        directives="\n".join(f"#SBATCH {quoted_directive(directive)}" for directive in directives),
        python_path=shlex.quote(python_path),
        command="\n".join(f"    {shlex.quote(word)}" for word in command),
        script=shlex.quote(script),
        script_quoted=shlex.quote(shlex.quote(script)),
        restarts=MOST_RESTARTS,
    )


def merged_directives(defaults: Mapping[str, str | None], own: Sequence[str]) -> list[str]:
    """sbatch's options: `defaults` (name to value, None for a flag), then the user's `own`, such as "--qos=low".

    One of the user's with the name of a default replaces it; "--name=", with nothing behind it, leaves it out.
    """
    own_names = [argument.partition("=")[0] for argument in own]
    kept = [
        f"--{name}" if value is None else f"--{name}={value}"
        for name, value in defaults.items()
        if f"--{name}" not in own_names
    ]
    return kept + [argument for argument in own if not re.fullmatch(r"--[a-z-]+=", argument)]


def quoted_directive(directive: str) -> str:
    """`directive` as one word of a `#SBATCH` line. Raises SettingsError for what no line can hold."""
    if not directive.startswith("-") or not directive.isprintable():
        raise SettingsError(
            f"{directive!r} is no option of sbatch: write it as --name=value, without line breaks or control characters"
        )
    if re.fullmatch(r"[\w@%+=:,./\[\]^-]+", directive, re.ASCII):
        return directive
    # Within double quotes sbatch's own reader takes a backslash before any character (src/sbatch/opt.c).
    return '"' + re.sub(r'([\\"])', r"\\\1", directive) + '"'
