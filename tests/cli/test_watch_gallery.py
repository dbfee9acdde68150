"""`watch --gallery`: the page shows what has ended, whoever encoded it; what fails there does not end the watcher."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from daddy_encode.cli.watch import keep_gallery
from daddy_encode.cli.watch.keep_gallery import GalleryKeeper
from daddy_encode.errors import SettingsError
from daddy_encode.report.gallery.gallery import Gallery
from daddy_encode.service.watcher.events import start_events
from tests.jobs import encode
from tests.media import run_command
from tests.report.gallery.pages import read_details, read_page
from tests.service.spools import until, write_job


def jobs(page: Path) -> dict[str, dict[str, Any]]:
    return {job["job"]: job for job in read_page(page).jobs} if page.exists() else {}


@pytest.fixture
def keeper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GalleryKeeper]:
    monkeypatch.setattr(keep_gallery, "SHORTEST_SECONDS", 0.1)
    monkeypatch.setattr(keep_gallery, "SCAN_SECONDS", 0.3)
    keeper = GalleryKeeper(tmp_path / "spool", None, None)
    yield keeper
    keeper.end(lambda: True)


def test_a_watcher_that_ends_leaves_a_page_with_all_that_it_made(tmp_path: Path) -> None:
    for name in "ab":
        write_job(tmp_path / "spool" / name)
    page = tmp_path / "pages" / "all.html"
    page.parent.mkdir()
    done = run_command("watch", tmp_path / "spool", "--once", "--gallery-page", page)
    assert done.returncode == 0, done.stderr
    assert jobs(page).keys() == {"a", "b"}
    # With nothing to do, it is at its end before the page is begun.
    keeper = GalleryKeeper(tmp_path / "spool", tmp_path / "other.html", None)
    keeper.start()
    keeper.end(lambda: True)
    assert jobs(tmp_path / "other.html").keys() == {"a", "b"}
    for job in jobs(page).values():
        assert "sprite" in read_details(page, job["id"])
    with pytest.raises(SettingsError, match=r"has to end in \.html"):
        GalleryKeeper(tmp_path / "spool", tmp_path / "all.txt", None)


def test_the_page_comes_with_the_root_and_shows_own_and_others_jobs(tmp_path: Path, keeper: GalleryKeeper) -> None:
    page = tmp_path / "spool" / "index.html"
    keeper.start()
    own = write_job(tmp_path / "spool" / "own")
    encode(own)
    keeper.changed(own.with_name("own.receipt.json"))
    until(lambda: "sprite" in jobs(page).get("own", {}), "the watcher's own job, with its pictures")
    encode(write_job(tmp_path / "spool" / "other"))
    until(lambda: "other" in jobs(page), "another encoder's job")
    (tmp_path / "spool" / "other.receipt.json").unlink()
    until(lambda: "other" not in jobs(page), "that it is gone")


def test_a_watcher_leaves_others_jobs_on_the_page_that_they_have_written(tmp_path: Path, keeper: GalleryKeeper) -> None:
    page = tmp_path / "spool" / "index.html"
    keep_gallery.SCAN_SECONDS = 3600.0
    own = write_job(tmp_path / "spool" / "own")
    encode(own)
    keeper.start()
    until(lambda: "own" in jobs(page), "the first page")
    encode(write_job(tmp_path / "spool" / "other"))
    Gallery(tmp_path / "spool").complete()
    encode(own, force=True)
    keeper.changed(own.with_name("own.receipt.json"))
    finished = jobs(page)["own"]["finished"]
    until(lambda: jobs(page)["own"]["finished"] != finished or "sprite" in jobs(page)["own"], "the page anew")
    assert jobs(page).keys() == {"own", "other"}
    # The other ends after the last time that it was looked for.
    encode(write_job(tmp_path / "spool" / "last"))
    keeper.end(lambda: False)
    assert jobs(page).keys() == {"own", "other", "last"}


def test_a_root_that_never_comes_gets_no_page(tmp_path: Path, keeper: GalleryKeeper) -> None:
    keeper.start()
    keeper.end(lambda: False)
    assert list(tmp_path.iterdir()) == []


def test_a_page_that_cannot_be_written_is_one_warning_and_comes_once_it_can(
    tmp_path: Path, keeper: GalleryKeeper, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = tmp_path / "spool"
    encode(write_job(spool / "job"))
    (spool / "index.files").write_text("in the way")
    tries = []
    original = Gallery.publish

    def publish(gallery: Gallery) -> bool:
        tries.append(gallery)
        return original(gallery)

    monkeypatch.setattr(Gallery, "publish", publish)
    with caplog.at_level(logging.WARNING):
        keeper.start()
        until(lambda: caplog.records, "a warning")
        until(lambda: len(tries) > 3, "further tries")
        (spool / "index.files").unlink()
        until(lambda: "job" in jobs(spool / "index.html"), "the page")
    assert len({record.getMessage() for record in caplog.records}) == len(caplog.records)
    assert "index.files" in caplog.text
    assert "the gallery is not up to date, and is tried again" in caplog.text


def test_a_page_that_is_written_anew_wakes_no_watcher(tmp_path: Path) -> None:
    encode(write_job(tmp_path / "job"))
    gallery = Gallery(tmp_path)
    gallery.scan()
    gallery.publish()
    events = start_events(tmp_path)
    if events is None:
        pytest.skip("no events on this file system")
    for directory in (tmp_path, tmp_path / "index.files"):
        events.watch(str(directory), is_job=False)
    (tmp_path / "job.mp4").write_bytes(b"another")
    gallery.scan()
    assert gallery.publish()
    assert not events.read()
    (tmp_path / "new").mkdir()
    assert events.read(), "it would be seen"
    events.close()
