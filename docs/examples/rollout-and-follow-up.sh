#!/bin/bash
# Submit a rollout, and two encoders that start when it has ended, whether it succeeded or not.
#
#     bash docs/examples/rollout-and-follow-up.sh [options of debug_rollout.py]
#
# PYTHON, CHECKOUT and ROLLOUTS may be set in the environment; both Slurm jobs inherit them.
set -eu

CHECKOUT=${CHECKOUT:-$HOME/daddy-encode}
PYTHON=${PYTHON:-$CHECKOUT/.venv/bin/python}
ROLLOUTS=${ROLLOUTS:-$HOME/rollouts}

rollout=$(sbatch --parsable "$CHECKOUT/docs/examples/rollout.sbatch" "$@")
encoder=$("$PYTHON" -m daddy_encode submit "$ROLLOUTS" --after "$rollout" --workers 2 --cpus-per-task 2)
echo "rollout $rollout, encoders $encoder"
