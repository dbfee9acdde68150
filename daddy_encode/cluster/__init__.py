"""Submitting encoders as Slurm jobs. The only package that knows Slurm exists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from daddy_encode.cluster.submission import Submission, submit

__all__ = ["Submission", "submit"]


def __getattr__(name: str) -> Any:
    """What is public, loaded when it is first used: an encoder asks for this process's limits alone."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from daddy_encode.cluster import submission

    return getattr(submission, name)
