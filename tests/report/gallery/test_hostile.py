"""A gallery of jobs whose names and values are meant to do harm: no script of theirs runs, no server is asked.

The fixture of the browser fails each test on an error in the console, a violated policy, a dialog, a window, or a
request outside the page's folder.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from tests.report.gallery.browser import Browser, Page
from tests.report.gallery.hostile import SURROGATES, TEXTS, VALUES, file_names
from tests.report.gallery.pages import assert_only_its_own_runs, read_page, target
from tests.report.gallery.spools import add_job, make_clip, make_gallery


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page over all of them: names in `names/`, values in `values/`."""
    folder = tmp_path_factory.mktemp("hostile")
    clip = make_clip(folder / "clip" / "job")
    root = folder / "root <img src=x onerror=alert(0)> %2e # ?"
    names = file_names()
    for number, name in enumerate(names):
        error = TEXTS[number % len(TEXTS)] if number % 4 == 3 else None
        add_job(root, os.path.join("names", name), clip, meta={"step": number, "return": number / 3}, error=error)
    for number, text in enumerate(TEXTS):
        keys = [text, TEXTS[(number + 1) % len(TEXTS)]]
        meta = {"step": number, "environment": text, keys[0]: number, keys[1]: text, "nested": {keys[0]: {keys[1]: 1}}}
        rows = (
            [{text: frame, "note": text, keys[1]: text, "reward": frame / 2} for frame in range(12)]
            if number % 3 == 0
            else []
        )
        directory = add_job(root, f"values/{number:03d}", clip, meta=meta, warnings=[text], annotations=rows)
        receipt = Path(f"{directory}.receipt.json")
        if number % 2:
            found = json.loads(receipt.read_text())
            receipt.write_text(json.dumps({**found, "host": text, "slurm": {"job_id": text}, "ffmpeg": text}))
    for number, value in enumerate([*VALUES, *SURROGATES]):
        directory = add_job(root, f"others/{number:03d}", clip)
        receipt = Path(f"{directory}.receipt.json")
        key = value if isinstance(value, str) else "value"
        receipt.write_text(json.dumps({**json.loads(receipt.read_text()), "meta": {"value": value, key: 1, "step": 3}}))
    return make_gallery(root, title="".join(TEXTS[:12]))


def test_the_policy_allows_the_pages_own_script_and_style_by_their_hash_and_nothing_else(gallery: Path) -> None:
    assert_only_its_own_runs(read_page(gallery))


def test_the_page_has_the_elements_of_its_template_alone(gallery: Path) -> None:
    page = read_page(gallery)
    tags = [tag for tag, _ in page.tags]
    assert [tag for tag in tags if tag != "meta"] == [
        *["html", "head", "title", "link", "style", "body"],
        *["div", "noscript", "p", "script", "script"],
    ]
    assert tags.index("meta") < tags.index("title")
    assert len(page.jobs) == len(file_names()) + len(TEXTS) + len(VALUES) + len(SURROGATES) - jobs_lost(page.jobs)


def jobs_lost(jobs: list[dict[str, Any]]) -> int:
    """Of the receipts that no JSON reader has to take: NaN, the infinities and lone surrogates are no JSON."""
    found = [job for job in jobs if job["job"].startswith("others/")]
    return len(VALUES) + len(SURROGATES) - len(found)


def test_every_file_that_the_page_names_is_there_and_below_it(gallery: Path) -> None:
    jobs = read_page(gallery).jobs
    for job in jobs:
        for kind in ("mp4", "gif"):
            if kind in job:
                assert re.fullmatch(r"\./[\w.~/%-]+", job[kind], re.ASCII), job[kind]
                assert target(gallery, job[kind]).is_file(), job[kind]
    with_video = sum("mp4" in job for job in jobs)
    assert with_video >= 100


def assert_nothing_was_made(page: Page) -> None:
    """No element that a text may have made is in the page, and nothing was done to what all objects have."""
    assert (
        page.evaluate(
            """(() => {
            const found = [...document.querySelectorAll("iframe, object, embed, base, form, math, animate")];
            found.push(...document.querySelectorAll("meta[http-equiv=refresh], link[rel=stylesheet]"));
            for (const element of document.querySelectorAll("*")) {
                const names = element.getAttributeNames();
                if (names.some((name) => /^on|^srcdoc$/.test(name))) found.push(element);
                for (const name of ["src", "href", "poster", "action"]) {
                    const value = element.getAttribute(name) ?? "";
                    if (!/^$|^#|^\\.\\/|^data:(image\\/(png|jpeg);base64)?,|^blob:/.test(value)) found.push(element);
                }
            }
            const polluted = Object.keys(Object.prototype);
            return [...found.map((element) => element.outerHTML.slice(0, 200)), ...polluted];
        })()"""
        )
        == []
    )


def settle(page: Page) -> None:
    """Let what a change has begun be drawn."""
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def test_hostile_names_are_shown_as_they_are(browser: Browser, gallery: Path) -> None:
    data = read_page(gallery).data
    page = browser.open(gallery)
    page.wait_for("document.querySelectorAll('.card').length > 3")
    # A title's white space is shown as one blank.
    assert page.evaluate("document.title") == " ".join(data["title"].split())
    # Down the whole page, so that every card was there once; the pointer is over some.
    seen: set[str] = set()
    page.hover((300, 500))
    while True:
        seen.update(page.texts(".card .name"))
        assert_nothing_was_made(page)
        if page.evaluate("innerHeight + scrollY + 1 >= document.documentElement.scrollHeight"):
            break
        page.evaluate("scrollBy(0, innerHeight)")
        settle(page)
    assert {job["job"].rpartition("/")[2].strip() for job in data["jobs"]} == {name.strip() for name in seen}


@pytest.mark.soak
def test_hostile_jobs_open_in_the_player(browser: Browser, gallery: Path) -> None:
    page = browser.open(gallery)
    jobs = read_page(gallery).jobs
    # Of every kind some: with a warning, annotations, an error; Firefox, in the soak, more.
    for job in jobs[:: 3 if browser.kind == "firefox" else 9]:
        page.evaluate("id => { location.hash = `#job=${id}`; }", job["id"])
        name = json.dumps(job["job"].rpartition("/")[2].strip())
        page.wait_for(f"document.querySelector('.player').textContent.includes({name})")
        assert_nothing_was_made(page)
    page.press("Escape")
    page.wait_for("!location.hash.includes('job=')")


CHANGE_ALL = """async (texts) => {
    const turn = () => new Promise((done) => setTimeout(done));
    const find = document.getElementById("find");
    const names = ["q", "sort", "group", "size", "job", "frame", "compare", "align", "offsets", "difference", "speed"];
    names.push("rows", "columns", "x", "y", "brush", "step");
    for (const [number, text] of texts.entries()) {
        const key = encodeURIComponent(text.slice(0, 100));
        const view = ["cards", "matrix", "plot", "timeline", "compare"][number % 5];
        location.hash = `#${names[number % names.length]}=${text}`;
        await turn();
        location.hash = `#view=${view}&` + names.map((name) => `${name}=${key}`).join("&");
        await turn();
        location.hash = `#view=${view}&group=${key}&sort=${key}&rows=${key}&columns=environment&x=step&y=${key}`;
        await turn();
        find.value = text;
        find.dispatchEvent(new Event("input", { bubbles: true }));
        await turn();
    }
    location.hash = "";
    find.value = "";
    find.dispatchEvent(new Event("input", { bubbles: true }));
}"""


@pytest.mark.parametrize("every", [12, pytest.param(1, marks=pytest.mark.soak)])
def test_hostile_addresses_keys_and_searches_are_text_or_nothing(every: int, browser: Browser, gallery: Path) -> None:
    page = browser.open(gallery)
    texts = [text.encode("utf-8", "replace").decode() for text in [*SURROGATES, *TEXTS]]
    page.evaluate(CHANGE_ALL, texts[::every])
    page.wait_for("document.querySelectorAll('.card').length > 3")
    assert_nothing_was_made(page)
