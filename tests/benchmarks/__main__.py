"""Measure what README and docs claim, and write docs/benchmarks.md."""

from __future__ import annotations

import contextlib
import datetime
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import click
import msgspec

from tests.benchmarks import needs, page
from tests.benchmarks.machine import machine, versions
from tests.benchmarks.options import Options
from tests.benchmarks.result import Item, Plot, Row, Section, Table
from tests.benchmarks.scratch import scratch

# What is measured first: file systems make files more slowly where the others have just removed theirs.
FIRST = ("dump", "dump_rollout", "whole_way")
KNOWN = sorted(
    (path.stem.removeprefix("bench_") for path in Path(__file__).parent.glob("bench_*.py")),
    key=lambda name: (name not in FIRST, name),
)


@click.command(help=f"{__doc__}\n\nWithout NAME all are run: {', '.join(KNOWN)}.")
@click.argument("names", metavar="[NAME]...", nargs=-1, type=click.Choice(KNOWN))
@click.option("--json", "as_json", is_flag=True, help="Print the results as JSON, and nothing else to standard output.")
@click.option("--quick", is_flag=True, help="Fewer rounds on less: whether it runs; the page stays as it is.")
def main(names: tuple[str, ...], *, as_json: bool, quick: bool) -> None:
    # A user's second run finds the bytecode; of a package that pip installed, the first one does.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    # As Ctrl-C does: the folders of a benchmark are removed on the way out.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _stop)
    options, measured = Options(quick), {}
    modules = needs.loaded(tuple(dict.fromkeys(names or KNOWN)), options)
    with page.locked() if not quick else contextlib.nullcontext():
        sections = {} if quick else page.load()
        for name, module in modules.items():
            sections[name] = measured[name] = _measured(name, module, options)
            if not quick:
                # One by one: a run that is stopped keeps what it has.
                page.save(sections)
    if as_json:
        sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(measured), indent=1) + b"\n")


def _stop(number: int, _: object) -> None:
    sys.exit(128 + number)


def _measured(name: str, module: ModuleType, options: Options) -> Section:
    section = Section(
        title=module.TITLE,
        about=module.ABOUT,
        date=datetime.date.today().isoformat(),
        machine=machine(),
        versions=versions(),
    )
    click.echo(f"\n{name}: {section.title}", err=True)
    # A folder of its own: names of one section's files mean nothing to another.
    scratch.cache_clear()
    items: Iterator[Item] = module.run(options)
    for item in items:
        section.add(item)
        _show(item)
    return section


def _show(item: Item) -> None:
    if isinstance(item, Row):
        verdict = f"(bar {item.bar}: {'met' if item.is_met else 'MISSED'})" if item.bar else ""
        click.echo(f"  {item.what:<52} {item.value:8.3f}  {verdict:<22} {item.figures}", err=True)
    elif isinstance(item, Table):
        click.echo(f"  {item.caption}", err=True)
        for cells in (item.columns, *item.cells):
            click.echo("    " + "  ".join(f"{cell:>12}" for cell in cells), err=True)
    elif isinstance(item, Plot):
        for series, points in item.series.items():
            click.echo(f"  {item.name} {series}: " + ", ".join(f"({x:g}, {y:.4g})" for x, y in points), err=True)


if __name__ == "__main__":
    main()
