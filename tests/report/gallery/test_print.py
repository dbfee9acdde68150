"""On paper nothing scrolls and nothing can be pointed at: every view is there whole, on narrow paper too."""

from __future__ import annotations

import base64
import re
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
# Names whose end stands neither right behind their beginning nor at the beginning of a line.
TORN = """[...document.querySelectorAll(".cut")].filter((e) => {
  if (!e.checkVisibility()) return false;
  const [head, tail] = [...e.children].map((part) => {
    const range = document.createRange();
    range.selectNodeContents(part);
    return [...range.getClientRects()];
  });
  const { left, right, top } = head.at(-1);
  return Math.abs(tail[0].top - top) < 2 ? Math.abs(tail[0].left - right) > 1 : Math.abs(tail[0].left - left) > 1;
}).map((e) => e.textContent)"""


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page over 24 rollouts of six runs with long names, one of which failed for a long reason."""
    folder = tmp_path_factory.mktemp("print")
    clip = make_clip(folder / "clip" / "job")
    rewards = [{"reward": float(frame)} for frame in range(12)]
    for number in range(24):
        seed, step = divmod(number, 4)
        meta = {"step": 1000 * step, "return": number, "seed": seed, "date": f"2026-06-{number + 1:02d}T01:30:00"}
        error = "cannot be read, " * 30 if number == 7 else None
        add_job(
            folder / "spool",
            f"{RUN}{seed}/step_{1000 * step}",
            clip,
            meta=meta,
            annotations=rewards if error is None else (),
            error=error,
            finished=1.7e9 + number,
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
        assert page.evaluate(TORN) == [], width
    if view == "plot":
        # Beside the rollout that failed, whose number there is.
        assert [text.rstrip("0123456789") for text in page.texts(".plot-legend .entry")] == [f"{RUN}"] * 6


def test_names_and_headings_read_as_ordinary_text_on_paper(chromium: Browser, gallery: Path) -> None:
    page = chromium.open(gallery, "#group=run")
    page.wait_for("document.querySelectorAll('.cards .heading').length > 0")
    printed(page, 718)
    assert page.count(".cut") > 0
    assert page.evaluate(TORN) == []
    summary = "4 jobs · mean return 5.5 · 1 failed"
    assert summary in page.evaluate("[...document.querySelectorAll('.summary')].map((e) => e.innerText)")


def test_tables_of_a_matrix_follow_each_other_across_pages(chromium: Browser, gallery: Path) -> None:
    page = chromium.open(gallery, "#view=matrix&rows=run&columns=date")
    page.wait_for("document.querySelectorAll('.matrix-cell.value').length > 20")
    printed(page, 718)
    heights = page.evaluate("[...document.querySelectorAll('.matrix-paper table')].map((e) => e.offsetHeight)")
    assert len(heights) == 4
    # Room for less than two: kept whole, each table would have a page of its own.
    paper = {"paperWidth": 718 / 96, "paperHeight": 1.8 * max(heights) / 96, "printBackground": True}
    margins = dict.fromkeys(("marginTop", "marginBottom", "marginLeft", "marginRight"), 0)
    pdf = base64.b64decode(page.cdp("Page.printToPDF", **paper, **margins)["data"])
    assert len(re.findall(rb"/Type /Page\b", pdf)) == 3


def test_what_is_drawn_by_backgrounds_is_on_paper_that_has_none(chromium: Browser, gallery: Path) -> None:
    """The difference is blended with backgrounds, whose brightness is one: without them it would be white."""
    first, second = [job["id"] for job in read_page(gallery).jobs][:2]
    page = chromium.open(gallery, f"#view=compare&compare={first},{second}&difference=1")
    page.wait_for("document.querySelectorAll('.compare-stage').length === 2 && document.querySelector('.curve-cursor')")
    page.print_media()
    kept = "s => [...document.querySelectorAll(s)].map((e) => getComputedStyle(e).printColorAdjust)"
    assert page.evaluate(kept, ".compare-stage, .compare-dodge") == ["exact"] * 3
    assert set(page.evaluate(kept, ".curve-cursor")) == {"exact"}


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
