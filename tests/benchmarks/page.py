"""docs/benchmarks.md and its plots, made anew from docs/benchmarks.json by `python -m tests.benchmarks.page`."""

from __future__ import annotations

from pathlib import Path

import msgspec

from tests.benchmarks.result import Plot, Row, Section, Table

DOCS = Path(__file__).parents[2] / "docs"
PAGE = DOCS / "benchmarks.md"
RESULTS = DOCS / "benchmarks.json"
PLOTS = DOCS / "images" / "benchmarks"
# In which the sections follow each other; what is not named comes last.
ORDER = (
    "one_job",
    "many_jobs",
    "start_up",
    "whole_way",
    "dump",
    "dump_rollout",
    "gif",
    "quality",
    "growth",
    "service",
    "cluster",
)

HEAD = """# Benchmarks

Every figure that README and docs claim, measured by what a user calls: the command, the three functions, `FrameWriter`,
`RecordFrames`; start-up included where a user waits for it. This page is written by

    pip install -e '.[bench]'
    python -m tests.benchmarks

(`python -m tests.benchmarks NAME` measures one section anew, `--quick` tries it out on less and writes nothing,
`--json` prints the results.) Peers take turns with us in the same run, and one round before, which is not counted,
warms files and programs for all. Times are medians; CPU is processor time of the process and all that it starts. Where
a bar is missed, or a peer is ahead, it says so.

Clips, rendered once by seed: Breakout 160x210, 600 frames; CartPole 600x400, 300; HalfCheetah 480x480, 300;
Humanoid 1280x720, 240. "Ours" are dumps by `save_frames_as_png`, "Pillow's" by Pillow's `Image.save`.
"""


def load() -> dict[str, Section]:
    """The results so far, by the benchmarks' names."""
    if not RESULTS.exists():
        return {}
    return msgspec.json.decode(RESULTS.read_bytes(), type=dict[str, Section])


def save(sections: dict[str, Section]) -> None:
    """Write results, plots and page."""
    RESULTS.write_bytes(msgspec.json.format(msgspec.json.encode(sections), indent=1) + b"\n")
    PLOTS.mkdir(parents=True, exist_ok=True)
    for section in sections.values():
        for plot in section.plots:
            _draw(plot, PLOTS / f"{plot.name}.svg")
    PAGE.write_text(text(sections))


def text(sections: dict[str, Section]) -> str:
    """The page."""
    known = [name for name in ORDER if name in sections]
    names = [*known, *(name for name in sections if name not in ORDER)]
    rows = [row for name in names for row in sections[name].rows if row.bar]
    missed = [row for row in rows if not row.is_met]
    head = [HEAD, f"{len(rows) - len(missed)} of {len(rows)} bars are met."]
    return "\n".join([*head, *(f"\n{_section(name, sections[name])}" for name in names)]) + "\n"


def _section(name: str, section: Section) -> str:
    versions = ", ".join(f"{what} {version}" for what, version in section.versions.items())
    parts = [f"## {section.title}", f"`python -m tests.benchmarks {name}`", section.about.strip()]
    if section.rows:
        parts.append(_rows(section.rows))
        parts += [f"Missed: {row.what}: {row.why}" for row in section.rows if row.why and not row.is_met]
    parts += [_table(table) for table in section.tables]
    parts += [f"![{plot.caption}](images/benchmarks/{plot.name}.svg)\n\n{plot.caption}" for plot in section.plots]
    parts.append(f"Measured {section.date} on {section.machine}. {versions}.")
    return "\n\n".join(parts)


def _rows(rows: list[Row]) -> str:
    cells = [
        [row.what, f"{row.value:.3g}", row.bar, ("met" if row.is_met else "**missed**") if row.bar else "", row.figures]
        for row in rows
    ]
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
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)


if __name__ == "__main__":
    save(load())
