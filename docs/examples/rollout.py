"""A rollout of your own, in a Slurm job, that queues its encoder first: even a crash is followed.

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

# Begins when this Slurm job has ended, well or not. No encoder is imported, and nothing waits for it.
queued = submit(rollouts, after=os.environ["SLURM_JOB_ID"], cpus_per_task=2)
print(queued.how_to_follow())

generator = np.random.default_rng(0)
for episode in range(3):
    frames = (generator.integers(0, 256, (48, 64, 3), np.uint8) for step in range(30))
    save_frames_as_png(frames, rollouts / f"episode-{episode:04d}", fps=30, video="both", meta={"episode": episode})
