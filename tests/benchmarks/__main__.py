"""`python -m tests.benchmarks [NAME…]`: run the benchmarks of these names, such as `dump`; without a name, all.

A name stands for `bench_NAME.py` and for every `bench_NAME_….py` beside this file.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

from tests.benchmarks.table import show


def main() -> None:
    known = sorted(path.stem.removeprefix("bench_") for path in Path(__file__).parent.glob("bench_*.py"))
    if "--help" in sys.argv:
        print(__doc__)
        return
    wanted = {name: [one for one in known if f"{one}_".startswith(f"{name}_")] for name in sys.argv[1:] or known}
    for name, found in wanted.items():
        if not found:
            sys.exit(f"no benchmark {name!r}: choose from {', '.join(known)}")
    for name in dict.fromkeys(one for found in wanted.values() for one in found):
        module = importlib.import_module(f"tests.benchmarks.bench_{name}")
        show(module.TITLE, module.rows())


if __name__ == "__main__":
    main()
