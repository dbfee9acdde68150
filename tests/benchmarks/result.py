"""What a benchmark yields: rows with bars, tables, plots. All of it survives JSON, from which the page is made."""

from __future__ import annotations

import msgspec


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One comparison.

    Attributes:
        what: In a few words.
        value: What the bar speaks of, mostly a ratio.
        bar: In words, such as "<= 1.15"; empty where nothing is promised.
        figures: What `value` was made of, with units.
        why: Where the bar is missed: the reason. Shown only then.
        ahead: Who is ahead of ours, and on what, where `value` does not show it; empty where nobody is.
    """

    what: str
    value: float
    bar: str = ""
    figures: str = ""
    why: str = ""
    ahead: str = ""

    @property
    def is_met(self) -> bool:
        """Whether the value is within the bar; True where there is none."""
        if not self.bar:
            return True
        sign, limit = self.bar.split()
        # Less than nothing is no time, and no ratio of times.
        return {"<=": 0 <= self.value <= float(limit), ">=": self.value >= float(limit)}[sign]


class Table(msgspec.Struct, frozen=True):
    """Figures without a bar: a caption, the columns' names, and cells as they are shown."""

    caption: str
    columns: list[str]
    cells: list[list[str]]


class Plot(msgspec.Struct, frozen=True):
    """A plot of one or several series.

    Attributes:
        name: Of its file: letters, digits, hyphens.
        caption: What it shows.
        x: Label of the x axis, with its unit.
        y: Label of the y axis, with its unit.
        series: By name: the points (x, y).
        log: Both axes logarithmic. Default: yes.
    """

    name: str
    caption: str
    x: str
    y: str
    series: dict[str, list[tuple[float, float]]]
    log: bool = True


Item = Row | Table | Plot


class Section(msgspec.Struct, kw_only=True):
    """One benchmark's part of the page.

    Attributes:
        title: Its heading.
        about: What was compared, and how: one or several paragraphs of Markdown.
        date: When it was measured, YYYY-MM-DD.
        machine: On what, in one line.
        versions: Of what is compared, by name.
        rows: Comparisons, in the order in which they were made.
        tables: Figures without a bar.
        plots: Pictures.
    """

    title: str
    about: str
    date: str
    machine: str
    versions: dict[str, str]
    rows: list[Row] = []
    tables: list[Table] = []
    plots: list[Plot] = []

    def add(self, item: Item) -> None:
        """Append a row, a table or a plot."""
        if isinstance(item, Row):
            self.rows.append(item)
        elif isinstance(item, Table):
            self.tables.append(item)
        else:
            self.plots.append(item)
