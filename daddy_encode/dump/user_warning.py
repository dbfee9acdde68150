"""Warnings that name the user's line, from which Python's filters and its folding of repeated ones go."""

from __future__ import annotations

import sys
import warnings

# Whose frames lie between us and the user's own code: wrappers around ours, a library's training loop.
_PASSED_THROUGH = frozenset({"daddy_encode", "contextlib", "gymnasium", "pettingzoo", "stable_baselines3", "supersuit"})


def warn_user(message: str) -> None:
    """Issue a RuntimeWarning at the innermost line that is neither ours nor an environment library's."""
    # Python 3.12 has skip_file_prefixes for this.
    level, frame = 1, sys._getframe()
    while frame.f_back is not None and _package(frame.f_globals) in _PASSED_THROUGH:
        level, frame = level + 1, frame.f_back
    warnings.warn(message, RuntimeWarning, stacklevel=level)


def _package(names: dict[str, object]) -> str:
    return str(names.get("__name__", "")).partition(".")[0]
