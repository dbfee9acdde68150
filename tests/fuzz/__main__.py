"""`python -m tests.fuzz TARGET --minutes N`: a long run, coverage-guided where atheris is installed.

Inputs that found new paths are kept in the folder given with --corpus, which a later run begins from.
"""

from __future__ import annotations

import argparse
import collections
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings

from tests.fuzz.seeds import PNGS, RECORDS, TARS, broken, broken_pngs
from tests.fuzz.targets import TARGETS


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("target", choices=sorted(TARGETS))
    parser.add_argument("--minutes", type=float, default=10, help="how long (default: 10)")
    parser.add_argument("--corpus", type=Path, help="folder of inputs to begin from and add to (default: a new one)")
    options = parser.parse_args()
    seeds = {"record": RECORDS, "tar": TARS, "tar-mended": TARS}.get(options.target, PNGS)
    with tempfile.TemporaryDirectory() as scratch:
        corpus = options.corpus or Path(scratch)
        corpus.mkdir(parents=True, exist_ok=True)
        for index, data in enumerate(seeds):
            (corpus / f"seed-{index}").write_bytes(data)
        try:
            import atheris
        except ImportError:
            guided_by_hypothesis(options.target, options.minutes * 60)
        else:
            guided_by_coverage(atheris, options.target, options.minutes * 60, corpus)


def guided_by_coverage(atheris: Any, name: str, seconds: float, corpus: Path) -> None:
    """libFuzzer over the instrumented readers; ends the process with a status of its own where one fails."""
    with atheris.instrument_imports(include=["daddy_encode", "json"], enable_loader_override=False):
        for module in [module for module in sys.modules if module.startswith(("daddy_encode", "tests.fuzz.targets"))]:
            del sys.modules[module]
        from tests.fuzz.targets import TARGETS as INSTRUMENTED
    atheris.Setup(
        [
            sys.argv[0],
            f"-max_total_time={seconds:.0f}",
            "-max_len=4096",
            "-timeout=5",
            "-rss_limit_mb=800",
            str(corpus),
        ],
        INSTRUMENTED[name],
    )
    atheris.Fuzz()


def guided_by_hypothesis(name: str, seconds: float) -> None:
    """Structured inputs by the thousand; every example that fails is shown and shrunk."""
    target: Callable[[bytes], str] = TARGETS[name]
    completed: collections.Counter[str] = collections.Counter()
    slowest = 0.0
    others = {"record": RECORDS, "tar": TARS, "tar-mended": TARS}
    strategy = broken(others[name]) if name in others else broken_pngs()

    @settings(max_examples=2000, database=None, deadline=None, suppress_health_check=list(HealthCheck), phases=[*Phase])
    @given(strategy)
    def run(data: bytes) -> None:
        nonlocal slowest
        begin = time.monotonic()
        answer = target(data)
        slowest = max(slowest, time.monotonic() - begin)
        completed["taken" if answer.startswith("taken") else "refused"] += 1

    end = time.monotonic() + seconds
    while time.monotonic() < end:
        random.seed()
        run()
    print(f"{name}: {completed.total()} inputs, {dict(completed)}, the slowest took {slowest * 1000:.0f} ms")


if __name__ == "__main__":
    main()
