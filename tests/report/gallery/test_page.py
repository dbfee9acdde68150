"""The page of a gallery, driven in a real browser: cards, finding, order, groups, keys, links.

Of what tests in V8 show too, and of what seldom changes, the driven tests are for the soak.
"""

from __future__ import annotations

import contextlib
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from daddy_encode.report.gallery.bundle import HERE
from tests.conftest import missing
from tests.report.frame_codes import coded_frames, read_code
from tests.report.gallery.browser import Browser, Driver, Page, lacking
from tests.report.gallery.pages import read_page
from tests.report.gallery.spools import add_job, make_clip, make_gallery, write_page

FRAMES = 30
ENVIRONMENTS = ["CartPole-v1", "Ant-v5", "Humanoid-v5"]
ERROR = "000007.png: is cut off at byte 33; write it again"


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A gallery of 18 jobs in 3 runs, with returns 0, 10, …, 170 from the oldest to the newest; two failed."""
    root = tmp_path_factory.mktemp("page") / "rollouts"
    clip = make_clip(root.parent / "clip", coded_frames(FRAMES, 120, 160))
    for number in range(18):
        run, episode = divmod(number, 6)
        meta = {"environment": ENVIRONMENTS[run], "seed": episode, "return": number * 10, "step": run * 500_000}
        add_job(
            root,
            f"run-{run}/episode-{episode}",
            clip,
            meta=meta,
            error=f"/data/run-{run}/episode-{episode}/{ERROR}" if (run, episode) in ((2, 2), (0, 3)) else None,
            salvaged=(run, episode) == (1, 1),
            finished=1_764_000_000.0 + number,
        )
    return make_gallery(root)


def names(page: Page) -> list[str]:
    """The cards' names, in their order in the page."""
    return page.texts(".card .name")


def wait_for_names(page: Page, *expected: str) -> None:
    page.wait_for(
        f"JSON.stringify([...document.querySelectorAll('.card .name')].map(e => e.textContent)) === "
        f"{json.dumps(json.dumps(list(expected), separators=(',', ':')))}"
    )


def find(page: Page, text: str) -> None:
    """Write it into the search box, in place of what is there, and leave it."""
    page.press("/")
    page.wait_for("document.activeElement.id === 'find'")
    page.type("", text)
    page.click("h1")


def found(page: Page) -> str:
    return page.texts(".find .count")[0]


def focused(page: Page) -> str:
    """The name of the card that has the focus."""
    return str(page.evaluate("document.activeElement.querySelector?.('.name')?.textContent ?? ''"))


def test_cards_show_what_is_known_the_newest_first(browser: Browser, index: Path) -> None:
    page = browser.open(index)
    page.wait_for_count(".card", 18)
    assert names(page) == [f"episode-{number}" for number in (5, 4, 3, 2, 1, 0)] * 3
    first = page.texts(".card .text")[0]
    assert "return 170" in first and "run-2 · Humanoid-v5" in first and "seed 5" in first and "step 1M" in first
    assert "1.0 s" in first and "kB" in first
    assert page.texts(".card.failed .nothing") == [ERROR, ERROR]
    assert page.texts(".card.failed .chip:first-child") == ["failed", "failed"]
    assert "salvaged" in page.texts(".card:nth-child(11) .chip")
    assert found(page) == "18 jobs" and page.texts("h1") == ["rollouts"]


def wait_for_picture(page: Page, expected: int, pointer: tuple[float, float] | None = None) -> None:
    """Wait until the first card shows the frame of this index: a browser decodes it when it likes.

    The pointer is moved before each look: for a picture of an element, a browser may change its window's size.
    """
    for _ in range(100):
        if pointer is not None:
            page.hover(pointer)
        shown = read_code(page.screenshot(".card .sprite"))
        if shown == expected:
            return
        page.evaluate("new Promise(done => setTimeout(done, 50))")
    raise AssertionError(f"it shows {shown}, not {expected}")


def test_a_card_scrubs_through_the_clip_without_loading_a_video(browser: Browser, index: Path) -> None:
    page = browser.open(index, "#size=l")
    page.wait_for("document.querySelector('.card .sprite img')?.naturalWidth > 0")
    cells = [number * (FRAMES - 1) // 23 for number in range(24)]
    wait_for_picture(page, cells[12])
    x, y, width, height = page.box(".card .picture")
    for share in (0.02, 0.52, 0.98):
        pointer = (x + share * width, y + height / 2)
        wait_for_picture(page, cells[int(share * 24)], pointer)
    page.hover((2, 2))
    page.wait_for("!document.querySelector('.card .all')")
    wait_for_picture(page, cells[12], (2, 2))
    assert page.count("video") == 0 and not [url for url in page.records()["requests"] if ".mp4" in url]


@pytest.mark.soak
def test_the_keyboard_goes_through_the_cards_and_through_a_clip(browser: Browser, index: Path) -> None:
    page = browser.open(index, "#sort=return")
    page.wait_for_count(".card", 18)
    columns = page.evaluate(
        "new Set([...document.querySelectorAll('.card')].map(e => e.getBoundingClientRect().x)).size"
    )
    page.press("/")
    page.press("Enter")
    assert focused(page) == "episode-0"
    for key, expected in (("ArrowRight", 1), ("ArrowDown", 1 + columns), ("ArrowLeft", columns), ("ArrowUp", 0)):
        page.press(key)
        assert focused(page) == f"episode-{expected % 6}"
    page.press("End")
    assert focused(page) == "episode-5" and "170" in page.evaluate("document.activeElement.textContent")
    page.press("Home")
    page.press(".")
    page.press(".")
    wait_for_picture(page, 1)
    page.press(",")
    wait_for_picture(page, 0)
    page.press("Enter")
    page.wait_for("location.hash.includes('job=')")
    page.press("Escape")
    page.wait_for("!location.hash.includes('job=')")
    page.wait_for("document.activeElement.classList.contains('open')")


@pytest.mark.soak
def test_keys_of_a_view_need_no_click_before_them(browser: Browser, index: Path) -> None:
    page = browser.open(index, "#sort=return")
    page.wait_for_count(".card", 18)
    page.press("ArrowRight")
    assert focused(page) == "episode-0"
    page.press("ArrowRight")
    assert focused(page) == "episode-1"
    page.press("2")
    page.wait_for_focus(".matrix-cell")
    page.press("ArrowDown")
    page.wait_for("document.activeElement.dataset.place === '1,0'")
    page.press("3")
    page.wait_for_focus(".plot-stage")
    page.press("5")
    page.wait_for_focus(".timeline input")
    page.press("4")
    page.wait_for("document.activeElement.id === 'panel-compare'")
    page.press("1")
    page.wait_for_focus(".card .open")
    assert focused(page) == "episode-1"
    # The first stop of the Tab key leads past all controls.
    page.evaluate("document.activeElement.blur()")
    page.press(" ")
    page.wait_for_count(".card.chosen", 1)
    assert focused(page) == "episode-1" and page.evaluate("scrollY") == 0
    page.reload()
    page.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip button"
    assert page.box(".skip")[0] >= 0
    page.press("Enter")
    page.wait_for_focus(".card .open")


@pytest.mark.soak
def test_on_a_page_that_was_just_opened_enter_opens_and_keys_begin_in_sight(browser: Browser, tmp_path: Path) -> None:
    page = browser.open(synthetic(tmp_path, 300), "#brush=0,5,0,5&x=return&y=return&view=plot")
    page.wait_for("document.querySelector('.filter.brush:not([hidden])') !== null")
    page.press("Escape")
    page.wait_for("document.querySelector('.filter.brush').hidden")
    page.press("1")
    page.wait_for_focus(".card .open")
    page.evaluate("document.activeElement.blur()")
    page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    page.wait_for("[...document.querySelectorAll('.card .name')].some(e => e.textContent === 'episode-299')")
    before = page.evaluate("scrollY")
    page.press("ArrowDown")
    page.wait_for_focus(".card .open")
    assert int(focused(page).removeprefix("episode-")) > 270
    assert abs(page.evaluate("scrollY") - before) < 300
    page.evaluate("document.activeElement.blur()")
    page.press("Enter")
    page.wait_for("document.querySelector('.player').open")


@pytest.mark.soak
def test_back_keeps_what_was_selected_for_comparison(browser: Browser, index: Path) -> None:
    page = browser.open(index, "#sort=return")
    page.press(" ")
    page.press("ArrowRight")
    page.press("Enter")
    page.wait_for("document.querySelector('.player').open")
    page.press("x")
    page.wait_for_count(".tray .item", 2)
    selected = page.texts(".tray .item")
    page.back()
    page.wait_for("!document.querySelector('.player').open && document.querySelectorAll('.card.chosen').length === 2")
    assert page.texts(".tray .item") == selected
    page.wait_for("location.hash.includes(',') && !location.hash.includes('job=')")
    page.press("2")
    page.press("1")
    page.wait_for_focus(".card .open")
    page.press("ArrowRight")
    page.press(" ")
    page.select("#sort", "seed")
    page.back()
    page.wait_for("location.hash.includes('view=matrix') && document.querySelectorAll('.tray .item').length === 3")
    page.wait_for("location.hash.includes('sort=-seed')")
    # An address that was typed says all.
    page.goto("#sort=return")
    page.wait_for("document.querySelectorAll('.card').length === 18 && document.querySelector('.tray').hidden")
    page.back()
    page.wait_for_count(".tray .item", 3)


@pytest.mark.parametrize("width", [1200, *(pytest.param(one, marks=pytest.mark.soak) for one in (1000, 1600, 2560))])
def test_the_tabs_stay_where_they_are(chromium: Browser, index: Path, width: int) -> None:
    page = chromium.open(index, width=width)
    page.wait_for_count(".filter:not([hidden])", 2)
    seen = set()
    for key in "12345":
        page.press(key)
        page.wait_for(f"document.querySelector('[role=tab]:nth-child({key})').getAttribute('aria-selected') === 'true'")
        tabs, top = page.box(".tabs"), page.box(".top")
        assert abs(tabs[1] + tabs[3] - (top[1] + top[3])) <= 1.5, "the line under a tab is on the header's edge"
        seen.add((tabs[:2], top[3]))
    assert len(seen) == 1


@pytest.mark.soak
@pytest.mark.parametrize("width", [360, 1200])
def test_what_is_selected_covers_nothing_that_is_used(chromium: Browser, index: Path, width: int) -> None:
    page = chromium.open(index, "#view=timeline", width=width, height=740)
    page.press("1")
    page.wait_for_focus(".card .open")
    page.press(" ")
    page.press("5")
    page.wait_for("document.querySelector('.timeline .timeline-run') !== null")
    page.wait_for("""(() => { const foot = document.querySelector('.timeline-foot').getBoundingClientRect();
      return foot.bottom <= document.querySelector('.tray').getBoundingClientRect().top && foot.top > 0; })()""")


def test_a_query_filters_as_it_is_typed_and_suggests_what_may_follow(browser: Browser, index: Path) -> None:
    page = browser.open(index)
    page.type("#find", "ret")
    assert page.texts(".suggestions li span:first-child") == ["return"]
    # Nothing has the word "ret" in it: what is counted is not what "re" found.
    page.wait_for("document.querySelector('.count').textContent === '18 jobs'")
    page.press("ArrowDown")
    page.press("Enter")
    page.type("", "100 env:")
    page.wait_for_count(".suggestions li", 3)
    page.type("", "hum")
    page.press("ArrowDown")
    page.press("Enter")
    page.wait_for("document.querySelector('.count').textContent === '6 of 18 jobs'")
    assert page.evaluate("document.querySelector('#find').value") == "return > 100 env:Humanoid-v5 "
    page.type("", "-failed seed:3..9")
    wait_for_names(page, "episode-5", "episode-4", "episode-3")
    page.wait_for("location.hash === '#q=return+%3E+100+env:Humanoid-v5+-failed+seed:3..9'")


@pytest.mark.soak
def test_a_fault_of_a_query_is_said_in_place_and_can_be_cleared(browser: Browser, index: Path) -> None:
    page = browser.open(index)
    find(page, "retrun > 5")
    page.wait_for("document.querySelector('#problem').textContent.startsWith('No job has a key “retrun”')")
    assert page.evaluate("document.querySelector('#find').getAttribute('aria-invalid')") == "true"
    assert page.texts(".empty h2") == ["No job matches"]
    page.click(".empty button")
    page.wait_for_count(".card", 18)
    assert page.texts("#problem") == [""] and page.evaluate("document.querySelector('#find').value") == ""
    # While more has to follow, nobody is told that it is missing.
    page.type("#find", "return >")
    assert page.texts("#problem") == [""]
    page.click("h1")
    page.wait_for("document.querySelector('#problem').textContent === 'After return > something must follow'")


@pytest.mark.soak
def test_jobs_are_sorted_by_any_key_both_ways(browser: Browser, index: Path) -> None:
    page = browser.open(index, "#q=run:run-1")
    page.select("#sort", "seed")
    wait_for_names(page, *[f"episode-{number}" for number in (5, 4, 3, 2, 1, 0)])
    page.click(".way")
    wait_for_names(page, *[f"episode-{number}" for number in range(6)])
    page.press("O")
    wait_for_names(page, *[f"episode-{number}" for number in (5, 4, 3, 2, 1, 0)])
    page.wait_for("location.hash.includes('sort=-seed')")


@pytest.mark.soak
def test_groups_have_counts_and_the_mean_return_and_can_be_closed(browser: Browser, index: Path) -> None:
    page = browser.open(index)
    page.select("#group", "environment")
    page.wait_for("document.querySelectorAll('.heading').length > 1")
    assert page.texts(".fold .value")[:2] == ["Humanoid-v5", "Ant-v5"]
    assert page.texts(".summary")[0] == "6 jobs · mean return 145 · 1 failed"
    page.click(".fold")
    page.wait_for("document.querySelector('.fold').getAttribute('aria-expanded') === 'false'")
    assert page.count(".part:first-child .card") == 0
    page.press("Enter")
    page.wait_for_count(".part:first-child .card", 6)


def test_states_are_filters_with_counts(browser: Browser, index: Path) -> None:
    page = browser.open(index, "#q=env:CartPole")
    assert page.texts(".filter:not([hidden])") == ["done 5", "failed 1"]
    page.click(".filter.failed")
    wait_for_names(page, "episode-3")
    assert page.evaluate("document.querySelector('#find').value") == "state:failed env:CartPole"
    assert page.texts(".filter:not([hidden])") == ["done 5", "failed 1"]
    page.click(".filter.failed")
    page.wait_for_count(".card", 6)


def test_a_link_opens_what_it_was_copied_from_and_back_goes_back(browser: Browser, index: Path) -> None:
    page = browser.open(index)
    find(page, "seed > 3")
    page.select("#group", "run")
    page.click(".way")
    page.click("[data-size='s']")
    page.wait_for("location.hash.includes('size=s') && location.hash.includes('sort=finished')")
    link = page.evaluate("location.hash")
    expected = (names(page), page.texts(".fold"))
    other = browser.open(index, link)
    other.wait_for_count(".card", 6)
    assert (names(other), other.texts(".fold")) == expected
    assert other.evaluate("document.querySelector('#find').value") == "seed > 3"
    page.back()
    page.wait_for("document.querySelectorAll('.card').length === 6 && !document.querySelector('.fold')")


@pytest.mark.soak
def test_what_a_link_says_badly_is_left_out(browser: Browser, index: Path) -> None:
    page = browser.open(index, "#q=%E0%A4+seed:1&view=nothing&job=../../x&size=xxl")
    page.wait_for("document.querySelector('.empty h2') !== null")
    page.goto("#sort=nothing&group=nothing&compare=0123456789ab")
    page.wait_for_count(".card", 18)
    assert page.texts(".fold") == ["▸nothing no nothing"]
    page.goto("#job=0123456789ab")
    page.wait_for(
        "document.querySelector('.lacking').textContent === 'The job that the address names is not on this page.'"
    )
    page.goto("#view=compare&compare=0123456789ab,0123456789ac")
    page.wait_for(
        "document.querySelector('.lacking').textContent.startsWith('2 of the jobs that the address compares')"
    )


@pytest.mark.soak
def test_up_to_six_jobs_are_selected_for_comparison(browser: Browser, index: Path) -> None:
    page = browser.open(index)
    page.press("/")
    page.press("Enter")
    for _ in range(7):
        page.press(" ")
        page.press("ArrowRight")
    assert page.texts(".tray .item b") == ["1", "2", "3", "4", "5", "6"]
    assert page.texts(".tray .hint") == ["Six is the most"]
    page.click(".tray .item")
    page.wait_for_count(".tray .item", 5)
    assert page.count(".card.chosen") == 5
    page.press("c")
    page.wait_for("location.hash.includes('view=compare')")
    assert len(page.evaluate("new URLSearchParams(location.hash.slice(1)).get('compare')").split(",")) == 5


@pytest.mark.soak
def test_help_lists_every_key(browser: Browser, index: Path) -> None:
    page = browser.open(index)
    page.press("?")
    page.wait_for("document.querySelector('.help').open")
    keys = set(page.texts(".help kbd"))
    assert {"?", "/", "t", "c", "o", "O", "u", "-", "+", "←", "→", "↑", "↓", "Home", "End", "Space", ",", "."} <= keys
    assert "return > 200" in page.texts(".help code")
    page.press("/")
    assert page.evaluate("document.querySelector('.help').open"), "keys of the page rest meanwhile"
    page.press("Escape")
    page.wait_for("!document.querySelector('.help').open")


@pytest.mark.soak
def test_colours_are_chosen_and_remembered(browser: Browser, index: Path) -> None:
    page = browser.open(index)
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.press("t")
    page.press("t")
    page.wait_for("document.documentElement.dataset.theme === 'dark'")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != light
    page.reload()
    page.wait_for("document.documentElement.dataset.theme === 'dark'")


def test_an_open_page_offers_what_is_new_and_keeps_what_it_shows(browser: Browser, tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip")
    root = tmp_path / "rollouts"
    add_job(root, "run/a", clip, meta={"seed": 1})
    page = browser.open(make_gallery(root), "#q=seed:1")
    page.wait_for_count(".card", 1)
    for name in "bc":
        add_job(root, f"run/{name}", clip, meta={"seed": 1}, finished=1_764_000_100.0)
    make_gallery(root)
    # It asks every 15 seconds, and whenever it comes into view.
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    page.wait_for("document.querySelector('.updates')?.textContent === '2 new jobs: show'")
    page.click(".updates")
    page.wait_for_count(".card", 3)
    assert page.evaluate("document.querySelector('#find').value") == "seed:1"


def synthetic(folder: Path, count: int) -> Path:
    """A page of many jobs without videos."""
    jobs: list[dict[str, Any]] = [
        {"id": f"{number:012x}", "job": f"run-{number // 100}/episode-{number}", "state": "done", "frames": 9,
         "fps": [30, 1], "width": 64, "height": 48, "finished": 1e9 - number, "meta": {"return": number}}
        for number in range(count)
    ]  # fmt: skip
    return write_page(folder / "index.html", jobs)


def test_of_thousands_of_cards_only_those_in_view_are_in_the_page(browser: Browser, tmp_path: Path) -> None:
    page = browser.open(synthetic(tmp_path, 3000))
    page.wait_for("document.querySelectorAll('.card').length > 5")
    height = page.evaluate("document.documentElement.scrollHeight")
    for share in (0.25, 0.5, 1):
        page.evaluate(f"scrollTo(0, {share * height})")
        page.wait_for("""[...document.querySelectorAll('.card')].some(e =>
          { const b = e.getBoundingClientRect(); return b.top < innerHeight && b.bottom > innerHeight / 2; })""")
        assert page.count(".card") < 60
    assert names(page)[-1] == "episode-2999"
    assert page.evaluate("document.documentElement.scrollHeight") == height
    # The card with the focus stays, wherever one scrolls.
    page.press("/")
    page.press("Enter")
    assert focused(page) == "episode-0"
    page.press("End")
    assert focused(page) == "episode-2999"
    page.evaluate("scrollTo(0, 0)")
    page.wait_for("[...document.querySelectorAll('.card .name')].some(e => e.textContent === 'episode-0')")
    assert focused(page) == "episode-2999"
    page.press("ArrowLeft")
    assert focused(page) == "episode-2998"
    page.wait_for("document.activeElement.getBoundingClientRect().top > 0")


@pytest.mark.parametrize(
    ("width", "scheme"),
    [(1280, "dark"), *(pytest.param(*one, marks=pytest.mark.soak) for one in ((360, "light"), (2560, "light")))],
)
def test_axe_finds_nothing_serious_and_nothing_is_too_wide(
    chromium: Browser, index: Path, width: int, scheme: str
) -> None:
    page = chromium.open(index, "#group=run&q=return+%3E+20", width=width, height=900, scheme=scheme)
    page.wait_for("document.querySelectorAll('.card').length > 3")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.click(".pick")
    page.press("?")
    page.wait_for("document.querySelector('.help').open")
    assert page.run_axe() == []
    page.press("Escape")
    assert page.run_axe() == []


def test_on_a_narrow_phone_the_names_of_keys_and_of_groups_are_whole(chromium: Browser, index: Path) -> None:
    page = chromium.open(index, "#sort=environment&group=environment", width=360, height=780)
    page.wait_for("document.querySelector('.heading .value') !== null")
    # Room for the words and for the arrow of a list of choices.
    lacking = page.evaluate("""[...document.querySelectorAll(".arrange select")].map((select) => {
      const context = document.createElement("canvas").getContext("2d");
      context.font = getComputedStyle(select).font;
      return context.measureText(select.selectedOptions[0].textContent).width + 30 - select.clientWidth;
    })""")
    assert len(lacking) == 2 and max(lacking) <= 0
    assert page.evaluate("(e => e.scrollWidth - e.clientWidth)(document.querySelector('.fold'))") == 0


@pytest.mark.soak
def test_cards_do_not_move_when_their_pictures_come(chromium: Browser, index: Path) -> None:
    page = chromium.open(index)
    page.wait_for("[...document.querySelectorAll('.card .sprite img')].every(e => e.naturalWidth > 0)")
    moved = page.evaluate("""new Promise(done => new PerformanceObserver(list =>
      done(list.getEntries().reduce((sum, one) => sum + one.value, 0))).observe({type: "layout-shift", buffered: true})
      || setTimeout(() => done(0), 100))""")
    assert moved < 0.01


@pytest.mark.soak
def test_names_are_told_apart_on_cards_of_any_size(browser: Browser, tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip" / "job")
    names = [f"eval-step-{step}-episode-{number}" for step in (5000, 10000) for number in range(2)]
    for name in names:
        job = f"a-project-with-a-name/{name[5:15]}-seed-1/{name}"
        add_job(tmp_path / "spool", job, clip, meta={"return": 1234.5, "environment": "Ant-v5"})
    index = make_gallery(tmp_path / "spool", sprites=False)
    for width, size in ((1280, "m"), (360, "s"), (1280, "s")):
        page = browser.open(index, f"#size={size}&sort=name", width=width)
        page.wait_for_count(".card", 4)
        # What the name's last part is seen of.
        ends = page.evaluate("""[...document.querySelectorAll('.card .name')].map(name => {
          const range = new Range();
          const text = name.querySelector('.cut bdi').firstChild;
          range.setStart(text, text.length - 3);
          range.setEnd(text, text.length);
          const [end, card] = [range, name.closest('.card')].map(one => one.getBoundingClientRect());
          const [middle, top] = [(end.left + end.right) / 2, (end.top + end.bottom) / 2];
          const isSeen = name.contains(document.elementFromPoint(middle, top));
          return end.left >= card.left && end.right <= card.right && isSeen ? range.toString() : null;
        })""")
        assert sorted(ends) == ["e-0", "e-0", "e-1", "e-1"], (width, size)
        assert sorted(page.texts(".card .name")) == sorted(names)
        assert {
            title.rpartition("/")[2]
            for title in page.evaluate("[...document.querySelectorAll('.card .open')].map(link => link.title)")
        } == set(names)


@pytest.mark.soak
def test_a_printed_page_has_the_cards_and_no_controls(browser: Browser, index: Path) -> None:
    page = browser.open(index, "#q=seed+%3E%3D+0")
    page.wait_for("[...document.querySelectorAll('.card .sprite img')].every(e => e.naturalWidth > 0)")
    assert page.evaluate("getComputedStyle(document.querySelector('.printed')).display") == "none"
    if browser.kind == "firefox":
        pytest.skip("Firefox cannot be asked to show a page as it is printed")
    page.print_media()
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    for controls in (".find", ".filters", ".arrange"):
        assert page.evaluate("s => getComputedStyle(document.querySelector(s)).display", controls) == "none"
    assert page.evaluate("document.querySelector('.printed').innerText") == "18 of 18 jobs · seed >= 0"
    boxes = page.evaluate("""[...document.querySelectorAll('.card')].map(e => e.getBoundingClientRect())
      .map(b => [b.x, b.y, b.right, b.bottom])""")
    assert len(boxes) == 18
    overlapping = [
        (a, b)
        for place, a in enumerate(boxes)
        for b in boxes[:place]
        if a[0] < b[2] - 1 and b[0] < a[2] - 1 and a[1] < b[3] - 1 and b[1] < a[3] - 1
    ]
    assert not overlapping
    # On A4 three in a row, which fill it.
    page.viewport(718, 1000)
    lefts = sorted(
        set(page.evaluate("[...document.querySelectorAll('.card')].map(e => Math.round(e.getBoundingClientRect().x))"))
    )
    assert len(lefts) == 3
    assert (
        page.evaluate("Math.max(...[...document.querySelectorAll('.card')].map(e => e.getBoundingClientRect().right))")
        > 700
    )
    assert np.ptp(page.screenshot(".card .sprite")) > 100, "the picture is there"


def test_without_scripts_a_sentence_says_so(index: Path) -> None:
    text = index.read_text(encoding="utf-8")
    assert "<noscript><p>This page shows 18 jobs by JavaScript" in text


def test_no_module_is_longer_than_it_should_be_or_sets_html() -> None:
    for path in (HERE / "js").glob("*.js"):
        text = path.read_text(encoding="utf-8")
        assert text.count("\n") <= 300, path.name
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", text), (
            path.name
        )


@pytest.mark.soak
def test_chips_that_no_job_has_are_counted_while_they_are_typed(browser: Browser, index: Path) -> None:
    page = browser.open(index)
    page.type("#find", "chip:salv")
    page.wait_for("document.querySelector('.count').textContent === '1 of 18 jobs'")
    page.evaluate("document.querySelector('#find').select()")
    page.type("", "chip:earlier")
    page.wait_for("document.querySelector('.count').textContent === '0 of 18 jobs'")
    page.evaluate("document.querySelector('#find').select()")
    page.type("", "mark:st")
    page.wait_for_count(".suggestions li", 1)
    assert page.texts("#problem") == [""]
    page.type("", "x")
    page.wait_for("document.querySelector('#problem').textContent.startsWith('A mark is one of')")


@pytest.mark.soak
def test_from_a_list_of_choices_escape_goes_on_to_the_cards(browser: Browser, index: Path) -> None:
    page = browser.open(index)
    page.wait_for_count(".card", 18)
    for key, identifier in (("o", "sort"), ("u", "group")):
        page.press(key)
        page.wait_for_focus(f"#{identifier}")
        page.press("Escape")
        page.wait_for_focus(".card .open")
    page.press("g")
    page.wait_for("document.querySelector('.marks-button .badge').textContent === '1'")
    page.press("2")
    page.wait_for("location.hash.includes('view=matrix')")


@pytest.mark.soak
def test_a_job_that_is_not_found_says_so_and_j_goes_on_from_where_it_was(browser: Browser, index: Path) -> None:
    jobs = {job["job"]: job["id"] for job in read_page(index).jobs}
    page = browser.open(index, f"#q=run-1&job={jobs['run-0/episode-0']}")
    page.wait_for("document.querySelector('.player-place')?.textContent === 'not among the 6 found'")
    disabled = page.evaluate("[...document.querySelectorAll('[data-by]')].map((button) => button.disabled)")
    assert disabled == [True, False]
    page.press("j")
    page.wait_for("document.querySelector('.player-place').textContent === '1 of 6'")
    page.press("Escape")
    # A mark takes the one that is open out of what is found.
    find(page, "run-1 mark:none")
    page.click(".card:nth-child(3) .open")
    page.wait_for("document.querySelector('.player-place')?.textContent === '3 of 6'")
    for left, name in ((5, "episode-2"), (4, "episode-1")):
        page.press("g")
        page.wait_for(f"document.querySelector('.player-place').textContent === 'not among the {left} found'")
        page.press("j")
        page.wait_for(f"document.querySelector('.player-place').textContent === '3 of {left}'")
        assert page.texts("#player-title") == [name]


@pytest.mark.soak
def test_nothing_that_counts_is_cut_where_there_is_little_room(browser: Browser, tmp_path: Path) -> None:
    jobs: list[dict[str, Any]] = [
        {
            "id": f"{n:012x}",
            "job": f"sac/Juggle-with-a-long-name-v0/seed_0/e_{n}",
            "state": state,
            "meta": {"return": -3, "step": 120_000 + n, "seed": 101},
        }
        for n, state in enumerate(["done", "failed", "done", "done", "done", "done"])
    ]
    path = write_page(tmp_path / "index.html", jobs)
    page = browser.open(path, "#group=run", width=390, height=844)
    page.wait_for_count(".heading .failed", 1)
    # The text itself, within all that may cut it.
    assert page.evaluate("""(() => {
      const text = document.createRange();
      const failed = document.querySelector('.heading .failed');
      text.selectNodeContents(failed);
      const right = text.getBoundingClientRect().right;
      const around = [failed, failed.closest('.summary'), failed.closest('.heading')];
      const boxes = around.filter((one) => getComputedStyle(one).display !== 'contents');
      return boxes.every((one) => right <= one.getBoundingClientRect().right + 1);
    })()""")
    fits = "(one) => one.scrollWidth <= one.clientWidth"
    for width in (390, 1440):
        ids = ",".join(job["id"] for job in jobs)
        page = browser.open(path, f"#view=compare&align=offset&compare={ids}", width=width, height=900)
        page.wait_for_count(".compare-offset", 6)
        assert page.evaluate(f"[...document.querySelectorAll('.compare-caption')].every({fits})")
        assert page.evaluate("""[...document.querySelectorAll('.compare-offset-label')].every((label) =>
          label.getBoundingClientRect().right <= label.closest('.compare-cell').getBoundingClientRect().right)""")


@pytest.mark.soak
def test_over_training_the_rollouts_without_a_value_are_headed_by_its_key(browser: Browser, tmp_path: Path) -> None:
    jobs: list[dict[str, Any]] = [
        {"id": f"{n:012x}", "job": f"run/e_{n}", "state": "failed", "meta": {"step": 1, **meta}}
        for n, meta in enumerate([{"policy": "ppo"}, {}, {"policy": "sac", "step": "n/a"}])
    ]
    page = browser.open(write_page(tmp_path / "index.html", jobs), "#view=timeline&group=policy")
    page.wait_for_count(".timeline-run", 2)
    assert page.texts(".timeline-run b") == ["no policy", "ppo"]
    assert page.texts(".timeline-note") == ['1 policy value has no number "step" and is not here.']
    page.select("#timeline-each", "run")
    page.wait_for_count(".timeline-run", 1)
    assert page.texts(".timeline-run b") == ["run"]


@pytest.mark.soak
def test_a_browser_without_h264_says_so(index: Path, tmp_path: Path) -> None:
    if reason := lacking("firefox"):
        missing(reason)
    with contextlib.closing(Driver("firefox", **{"media.ffmpeg.enabled": False, "media.mp4.enabled": False})) as driver:
        assert not driver.plays_h264
        page = Browser(driver, tmp_path).open(index)
        page.click(".card .name")
        page.wait_for("/plays no H\\.264.*libavcodec/.test(document.querySelector('.clip').innerText)")
