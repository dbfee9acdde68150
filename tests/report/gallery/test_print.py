"""On paper nothing scrolls and nothing can be pointed at: every view is there whole, on narrow paper too."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.report.gallery.browser import Browser, Page
from tests.report.gallery.javascript import run_module
from tests.report.gallery.pages import read_page
from tests.report.gallery.spools import add_job, make_clip, make_gallery

RUN = "ppo-HalfCheetah-v5-lr0.0003-gamma0.99-seed_"
# In CSS pixels: A4 with margins of an inch and of 10 mm, Letter with 0.4 inches.
PAPERS = (602, 718, 739)
VIEWS = {
    "cards": "",
    "groups": "#group=run",
    "matrix": "#view=matrix&rows=run&columns=date",
    "plot": "#view=plot&x=step&y=return&colour=run",
    "compare": "#view=compare&compare={0},{1},{2},{3},{4},{5}",
    "difference": "#view=compare&compare={0},{1}&difference=1",
    "timeline": "#view=timeline&step=2000",
    "job": "#job={0}",
}
# What is cut off at an edge of itself, and what lies beyond the paper's.
CUT = """[...document.querySelectorAll("body *")].filter((e) => {
  if (!e.checkVisibility() || e.closest(".visually-hidden, .sprite, .clip, svg, canvas")) return false;
  const { overflowX, overflowY } = getComputedStyle(e);
  const { width, right } = e.getBoundingClientRect();
  return (overflowX !== "visible" && e.scrollWidth > e.clientWidth + 1)
    || (overflowY !== "visible" && e.scrollHeight > e.clientHeight + 1) || (width > 1 && right > innerWidth + 1);
}).map((e) => `${e.tagName} ${e.className}: ${e.textContent.slice(0, 60)}`)"""


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page over 24 rollouts of six runs with long names, one of which failed for a long reason."""
    folder = tmp_path_factory.mktemp("print")
    clip = make_clip(folder / "clip" / "job")
    for number in range(24):
        seed, step = divmod(number, 4)
        meta = {"step": 1000 * step, "return": number, "seed": seed, "date": f"2026-06-{number + 1:02d}T01:30:00"}
        error = "cannot be read, " * 30 if number == 7 else None
        add_job(
            folder / "spool", f"{RUN}{seed}/step_{1000 * step}", clip, meta=meta, error=error, finished=1.7e9 + number
        )
    return make_gallery(folder / "spool", title="24 rollouts of six trainings with names that are long")


def printed(page: Page, width: int) -> None:
    page.print_media()
    page.viewport(width, 1000)
    page.evaluate("dispatchEvent(new Event('beforeprint'))")


@pytest.mark.soak
@pytest.mark.parametrize("view", VIEWS)
def test_everything_of_a_view_is_on_paper(view: str, chromium: Browser, gallery: Path) -> None:
    ids = [job["id"] for job in read_page(gallery).jobs]
    page = chromium.open(gallery, VIEWS[view].format(*ids))
    shown = ".card, .player[open], .compare-cell, .matrix-cell, .plot-legend .entry, .timeline-run"
    page.wait_for(f"document.querySelector('{shown}') !== null")
    for width in PAPERS:
        printed(page, width)
        assert page.evaluate(CUT) == [], width
    if view == "plot":
        # Beside the rollout that failed, whose number there is.
        assert [text.rstrip("0123456789") for text in page.texts(".plot-legend .entry")] == [f"{RUN}"] * 6


@pytest.mark.soak
def test_all_columns_of_a_matrix_are_on_paper_and_gone_after_that(browser: Browser, gallery: Path) -> None:
    page = browser.open(gallery, "#view=matrix&rows=run&columns=date")
    page.wait_for("document.querySelectorAll('.matrix-cell.value').length > 20")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    rows = page.evaluate(
        "[...document.querySelectorAll('.matrix-paper table')].map((table) => [...table.rows].map((row) =>"
        " [...row.cells].map((cell) => (cell.querySelector('b') ?? cell).textContent)))"
    )
    heads = [[cell for table in rows for cell in table[row][1:]] for row in range(len(rows[0]))]
    assert heads[0] == ["all", *(f"06-{day:02d}" for day in range(1, 25))]
    assert heads[1][:2] == ["11.5", "0"]
    assert [row[0] for row in rows[-1][2:]] == [f"{RUN}{seed}" for seed in range(6)], "beside each part of the columns"
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.count(".matrix-paper table") == 0


@pytest.mark.parametrize("columns", [1, 2, 8, 9, 10, 17, 202])
def test_each_column_is_in_one_table(columns: int) -> None:
    blocks = run_module("matrix_paper.js").call("blocksOf", columns)
    assert [column for block in blocks for column in block] == list(range(1, columns))
    assert all(1 <= len(block) <= 8 for block in blocks)
