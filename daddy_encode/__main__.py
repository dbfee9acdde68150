"""`python -m daddy_encode` and the command `daddy-encode`: where something is not installed, one line says so."""

from __future__ import annotations

import gc
import os
import sys
from typing import NoReturn


def main() -> NoReturn:
    """Run the command line and exit with its status."""
    # For each core numpy's BLAS, which nothing here uses, would start a thread, which spins for as long as a short clip
    # takes. For this process alone: what it starts is given os.environ, which stays as it is.
    os.putenv("OPENBLAS_NUM_THREADS", "1")
    # What is loaded stays: by default it would be gone through for garbage seventy times meanwhile.
    gc.set_threshold(50_000)
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


if __name__ == "__main__":
    main()
