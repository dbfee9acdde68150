"""Submitting encoders as Slurm jobs. The only package that knows Slurm exists."""

from __future__ import annotations

from typing import TYPE_CHECKING

from daddy_encode.lazy_names import lazy_names

if TYPE_CHECKING:
    from daddy_encode.cluster.submission import Submission, submit

__all__ = ["Submission", "submit"]

if not TYPE_CHECKING:
    # An encoder asks for this process's limits alone.
    __getattr__, __dir__ = lazy_names(__name__, dict.fromkeys(__all__, "daddy_encode.cluster.submission"))
