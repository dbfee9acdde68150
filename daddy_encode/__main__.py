"""`python -m daddy_encode` and the command `daddy-encode`: where something is not installed, one line says so."""

from __future__ import annotations

import gc
import os
import sys
from typing import NoReturn


def main() -> NoReturn:
    """Run the command line and exit with its status."""
    _hold_standard_streams()
    # For each core numpy's BLAS, which nothing here uses, would start a thread, which spins for as long as a short clip
    # takes. For this process alone: what it starts is given os.environ, which stays as it is.
    os.putenv("OPENBLAS_NUM_THREADS", "1")
    # What is loaded stays: by default it would be gone through for garbage seventy times meanwhile.
    gc.set_threshold(30_000)
    try:
        from daddy_encode.cli.main import main as run

        run()
    except ImportError as error:
        # No traceback: what is wrong is this Python, not this program.
        sys.exit(
            f"Error: daddy-encode is not installed, or not whole, in {sys.executable} "
            f"({' '.join(str(error).split())}); activate the environment that has it, such as with "
            "`. .venv/bin/activate`, or install it there again: python3 -m pip install -e . in its folder"
        )


def _hold_standard_streams() -> None:
    """Have standard input, output and error lead nowhere where the caller has closed them, as `>&-` does.

    The next file that is opened would be standard output else, and a program that is started, such as ffmpeg, would be
    given its own in its place.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            # The lowest that is free. Programs that are started have it too.
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    for descriptor, name in enumerate(("stdin", "stdout", "stderr")):
        # Python has none of those that were closed when it began.
        if getattr(sys, name) is None:
            mode = "w" if descriptor else "r"
            setattr(sys, name, os.fdopen(descriptor, mode, encoding="utf-8", errors="replace", closefd=False))


if __name__ == "__main__":
    main()
