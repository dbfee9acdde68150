"""`python -m tests.benchmarks [NAME…]`: run every module `bench_NAME.py` beside this file, or those named."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

from tests.benchmarks.table import show


def main() -> None:
    known = sorted(path.stem.removeprefix("bench_") for path in Path(__file__).parent.glob("bench_*.py"))
    wanted = sys.argv[1:] or known
    for name in wanted:
        if name not in known:
            sys.exit(f"no benchmark {name!r}: choose from {', '.join(known)}")
    for name in wanted:
        module = importlib.import_module(f"tests.benchmarks.bench_{name}")
        show(module.TITLE, module.rows())


if __name__ == "__main__":
    main()
