"""The harness sees what goes wrong in a page, and leaves no process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import missing
from tests.report.gallery.browser import ROOT, Browser, Driver, lacking

POLICY = "default-src 'none'; img-src 'self' data: https:; script-src 'self'"
HEAD = f"""<!doctype html><html lang="en"><meta charset="utf-8"><title>a page</title><link rel="icon" href="data:,">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">"""

FAULTS = {
    "an uncaught error": ("missing();", "uncaught: .*missing"),
    "an error in the console": ("console.error('so', 1);", "error: so 1"),
    "a warning in the console": ("console.warn('so');", "warn.*so"),
    "a violated policy": ("document.body.setAttribute('onclick', 'f()');", "Content-Security-Policy"),
    "an inline style": ("document.body.setAttribute('style', 'color: red');", "style-src"),
    "a file outside": ("new Image().src = '../outside.png';", "requested file:.*outside.png"),
    "the network": ("new Image().src = 'https://example.org/a.png';", "example.org"),
    "a dialog": ("setTimeout(() => alert('hello'));", "dialog: hello"),
}


def write_page(folder: Path, script: str = "", body: str = "") -> Path:
    folder.mkdir()
    (folder / "outside.png").touch()
    (folder / "page.js").write_text(script)
    (folder / "index.html").write_text(f"{HEAD}<main>{body}</main><script src='page.js'></script>")
    return folder / "index.html"


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_of_a_page_fails_its_test(name: str, browser: Browser, tmp_path: Path) -> None:
    script, expected = FAULTS[name]
    if name == "a file outside" and browser.kind == "firefox":
        pytest.skip("Firefox reports no requests of files")
    page = browser.open(write_page(tmp_path / "site", script))
    for _ in range(100):
        if page.faults():
            break
        page.evaluate("new Promise(done => setTimeout(done, 50))")
    with pytest.raises(AssertionError, match=expected):
        browser.check()
    page.expected = [".*"]
    if name == "the network":
        # Seen in what the page requests; a browser that forgot that would be seen by the proxy.
        browser.forget_network()


def test_a_page_is_driven(browser: Browser, tmp_path: Path) -> None:
    body = """<label>word <input id="word"></label> <select aria-label="colour"><option>red<option>blue</select>
        <button>save</button><input type="file" hidden><canvas width="300" height="100"></canvas><p></p>"""
    script = """
        const seen = [];
        const note = (text) => { seen.push(text); document.querySelector("p").textContent = seen.join(" "); };
        document.querySelector("button").onclick = () => {
            const link = document.createElement("a");
            link.href = URL.createObjectURL(new Blob(["[1]"], { type: "application/json" }));
            link.download = "saved file.json";
            link.click();
        };
        document.querySelector("select").onchange = (event) => note(event.target.value);
        document.querySelector("input[type=file]").onchange = async (event) => note(await event.target.files[0].text());
        const canvas = document.querySelector("canvas");
        canvas.getContext("2d").fillStyle = "rgb(250, 0, 0)";
        canvas.getContext("2d").fillRect(0, 0, 300, 100);
        let down = null;
        canvas.onpointerdown = (event) => { down = event.offsetX; };
        canvas.onpointerup = (event) => note("dragged" + Math.round(event.offsetX - down));
        onkeydown = (event) => { if (event.ctrlKey && event.key === "b") note("bold"); };
        canvas.onpointerenter = () => note("over");
    """
    page = browser.open(write_page(tmp_path / "site", script, body), "#a=1")
    assert page.evaluate("location.hash") == "#a=1"
    page.type("#word", "ü plus")
    assert page.evaluate("id => document.getElementById(id).value", "word") == "ü plus"
    page.press("Control+b")
    page.select("select", "blue")
    (tmp_path / "site" / "marks.json").write_text("{}")
    page.upload("input[type=file]", tmp_path / "site" / "marks.json")
    page.wait_for("document.querySelector('p').textContent.includes('{}')")
    x, y, _, _ = page.box("canvas")
    page.drag((x + 10, y + 10), (x + 90, y + 10))
    page.hover("canvas")
    assert page.texts("p") == ["bold blue {} over dragged80"]
    picture = page.screenshot("canvas")
    assert picture.shape == (100, 300, 3)
    assert (abs(picture[50, 150].astype(int) - [250, 0, 0]) < 3).all()
    page.click("button")
    assert page.downloaded("saved file.json").read_text() == "[1]"
    page.goto("#b=2")
    assert page.evaluate("location.hash") == "#b=2"
    assert page.run_axe() == []
    page.evaluate("document.querySelector('main').append(document.createElement('img'))")
    (found,) = page.run_axe()
    assert found.startswith("critical image-alt")


@pytest.mark.soak
def test_each_page_has_a_profile_of_its_own(browser: Browser, tmp_path: Path) -> None:
    index = write_page(tmp_path / "site")
    page = browser.open(index)
    page.evaluate("localStorage.setItem('mark', 'good')")
    page.reload()
    assert page.evaluate("localStorage.getItem('mark')") == "good"
    assert browser.open(index).evaluate("localStorage.getItem('mark')") is None


@pytest.mark.soak
@pytest.mark.parametrize("kind", ["chromium", "firefox"])
@pytest.mark.parametrize("killed", [False, True], ids=["closed", "driver killed"])
def test_no_process_stays(kind: str, killed: bool, tmp_path: Path) -> None:
    if reason := lacking(kind):
        missing(reason)
    driver = Driver(kind)
    Browser(driver, tmp_path).open(write_page(tmp_path / "site"))
    processes = driver.process_ids()
    assert len(processes) > 1
    if killed:
        os.killpg(driver._node.pid, signal.SIGKILL)
    driver.close()
    assert all(map(has_ended, processes))
    assert not os.path.lexists(driver._home)


def has_ended(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


# Ends in the middle of a command, as a test run does that somebody kills.
KILLED = """
import json, os, signal, sys
from pathlib import Path
from tests.report.gallery.browser import Browser, Driver
driver = Driver(sys.argv[1])
page = Browser(driver, Path(sys.argv[2])).open(Path(sys.argv[3]))
print(*driver.process_ids(), driver._node.pid, flush=True)
command = {"id": 1000, "name": "wait_for", "page": page.number, "script": "false", "limit": 60}
driver._node.stdin.write(json.dumps(command).encode() + b"\\n")
driver._node.stdin.flush()
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.soak
@pytest.mark.parametrize("kind", ["chromium", "firefox"])
def test_no_process_and_no_file_stays_of_a_killed_run(kind: str, tmp_path: Path) -> None:
    if reason := lacking(kind):
        missing(reason)
    # Not below tmp_path: of a longer path Chromium can make no socket.
    with tempfile.TemporaryDirectory() as temporary:
        ended = subprocess.run(
            [sys.executable, "-c", KILLED, kind, tmp_path, write_page(tmp_path / "site")],
            env={**os.environ, "TMPDIR": temporary},
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
            timeout=240,
        )
        assert ended.returncode == -signal.SIGKILL
        limit = time.monotonic() + 60
        while os.listdir(temporary) or not all(has_ended(int(process)) for process in ended.stdout.split()):
            assert time.monotonic() < limit, list(Path(temporary).rglob("*"))
            time.sleep(0.05)


def test_a_page_may_be_dark(chromium: Browser, tmp_path: Path) -> None:
    page = chromium.open(write_page(tmp_path / "site"), scheme="dark", width=400, height=300)
    assert page.evaluate("[matchMedia('(prefers-color-scheme: dark)').matches, innerWidth, innerHeight]") == [
        True,
        400,
        300,
    ]


def test_what_a_machine_lacks_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert lacking("firefox") == "firefox-esr is missing: install the Debian package firefox-esr"
    fixture: Callable[[str], object] = missing
    monkeypatch.delenv("DADDY_ENCODE_REQUIRE_SYSTEM", raising=False)
    with pytest.raises(pytest.skip.Exception):
        fixture(lacking("chromium"))
    monkeypatch.setenv("DADDY_ENCODE_REQUIRE_SYSTEM", "1")
    with pytest.raises(pytest.fail.Exception):
        fixture(lacking("chromium"))
