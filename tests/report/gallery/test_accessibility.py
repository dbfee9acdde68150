"""axe-core finds no serious or critical barrier in any view, light and dark."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from tests.report.gallery.browser import Browser, Page
from tests.report.gallery.pages import read_page
from tests.report.gallery.spools import add_job, make_clip, make_gallery


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """16 jobs of two tasks, with every kind of chip, annotations, and two that failed."""
    folder = tmp_path_factory.mktemp("accessible")
    clip = make_clip(folder / "clip" / "job")
    for number in range(16):
        meta = {
            "environment": ["Humanoid-v5", "HalfCheetah-v5"][number % 2],
            "policy": ["base", "tuned"][number // 2 % 2],
            "step": 1000 * number,
            "return": 10.5 * number,
            "success": number % 3 == 0,
        }
        rows = [
            {"reward": math.sin(frame + number), "action": [frame / 12, -frame], "note": f"about {frame}"}
            for frame in range(12)
        ]
        add_job(
            folder / "spool",
            f"run-{number % 3}/episode-{number:04d}",
            clip,
            meta=meta,
            annotations=rows,
            warnings=["the rate was assumed"] if number == 2 else [],
            error="frame 000003.png is cut off" if number in (5, 9) else None,
            finished=1_764_000_000.0 + 3600 * number,
            partial=number == 3,
            salvaged=number == 4,
        )
    return make_gallery(folder / "spool")


def ids_of(gallery: Path) -> list[str]:
    return [job["id"] for job in read_page(gallery).jobs if "mp4" in job]


# What is looked at: the page's address, with {0} to {2} for jobs, and what has to be there then.
VIEWS = {
    "cards": ("", ".card"),
    "cards in groups": ("#group=environment&compare={0},{1}", ".heading"),
    "cards of none": ("#q=nothing+has+this", ".empty h2"),
    "a wrong search": ("#q=return+>+x", "#problem"),
    "matrix": ("#view=matrix&rows=environment&columns=policy", ".matrix"),
    "plot": ("#view=plot&x=step&y=return", ".plot"),
    "timeline": ("#view=timeline&step=5000", ".timeline"),
    "compare": ("#view=compare&compare={0},{1},{2}", ".compare"),
    "difference": ("#view=compare&compare={0},{1}&difference=1", ".compare"),
    "player": ("#job={0}&frame=3", ".player"),
    "help": ("", ".card"),
    "marks": ("", ".card"),
}
# The others are for the soak.
QUICK = [("cards in groups", "dark"), ("player", "light")]
CASES = [
    pytest.param(name, scheme, marks=[] if (name, scheme) in QUICK else [pytest.mark.soak])
    for name in VIEWS
    for scheme in ("light", "dark")
]


def prepare(page: Page, name: str) -> None:
    """What no address says."""
    if name == "help":
        page.press("?")
        page.wait_for("document.querySelector('dialog[open]')")
    elif name == "marks":
        page.evaluate(
            "[...document.querySelectorAll('header button')].find((it) => /Marks/.test(it.textContent)).click()"
        )


@pytest.mark.parametrize(("name", "scheme"), CASES)
def test_a_view_has_no_serious_barrier(name: str, scheme: str, chromium: Browser, gallery: Path) -> None:
    address, shown = VIEWS[name]
    page = chromium.open(gallery, address.format(*ids_of(gallery)), scheme=scheme)
    page.wait_for(f"[...document.querySelectorAll({shown!r})].some((element) => element.checkVisibility())")
    prepare(page, name)
    # What fades in has its last colours then.
    page.wait_for("document.getAnimations().every((animation) => animation.playState !== 'running')")
    assert page.run_axe() == []
