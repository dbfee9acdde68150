#!/bin/bash
# Encodes, on CPUs, what rollouts have left. Written by `daddy-encode submit`; may be submitted again at any time:
# sbatch /scratch/spool/.daddy-encode/slurm/encode-20261122-184500-3fa9.sh
#SBATCH --job-name=daddy-encode
#SBATCH --chdir=/
#SBATCH --output=/scratch/spool/.daddy-encode/slurm/encode-%j.log
#SBATCH --open-mode=append
#SBATCH --nodes=1
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=4
#SBATCH --signal=B:USR2@60
#SBATCH --requeue

export CUDA_VISIBLE_DEVICES=
export PYTHONPATH=/opt/daddy-encode
command=(
    /home/me/venv/bin/python
    -m
    daddy_encode
    encode
    --
    /scratch/spool
)

# Slurm tells this shell before the time limit (USR2), and every process when it ends the Slurm job (TERM). The encoder
# takes any number of USR2 for one wish to stop in good order.
told=0 seen=0 encoder=
stop() { told=$((told + 1)); [ -z "$encoder" ] || kill -USR2 "$encoder" 2>/dev/null; }
trap stop USR2 TERM

"${command[@]}" &
encoder=$!
[ "$told" = 0 ] || kill -USR2 "$encoder"
# A signal ends `wait`, not the encoder: wait again.
until wait "$encoder"; status=$?; [ "$seen" = "$told" ]; do seen=$told; done
# It was told before it could listen.
if [ "$told" -gt 0 ] && [ "$status" -gt 128 ]; then status=75; fi

if [ "$status" = 75 ]; then
    id=${SLURM_ARRAY_JOB_ID:+${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID}
    id=${id:-$SLURM_JOB_ID}
    # Any other state than RUNNING: it was cancelled, or queued again, by somebody else.
    if [ "${SLURM_RESTART_COUNT:-0}" -lt 20 ] &&
        [ "$(timeout 10 squeue --noheader --jobs="$id" --format=%T)" = RUNNING ] &&
        timeout 10 scontrol requeue "$id"; then
        echo "Stopped before all was done; Slurm job $id is queued again and goes on where it stopped."
    else
        echo "Stopped before all was done. To go on, unless Slurm starts it again by itself:" sbatch /scratch/spool/.daddy-encode/slurm/encode-20261122-184500-3fa9.sh
    fi
fi
exit "$status"
