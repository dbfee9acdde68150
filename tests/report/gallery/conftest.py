from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.report.gallery.javascript import close_all


@pytest.fixture(autouse=True, scope="module")
def _no_javascript_goes_on() -> Iterator[None]:
    yield
    close_all()
