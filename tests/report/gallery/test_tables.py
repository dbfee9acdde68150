"""Matrix, plot and marks in a real browser: a cell opens its rollouts, a point its video, marks leave as a file."""

from __future__ import annotations

import csv
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.archive.commands import told
from tests.jobs import encode
from tests.report.gallery.browser import Browser, Page
from tests.report.gallery.hostile import TEXTS
from tests.report.gallery.spools import add_job, make_clip, make_gallery, write_page
from tests.service.spools import write_job

TASKS = ("Ant", "=Hopper", "Walker")
POLICIES = ("ppo", "sac")
# Steps of the policies' rollouts, each with a return of its own.
STEPS = range(0, 400, 100)


def rollouts() -> list[dict[str, Any]]:
    return [
        {"task": task, "policy": policy, "step": step, "return": 10 * place + step / 100, "success": step >= 200}
        for place, (task, policy) in enumerate((task, policy) for task in TASKS for policy in POLICIES)
        for step in STEPS
        # Nobody has tried Walker with sac.
        if (task, policy) != ("Walker", "sac")
    ]


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page over 20 rollouts."""
    folder = tmp_path_factory.mktemp("tables")
    clip = make_clip(folder / "clip" / "job")
    for number, meta in enumerate(rollouts()):
        add_job(folder / "spool", f"run-{meta['policy']}/{number:02d}", clip, meta=meta, finished=1.7e9 + number)
    return make_gallery(folder / "spool")


def test_a_cell_without_rollouts_is_as_high_as_the_others(chromium: Browser, gallery: Path) -> None:
    page = chromium.open(gallery, "#view=matrix&rows=task&columns=policy")
    page.wait_for("document.querySelector('.matrix-cell.empty') !== null")
    heights = page.evaluate(
        "[...document.querySelectorAll('.matrix-row:not(.head) .matrix-cell')].map((e) => e.offsetHeight)"
    )
    assert set(heights) == {54}


def state_of(page: Page) -> str:
    """The address's part after #, once it has been written."""
    return str(page.evaluate("new Promise(done => setTimeout(() => done(decodeURIComponent(location.hash)), 400))"))


def cell(row: str, column: str) -> str:
    """A JavaScript expression: the cell of the matrix under these headings."""
    return f"""(() => {{
      const labels = (selector) => [...document.querySelectorAll(selector)];
      const row = labels(".matrix-row").find((line) => line.querySelector(".label")?.textContent === {json.dumps(row)});
      const head = labels(".matrix-row.head .matrix-cell")
        .find((one) => one.textContent.includes({json.dumps(column)}));
      const place = head.dataset.place.split(",")[1];
      return [...row.children].find((one) => one.dataset.place.split(",")[1] === place);
    }})()"""


def middle_of(page: Page, element: str) -> tuple[float, float]:
    x, y = page.evaluate(f"(b => [b.x + b.width / 2, b.y + b.height / 2])({element}.getBoundingClientRect())")
    return x, y


def test_a_cell_of_the_matrix_shows_its_numbers_and_opens_its_rollouts(browser: Browser, gallery: Path) -> None:
    page = browser.open(gallery, "#view=matrix")
    page.wait_for_count(".matrix-cell.value", 12)
    assert page.texts(".matrix-row.head .label")[1:] == ["all", *POLICIES]
    assert page.texts(".matrix-cell[role=rowheader] .label") == ["all", *sorted(TASKS)]
    # Spoken: what is seen, and whose it is.
    assert page.evaluate(cell("Ant", "sac") + ".querySelector('.visually-hidden').textContent") == (
        "Ant, sac: 4 rollouts, mean return 11.5, 50 % successful (2 of 4)"
    )
    assert page.evaluate(cell("Ant", "sac") + ".querySelector('.big').textContent") == "50 %"
    assert page.evaluate(cell("Walker", "sac") + ".textContent") == "Walker, sac: no rollouts"
    page.click(middle_of(page, cell("Walker", "sac")))
    assert page.evaluate("document.getElementById('panel-matrix').hidden") is False, "nothing is there to open"
    page.click(middle_of(page, cell("=Hopper", "ppo")))
    page.wait_for_count(".card", 4)
    assert page.evaluate("document.getElementById('find').value") == 'task="=Hopper" policy=ppo'
    assert sorted(page.texts(".card .name")) == ["08", "09", "10", "11"]


@pytest.mark.soak
def test_the_matrix_is_gone_through_by_keys(browser: Browser, gallery: Path) -> None:
    page = browser.open(gallery, "#view=matrix")
    page.wait_for_count(".matrix-cell.value", 12)
    page.evaluate("document.querySelector('.matrix-cell[tabindex=\"0\"]').focus()")
    for key in ("ArrowDown", "ArrowDown", "ArrowRight", "End", "ArrowUp"):
        page.press(key)
    assert page.evaluate("document.activeElement.textContent").startswith("all, sac: 8 rollouts")
    page.press("ArrowUp")
    page.press("Enter")
    page.wait_for("document.querySelector('.matrix-row.head [aria-sort=descending]') !== null")
    # By this column: Walker has nothing there and comes last.
    assert page.texts(".matrix-cell[role=rowheader] .label") == ["all", "=Hopper", "Ant", "Walker"]
    page.press("ArrowDown")
    page.press("Enter")
    page.wait_for_count(".card", 8)


@pytest.mark.soak
def test_the_matrix_is_exported_without_formulas(browser: Browser, gallery: Path) -> None:
    page = browser.open(gallery, "#view=matrix&success=return>=20&order=-n")
    page.wait_for_count(".matrix-cell.value", 12)
    page.click(".matrix-out .button:nth-child(2)")
    rows = list(csv.DictReader(page.downloaded("matrix.csv").read_bytes().decode().splitlines()))
    assert len(rows) == 5
    assert rows[0]["task"] == "'=Hopper"
    (ant,) = (row for row in rows if (row["task"], row["policy"]) == ("Ant", "sac"))
    assert (ant["n"], ant["mean return"], ant["successes"], ant["of"]) == ("4", "11.5", "0", "4")


@pytest.mark.soak
def test_a_large_matrix_has_only_what_is_seen_in_the_page(chromium: Browser, tmp_path: Path) -> None:
    jobs = [
        {"id": f"{number:012x}", "job": f"j{number}", "state": "done", "finished": number, "meta": meta}
        for number, meta in enumerate(
            {"task": f"task {place % 200:03d}", "policy": f"policy {place * 7 % 199:03d}", "return": place}
            for place in range(6000)
        )
    ]
    page = chromium.open(write_page(tmp_path / "index.html", jobs), "#view=matrix&measure=mean")
    page.wait_for("document.querySelectorAll('.matrix-cell.value').length > 20")
    assert page.evaluate("document.querySelector('.matrix-grid').getAttribute('aria-rowcount')") == "202"
    assert page.evaluate("document.querySelector('.matrix-grid').getAttribute('aria-colcount')") == "201"
    page.evaluate("Object.assign(document.querySelector('.matrix-grid'), {scrollTop: 1e6, scrollLeft: 1e6}); 0")
    page.wait_for(
        "[...document.querySelectorAll('.matrix-row .label')].some((label) => label.textContent === 'task 199')"
    )
    assert page.count(".matrix-cell") < 2000
    heads = page.evaluate(
        "[...document.querySelectorAll('.matrix-row.head .label')].map((label) => label.textContent).pop()"
    )
    assert heads == "policy 198"
    # The headings stay where they are seen.
    x, y, _, _ = page.box(".matrix-grid")
    assert (
        page.evaluate(f"document.elementFromPoint({x + 8}, {y + 60}).closest('.matrix-cell').getAttribute('role')")
        == "rowheader"
    )
    assert (
        page.evaluate(f"document.elementFromPoint({x + 300}, {y + 8}).closest('.matrix-cell').getAttribute('role')")
        == "columnheader"
    )


def place_of(page: Page, step: float, value: float) -> tuple[float, float]:
    """Where a point of the plot is, by its ticks: the axes span 4 % more than the points on each side."""
    x, y, width, height = page.box(".plot-stage canvas")
    left, top, right, bottom = x + 64, y + 12, x + width - 16, y + height - 44
    across, up = (step + 12) / 324, (value + 1.72) / 46.44
    return left + across * (right - left), bottom - up * (bottom - top)


@pytest.mark.soak
def test_a_point_of_the_plot_leads_to_its_video(browser: Browser, gallery: Path) -> None:
    page = browser.open(gallery, "#view=plot")
    page.wait_for("document.querySelector('.plot-stage').getAttribute('aria-label').includes('20 points')")
    assert page.evaluate("document.querySelector('.plot-stage').getAttribute('aria-label')").startswith(
        "return over step"
    )
    assert page.texts(".plot-legend .label") == ["run-ppo", "run-sac"]
    page.hover(place_of(page, 300, 43))
    page.wait_for("!document.querySelector('.plot-point').hidden")
    assert page.texts(".plot-point .name") == ["19"]
    page.wait_for("document.querySelector('.plot-point img').naturalWidth > 0")
    page.click(place_of(page, 300, 43))
    page.wait_for("document.querySelector('dialog.player').open")
    assert page.texts("#player-title") == ["19"]


@pytest.mark.soak
def test_of_each_run_or_of_another_key_is_chosen_over_training(browser: Browser, tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip" / "job")
    for algorithm in ("ppo", "sac"):
        for seed in range(2):
            for step in (1000, 2000):
                name = f"{algorithm}/Ant/seed_{seed}/step_{step}"
                add_job(tmp_path / "spool", name, clip, meta={"global_step": step, "return": seed})
    page = browser.open(make_gallery(tmp_path / "spool", sprites=False), "#view=timeline")
    page.wait_for_count(".timeline-run", 4)
    runs = ["ppo/Ant/seed_0", "ppo/Ant/seed_1", "sac/Ant/seed_0", "sac/Ant/seed_1"]
    assert page.texts(".timeline-run b") == runs
    assert page.texts("#timeline-each option")[:4] == ["run", "dir1", "dir1/2", "dir3"]
    page.select("#timeline-each", "dir1")
    page.wait_for_count(".timeline-run", 2)
    assert page.texts(".timeline-run b") == ["ppo", "sac"]
    assert page.texts(".timeline-others") == ["All 2 of global_step 2000"] * 2
    page.click(".timeline-runs li:nth-child(2) .timeline-others")
    page.wait_for_count(".card", 2)
    assert page.evaluate("document.getElementById('find').value") == "dir1=sac global_step=2000"
    page.goto("#view=plot")
    page.wait_for_count(".plot-legend .entry", 4)
    assert page.texts(".plot-legend .label") == runs
    page.select("#plot-colour", "dir1")
    page.wait_for_count(".plot-legend .entry", 2)
    page.goto("#group=run&q=dir3%3Dseed_1")
    page.wait_for_count(".card", 4)
    assert sorted(page.texts(".fold .value")) == ["ppo/Ant/seed_1", "sac/Ant/seed_1"]


def test_a_finger_shows_a_point_and_opens_it_at_the_second_touch(browser: Browser, gallery: Path) -> None:
    page = browser.open(gallery, "#view=plot")
    page.wait_for("document.querySelector('.plot-stage canvas').width > 300")
    page.tap(place_of(page, 300, 43))
    page.wait_for("!document.querySelector('.plot-point').hidden")
    assert page.texts(".plot-point .name") == ["19"]
    page.tap(place_of(page, 200, 42))
    page.wait_for("document.querySelector('.plot-point .name').textContent === '18'")
    page.tap(place_of(page, 200, 42))
    page.wait_for("document.querySelector('dialog.player').open")
    assert page.texts("#player-title") == ["18"]
    page.press("Escape")
    page.wait_for("!document.querySelector('dialog.player').open")
    # Beside all points.
    page.tap(place_of(page, 100, 5))
    page.wait_for("document.querySelector('.plot-point').hidden")


@pytest.mark.soak
def test_marks_and_the_player_leave_the_keys_at_the_point(browser: Browser, gallery: Path) -> None:
    page = browser.open(gallery, "#view=plot")
    page.wait_for("document.querySelector('.plot-stage canvas').width > 300")
    page.evaluate("document.querySelector('.plot-stage').focus()")
    for key in ("ArrowUp", "ArrowUp", "g"):
        page.press(key)
    page.wait_for("document.querySelector('.marks-button .badge').textContent === '1'")
    page.wait_for("document.querySelector('.plot-point .said').textContent === 'marked good'")
    page.press("ArrowUp")
    page.wait_for("document.querySelector('.plot [aria-live]').textContent.startsWith('run-ppo/02')")
    page.press("b")
    page.wait_for("document.querySelector('.marks-button .badge').textContent === '2'")
    page.press("Enter")
    page.wait_for("document.querySelector('dialog.player').open")
    assert page.texts("#player-title") == ["02"]
    page.press("Escape")
    page.wait_for("!document.querySelector('dialog.player').open")
    page.wait_for("document.querySelector('.plot-stage').dataset.job !== ''")
    page.press("ArrowUp")
    page.wait_for("document.querySelector('.plot [aria-live]').textContent.startsWith('run-ppo/03')")


@pytest.mark.soak
def test_the_plot_is_gone_through_by_keys_and_said(browser: Browser, gallery: Path) -> None:
    page = browser.open(gallery, "#view=plot")
    page.wait_for("document.querySelector('.plot-stage canvas').width > 300")
    page.evaluate("document.querySelector('.plot-stage').focus()")
    page.press("ArrowUp")
    page.press("ArrowUp")
    page.wait_for("document.querySelector('.plot [aria-live]').textContent.includes('run-ppo/01')")
    assert page.texts(".plot [aria-live]") == ["run-ppo/01: step 100, return 1"]
    page.press("Enter")
    page.wait_for("document.querySelector('dialog.player').open")
    assert page.texts("#player-title") == ["01"]


@pytest.mark.soak
def test_a_rectangle_in_the_plot_selects_in_all_views(browser: Browser, gallery: Path) -> None:
    page = browser.open(gallery, "#view=plot")
    page.wait_for("document.querySelector('.plot-stage canvas').width > 300")
    page.drag(place_of(page, 150, 5), place_of(page, 310, 25))
    page.wait_for("document.querySelector('.plot-told').textContent === '4 jobs selected'")
    page.press("1")
    page.wait_for_count(".card", 4)
    assert sorted(page.texts(".card .name")) == ["06", "07", "10", "11"]
    page.reload()
    page.wait_for_count(".card", 4)
    page.press("3")
    page.click(".plot-selection .button")
    page.wait_for("document.querySelector('.plot-brush').hidden")
    page.press("1")
    page.wait_for_count(".card", 20)


@pytest.mark.soak
def test_a_selection_is_typed_too(browser: Browser, gallery: Path) -> None:
    page = browser.open(gallery, "#view=plot")
    page.wait_for("document.querySelector('.plot-stage canvas').width > 300")
    edge = ".plot-selection input[aria-label='Selection: vertically from']"
    # As the search takes it.
    page.type(edge, "0.04k")
    page.press("Enter")
    page.wait_for("document.querySelector('.plot-told').textContent === '4 jobs selected'")
    assert "brush=0,300,40,43" in state_of(page)
    page.type(edge, "x")
    page.press("Enter")
    page.wait_for("document.querySelector('.plot-told').textContent.startsWith('not a number')")
    assert page.evaluate("s => document.querySelector(s).getAttribute('aria-invalid')", edge) == "true"
    assert "brush=0,300,40,43" in state_of(page)


@pytest.mark.soak
def test_in_a_plot_of_nothing_nothing_is_selected(browser: Browser, gallery: Path) -> None:
    page = browser.open(gallery, "#view=plot&q=-has:return")
    page.wait_for("document.querySelector('.plot-stage canvas').width > 300")
    x, y, width, height = page.box(".plot-stage")
    page.drag((x + width / 3, y + height / 3), (x + width / 2, y + height / 2))
    page.drag((x + width / 3, y + height / 3), (x + width / 2, y - 60))
    assert "brush" not in state_of(page)
    assert page.evaluate("getSelection().toString()") == ""
    assert page.evaluate("[...document.querySelectorAll('.plot-selection input')].every((edge) => edge.disabled)")


@pytest.mark.soak
def test_what_counts_as_a_success_is_written_as_in_the_search(browser: Browser, gallery: Path) -> None:
    page = browser.open(gallery, "#view=matrix&success=return>=20")
    page.wait_for_count(".matrix-cell.value", 12)
    page.evaluate("document.getElementById('matrix-least').value = ''")
    page.type("#matrix-least", "0.04k")
    page.press("Enter")
    assert "success=return>=40" in state_of(page)
    page.type("#matrix-least", "x")
    page.press("Enter")
    page.wait_for("document.querySelector('.matrix .wrong').textContent.startsWith('not a number')")
    assert "success=return>=40" in state_of(page)


@pytest.mark.soak
def test_times_are_selected_as_people_write_them(browser: Browser, gallery: Path) -> None:
    page = browser.open(gallery, "#view=plot&x=finished")
    edge = ".plot-selection input[aria-label='Selection: horizontally %s']"
    page.wait_for(f"document.querySelector({json.dumps(edge % 'from')})?.type === 'datetime-local'")
    for name, time in (("from", 1.7e9 + 3), ("to", 1.7e9 + 5)):
        page.evaluate(
            "(s, text) => { const edge = document.querySelector(s); edge.value = text;"
            " edge.dispatchEvent(new Event('change')); }",
            edge % name,
            datetime.fromtimestamp(time).isoformat(),
        )
    page.wait_for("document.querySelector('.plot-told').textContent === '3 jobs selected'")
    assert "brush=1700000003,1700000005.999," in state_of(page)
    page.goto("#view=plot&x=finished&y=return&brush=1600000000,1600000001,0,1")
    page.wait_for("document.querySelector('.plot-told').textContent === '0 jobs selected'")
    assert page.texts(".empty") == [""], "it is cleared here"
    assert page.evaluate(f"document.querySelector({json.dumps(edge % 'to')}).value") == (
        datetime.fromtimestamp(1.6e9 + 1).isoformat()
    )


@pytest.mark.soak
def test_a_legend_s_entry_shows_its_group_alone(browser: Browser, gallery: Path) -> None:
    page = browser.open(gallery, "#view=plot&colour=task&log=y")
    page.wait_for_count(".plot-legend .entry", 3)
    # A return of 0 has no logarithm.
    assert page.texts(".plot-lacking") == ["1 job not above 0"]
    page.click(".plot-legend .entry")
    page.wait_for("document.getElementById('find').value === 'task=\"=Hopper\"'")


@pytest.mark.soak
def test_marks_are_set_by_keys_and_buttons_and_found_again(browser: Browser, gallery: Path) -> None:
    page = browser.open(gallery)
    page.wait_for("document.querySelectorAll('.card .open').length > 3")
    first, second = page.evaluate("[...document.querySelectorAll('.card .open')].slice(0, 2).map((link) => link.title)")
    page.evaluate("document.querySelector('.card .open').focus()")
    page.press("g")
    page.press("s")
    page.press("n")
    page.type(".note-panel input", "stands up g b s")
    page.press("Enter")
    page.press("ArrowRight")
    page.press("Enter")
    page.wait_for("document.querySelector('dialog.player').open")
    page.click("dialog.player .mark-buttons .bad")
    page.press("n")
    page.type("", "falls")
    page.press("Enter")
    page.wait_for("document.querySelector('.mark-buttons .bad').getAttribute('aria-pressed') === 'true'")
    page.press("Escape")
    page.wait_for("document.querySelector('.marks-button .badge').textContent === '2'")
    page.reload()
    for query, expected in (("mark:good", first), ("mark:bad", second), ("star", first), ("note:FALLS", second)):
        page.evaluate("document.getElementById('find').value = ''; 0")
        page.type("#find", query)
        page.wait_for_count(".card", 1)
        assert page.evaluate("document.querySelector('.card .open').title") == expected
    assert page.evaluate("document.querySelector('.card .marks .bad').getAttribute('aria-label')") == "marked bad"


def test_marks_leave_as_a_file_that_clean_takes_and_come_back(browser: Browser, tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        encode(write_job(tmp_path / "spool" / "run" / name))
    page = browser.open(make_gallery(tmp_path / "spool", sprites=False))
    page.wait_for_count(".card", 3)
    page.type("#find", "b")
    page.wait_for_count(".card", 1)
    page.click(".marks-button")
    page.click(".marks-panel .many .button:nth-child(2)")
    page.wait_for("document.querySelector('.marks-panel .bad b').textContent === '1'")
    page.click(".marks-panel .primary")
    marks = page.downloaded("marks.json")
    source = str(json.loads((tmp_path / "spool/run/b.receipt.json").read_text())["source"]["sha256"])[:16]
    assert json.loads(marks.read_text()) == {
        "version": 1,
        "root": "spool",
        "marks": [{"job": "run/b", "mark": "bad", "source": source}],
    }
    # What came from somebody else is added.
    other = tmp_path / "others.json"
    other.write_text(
        json.dumps(
            {"version": 1, "marks": [{"job": "run/c", "star": True, "note": "<b>x"}, {"job": "gone", "star": True}]}
        )
    )
    page.upload(".marks-panel input[type=file]", other)
    page.wait_for("document.querySelector('.marks-panel .told').textContent !== ''")
    assert page.texts(".marks-panel .told") == ["2 marks read, 2 new or changed, 1 of jobs that are not on this page."]
    other.write_text("{}")
    page.upload(".marks-panel input[type=file]", other)
    page.wait_for("document.querySelector('.marks-panel .told').textContent.startsWith('This is no marks.json')")
    page.click(".marks-panel .counts .star")
    page.wait_for("document.getElementById('find').value === 'b mark:star'")
    # And the file does in the spool what it says.
    status, text = told("clean", tmp_path / "spool", "--from", marks, "--mark", "bad", "--yes")
    assert status == 0, text
    assert sorted(path.parent.name for path in tmp_path.glob("spool/run/*/000000.png")) == ["a", "c"]


@pytest.mark.soak
def test_a_mark_stays_with_its_recording_when_the_job_is_recorded_anew(browser: Browser, tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    job = write_job(spool / "run" / "a")
    encode(job)
    page = browser.open(make_gallery(spool, sprites=False))
    page.wait_for_count(".card", 1)
    page.evaluate("document.querySelector('.card .open').focus()")
    page.press("b")
    page.wait_for("document.querySelector('.card .marks .bad') !== null")
    for path in job.iterdir():
        path.unlink()
    encode(write_job(job, 1))
    make_gallery(spool, sprites=False)
    page.reload()
    page.wait_for_count(".card", 1)
    assert page.count(".card .marks .bad") == 0 and page.texts(".marks-button .badge") == [""]
    page.evaluate("document.querySelector('.card .open').focus()")
    page.press("m")
    page.wait_for("document.querySelector('.marks-panel').open")
    assert page.texts(".marks-panel .bad b") == ["0"]
    page.click(".marks-panel .kept .button")
    page.wait_for("document.getElementById('find').value === 'mark:earlier'")
    page.evaluate("document.querySelector('.card .open').click()")
    page.wait_for("document.querySelector('.mark-buttons .earlier') !== null")
    assert page.texts(".mark-buttons .earlier") == ["Said of an earlier recording: marked bad"]
    page.press("n")
    page.type("", "recorded anew")
    page.press("Enter")
    page.wait_for("document.querySelector('.mark-buttons .earlier').textContent === ''")
    page.press("Escape")
    page.click(".marks-button")
    page.click(".marks-panel .primary")
    marks = page.downloaded("marks.json")
    (mark,) = json.loads(marks.read_text())["marks"]
    assert mark["note"] == "recorded anew" and "mark" not in mark
    status, text = told("clean", spool, "--from", marks, "--mark", "bad", "--yes")
    assert (job / "000000.png").exists(), (status, text)


@pytest.mark.soak
def test_an_open_job_says_of_what_recording_its_video_is_what_is_left_out_and_what_it_died_of(
    browser: Browser, tmp_path: Path
) -> None:
    clip = make_clip(tmp_path / "clip" / "job")
    spool = tmp_path / "spool"
    config = {f"opt_{number}": number for number in range(70)}
    add_job(spool, "a", clip, meta={"config": config, "return": [25, 24]}, partial=True, rollout_error="<b>no memory")
    add_job(spool, "b", clip, meta={"return": 2})
    failed = json.loads((spool / "b.receipt.json").read_text())
    failed |= {"error": "000002.png: is empty", "source": {**failed["source"], "sha256": ""}}
    (spool / "b.receipt.json").write_text(json.dumps(failed))
    page = browser.open(make_gallery(spool, sprites=False), "#q=MEMORY")
    page.wait_for_count(".card", 1)
    assert page.evaluate("document.querySelector('.chip').title") == "<b>no memory"
    assert page.texts(".card .return") == [" mean return 24.5"]
    page.click(".card .open")
    page.wait_for("document.querySelector('.player-facts') !== null")
    assert page.texts(".player-chips .player-note") == ["ended early: <b>no memory"]
    shown = dict(zip(page.texts(".player-facts dt"), page.texts(".player-facts dd"), strict=True))
    assert shown["return"] == "25, 24; mean of 2: 24.5"
    assert shown["not shown"] == "7 more values, in its receipt or manifest"
    page.press("Escape")
    page.goto("#q=" + "chip:%22earlier+video%22")
    page.wait_for("document.querySelector('.card.failed') !== null")
    page.click(".card .open")
    page.wait_for("document.querySelector('.clip-reason') !== null")
    assert page.texts(".clip-reason") == ["000002.png: is empty"]
    assert page.count(".player video") == 0
    assert page.evaluate("document.querySelector('.player-actions a').getAttribute('href')") == "./b.mp4"
    assert page.texts(".player-actions a") == ["MP4 of the earlier recording"]


@pytest.mark.soak
def test_where_the_browser_keeps_nothing_the_page_says_so_and_works(chromium: Browser, gallery: Path) -> None:
    page = chromium.open(gallery)
    page.evaluate("Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError'); }; 0")
    page.wait_for("document.querySelectorAll('.card .open').length > 3")
    page.evaluate("document.querySelector('.card .open').focus()")
    page.press("b")
    page.press("m")
    page.wait_for("document.querySelector('.marks-panel').open")
    assert page.texts(".marks-panel .bad b") == ["1"]
    assert "export them before you close it" in page.texts(".marks-panel .kept")[0]


@pytest.mark.soak
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("view", ["matrix", "plot"])
def test_nothing_serious_is_found_by_axe(chromium: Browser, gallery: Path, view: str, scheme: str) -> None:
    page = chromium.open(gallery, f"#view={view}", scheme=scheme)
    page.wait_for("document.querySelector('.matrix-cell.value, .plot-legend .entry') !== null")
    assert page.run_axe() == []
    page.press("m")
    page.wait_for("document.querySelector('.marks-panel').open")
    assert page.run_axe() == []


@pytest.mark.soak
def test_hostile_values_are_text_in_matrix_plot_and_marks(browser: Browser, tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip" / "job")
    for number, text in enumerate(TEXTS):
        meta = {"task": text, "policy": TEXTS[number % 3], "step": number, "return": number, text[:90]: number}
        add_job(tmp_path / "spool", f"run-{number % 2}/{number:02d}", clip, meta=meta)
    page = browser.open(make_gallery(tmp_path / "spool", sprites=False), "#view=matrix")
    page.wait_for("document.querySelectorAll('.matrix-cell.value').length > 20")
    page.click(".matrix-out .button:nth-child(2)")
    assert page.downloaded("matrix.csv").stat().st_size > 1000
    page.goto("#view=plot&colour=task&x=step&y=return")
    page.wait_for_count(".plot-legend .entry", 8)
    page.evaluate("document.querySelector('.plot-stage').focus()")
    page.press("ArrowRight")
    page.press("n")
    page.type(".note-panel input", TEXTS[0])
    page.press("Enter")
    page.press("m")
    page.wait_for("document.querySelector('.marks-panel .note b').textContent === '1'")
    page.click(".marks-panel .primary")
    assert json.loads(page.downloaded("marks.json").read_text())["marks"][0]["note"] == TEXTS[0]
