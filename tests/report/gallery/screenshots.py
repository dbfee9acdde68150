"""docs/images/gallery/, made anew by `python -m tests.report.gallery.screenshots [ROLLOUTS]`, and looked at by people.

Without ROLLOUTS, the twelve rollouts of the benchmark are recorded first, which takes a minute or two; with it, they
are there. Needs the extra `bench`, Debian's chromium and libosmesa6, and puppeteer-core.
"""

from __future__ import annotations

import contextlib
import itertools
import sys
import tempfile
from pathlib import Path

from PIL import Image

from tests.benchmarks.gallery_rollouts import record_rollouts
from tests.media import run_command
from tests.report.gallery.browser import ROOT, Browser, Driver, Page
from tests.report.gallery.pages import read_page

IMAGES = ROOT / "docs" / "images" / "gallery"
WIDTHS = {"phone": (390, 780), "laptop": (1280, 800), "wide": (1800, 1000)}
# Of the views: which page, with {0} … for the jobs in the order of their names, and in which of WIDTHS.
VIEWS = {
    "cards": ("#group=environment&sort=step", ["phone", "laptop", "wide"]),
    "player": ("#job={6}&frame=150", ["phone", "laptop"]),
    "compare": ("#view=compare&compare={9},{10},{11}&frame=120", ["phone", "laptop"]),
    "matrix": ("#view=matrix&rows=environment&columns=step", ["laptop"]),
    "plot": ("#view=plot&x=step&y=return", ["laptop"]),
    "timeline": ("#view=timeline&step=20000", ["laptop"]),
}


def ids_of(index: Path) -> list[str]:
    return [job["id"] for job in sorted(read_page(index).jobs, key=lambda job: job["job"])]


def settle(page: Page) -> None:
    """Until all pictures are there and nothing moves."""
    page.wait_for("document.querySelector('.card, .player, .compare, .matrix, .plot, .timeline') !== null")
    page.wait_for("[...document.images].every((image) => image.complete)")
    page.wait_for("[...document.querySelectorAll('video')].every((video) => video.readyState >= 2 && !video.seeking)")
    page.wait_for("document.getAnimations().every((animation) => animation.playState !== 'running')")
    page.evaluate("new Promise((done) => setTimeout(done, 1500))")


def shoot(index: Path, images: Path) -> None:
    images.mkdir(parents=True, exist_ok=True)
    ids = ids_of(index)
    with contextlib.closing(Driver("chromium")) as driver, tempfile.TemporaryDirectory() as downloads:
        browser = Browser(driver, Path(downloads))
        for name, (address, widths) in VIEWS.items():
            for width, scheme in itertools.product(widths, ("light", "dark")):
                wide, high = WIDTHS[width]
                page = browser.open(index, address.format(*ids), scheme=scheme, width=wide, height=high)
                settle(page)
                picture = Image.fromarray(page.screenshot())
                # A third of the bytes.
                few = picture.quantize(256, kmeans=2, dither=Image.Dither.NONE)
                few.save(images / f"{name}-{width}-{scheme}.png", optimize=True)
        browser.check()
        browser.close()


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(sys.argv[1] if len(sys.argv) > 1 else folder)
        if root == Path(folder):
            record_rollouts(root)
        made = run_command("gallery", root, "--title", "12 rollouts of three trainings")
        assert made.returncode == 0, made.stderr
        shoot(root / "index.html", IMAGES)


if __name__ == "__main__":
    main()
