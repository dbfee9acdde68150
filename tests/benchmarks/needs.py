"""What benchmarks need that may not be installed: found out before anything is measured."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterable, Sequence
from types import ModuleType

import click

from tests.benchmarks import clips
from tests.benchmarks.machine import find_program
from tests.benchmarks.options import Options

INSTALL = "pip install -e '.[bench]'"


def loaded(names: Sequence[str], options: Options) -> dict[str, ModuleType]:
    """The modules of the benchmarks `names`, with all that they need; says which peer's program is left out.

    Besides what it imports, a benchmark names in PACKAGES what the scripts of its peers import.

    Raises:
        click.ClickException: Something is missing; in one line, with the command that installs it.
    """
    modules, missing = {}, []
    for name in names:
        try:
            module = modules[name] = importlib.import_module(f"tests.benchmarks.bench_{name}")
        except ModuleNotFoundError as error:
            missing.append(f"{name} needs {error.name}")
            continue
        absent = _absent(getattr(module, "PACKAGES", ()))
        missing += [f"{name} needs {', '.join(absent)}"] if absent else []
        if not options.quick:
            for program in getattr(module, "PROGRAMS", ()):
                if find_program(program) is None:
                    click.echo(f"{name}: no {program}, which is left out", err=True)
    if not options.quick:
        if absent := _absent(["matplotlib"]):
            missing.append(f"the plots need {absent[0]}")
        if absent := _absent(clips.packages()):
            missing.append(f"the clips need {', '.join(absent)}")
    if missing:
        raise click.ClickException(f"{'; '.join(missing)}: {INSTALL}")
    return modules


def _absent(packages: Iterable[str]) -> list[str]:
    return [package for package in packages if importlib.util.find_spec(package) is None]
