"""What this process may use, and queueing encoders. The only place that knows Slurm exists."""

from daddy_encode.cluster.submission import Submission, submit

__all__ = ["Submission", "submit"]
