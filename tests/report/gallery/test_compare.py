"""Videos in real browsers: frame for frame in the player, in comparisons, and over training.

What a picture of the screen shows is read from it: each frame of these videos has its index as black and white blocks.
"""

from __future__ import annotations

import base64
import random
import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from daddy_encode import gallery
from daddy_encode.dump import FrameWriter
from tests.jobs import encode
from tests.report.gallery.browser import Browser, Page
from tests.report.gallery.coded import coded_job, frame_of, read_index, shown_indexes
from tests.report.gallery.pages import read_page
from tests.report.gallery.spools import add_job, make_clip

FRAMES = {"a/first": 90, "b/second": 120, "c/third": 50}


class Gallery:
    """A page over coded videos."""

    def __init__(self, index: Path) -> None:
        self.index = index
        self.ids = {job["job"]: job["id"] for job in read_page(index).jobs}

    def compare(self, *names: str, **more: object) -> str:
        words = [f"{name}={value}" for name, value in more.items()]
        return "#" + "&".join(["view=compare", f"compare={','.join(self.ids[name] for name in names)}", *words])


@pytest.fixture(scope="session")
def coded(tmp_path_factory: pytest.TempPathFactory) -> Gallery:
    root = tmp_path_factory.mktemp("coded")
    rates: tuple[str | float, ...] = (30, 60, "30000/1001")
    for (name, frames), fps in zip(FRAMES.items(), rates, strict=True):
        coded_job(root, name, frames, fps, step=frames)
    writer = FrameWriter(root / "c" / "moving", fps=30)
    for index in range(4):
        writer.write(frame_of(index))
    writer.close()
    encode(root / "c" / "moving", video="gif")
    clip = make_clip(tmp_path_factory.mktemp("clip") / "clip")
    add_job(root, "c/broken", clip, error="000001.png: not a PNG")
    return Gallery(gallery(root))


def wait_for_videos(page: Page, count: int, position: int) -> None:
    page.wait_for_count("video", count)
    wait_for_position(page, position)


def wait_for_position(page: Page, position: int) -> None:
    """The label has it: nothing moves any more."""
    page.wait_for(
        "document.querySelector('.player[open] .transport-text, .compare .transport-text')"
        f".textContent.match(/^(frame )?{position} of/)"
    )


def labels(page: Page) -> list[int]:
    return [int(text.split()[1]) for text in page.texts(".compare-frame")]


def seek(page: Page, position: int) -> None:
    page.evaluate(
        "p => { const slider = document.querySelector('.compare-foot input');"
        " slider.value = p; slider.dispatchEvent(new Event('input')); }",
        position,
    )


def expected(names: Sequence[str], starts: Sequence[int], position: int) -> list[int]:
    return [min(max(position - start, 0), FRAMES[name] - 1) for name, start in zip(names, starts, strict=True)]


def move_at_random(page: Page, names: Sequence[str], starts: Sequence[int], moves: int, seed: int) -> None:
    """Seeks and steps, in any order: after each the pictures and the labels are of the frames that they should be."""
    rng = random.Random(seed)
    last = max(start + FRAMES[name] for name, start in zip(names, starts, strict=True)) - 1
    position = 0
    for _ in range(moves):
        kind = rng.choice(["seek", ".", ",", "ArrowRight", "Home", "End", "Shift+ArrowRight"])
        if kind == "seek":
            position = rng.randint(0, last)
            seek(page, position)
        else:
            page.press(kind)
            by = {".": 1, "ArrowRight": 1, ",": -1, "Shift+ArrowRight": 10, "Home": -last, "End": last}[kind]
            position = min(last, max(0, position + by))
        wait_for_position(page, position)
        assert labels(page) == expected(names, starts, position), kind
        assert shown_indexes(page) == expected(names, starts, position), kind


def test_after_every_seek_and_step_all_show_the_same_index(browser: Browser, coded: Gallery) -> None:
    page = browser.open(coded.index, coded.compare(*FRAMES))
    wait_for_videos(page, 3, 0)
    move_at_random(page, list(FRAMES), [0, 0, 0], 8, seed=1)


def test_on_a_phone_the_transport_is_low_and_with_more_room_small_videos_are_large(
    chromium: Browser, coded: Gallery
) -> None:
    page = chromium.open(coded.index, coded.compare("a/first", "b/second", frame=7), width=360, height=780)
    wait_for_videos(page, 2, 7)
    _, _, _, height = page.box(".compare-foot")
    assert height < 100
    for part in (".icon-play", ".transport-text", ".transport-speed"):
        x, _, width, _ = page.box(f".compare-foot {part}")
        assert 0 < x < x + width < 360 and width >= 20, part
    page.viewport(1280, 800)
    # As large as fits, and of whole pixels: 64x64 three or four times.
    page.wait_for("document.querySelector('.compare video').offsetWidth >= 192")
    sizes = page.evaluate("[...document.querySelectorAll('video')].map(v => [v.offsetWidth % 64, v.offsetHeight % 64])")
    assert sizes == [[0, 0]] * 2
    assert page.evaluate("document.scrollingElement.scrollHeight") <= 800, "all is seen at once"
    assert shown_indexes(page) == [7, 7]


@pytest.mark.soak
def test_the_first_and_the_last_frame_stand_also_while_it_plays(browser: Browser, coded: Gallery) -> None:
    page = browser.open(coded.index, coded.compare(*FRAMES))
    wait_for_videos(page, 3, 0)
    for key, position in (("End", 119), ("Home", 0)):
        page.press(" ")
        page.wait_for("document.querySelector('.compare-foot .icon-pause') !== null")
        page.press(key)
        page.wait_for("document.querySelector('.compare-foot .icon-play') !== null")
        wait_for_position(page, position)
    page.press(" ")
    page.click(".compare-foot [title^='Last frame']")
    page.wait_for("document.querySelector('.compare-foot .icon-play') !== null")
    wait_for_position(page, 119)


@pytest.mark.soak
@pytest.mark.parametrize("width", [360, 1280])
def test_values_under_a_picture_are_whole_and_it_is_said_how_many_are_left(
    browser: Browser, tmp_path: Path, width: int
) -> None:
    clip = make_clip(tmp_path / "clip" / "job")
    values = [{f"value {number}": number + 0.123456 for number in range(10)} | {"note": "word " * 99}] * 12
    for name in ("r/a", "r/b"):
        add_job(tmp_path / "spool", name, clip, annotations=values)
    page = Gallery(gallery(tmp_path / "spool"))
    opened = browser.open(page.index, page.compare("r/a", "r/b"), width=width)
    opened.wait_for_count(".compare-values div", 18)
    opened.wait_for("document.querySelectorAll('.compare-values dd')[7].textContent === '7.12346'")
    seen = opened.evaluate("""[...document.querySelectorAll('.compare-cell')].map(cell => {
      const box = cell.querySelector('.compare-values').getBoundingClientRect();
      return [...cell.querySelectorAll('.compare-values dd')].filter(value => {
        const { right, bottom } = value.getBoundingClientRect();
        return right <= box.right + 1 && bottom <= box.bottom + 1 && bottom <= cell.getBoundingClientRect().bottom;
      }).length;
    })""")
    assert seen == [9, 9], "eight numbers and the text"
    assert opened.texts(".compare-more") == ["and 2 more: open it"] * 2
    opened.click(".compare-more")
    opened.wait_for("document.querySelector('dialog.player').open")


def printed_pages(page: Page) -> int:
    data = base64.b64decode(page.cdp("Page.printToPDF", paperWidth=8.27, paperHeight=11.69)["data"])
    return len(re.findall(rb"/Type\s*/Page\b", data))


def printed_faults(page: Page, pictures: str) -> list[str]:
    """What print would cut off or show in vain; a picture that is larger than its part of the page is cut."""
    page.print_media()
    return list(
        page.evaluate(
            """pictures => [...document.querySelectorAll(pictures)].flatMap(media => {
              const [one, around] = [media, media.closest(".clip").parentElement].map(e => e.getBoundingClientRect());
              const whole = around.left - 1 <= one.left && one.right <= around.right + 1
                && around.top - 1 <= one.top && one.bottom <= around.bottom + 1 && one.right <= innerWidth;
              const shape = Math.abs(one.width / one.height - media.videoWidth / media.videoHeight) < 0.05;
              return whole && shape && one.width > 60 ? [] : [JSON.stringify([one, around])];
            }).concat([...document.querySelectorAll(".transport, .icon-button, select, .top .find")]
              .filter(e => e.getClientRects().length > 0).map(e => e.className))""",
            pictures,
        )
    )


@pytest.mark.soak
def test_a_printed_job_is_whole_and_alone(chromium: Browser, coded: Gallery) -> None:
    page = chromium.open(coded.index, f"#job={coded.ids['b/second']}&frame=5")
    wait_for_videos(page, 1, 5)
    assert printed_pages(page) <= 2
    assert printed_faults(page, ".player video") == []
    assert page.evaluate("document.querySelector('.cards').getClientRects().length") == 0
    # Its last value is on the page, and nothing scrolls.
    assert page.evaluate("""(() => {
      const side = document.querySelector(".player-side");
      const { bottom } = side.getBoundingClientRect();
      return side.scrollHeight <= side.clientHeight && bottom <= document.documentElement.scrollHeight;
    })()""")


@pytest.mark.soak
@pytest.mark.parametrize("view", ["compare", "timeline"])
def test_printed_videos_are_whole_and_without_controls(chromium: Browser, coded: Gallery, view: str) -> None:
    hash = coded.compare(*FRAMES) if view == "compare" else "#view=timeline"
    page = chromium.open(coded.index, hash)
    page.wait_for_count("video", 3)
    page.wait_for("[...document.querySelectorAll('video')].every(e => e.videoWidth > 0)")
    assert printed_pages(page) <= 2
    assert printed_faults(page, f".{view} video") == []


@pytest.mark.soak
def test_aligned_at_the_end_the_last_frames_are_side_by_side(browser: Browser, coded: Gallery) -> None:
    page = browser.open(coded.index, coded.compare(*FRAMES, align="end", frame=119))
    wait_for_videos(page, 3, 119)
    assert shown_indexes(page) == labels(page) == [89, 119, 49]


@pytest.mark.soak
@pytest.mark.parametrize("align", ["start", "end", "offset"])
def test_a_hundred_seeks_and_steps(align: str, browser: Browser, coded: Gallery) -> None:
    names = [*FRAMES, "a/first"][:3]
    offsets = dict(zip((coded.ids[name] for name in names), (3, -8, 0), strict=True))
    words = ",".join(f"{job}:{frames}" for job, frames in offsets.items())
    page = browser.open(coded.index, coded.compare(*names, align=align, offsets=words))
    starts = {"start": [0, 0, 0], "end": [30, 0, 70], "offset": [11, 0, 8]}[align]
    wait_for_videos(page, 3, 0)
    move_at_random(page, names, starts, 100, seed=7)


def look_until_in_step(page: Page, in_a_row: int) -> list[list[int]]:
    """What pictures of the screen show while all play, until in so many in a row all are within one frame.

    Not in each: a machine with too much to do gives the screen new frames of one video and not yet of another. Videos
    that drift apart never come to it.
    """
    seen: list[list[int]] = []
    end = time.monotonic() + 60
    while len(seen) < in_a_row or any(max(indexes) - min(indexes) > 1 for indexes in seen[-in_a_row:]):
        assert time.monotonic() < end, seen
        seen.append(shown_indexes(page))
        assert all(index >= 0 for index in seen[-1])
    return seen


def test_while_they_play_all_are_within_one_frame(browser: Browser, coded: Gallery) -> None:
    page = browser.open(coded.index, coded.compare("a/first", "b/second", speed=0.5))
    wait_for_videos(page, 2, 0)
    page.press(" ")
    # Until all have begun.
    page.wait_for("[...document.querySelectorAll('video')].every(v => v.currentTime * 30 > 3)")
    look_until_in_step(page, 3)
    page.press(" ")
    page.wait_for("document.querySelector('.compare-foot button[aria-label^=Play]') !== null")
    assert len(set(shown_indexes(page))) == 1
    assert shown_indexes(page) == labels(page)


@pytest.fixture(scope="session")
def long(tmp_path_factory: pytest.TempPathFactory) -> Gallery:
    root = tmp_path_factory.mktemp("long")
    rates: tuple[str | float, ...] = (30, 60, 30, "24000/1001")
    for place, fps in enumerate(rates):
        coded_job(root, f"run/{place}", 3600, fps)
    return Gallery(gallery(root))


@pytest.mark.soak
@pytest.mark.parametrize("speed", [0.1, 1, 1.5])
def test_after_a_minute_of_play_all_are_within_one_frame(speed: float, browser: Browser, long: Gallery) -> None:
    page = browser.open(long.index, long.compare(*long.ids, speed=speed))
    page.wait_for_count("video", 4)
    wait_for_position(page, 0)
    page.press(" ")
    page.wait_for("[...document.querySelectorAll('video')].every(v => v.currentTime > 0.3)")
    page.wait_for(f"document.querySelector('video').currentTime > {(60 if speed == 1 else 8) * speed}", limit=240)
    look_until_in_step(page, 5)
    page.press(" ")
    page.wait_for("document.querySelector('.compare-foot button[aria-label^=Play]') !== null")
    assert len(set(shown_indexes(page))) == 1


def test_the_difference_of_two_is_black_where_they_are_alike(browser: Browser, coded: Gallery) -> None:
    page = browser.open(coded.index, coded.compare("a/first", "b/second", difference=1, frame=7))
    wait_for_videos(page, 2, 7)
    page.wait_for("document.querySelector('.difference') !== null")
    # The same index in both: nothing is left of it but what compression makes of each.
    assert page.screenshot(".compare-cell:nth-child(2) .compare-stage").max() < 40
    page.select(".compare-choice select", "offset")
    page.evaluate("document.querySelector('.compare-offset').select(), 0")
    page.type("", "1")
    page.press("Tab")
    page.wait_for("location.hash.includes('offsets')")
    page.wait_for("document.querySelector('.compare-frame').textContent.startsWith('frame 7 ')")
    left = page.screenshot("video")
    assert left.shape[0] == left.shape[1], "as square as the frames are"
    # Where exactly one of the two is white, 7 beside 8.
    both = frame_of(7) ^ frame_of(8)
    assert read_blocks(left) == read_blocks(both)


def read_blocks(picture: Any) -> list[bool]:
    height, width = (length // 4 for length in picture.shape[:2])
    return [
        bool(np.median(picture[r * height : (r + 1) * height, c * width : (c + 1) * width]) > 100)
        for r in range(4)
        for c in range(4)
    ]


def test_a_click_on_the_curve_goes_there(browser: Browser, coded: Gallery) -> None:
    page = browser.open(coded.index, coded.compare("a/first", "c/third"))
    wait_for_videos(page, 2, 0)
    page.wait_for_count(".compare-plot path", 2)
    assert page.evaluate("document.querySelector('.compare-plot svg').getAttribute('aria-label')").startswith(
        "a/first: reward: 0 to 178, begins at 0, ends at 178, 90 values. c/third: reward: 0 to 98"
    )
    x, y, width, height = page.box(".compare-plot .curve")
    page.click((x + width * 20.5 / 90, y + height / 2))
    wait_for_position(page, 20)
    assert shown_indexes(page) == [20, 20]
    assert page.texts(".compare-plot h3") == ["reward: 0 to 178"]
    assert page.texts(".compare-values dd") == ["40", "0", "from 15 on"] * 2


@pytest.mark.soak
def test_jobs_are_moved_taken_away_and_added_and_the_frame_stays(browser: Browser, coded: Gallery) -> None:
    page = browser.open(coded.index, coded.compare("a/first", "b/second", frame=33))
    wait_for_videos(page, 2, 33)
    page.click(".compare-cell button[aria-label^='Move to the right']")
    page.wait_for("document.querySelector('.compare-cell').getAttribute('aria-label') === 'b/second'")
    assert shown_indexes(page) == [33, 33]
    page.click(".compare-cell:nth-child(2) button[aria-label^='No longer']")
    page.wait_for_count("video", 1)
    page.click(".compare-tools .button")
    page.type("", "third")
    page.wait_for_count(".picker-job", 1)
    page.press("ArrowDown")
    page.press("Enter")
    page.wait_for_count("video", 2)
    wait_for_position(page, 33)
    page.wait_for("document.querySelectorAll('.compare-frame')[1].textContent.startsWith('frame 33 ')")
    assert shown_indexes(page) == [33, 33]
    page.wait_for(f"location.hash.includes('compare={coded.ids['b/second']},{coded.ids['c/third']}')")


def test_a_link_opens_a_job_at_a_frame_and_keys_step_from_there(browser: Browser, coded: Gallery) -> None:
    page = browser.open(coded.index, f"#job={coded.ids['a/first']}&frame=41")
    wait_for_videos(page, 1, 41)
    assert shown_indexes(page) == [41]
    page.press(".")
    page.press(".")
    wait_for_position(page, 43)
    assert shown_indexes(page) == [43]
    page.wait_for("location.hash.includes('frame=43')")
    page.wait_for("document.querySelector('.annotations') !== null")
    rows = page.evaluate(
        "[...document.querySelectorAll('.annotations tr')]"
        ".map(row => [...row.children].slice(0, 2).map(cell => cell.innerText.trim()))"
    )
    assert rows == [["note", "from 35 on"], ["reward", "86"], ["odd", "1"]]
    x, y, width, height = page.box(".annotations .curve")
    page.click((x + width * 60.5 / 90, y + height / 2))
    wait_for_position(page, 60)
    assert shown_indexes(page) == [60]


@pytest.mark.soak
def test_small_pictures_are_enlarged_by_a_whole_number_and_stay_sharp(browser: Browser, coded: Gallery) -> None:
    page = browser.open(coded.index, f"#job={coded.ids['a/first']}&frame=5")
    wait_for_videos(page, 1, 5)
    _, _, width, height = page.box("video")
    assert width == height
    assert width % 64 == 0
    picture = page.screenshot("video")
    assert read_index(picture) == 5
    # Edges are no ramps: half of a block's border is one side, half the other.
    border = picture[:, int(width) // 4 - 1 : int(width) // 4 + 1, 0].astype(int)
    assert np.abs(border[:, 0] - border[:, 1]).max() > 150


@pytest.mark.soak
def test_the_player_plays_its_job_round_and_round_and_gives_back_the_focus(browser: Browser, coded: Gallery) -> None:
    page = browser.open(coded.index, "#q=first")
    page.click(".card .open")
    page.wait_for("document.querySelector('.player[open] video') !== null")
    page.wait_for("document.querySelector('.player video').currentTime > 1")
    # It began again.
    page.wait_for("document.querySelector('.player video').currentTime < 0.5")
    page.press("Escape")
    page.wait_for("document.querySelectorAll('video').length === 0 && !location.hash.includes('job=')")
    assert page.evaluate("document.activeElement.closest('.card') !== null")


@pytest.mark.soak
def test_tab_stays_in_the_player(browser: Browser, coded: Gallery) -> None:
    page = browser.open(coded.index, f"#job={coded.ids['a/first']}&frame=1")
    wait_for_videos(page, 1, 1)
    count = page.evaluate("document.querySelectorAll('.player :is(button:not(:disabled), a, input, select)').length")
    for _ in range(count + 2):
        page.press("Tab")
        assert page.evaluate("document.activeElement.closest('.player') !== null")


def test_a_gif_plays_by_itself_and_a_failed_job_says_why(browser: Browser, coded: Gallery) -> None:
    page = browser.open(coded.index, f"#job={coded.ids['c/moving']}")
    page.wait_for("document.querySelector('.player img')?.naturalWidth === 64")
    assert page.count("video") == 0
    page.goto(f"#job={coded.ids['c/broken']}")
    page.wait_for("document.querySelector('.player .clip-reason')?.textContent.includes('000001.png')")


@pytest.mark.soak
def test_over_training_shows_of_each_run_what_is_nearest_to_the_step(browser: Browser, coded: Gallery) -> None:
    page = browser.open(coded.index, "#view=timeline&step=95")
    page.wait_for_count(".timeline video", 3)
    assert page.texts(".timeline-run b") == ["a", "b", "c"]
    assert page.texts(".timeline-step") == ["step 90"]
    page.press("}")
    page.wait_for("document.querySelector('.timeline-step').textContent === 'step 120'")
    page.wait_for("location.hash.includes('step=120')")
    page.click(".timeline-run")
    page.wait_for(f"location.hash.includes('job={coded.ids['a/first']}')")
    page.wait_for_count("video", 4)


@pytest.mark.soak
def test_there_are_never_more_than_twelve_videos(browser: Browser, tmp_path: Path) -> None:
    root = tmp_path / "many"
    for run in range(15):
        coded_job(root, f"run-{run}/episode", 20, step=1000 + run)
    page = browser.open(gallery(root), "#view=timeline&frame=9")
    page.wait_for_count(".timeline video", 11)
    page.wait_for_count(".timeline .clip-sprite", 4)
    page.evaluate(
        "globalThis.most = 0, globalThis.watching = setInterval("
        "() => { most = Math.max(most, document.querySelectorAll('video').length); }, 1), 0"
    )
    page.click(".timeline-run")
    page.wait_for("document.querySelector('.player[open] video') !== null")
    page.press("Escape")
    ids = [job["id"] for job in read_page(root / "index.html").jobs][:6]
    page.goto(f"#view=compare&compare={','.join(ids)}")
    page.wait_for_count(".compare video", 6)
    page.goto("#view=timeline")
    page.wait_for_count(".timeline video", 11)
    assert page.evaluate("most") <= 12


@pytest.mark.soak
@pytest.mark.parametrize("view", ["player", "compare", "timeline"])
def test_axe_finds_nothing_serious(view: str, chromium: Browser, coded: Gallery) -> None:
    hashes = {
        "player": f"#job={coded.ids['a/first']}&frame=9",
        "compare": coded.compare(*FRAMES, align="offset"),
        "timeline": "#view=timeline",
    }
    page = chromium.open(coded.index, hashes[view])
    page.wait_for(f"document.querySelector('.{view} .transport') !== null")
    page.wait_for("document.querySelectorAll('.curve').length > 0" if view != "timeline" else "true")
    assert page.run_axe() == []
