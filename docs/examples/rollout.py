"""A rollout of your own, in a Slurm job, that submits its encoder first, so that it is followed even if it crashes.

sbatch --gres=gpu:1 --wrap "python docs/examples/rollout.py ROLLOUTS"
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np

from daddy_encode import save_frames_as_png
from daddy_encode.cluster import submit

rollouts = Path(sys.argv[1])

# It starts when this Slurm job has ended, successfully or not. This imports no encoder and does not wait.
queued = submit(rollouts, after=os.environ["SLURM_JOB_ID"], cpus_per_task=2)
print(queued.how_to_follow())

generator = np.random.default_rng(0)
for episode in range(3):
    frames = (generator.integers(0, 256, (48, 64, 3), np.uint8) for step in range(30))
    save_frames_as_png(frames, rollouts / f"episode-{episode:04d}", fps=30, video="both", meta={"episode": episode})
