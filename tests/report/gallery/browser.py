"""Real browsers for tests: Chromium and Firefox, driven by puppeteer-core, each in a process of its own.

    def test_a_word_filters(browser: Browser, page_of_12: Path) -> None:
        page = browser.open(page_of_12)
        page.type("input[type=search]", "failed")
        page.wait_for_count(".card", 3)

The fixture `browser` fails a test at its end if a page said an error or a warning in its console, violated its
Content-Security-Policy, opened a window or a dialog, or requested anything outside the folder of its index.html
(Firefox reports no requests of files: of those, Chromium tells).

Needed: Debian's chromium (firefox-esr for the soak), `node` 18 or later, and below .venv, where .ci/run puts it,
`npm install --no-save --prefix .venv puppeteer-core@24.43.1 axe-core@4.14.1`; NODE_MODULES_OF_TESTS is the folder
`node_modules` of another place.
"""

from __future__ import annotations

import base64
import contextlib
import io
import json
import os
import re
import select
import shutil
import signal
import subprocess
import tempfile
import urllib.parse
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

ROOT = Path(__file__).parents[3]
DRIVER = Path(__file__).with_name("browser_driver.mjs")
# Name -> puppeteer's word, the program, its Debian package.
KINDS = {"chromium": ("chrome", "chromium", "chromium"), "firefox": ("firefox", "firefox-esr", "firefox-esr")}
# Of one command, in seconds: the driver itself gives up after 60.
LIMIT = 240.0
Place = str | Sequence[float]


class BrowserError(AssertionError):
    """The browser could not do it; with what its page said so far."""


def node_modules() -> Path:
    """Where npm's packages for tests are."""
    return Path(os.environ.get("NODE_MODULES_OF_TESTS") or ROOT / ".venv" / "node_modules")


def lacking(kind: str) -> str:
    """What this machine lacks for driving a browser of this kind; empty where nothing."""
    _, program, package = KINDS[kind]
    if shutil.which(program) is None:
        return f"{program} is missing: install the Debian package {package}"
    if shutil.which("node") is None:
        return "node is missing: install the Debian package nodejs"
    for name in ("puppeteer-core", "axe-core"):
        if not (node_modules() / name / "package.json").is_file():
            return f"npm's {name} is missing in {node_modules()}: .ci/run has the command that installs it"
    return ""


class Driver:
    """One browser and the Node process that drives it; both end with this one, however it ends, and leave no file.

    Attributes:
        plays_h264: Whether it plays our videos.
    """

    def __init__(self, kind: str, **preferences: object) -> None:
        """Start the browser; takes about a second. `preferences`: of Firefox."""
        self.kind = kind
        word, program, _ = KINDS[kind]
        self._home = tempfile.mkdtemp(prefix="daddy-encode-browser-")
        self._count = 0
        self._unread = b""
        node, browser = shutil.which("node"), shutil.which(program)
        assert node and browser
        # A home of its own: nothing of the user's is read, nothing is left there.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("XDG_")}
        self._log = open(os.path.join(self._home, "stderr"), "w+b")  # noqa: SIM115
        self._node = subprocess.Popen(
            [node, DRIVER, node_modules(), word, browser, self._home, json.dumps(preferences)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env={**environment, "HOME": self._home, "TMPDIR": self._home},
            start_new_session=True,
        )
        self._browser_pid = 0
        try:
            self._browser_pid, self.plays_h264 = self._answer(0)
        except BaseException:
            self.close()
            raise

    def command(self, name: str, **arguments: Any) -> Any:
        """Send one command to the driver and wait for its answer."""
        self._count += 1
        line = json.dumps({"id": self._count, "name": name, **arguments}) + "\n"
        assert self._node.stdin
        try:
            self._node.stdin.write(line.encode())
            self._node.stdin.flush()
        except BrokenPipeError:
            raise BrowserError(f"the driver of {self.kind} has ended: {self._said()}") from None
        return self._answer(self._count)

    def _said(self) -> str:
        self._log.seek(0)
        return self._log.read()[-4000:].decode(errors="replace")

    def _answer(self, number: int) -> Any:
        assert self._node.stdout
        descriptor = self._node.stdout.fileno()
        while True:
            while b"\n" not in self._unread:
                if not select.select([descriptor], [], [], LIMIT)[0]:
                    raise BrowserError(f"{self.kind} has not answered for {LIMIT:.0f} s: {self._said()}")
                data = os.read(descriptor, 1 << 20)
                if not data:
                    raise BrowserError(f"the driver of {self.kind} has ended: {self._said()}")
                self._unread += data
            line, self._unread = self._unread.split(b"\n", 1)
            answer = json.loads(line)
            if answer["id"] != number:
                continue
            if "error" in answer:
                raise BrowserError(answer["error"])
            return answer["value"]

    def process_ids(self) -> list[int]:
        """The browser's processes, also those that have moved into a group of their own."""
        children: dict[int, list[int]] = {}
        for entry in os.scandir("/proc"):
            if entry.name.isdigit():
                with contextlib.suppress(OSError):
                    after_name = Path(entry.path, "stat").read_text().rpartition(")")[2].split()
                    children.setdefault(int(after_name[1]), []).append(int(entry.name))
        found = [self._browser_pid] if self._browser_pid else []
        for process_id in found:
            found += children.get(process_id, [])
        return found

    def close(self) -> None:
        """End the browser and the driver, by force where they do not end by themselves; remove their files."""
        # Descriptors, since a process that ends meanwhile may leave its number to another.
        processes = []
        for process_id in [*self.process_ids(), self._node.pid]:
            with contextlib.suppress(ProcessLookupError):
                processes.append(os.pidfd_open(process_id))
        assert self._node.stdin and self._node.stdout
        with contextlib.suppress(BrokenPipeError):
            self._node.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._node.wait(20)
        for process in processes:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(process, signal.SIGKILL)
        for process in processes:
            # Readable once it has ended.
            select.select([process], [], [], 60)
            os.close(process)
        self._node.wait(60)
        self._node.stdout.close()
        self._log.close()
        shutil.rmtree(self._home, ignore_errors=True)


@dataclass
class Page:
    """One page, in a profile of its own: no marks or settings of other tests."""

    driver: Driver
    number: int
    folder: Path
    downloads: Path
    # Regular expressions; what the console says and the page requests may match one of them.
    expected: list[str] = field(default_factory=list)

    def _do(self, name: str, **arguments: Any) -> Any:
        try:
            return self.driver.command(name, page=self.number, **arguments)
        except BrowserError as error:
            with contextlib.suppress(BrowserError):
                records = self.records()
                raise BrowserError(
                    "\n".join([f"{name} {arguments}: {error}", *records["errors"], *records["console"]])
                ) from None
            raise

    def records(self) -> dict[str, list[str]]:
        """What the page wrote to the console: `errors` (warnings too), `console`; the URLs of its `requests`."""
        records: dict[str, list[str]] = self.driver.command("records", page=self.number)
        return records

    def evaluate(self, script: str, *arguments: Any) -> Any:
        """The value of a JavaScript expression; with arguments, of the function that it is. Promises are awaited."""
        if arguments:
            script = f"({script})({', '.join(map(json.dumps, arguments))})"
        return self._do("evaluate", script=script)

    def wait_for(self, script: str, limit: float = 60.0) -> Any:
        """Wait until the expression is true, and return its value. What it throws counts as false."""
        return self._do("wait_for", script=script, limit=limit)

    def texts(self, selector: str) -> list[str]:
        """The text of each element that matches, in the document's order."""
        found: list[str] = self.evaluate("s => [...document.querySelectorAll(s)].map(e => e.textContent)", selector)
        return found

    def count(self, selector: str) -> int:
        """How many elements match."""
        return int(self.evaluate("s => document.querySelectorAll(s).length", selector))

    def wait_for_count(self, selector: str, count: int) -> None:
        """Wait until so many elements match."""
        self.wait_for(f"document.querySelectorAll({json.dumps(selector)}).length === {count}")

    def wait_for_focus(self, selector: str) -> None:
        """Wait until what has the focus matches."""
        self.wait_for(f"document.activeElement.matches({json.dumps(selector)})")

    def click(self, place: Place, count: int = 1, button: str = "left") -> None:
        """Click on the middle of the first visible element that matches (it is waited for), or on (x, y)."""
        self._do("click", place=place, count=count, button=button)

    def tap(self, place: Place) -> None:
        """Touch it with a finger, which is lifted at once."""
        self._do("tap", place=place)

    def hover(self, place: Place) -> None:
        """Move the pointer there."""
        self._do("hover", place=place)

    def drag(self, start: Place, end: Place, steps: int = 8) -> None:
        """Press at start, move to end, release."""
        self._do("drag", start=start, end=end, steps=steps)

    def wheel(self, y: float, x: float = 0.0) -> None:
        """Turn the wheel where the pointer is, in pixels."""
        self._do("wheel", x=x, y=y)

    def press(self, keys: str) -> None:
        """Press a key: `a`, `Enter`, `ArrowLeft`, `Control+a`, `?`."""
        self._do("press", keys=keys)

    def type(self, selector: str, text: str) -> None:
        """Write with the keyboard, into the element that matches; empty: into the one with focus."""
        self._do("type", selector=selector, text=text)

    def select(self, selector: str, *values: str) -> None:
        """Choose in a `<select>`."""
        self._do("select", selector=selector, values=values)

    def upload(self, selector: str, *paths: Path) -> None:
        """Choose files in an `<input type=file>`, also in a hidden one."""
        self._do("upload", selector=selector, paths=[str(path) for path in paths])

    def box(self, selector: str) -> tuple[float, float, float, float]:
        """x, y, width, height of the first element that matches, in the viewport."""
        x, y, width, height = self.evaluate(
            "s => (b => [b.x, b.y, b.width, b.height])(document.querySelector(s).getBoundingClientRect())", selector
        )
        return x, y, width, height

    def screenshot(self, selector: str = "", whole: bool = False) -> npt.NDArray[np.uint8]:
        """What is seen, as (height, width, 3): the viewport, the whole page, or one element."""
        data = base64.b64decode(self._do("screenshot", selector=selector, whole=whole))
        with Image.open(io.BytesIO(data)) as image:
            return np.asarray(image.convert("RGB"))

    def viewport(self, width: int, height: int, scale: float = 1.0) -> None:
        """Give the window another size."""
        self._do("viewport", width=width, height=height, scale=scale)

    def print_media(self) -> None:
        """Show the page as it is printed."""
        self._do("media", type="print")

    def goto(self, hash: str = "", path: Path | None = None) -> None:
        """Go to another hash of this page (`#job=…`) or to another page, in the same profile."""
        url = path.as_uri() if path else self.evaluate("location.href.split('#')[0]")
        self._do("goto", url=url + hash)

    def reload(self) -> None:
        """Load the page anew; marks stay."""
        self._do("reload")

    def back(self) -> None:
        """Go back in the history."""
        self._do("back")

    def run_axe(self) -> list[str]:
        """What axe-core finds serious or critical on what is shown now, one line each."""
        self.evaluate((node_modules() / "axe-core" / "axe.min.js").read_text() + ";0")
        found = self.evaluate("axe.run().then(r => r.violations)")
        return [
            f"{fault['impact']} {fault['id']}: {fault['help']}: {node['html'][:200]}: {node['failureSummary'][:400]}"
            for fault in found
            if fault["impact"] in ("serious", "critical")
            for node in fault["nodes"]
        ]

    def cdp(self, method: str, **params: Any) -> Any:
        """Chromium alone: a command of the DevTools protocol."""
        return self._do("cdp", method=method, params=params)

    def downloaded(self, name: str) -> Path:
        """The file of this name that the page saved; waited for."""
        path = self.downloads / name
        # A browser writes another name first and renames it, so the file is whole.
        for _ in range(600):
            if path.is_file() and path.stat().st_size:
                return path
            self.evaluate("new Promise(done => setTimeout(done, 100))")
        raise BrowserError(f"no download {name} in 60 s, but {sorted(os.listdir(self.downloads))}")

    def faults(self) -> list[str]:
        """Errors in the console, violations of its policy, requests outside its folder."""
        records = self.records()
        found = records["errors"] + [f"requested {url}" for url in records["requests"] if not self._is_inside(url)]
        return [fault for fault in found if not any(re.search(pattern, fault) for pattern in self.expected)]

    def _is_inside(self, url: str) -> bool:
        parts = urllib.parse.urlsplit(url)
        if parts.scheme in ("data", "blob"):
            return True
        path = os.path.normpath(urllib.parse.unquote(parts.path, errors="surrogateescape"))
        return parts.scheme == "file" and not parts.netloc and Path(path).is_relative_to(self.folder)

    def close(self) -> None:
        """Close it."""
        self.driver.command("close", page=self.number)


class Browser:
    """The browser of one test: opens pages, and at the end of the test looks for what went wrong in them."""

    def __init__(self, driver: Driver, downloads: Path) -> None:
        """Use a browser that runs; downloads are kept below this folder."""
        self.kind = driver.kind
        self._driver = driver
        self._downloads = downloads
        self._network = len(driver.command("network"))
        self.pages: list[Page] = []

    def open(
        self,
        index: Path,
        hash: str = "",
        *,
        width: int = 1280,
        height: int = 800,
        scale: float = 1.0,
        scheme: str = "light",
        folder: Path | None = None,
        before: str = "",
    ) -> Page:
        """Open a page from its file in a new profile.

        Args:
            index: The page's file.
            hash: What follows its address, `#job=…`.
            width: Of the window, in CSS pixels.
            height: Of the window.
            scale: Device pixels per CSS pixel.
            scheme: `light`, or `dark` (Chromium alone).
            folder: Nothing outside it may be requested. Default: where the page is.
            before: A script that runs before the page's own.
        """
        downloads = self._downloads / str(len(self.pages))
        downloads.mkdir(parents=True)
        number = self._driver.command(
            "open",
            url=index.absolute().as_uri() + hash,
            width=width,
            height=height,
            scale=scale,
            scheme=scheme,
            downloads=str(downloads),
            before=before,
        )
        page = Page(self._driver, number, (folder or index.parent).absolute(), downloads)
        self.pages.append(page)
        return page

    def check(self) -> None:
        """Fail if a page had a fault, or anything went to the network."""
        faults = [fault for page in self.pages for fault in page.faults()]
        faults += [f"to the network: {line}" for line in self._driver.command("network")[self._network :]]
        assert not faults, "\n".join(faults)

    def forget_network(self) -> None:
        """What went to the network until now was meant."""
        self._network = len(self._driver.command("network"))

    def close(self) -> None:
        """Close its pages."""
        for page in self.pages:
            page.close()
        self.pages.clear()
