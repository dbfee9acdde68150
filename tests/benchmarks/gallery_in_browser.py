"""What a browser takes to show a gallery: Chromium, driven, with software drawing."""

from __future__ import annotations

import contextlib
import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks import clips
from tests.benchmarks.gallery_rollouts import record_rollouts
from tests.benchmarks.options import Options
from tests.benchmarks.result import Row
from tests.report.gallery.browser import Browser, Driver, Page, lacking
from tests.report.gallery.spools import Clip, add_job, make_clip, make_gallery

KINDS = ("breakout", "cartpole", "cheetah", "humanoid360")
COUNTS = (800, 5_000)
# When the first card has been drawn, and how many videos there were at most.
FIRST_CARD = """
(() => {
    const look = () => {
        if (document.querySelector(".card") === null) requestAnimationFrame(look);
        else requestAnimationFrame(() => setTimeout(() => { globalThis.firstCard = performance.now(); }));
    };
    requestAnimationFrame(look);
    globalThis.mostVideos = 0;
    const count = () => {
        globalThis.mostVideos = Math.max(globalThis.mostVideos, document.querySelectorAll("video").length);
        requestAnimationFrame(count);
    };
    requestAnimationFrame(count);
})();
"""
# Scrolls by the wheel's usual step at each frame; the times between frames, in milliseconds.
SCROLL = """new Promise((done) => {
    const gaps = [];
    let last = null;
    let left = 180;
    const step = (now) => {
        if (last !== null) gaps.push(now - last);
        last = now;
        scrollBy({ top: 100, behavior: "instant" });
        if (--left > 0) requestAnimationFrame(step);
        else done(gaps);
    };
    requestAnimationFrame(step);
})"""


def browser_rows(folder: Path, options: Options) -> Iterator[Row]:
    """Rows of a gallery of 12 real rollouts, of 800 and 5,000 jobs; none where there is no browser."""
    if lacking("chromium"):
        return
    kinds = options.sizes(KINDS, KINDS[:1])
    made = [make_clip(folder / "clips" / name, clips.clip(name)[: options.sizes(120, 10)]) for name in kinds]
    pages = {} if options.quick else {12: _rollouts(folder / "rollouts")}
    for count in options.sizes(COUNTS, (10,)):
        pages[count] = _many(folder / f"many-{count}", count, made)
    with contextlib.closing(Driver("chromium")) as driver:
        for count, page in pages.items():
            yield from _rows(driver, page, count, options)


def _rollouts(root: Path) -> Path:
    record_rollouts(root)
    return make_gallery(root)


def _many(root: Path, count: int, made: list[Clip]) -> Path:
    for number in range(count):
        kind = number % len(made)
        meta = {
            "environment": KINDS[kind],
            "policy": f"ppo-{number // 4 % 5}",
            "seed": number % 10,
            "step": number // 20 * 1000,
            "return": number * 37 % 500 - 3.25,
            "length": 120,
        }
        failed = "frame 000017.png is cut off" if number % 50 == 49 else None
        name = f"run-{number // 100:03d}/episode-{number % 100:03d}"
        finished = 1_764_000_000.0 + 60 * number
        add_job(root, name, made[kind], meta=meta, error=failed, finished=finished)
    return make_gallery(root)


def _rows(driver: Driver, index: Path, count: int, options: Options) -> Iterator[Row]:
    first, longest, slow, peak, videos = [], [], [], 0.0, 0
    with tempfile.TemporaryDirectory() as downloads:
        for number in range(options.rounds(5)):
            browser = Browser(driver, Path(downloads, str(number)))
            page = browser.open(index, before=FIRST_CARD)
            first.append(page.wait_for("globalThis.firstCard") / 1000)
            gaps = page.evaluate(SCROLL)
            longest.append(max(gaps))
            slow.append(sum(gap > 50 for gap in gaps))
            peak = max(peak, _renderer_memory(driver))
            if number == 0:
                for memory in _used(driver, page):
                    peak = max(peak, memory)
                videos = page.evaluate("mostVideos")
            browser.check()
            browser.close()
    yield Row(
        what=f"{count:,} jobs: seconds to the first card",
        value=statistics.median(first),
        bar="<= 1",
        figures=f"{min(first):.2f} to {max(first):.2f} s",
    )
    yield Row(
        what=f"{count:,} jobs: longest frame while scrolling, milliseconds",
        value=statistics.median(longest),
        bar="<= 50",
        figures=f"{min(longest):.0f} to {max(longest):.0f} ms; {max(slow)} of 179 over 50 ms at most",
    )
    yield Row(
        what=f"{count:,} jobs: memory of the page's process, MB",
        value=peak,
        bar="<= 300",
        figures="the largest of all moments: scrolled through, searched, grouped, a video played, six compared",
    )
    yield Row(what=f"{count:,} jobs: videos at a time", value=videos, bar="<= 12")


def _used(driver: Driver, page: Page) -> Iterator[float]:
    """Use the page as somebody does, and yield the memory after each thing."""
    for _ in range(40):
        page.evaluate("scrollBy(0, 3 * innerHeight), new Promise((done) => setTimeout(done, 60))")
    yield _renderer_memory(driver)
    page.evaluate("scrollTo(0, 0)")
    page.type("#find", "ppo-1")
    yield _renderer_memory(driver)
    page.goto("#group=environment")
    page.wait_for("document.querySelectorAll('.card').length > 0")
    yield _renderer_memory(driver)
    page.goto("")
    ids = page.evaluate(
        "JSON.parse(document.getElementById('data').textContent).jobs.filter((job) => job.mp4).map((job) => job.id)"
    )
    page.goto(f"#job={ids[0]}")
    page.wait_for("document.querySelector('video')?.readyState >= 2")
    yield _renderer_memory(driver)
    for view in ("matrix", "plot", "timeline"):
        page.goto(f"#view={view}&rows=environment&columns=policy&x=step&y=return")
        page.evaluate("new Promise((done) => setTimeout(done, 300))")
        yield _renderer_memory(driver)
    page.goto(f"#view=compare&compare={','.join(ids[:6])}")
    page.wait_for("[...document.querySelectorAll('video')].every((video) => video.readyState >= 2)")
    yield _renderer_memory(driver)


def _renderer_memory(driver: Driver) -> float:
    """The proportional set size of the largest renderer, in MB."""
    largest = 0.0
    for process in driver.process_ids():
        with contextlib.suppress(OSError):
            command = Path(f"/proc/{process}/cmdline").read_bytes()
            if b"--type=renderer" in command:
                rollup = Path(f"/proc/{process}/smaps_rollup").read_text()
                pss = next(line for line in rollup.splitlines() if line.startswith("Pss:"))
                largest = max(largest, int(pss.split()[1]) * 1024 / 1e6)
    return largest
