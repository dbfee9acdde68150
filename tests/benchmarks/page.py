"""docs/benchmarks.md and its plots, made anew from docs/benchmarks.json by `python -m tests.benchmarks.page [FILE]...`.

In the place of its sections come those in FILE, which `python -m tests.benchmarks NAME --json` printed elsewhere.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import msgspec

from tests.benchmarks.result import Plot, Row, Section, Table
from tests.benchmarks.summary import peers_ahead, summary

DOCS = Path(__file__).parents[2] / "docs"
PAGE = DOCS / "benchmarks.md"
RESULTS = DOCS / "benchmarks.json"
PLOTS = DOCS / "images" / "benchmarks"
# In which the sections follow each other; what is not named comes last.
ORDER = (
    "one_job",
    "encode",
    "many_jobs",
    "cores",
    "start_up",
    "whole_way",
    "dump",
    "dump_rollout",
    "gif",
    "quality",
    "growth",
    "service",
    "space",
    "gallery",
    "sheet",
    "cluster",
)

HEAD = """# Benchmarks

Every figure that README and docs claim, measured by what a user calls: the command, the three functions, `FrameWriter`,
`RecordFrames`; start-up included where a user waits for it. This page is written, in a clone of the repository, by

    pip install -e '.[bench]'
    python -m tests.benchmarks

(`python -m tests.benchmarks NAME` measures one section anew, `--quick` tries it out on less and writes nothing,
`--json` prints the results; `python -m tests.benchmarks.page FILE` puts what it printed on another machine on this
page, and such a section names its machine.) Peers take turns with us in the same run, and one round before, which is
not counted, warms files and programs for all. Times are medians, with the shortest and the longest beside them, or "one
round"; CPU is processor time of the process and all that it starts, memory the peak of that process tree. Where a bar
is missed, or a peer is ahead, it says so.

Clips, rendered once by seed: Breakout 160x210, 600 frames; CartPole 600x400, 300; HalfCheetah 480x480, 300;
Humanoid 1280x720, 240. "Ours" are dumps by `save_frames_as_png`, "Pillow's" by Pillow's `Image.save`."""


def load(*others: Path) -> dict[str, Section]:
    """The results so far, by the benchmarks' names; of a section that is in one of `others`, too, what that says.

    Raises:
        SystemExit: A file cannot be read, or is not whole.
    """
    sections = _read(RESULTS, "restore it with git, or remove it and measure all anew") if RESULTS.exists() else {}
    for path in others:
        sections |= _read(path, "give it what `python -m tests.benchmarks NAME --json` has printed")
    return sections


def _read(path: Path, help_: str) -> dict[str, Section]:
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, Section])
    except (OSError, msgspec.DecodeError) as error:
        raise SystemExit(f"{path}: {error}: {help_}") from error


def save(sections: dict[str, Section]) -> None:
    """Write plots, results and page, each whole or not at all."""
    PLOTS.mkdir(parents=True, exist_ok=True)
    for section in sections.values():
        for plot in section.plots:
            _draw(plot, PLOTS / f"{plot.name}.svg")
    results = _beside(RESULTS)
    results.write_bytes(msgspec.json.format(msgspec.json.encode(sections), indent=1) + b"\n")
    written = _beside(PAGE)
    written.write_text(text(sections))
    results.replace(RESULTS)
    written.replace(PAGE)


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.part")


@contextlib.contextmanager
def locked() -> Iterator[None]:
    """Hold the page, so that nobody else writes it, nor measures at the same time.

    Raises:
        SystemExit: Somebody does.
    """
    descriptor = os.open(DOCS, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SystemExit(f"{PAGE}: another run measures for it: wait for its end, or use --quick") from None
        yield
    finally:
        os.close(descriptor)


def text(sections: dict[str, Section]) -> str:
    """The page."""
    known = [name for name in ORDER if name in sections]
    names = [*known, *(name for name in sections if name not in ORDER)]
    anchors = {name: _anchor(section.title) for name, section in sections.items()}
    usual = Counter(map(_measured_on, sections.values())).most_common(1)[0][0] if sections else ""
    dates = sorted({section.date for section in sections.values()})
    rows = [row for name in names for row in sections[name].rows if row.bar]
    met = sum(row.is_met for row in rows)
    parts = [HEAD, f"Measured {' to '.join(dict.fromkeys([*dates[:1], *dates[-1:]]))} on {usual}", "## In short"]
    parts.append("Of several clips, the smallest and the largest value.")
    parts.append(_markdown(*summary(sections, anchors)))
    parts.append(f"{met} of {len(rows)} bars are met; of the others each section gives the reason.")
    for name in names:
        where = f"[{_lowered(sections[name].title)}](#{anchors[name]})"
        if ahead := peers_ahead(sections[name]):
            parts.append(f"Ahead of ours in {where}, which says what they leave out: {ahead}.")
        if others := list(dict.fromkeys(row.ahead for row in sections[name].rows if row.ahead)):
            parts.append(f"Ahead of ours in {where}: {', '.join(others)}.")
    parts.append("\n".join(f"- [{sections[name].title}](#{anchors[name]})" for name in names))
    parts += [_section(name, sections[name], usual) for name in names]
    return "\n\n".join(parts) + "\n"


def _section(name: str, section: Section, usual: str) -> str:
    parts = [f"## {section.title}", f"`python -m tests.benchmarks {name}`", section.about.strip()]
    if (measured_on := _measured_on(section)) != usual:
        parts.append(f"Measured {section.date} on {measured_on}")
    if section.rows:
        reasons = list(dict.fromkeys(row.why for row in section.rows if row.why and not row.is_met))
        parts.append(_rows(section.rows, reasons))
        if reasons:
            parts.append("\n".join(["Missed:\n", *(f"{number}. {why}" for number, why in enumerate(reasons, 1))]))
    parts += [_table(table) for table in section.tables]
    parts += [f"![{plot.caption}](images/benchmarks/{plot.name}.svg)\n\n{plot.caption}" for plot in section.plots]
    return "\n\n".join(parts)


def _measured_on(section: Section) -> str:
    return f"{section.machine}. {', '.join(f'{what} {version}' for what, version in section.versions.items())}."


def _anchor(heading: str) -> str:
    """What GitHub calls a heading in links to it."""
    return re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-")


def _lowered(title: str) -> str:
    return title[0].lower() + title[1:]


def _rows(rows: list[Row], reasons: list[str]) -> str:
    def verdict(row: Row) -> str:
        if row.is_met:
            return "met" if row.bar else ""
        return f"**missed** ({reasons.index(row.why) + 1})" if row.why else "**missed**"

    cells = [[row.what, f"{row.value:.3g}", row.bar, verdict(row), row.figures] for row in rows]
    return _markdown(["what", "value", "bar", "", "figures"], cells)


def _table(table: Table) -> str:
    return f"{table.caption}\n\n{_markdown(table.columns, table.cells)}"


def _markdown(columns: list[str], cells: list[list[str]]) -> str:
    def line(values: list[str]) -> str:
        return f"| {' | '.join(value.replace('|', '/') for value in values)} |"

    return "\n".join([line(columns), f"|{'---|' * len(columns)}", *map(line, cells)])


def _draw(plot: Plot, path: Path) -> None:
    import matplotlib

    matplotlib.use("svg")
    # The same file for the same figures.
    matplotlib.rcParams["svg.hashsalt"] = plot.name
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(6.4, 4), layout="constrained")
    for name, points in plot.series.items():
        axes.plot(*zip(*points, strict=True), marker="o", label=name)
    if plot.log:
        axes.set_xscale("log")
        axes.set_yscale("log")
    axes.set_xlabel(plot.x)
    axes.set_ylabel(plot.y)
    axes.grid(visible=True, which="both", alpha=0.3)
    axes.legend()
    figure.savefig(_beside(path), format="svg", metadata={"Date": None})
    _beside(path).replace(path)
    pyplot.close(figure)


if __name__ == "__main__":
    with locked():
        save(load(*map(Path, sys.argv[1:])))
