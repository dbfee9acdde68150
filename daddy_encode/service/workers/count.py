"""How many worker processes a pool should have."""

from __future__ import annotations

# One or two jobs at a time leave the interpreter's lock to each other well enough.
FEWEST_PROCESSES = 3
MOST_PROCESSES = 64


def usable_processes(workers: int, jobs: int | None = None) -> int:
    """How many worker processes a pool should have.

    Args:
        workers: How many jobs are encoded at a time.
        jobs: How many there are. None: not known.
    """
    most = min(workers, MOST_PROCESSES, workers if jobs is None else jobs)
    return most if most >= FEWEST_PROCESSES else 0
