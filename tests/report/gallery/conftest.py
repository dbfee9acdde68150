"""Browsers for the tests of the gallery, and the ends of what they start."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import pytest

from tests.conftest import missing
from tests.report.gallery.browser import Browser, Driver, lacking
from tests.report.gallery.javascript import close_all


@pytest.fixture(autouse=True, scope="module")
def _no_javascript_goes_on() -> Iterator[None]:
    yield
    close_all()


@pytest.fixture(scope="session")
def drivers() -> Iterator[Callable[[str], Driver]]:
    """Call with `chromium` or `firefox`: one browser of each kind for all tests, started when first needed."""
    started: dict[str, Driver] = {}

    def driver(kind: str) -> Driver:
        if os.environ.get("TESTS_WITHOUT_BROWSERS"):
            # Set by .ci/run, where npm cannot be asked.
            pytest.skip("what drives browsers could not be installed")
        if reason := lacking(kind):
            missing(reason)
        if kind not in started:
            started[kind] = Driver(kind)
        if not started[kind].plays_h264:
            missing(f"{kind} plays no H.264 here: Firefox needs the Debian package libavcodec-extra")
        return started[kind]

    yield driver
    for each in started.values():
        each.close()


def browser_of_test(kind: str, drivers: Callable[[str], Driver], folder: Path) -> Iterator[Browser]:
    browser = Browser(drivers(kind), folder / "downloads")
    try:
        yield browser
        browser.check()
    finally:
        browser.close()


@pytest.fixture(params=["chromium", pytest.param("firefox", marks=pytest.mark.soak)])
def browser(
    request: pytest.FixtureRequest, drivers: Callable[[str], Driver], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Browser]:
    """Chromium, and in the soak Firefox: a test that takes it runs in both."""
    yield from browser_of_test(cast(str, request.param), drivers, tmp_path_factory.mktemp("browser"))


@pytest.fixture
def chromium(drivers: Callable[[str], Driver], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Chromium alone: for what Firefox cannot be asked for, as a dark page or frame times."""
    yield from browser_of_test("chromium", drivers, tmp_path_factory.mktemp("browser"))
