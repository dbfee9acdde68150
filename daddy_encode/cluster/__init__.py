"""Submitting encoders as Slurm jobs. The only package that knows Slurm exists."""

from daddy_encode.cluster.submission import Submission, submit

__all__ = ["Submission", "submit"]
