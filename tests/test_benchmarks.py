"""The benchmark's page is what was measured, and its instruments measure."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import click
import msgspec
import numpy as np
import pytest

from tests.benchmarks import clips, needs, page
from tests.benchmarks.measure import command_seconds, measure, peak_bytes, timed
from tests.benchmarks.options import Options
from tests.benchmarks.result import Row, Section, Table
from tests.benchmarks.shown_frames import described, shown_frames
from tests.benchmarks.summary import LINES, summary

NAMES = sorted(path.stem for path in (Path(__file__).parent / "benchmarks").glob("bench_*.py"))


def test_the_page_says_what_was_measured() -> None:
    assert page.PAGE.read_text() == page.text(page.load()), "run: python -m tests.benchmarks.page"


def test_every_benchmark_has_its_section_on_the_page_and_that_its_plots() -> None:
    sections = page.load()
    assert {f"bench_{name}" for name in sections} == set(NAMES)
    for section in sections.values():
        for plot in section.plots:
            assert (page.PLOTS / f"{plot.name}.svg").read_text().count("<svg") == 1


def section(title: str, rows: list[Row], tables: list[Table] | None = None, machine: str = "m") -> Section:
    return Section(
        title=title, about="", date="2026-01-01", machine=machine, versions={"v": "1"}, rows=rows, tables=tables or []
    )


def test_a_bar_that_is_missed_says_so_and_why_once() -> None:
    rows = [
        Row(what="ours", value=1.2, bar="<= 1.1", why="too slow"),
        Row(what="theirs", value=1.2, bar="<= 1.3", why="not said"),
        Row(what="plain", value=7),
        Row(what="other", value=2, bar="<= 1", why="another reason"),
        Row(what="again", value=1.3, bar="<= 1.1", why="too slow"),
    ]
    text = page.text({"x": section("X", rows)})
    assert "1 of 4 bars are met" in text
    assert "| ours | 1.2 | <= 1.1 | **missed** (1) |" in text
    assert "| again | 1.3 | <= 1.1 | **missed** (1) |" in text
    assert "| other | 2 | <= 1 | **missed** (2) |" in text
    assert "\n1. too slow\n2. another reason\n" in text
    assert text.count("too slow") == 1
    assert "not said" not in text


@pytest.mark.parametrize(
    ("value", "bar", "is_met"),
    [(1.1, "<= 1.1", True), (1.2, "<= 1.1", False), (0, "<= 0", True), (-4.0, "<= 1.1", False), (-0.1, ">= -1", True)],
)
def test_a_ratio_of_less_than_nothing_meets_no_bar(value: float, bar: str, is_met: bool) -> None:
    assert Row(what="a", value=value, bar=bar).is_met is is_met


def test_which_frame_a_picture_shows_is_read_from_the_picture() -> None:
    repeats = (
        "import sys, numpy as np, imageio.v2 as imageio\n"
        "frames = np.load(sys.argv[1])[[0, 1, 1, 3, 299]]\n"
        "imageio.mimsave(sys.argv[2], list(frames), fps=30, codec='libx264')\n"
    )
    shown = shown_frames(repeats, 300)
    assert shown == [0, 1, 1, 3, 299]
    assert described(shown, 300) == "5: 4 of 300 frames, 1 of them twice"


def test_the_page_begins_with_the_figures_that_matter_and_the_peers_that_are_ahead() -> None:
    ratios = {"a": 3.871, "b": 12.5, "c": 4.0}
    rows = [
        Row(
            what=f"{clip}: times as fast as imageio",
            value=value,
            bar=">= 4",
            ahead="OpenCV on CPU" if clip > "a" else "",
        )
        for clip, value in ratios.items()
    ]
    tables = [
        Table(clip, ["way", "s", "times as fast as ours"], [["ours", "1", "1.00"], ["OpenCV", "0.4", times]])
        for clip, times in (("a", "2.51"), ("b", "0.90"), ("c", "1.70"))
    ]
    sections = {"dump": section("save: to files", rows), "whole_way": section("The way", [], tables, machine="n")}
    text = page.text({**sections, "x": section("X", [])})
    assert (
        "| [`save_frames_as_png`: times as fast as `imageio.imwrite`](#save-to-files) | 3.87 to 12.5 | >= 4 | 2 of 3 |"
        in text
    )
    where = "[the way](#the-way), which says what they leave out"
    assert f"Ahead of ours in {where}: OpenCV on 2 of 3 clips, up to 2.5 times as fast." in text
    assert "\n\nAhead of ours in [save: to files](#save-to-files): OpenCV on CPU.\n\n" in text
    assert text.count("on m. v 1.") == 1
    assert text.count("Measured 2026-01-01 on n. v 1.") == 1


def test_every_line_of_the_summary_is_on_the_page() -> None:
    sections = page.load()
    lines = [line for line in LINES if line[0] in sections]
    _, cells = summary(sections, dict.fromkeys(sections, ""))
    assert [what for *_, what in lines] == [cell[0][1:-4] for cell in cells]


def test_no_path_of_a_machine_is_on_the_page() -> None:
    assert not re.search(
        r"(?<![\w.])/(?:home|root|tmp|work|opt|usr|mnt)/", page.PAGE.read_text() + page.RESULTS.read_text()
    )


def test_processor_time_includes_what_a_command_starts() -> None:
    spin = "import time\nwhile time.process_time() < 0.3: pass"
    outer = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {spin!r}], check=True)"
    _, cpu = command_seconds([sys.executable, "-c", outer])
    assert cpu > 0.3


def test_peak_memory_is_that_of_the_process_tree() -> None:
    hold = "import time; data = bytearray(150_000_000); time.sleep(0.3)"
    outer = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {hold!r}], check=True)"
    assert 150e6 < peak_bytes([sys.executable, "-c", outer]) < 300e6


@pytest.mark.soak
def test_memory_is_that_of_the_round_that_is_not_counted() -> None:
    hold = [sys.executable, "-c", "import time; data = bytearray(150_000_000); time.sleep(0.3)"]
    measured = measure({"command": hold, "commands": lambda call: call(hold), "function": timed(lambda: None)}, 1)
    assert 150e6 < measured["command"].peak < 300e6
    assert 150e6 < measured["commands"].peak < 300e6
    assert measured["function"].peak == 0


def test_a_command_that_fails_ends_the_benchmark_with_what_it_said() -> None:
    for run in (command_seconds, peak_bytes):
        with pytest.raises(SystemExit, match="no such clip"):
            run([sys.executable, "-c", "import sys; sys.exit('no such clip')"])


def test_the_first_round_is_not_counted_and_peers_take_turns() -> None:
    calls: list[str] = []

    def run(name: str) -> tuple[float, float]:
        calls.append(name)
        return float(len(calls)), 0.0

    measured = measure({"a": lambda _: run("a"), "b": lambda _: run("b")}, 2)
    assert calls == ["a", "b"] * 3
    assert measured["a"].walls == [3, 5]
    assert measured["b"].wall == 5


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(page, "DOCS", tmp_path)
    for name in ("PAGE", "RESULTS", "PLOTS"):
        monkeypatch.setattr(page, name, tmp_path / getattr(page, name).name)
    return tmp_path


def test_results_that_are_not_whole_are_one_line_before_anything_is_measured(elsewhere: Path) -> None:
    page.RESULTS.write_bytes(b'{"x": {"title"')
    with pytest.raises(SystemExit, match=r"benchmarks\.json: .* restore it with git"):
        page.load()


def test_sections_of_another_machine_take_the_place_of_those_here_and_name_it(elsewhere: Path) -> None:
    row = Row(what="a", value=1)
    page.save({name: section(name, [row]) for name in "xyz"})
    far = {"x": section("far", [row], machine="Another, 16 cores"), "new": section("new", [row])}
    (path := elsewhere / "printed.json").write_bytes(msgspec.json.encode(far))
    sections = page.load(path)
    assert {name: section.title for name, section in sections.items()} == {"x": "far", "y": "y", "z": "z", "new": "new"}
    text = page.text(sections)
    at = text.index("\nMeasured 2026-01-01 on Another, 16 cores. v 1.\n")
    assert text.index("## far") < at < text.index("| a |") < text.index("## y")
    assert text.count("Another, 16 cores") == 1
    path.write_text("three lines\nof a log\n")
    with pytest.raises(SystemExit, match=r"printed\.json: .*--json` has printed"):
        page.load(path)
    with pytest.raises(SystemExit, match=r"No such file"):
        page.load(elsewhere / "no-such.json")


def test_results_and_page_are_written_both_or_neither(elsewhere: Path) -> None:
    page.save({"x": section("X", [Row(what="a", value=1, bar="<= 1")])})
    before = page.RESULTS.read_bytes(), page.PAGE.read_bytes()
    with pytest.raises(KeyError):
        page.save({"x": section("X", [Row(what="a", value=1, bar="about 1")])})
    assert (page.RESULTS.read_bytes(), page.PAGE.read_bytes()) == before


def test_two_do_not_measure_for_one_page(elsewhere: Path) -> None:
    with page.locked(), pytest.raises(SystemExit, match="another run measures for it"), page.locked():
        pass
    with page.locked():
        pass


def test_what_a_benchmark_needs_is_asked_for_before_anything_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mediapy", None)
    with pytest.raises(click.ClickException, match=r"quality needs .*mediapy.*: pip install -e '\.\[bench\]'"):
        needs.loaded(["start_up", "quality"], Options(quick=True))


@pytest.mark.parametrize("broken", [b"", b"\x93NUMPY"])
def test_a_clip_that_is_not_whole_in_the_cache_is_rendered_anew(
    broken: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clips, "CACHE", tmp_path)
    monkeypatch.setitem(clips.CLIPS, "tiny", clips.Clip("CartPole-v1", 2, 600, 400))
    whole = np.array(clips.clip("tiny"))
    (path,) = tmp_path.iterdir()
    path.write_bytes(broken or path.read_bytes()[:-1])
    assert np.array_equal(clips.clip("tiny"), whole)
    assert list(tmp_path.iterdir()) == [path]


def test_a_clip_that_cannot_be_rendered_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clips, "CACHE", tmp_path)
    monkeypatch.setitem(clips.CLIPS, "tiny", clips.Clip("NoSuchGame-v5", 2, 160, 210))
    with pytest.raises(SystemExit, match=r"\ANoSuchGame-v5 cannot be rendered: [^\n]*: pip install -e '\.\[bench\]'"):
        clips.clip("tiny")
    assert not list(tmp_path.iterdir())


def test_a_benchmark_that_is_terminated_leaves_no_files(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.benchmarks", "start_up", "--quick"]
    root = Path(__file__).parents[1]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(command, cwd=root, env=environment, stderr=subprocess.DEVNULL) as child:
        while not list(tmp_path.rglob("manifest.json")):
            assert child.poll() is None
            time.sleep(0.01)
        child.send_signal(signal.SIGTERM)
        assert child.wait(60) == 128 + signal.SIGTERM
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", NAMES)
def test_a_benchmark_says_what_it_compares(name: str) -> None:
    path = Path(__file__).parent / "benchmarks" / f"{name}.py"
    assert re.search(r"^TITLE = ", text := path.read_text(), re.MULTILINE)
    assert re.search(r"^ABOUT = ", text, re.MULTILINE)
    assert re.search(r"^def run\(", text, re.MULTILINE)
