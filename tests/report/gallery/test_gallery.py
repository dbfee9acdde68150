"""The page over real jobs: what it says of each, where its links lead, and what is written where."""

from __future__ import annotations

import base64
import errno
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import daddy_encode
from daddy_encode.dump import FrameWriter
from daddy_encode.errors import SettingsError, SpoolError
from daddy_encode.report.gallery import cards
from daddy_encode.report.gallery.gallery import Gallery
from daddy_encode.report.ledger import read_one
from daddy_encode.spool.publish import temp_file
from daddy_encode.spool.receipt import Receipt
from daddy_encode.spool.walk import Listing, SpoolDirectory
from tests.archive.commands import told
from tests.jobs import encode
from tests.media import leftovers, moving_square, run_command
from tests.report.gallery.pages import Page, assert_only_its_own_runs, read_details, read_page, read_script, target
from tests.report.gallery.spools import add_job, make_clip

META = {"environment": "Ant", "seed": 3, "return": 200.5, "agent": {"step": 1000}}


def record(directory: Path, meta: dict[str, Any] = META, count: int = 6, **more: Any) -> Path:
    """A recording of ours, with annotations."""
    with FrameWriter(directory, meta=meta, **more) as writer:
        for index, frame in enumerate(moving_square(count, 32, 48)):
            writer.write(frame, reward=index / 2)
    return directory


@pytest.fixture(scope="module")
def encoded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A spool with one recording of each kind, encoded; tests copy it."""
    spool = tmp_path_factory.mktemp("gallery") / "spool"
    record(spool / "run-1" / "first")
    record(spool / "run-1" / "second", {**META, "seed": 4})
    for name in ("first", "second"):
        encode(spool / "run-1" / name, video="both" if name == "first" else None)
    return spool


@pytest.fixture
def spool(encoded: Path, tmp_path: Path) -> Path:
    return shutil.copytree(encoded, tmp_path / "spool")


def receipt_of(spool: Path, name: str, **changes: Any) -> dict[str, Any]:
    """The receipt of a job below the spool, with changes that are written."""
    path = spool / f"{name}.receipt.json"
    receipt: dict[str, Any] = json.loads(path.read_text())
    if changes:
        receipt |= changes
        path.write_text(json.dumps(receipt))
    return receipt


def made(root: Path, *arguments: Any, **options: Any) -> Page:
    return read_page(daddy_encode.gallery(root, *arguments, **{"sprites": False, **options}))


def test_the_command_makes_a_page_with_every_job_and_a_file_of_each(spool: Path) -> None:
    done = run_command("gallery", spool, "--title", "Ants & <bees>")
    assert done.returncode == 0, done.stderr
    assert "index.html: 2 jobs" in done.stderr
    page, place = read_page(spool / "index.html"), spool / "index.html"
    assert page.title == page.data["title"] == "Ants & <bees>"
    assert [job["job"] for job in page.jobs] == ["run-1/second", "run-1/first"], "the newest first"
    job, receipt = page.job("run-1/first"), receipt_of(spool, "run-1/first")
    outputs = {output["format"]: output for output in receipt["outputs"]}
    assert job["state"] == "done"
    assert (job["frames"], job["fps"], job["width"], job["height"]) == (6, [30, 1], 48, 32)
    assert job["bytes"] == outputs["mp4"]["bytes"] + outputs["gif"]["bytes"]
    assert (job["finished"], job["host"]) == (receipt["finished"], os.uname().nodename)
    assert job["meta"] == {"environment": "Ant", "seed": 3, "return": 200.5, "agent.step": 1000}
    for kind in ("mp4", "gif"):
        data = target(place, job[kind]).read_bytes()
        assert hashlib.sha256(data).hexdigest() == outputs[kind]["sha256"]
    details = read_details(place, job["id"])
    assert job["columns"] == ["reward"]
    assert details["columns"]["reward"] == [0, 0.5, 1, 1.5, 2, 2.5]
    columns, rows, width, height, count = job["sprite"]
    kind, _, sprite = details["sprite"].partition(";base64,")
    assert kind.startswith("data:image/")
    assert Image.open(io.BytesIO(base64.b64decode(sprite))).size == (columns * width, rows * height)
    assert details["cells"] == list(range(count)) == list(range(6))
    name, (state,) = read_script(spool / "index.files" / "latest.js")
    assert name == "latest"
    assert state == {key: page.data[key] for key in ("generated", "digest")} | {"jobs": 2}
    assert sorted(path.name for path in spool.iterdir()) == ["index.files", "index.html", "run-1"]
    assert leftovers(spool) == leftovers(spool / "index.files") == []
    # As of a variable that is not set.
    assert made(spool, title=" ").title == spool.name


def test_only_the_pages_own_script_and_styles_may_run(spool: Path) -> None:
    page = made(spool)
    assert_only_its_own_runs(page)
    for _, attributes in page.tags:
        for name in ("src", "href"):
            assert attributes.get(name, "data:,") == "data:,", "nothing is loaded but what the script asks for"


def test_a_link_in_place_of_a_video_is_not_opened(spool: Path) -> None:
    job = made(spool).job("run-1/first")
    (spool / "run-1" / "first.mp4").rename(spool / "elsewhere.mp4")
    (spool / "run-1" / "first.mp4").symlink_to(spool / "elsewhere.mp4")
    after = made(spool).job("run-1/first")
    assert "mp4" in job and "mp4" not in after and after["gif"] == job["gif"]
    assert ["replaced", "the MP4 is a link to another file, which is not followed"] in after["chips"]


def test_annotations_may_be_called_as_what_every_object_has(tmp_path: Path) -> None:
    written = [{"__proto__": k, "constructor": 2 * k, "note": '["__proto__"]: "__proto__":'} for k in range(12)]
    add_job(tmp_path, "job", make_clip(tmp_path.parent / f"{tmp_path.name} clip"), annotations=written)
    for again in (False, True):
        # The second time its file is read again, for the sprite.
        page = made(tmp_path, sprites=again)
        found = read_details(tmp_path / "index.html", page.job("job")["id"])
        assert found["columns"] == {"__proto__": list(range(12)), "constructor": list(range(0, 24, 2))}
        assert found["texts"]["note"][0] == [0, written[0]["note"]]
        shutil.rmtree(tmp_path / "job", ignore_errors=True)


def test_what_a_rollout_knew_is_shown_when_its_frames_and_records_are_gone(spool: Path) -> None:
    before, place = made(spool), spool / "index.html"
    shutil.rmtree(spool / "run-1" / "first")
    after = made(spool)
    job = after.job("run-1/first")
    assert job == {
        **before.job("run-1/first"),
        "chips": [["frames deleted", "the directory of its frames is gone"]],
    }
    assert read_details(place, job["id"])["columns"]["reward"] == [0, 0.5, 1, 1.5, 2, 2.5]
    # A sprite that is made now keeps them.
    after = made(spool, sprites=True)
    assert after.job("run-1/first")["sprite"]
    details = read_details(place, job["id"])
    assert details["columns"]["reward"] == [0, 0.5, 1, 1.5, 2, 2.5]
    assert "sprite" in details
    assert after.job("run-1/first")["columns"] == ["reward"]
    # And they are still shown where the videos are gone as well.
    for kind in ("mp4", "gif"):
        (spool / "run-1" / f"first.{kind}").unlink()
    lost = made(spool).job("run-1/first")
    assert lost["state"] == "missing"
    assert (lost["sprite"], lost["columns"]) == (after.job("run-1/first")["sprite"], ["reward"])


def test_a_receipt_of_an_earlier_version_takes_them_from_the_records_beside_the_frames(spool: Path) -> None:
    for name in ("first", "second"):
        receipt = receipt_of(spool, f"run-1/{name}")
        assert receipt.pop("meta") == {**META, "seed": 3 if name == "first" else 4}
        (spool / "run-1" / f"{name}.receipt.json").write_text(json.dumps(receipt))
    (spool / "run-1" / "second" / "manifest.json").unlink()
    page = made(spool)
    assert page.job("run-1/first")["meta"]["return"] == 200.5
    assert page.job("run-1/second")["meta"]["seed"] == 4, "of its rollout.json"


@pytest.mark.parametrize(
    ("meta", "is_kept"),
    [
        ({"a": 2**1024}, True),
        ({"t": "x" * 60_000}, True),
        ({"t": "x" * 70_000}, False),
        ({"n": list(range(9_000))}, True),
        ({"n": list(range(12_000))}, False),
        ({}, False),
    ],
)
def test_a_receipt_keeps_meta_within_bounds(tmp_path: Path, meta: dict[str, Any], is_kept: bool) -> None:
    encode(record(tmp_path / "job", meta, 1))
    assert receipt_of(tmp_path, "job")["meta"] == (meta if is_kept else None)
    # And stays one that can be read.
    assert [job["state"] for job in made(tmp_path).jobs] == ["done"]


def test_meta_with_a_surrogate_that_utf_8_cannot_hold_is_left_out_of_the_receipt(tmp_path: Path) -> None:
    job = record(tmp_path / "job", {"t": "PLACE"}, 1)
    (job / "manifest.json").write_text((job / "manifest.json").read_text().replace("PLACE", "\\ud800"))
    encode(job)
    assert receipt_of(tmp_path, "job")["meta"] is None
    assert made(tmp_path).job("job")["meta"] == {"t": "\\ud800"}


def chips(job: dict[str, Any]) -> list[list[str]]:
    found: list[list[str]] = job.get("chips", [])
    return found


@pytest.mark.parametrize(
    ("changes", "kinds"),
    [
        ({"salvaged": True, "partial": True}, ["salvaged"]),
        ({"partial": True}, ["ended early"]),
        ({"gaps": "hold", "lost": {"missing_count": 2, "bad_count": 1}}, ["held"]),
        ({"gaps": "skip", "lost": {"bad_count": 1}}, ["skipped"]),
        ({"lost": {"dropped_count": 3}}, ["dropped"]),
        ({"settled": True}, ["settled"]),
        ({"frames": "deleted"}, ["frames deleted"]),
    ],
)
def test_what_a_receipt_says_of_its_videos_is_a_chip(spool: Path, changes: dict[str, Any], kinds: list[str]) -> None:
    receipt_of(spool, "run-1/second", **changes)
    job = made(spool).job("run-1/second")
    assert job["state"] == "done"
    assert [kind for kind, _ in chips(job)] == kinds
    counts = [str(count) for count in changes.get("lost", {}).values()]
    assert all(count in chips(job)[0][1] for count in counts)


@pytest.mark.parametrize(
    ("lost", "gaps", "chip"),
    [
        ({"missing_count": 1}, "hold", ["held", "1 missing frame: the one before it is repeated"]),
        (
            {"missing_count": 1, "bad_count": 1},
            "hold",
            ["held", "1 missing, 1 bad frames: the one before each is repeated"],
        ),
        ({"bad_count": 1}, "skip", ["skipped", "1 bad frame is left out"]),
        ({"bad_count": 3}, "skip", ["skipped", "3 bad frames are left out"]),
        ({"dropped_count": 1}, None, ["dropped", "1 frame was dropped by the rollout; the one before it is repeated"]),
        (
            {"dropped_count": 9},
            None,
            ["dropped", "9 frames were dropped by the rollout; the one before each is repeated"],
        ),
    ],
)
def test_one_frame_is_no_frames(spool: Path, lost: dict[str, int], gaps: str | None, chip: list[str]) -> None:
    receipt_of(spool, "run-1/second", lost=lost, **({"gaps": gaps} if gaps else {}))
    assert chips(made(spool).job("run-1/second")) == [chip]


def test_failures_and_videos_that_are_gone_or_others_are_states_and_chips(spool: Path) -> None:
    outputs = receipt_of(spool, "run-1/first")["outputs"]
    outputs[0]["warnings"] = [f"warning {number}" for number in range(20)]
    receipt_of(spool, "run-1/first", error="ffmpeg: no", outputs=outputs)
    (spool / "run-1" / "first.gif").unlink()
    (spool / "run-1" / "second.mp4").unlink()
    for name, more in (("failed", {"error": "one\nline"}), ("again", {"error": None, "failures": [failure()]})):
        shutil.copy(spool / "run-1" / "second.receipt.json", spool / "run-1" / f"{name}.receipt.json")
        receipt_of(spool, f"run-1/{name}", job=name, outputs=[], meta=META, **more)
    page = made(spool)
    first = page.job("run-1/first")
    assert (first["state"], first["error"], "gif" in first) == ("partial", "ffmpeg: no", False)
    assert [kind for kind, _ in chips(first)] == ["missing", *["warning"] * 11]
    assert chips(first)[-1][1] == "and 10 more warnings, in its receipt"
    second = page.job("run-1/second")
    assert (second["state"], "mp4" in second) == ("missing", False)
    failed = page.job("run-1/failed")
    assert (failed["state"], failed["error"], failed["meta"]["seed"]) == ("failed", "one\\nline", 3)
    assert chips(failed) == [["frames deleted", "the directory of its frames is gone"]]
    assert page.job("run-1/again")["error"].startswith("ffmpeg died")
    (spool / "run-1" / "second.mp4").write_bytes(b"another")
    assert [kind for kind, _ in chips(made(spool).job("run-1/second"))] == ["replaced"]


def test_the_reason_of_a_failure_is_shown_without_the_path_of_the_spool(tmp_path: Path) -> None:
    job = record(tmp_path / "spool" / "run" / "job")
    (job / "000002.png").write_bytes(b"damaged")
    record(tmp_path / "spool" / "run" / "good")
    assert run_command("encode", tmp_path / "spool").returncode == 1
    page = made(tmp_path / "spool")
    failed = page.job("run/job")
    assert (failed["state"], failed["meta"]["seed"]) == ("failed", 3)
    assert failed["error"].startswith("000002.png: ")
    assert str(tmp_path) not in (tmp_path / "spool" / "index.html").read_text()


@pytest.mark.parametrize("error", ["cannot write {place}/run-1/first.gif: full", "{place}/run-1/first: ffmpeg died"])
def test_the_reason_of_a_partial_job_is_shown_without_the_path_of_the_spool(spool: Path, error: str) -> None:
    receipt_of(spool, "run-1/first", error=error.format(place=spool))
    job = made(spool).job("run-1/first")
    assert job["state"] == "partial"
    assert job["error"] in ("cannot write first.gif: full", "ffmpeg died")


def failure() -> dict[str, Any]:
    return {"error": "ffmpeg died", "host": "node7", "finished": 1.0, "listing_sha256": ""}


@pytest.mark.soak
def test_packed_frames_and_several_sequences_of_one_directory(tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    record(spool / "packed")
    for kind in ("rgb", "depth"):
        record(spool / "views" / kind)
        for path in (spool / "views" / kind).glob("0*.png"):
            path.rename(spool / "views" / f"{kind}_{path.name}")
        shutil.rmtree(spool / "views" / kind)
    assert run_command("encode", spool, "--split").returncode == 0
    assert run_command("pack", spool / "packed").returncode == 0
    page = made(spool)
    assert [job["job"] for job in sorted(page.jobs, key=lambda job: str(job["job"]))] == [
        "packed",
        "views/depth_*.png",
        "views/rgb_*.png",
    ]
    assert [kind for kind, _ in chips(page.job("packed"))] == ["packed"]
    assert page.job("packed")["meta"]["seed"] == 3
    assert page.job("views/rgb_*.png")["mp4"] == "./views.rgb.mp4"
    assert [kind for kind, _ in chips(page.job("views/rgb_*.png"))] == ["warning"], "of its rate"


@pytest.mark.parametrize(
    ("gaps", "reward", "kind"),
    [("skip", [0, 0.5, 1.5, 2.5], "skipped"), ("hold", [0, 0.5, 1, 1.5, 2, 2.5], "held")],
)
def test_annotations_stand_at_the_frames_that_show_them(
    tmp_path: Path, gaps: str, reward: list[float], kind: str
) -> None:
    job = record(tmp_path / "job")
    (job / "000002.png").unlink()
    (job / "000004.png").write_bytes(b"damaged")
    encode(job, gaps=gaps)
    (found,) = made(tmp_path).jobs
    assert [name for name, _ in chips(found)] == [kind]
    assert found["frames"] == len(reward)
    assert read_details(tmp_path / "index.html", found["id"])["columns"] == {"reward": reward}


NAMES = [
    "with blank",
    "a#b?c=d&e",
    "100%41",
    'it\'s "quoted"',
    "line\nbreak",
    "\udcff\udc80",
    "<img src=x onerror=alert(1)>",
    "javascript:alert(1)",
    "]]><!--",
    "\u202egpj.exe",
    "日本語 ё",
    "\\back\\slash",
]


@pytest.fixture(scope="module")
def named(encoded: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A spool whose runs and jobs have NAMES."""
    spool = tmp_path_factory.mktemp("named") / "sp#ool & 1%20"
    for name in NAMES:
        (spool / name).mkdir(parents=True)
        shutil.copy2(encoded / "run-1" / "second.mp4", spool / name / f"{name}.mp4")
        shutil.copy2(encoded / "run-1" / "second.receipt.json", spool / name / f"{name}.receipt.json")
    return spool


@pytest.mark.parametrize("place", ["inside", "elsewhere", "below"])
def test_links_lead_to_files_of_any_name_from_wherever_the_page_is(named: Path, tmp_path: Path, place: str) -> None:
    output = {"inside": None, "elsewhere": tmp_path / "p#ages" / "all.html", "below": named / NAMES[1] / "x.html"}[
        place
    ]
    if output is not None:
        output.parent.mkdir(exist_ok=True)
    page = read_page(path := daddy_encode.gallery(named, output, sprites=False))
    assert len(page.jobs) == len(NAMES)
    found = set()
    for job in page.jobs:
        assert re.fullmatch(r"\.\.?/[A-Za-z0-9/._~%-]+", job["mp4"])
        assert job["job"].isprintable()
        found.add(target(path, job["mp4"]).resolve())
    assert found == {(named / name / f"{name}.mp4").resolve() for name in NAMES}


def test_a_folder_that_is_copied_with_its_page_needs_nothing_of_the_first(named: Path, tmp_path: Path) -> None:
    daddy_encode.gallery(named)
    copy = shutil.copytree(named, tmp_path / "copy")
    page = read_page(copy / "index.html")
    assert os.fsencode(named.name) not in b"".join(path.read_bytes() for path in copy.glob("index.files/*"))
    for job in page.jobs:
        assert target(copy / "index.html", job["mp4"]).resolve().is_relative_to(copy.resolve())
        assert "sprite" in read_details(copy / "index.html", job["id"])


def test_videos_of_an_output_directory_have_the_names_and_values_of_their_jobs(tmp_path: Path) -> None:
    spool, videos = tmp_path / "spool", tmp_path / "videos"
    record(spool / "run-1" / "job")
    assert run_command("encode", spool, "--output-dir", videos).returncode == 0
    page = made(spool, output_dir=videos)
    (job,) = page.jobs
    assert (job["job"], job["mp4"], job["columns"]) == ("run-1/job", "../videos/run-1/job.mp4", ["reward"])
    assert not chips(job)
    # Of the videos alone.
    (alone,) = made(videos).jobs
    assert not chips(alone), "frames were never here"
    assert (alone["id"], alone["job"], alone["mp4"]) == (job["id"], job["job"], "./run-1/job.mp4")


def test_the_page_of_one_job_is_beside_it_and_changes_nothing_in_it(spool: Path) -> None:
    job = spool / "run-1" / "first"
    before = os.stat(job).st_mtime_ns
    page = daddy_encode.gallery(job, sprites=False)
    assert page == spool / "run-1" / "first.html"
    assert [job["job"] for job in read_page(page).jobs] == ["first"]
    shutil.rmtree(job)
    assert [job["job"] for job in made(job).jobs] == ["first"]
    assert before


def test_a_page_is_kept_as_it_is_while_nothing_changes_and_each_file_while_its_videos_do_not(spool: Path) -> None:
    page = daddy_encode.gallery(spool)
    files = {path: (path.read_bytes(), path.stat().st_ino) for path in (spool / "index.files").glob("?" * 12 + ".js")}
    assert len(files) == 2
    os.utime(spool / "run-1" / "first.receipt.json")
    daddy_encode.gallery(spool)
    assert {path: (path.read_bytes(), path.stat().st_ino) for path in files} == files
    job = read_page(page).job("run-1/first")
    encode(spool / "run-1" / "first", force=True, video="both", scale=2)
    daddy_encode.gallery(spool)
    again = read_page(page).job("run-1/first")
    assert (again["id"], again["width"]) == (job["id"], 96)
    changed = {path for path, (data, _) in files.items() if path.read_bytes() != data}
    assert changed == {spool / "index.files" / f"{job['id']}.js"}
    # Cut off, as by a crash.
    (cut,) = changed
    cut.write_bytes(cut.read_bytes()[:-10])
    daddy_encode.gallery(spool)
    assert read_details(page, job["id"])["sprite"]


def test_files_of_jobs_that_are_gone_are_removed_in_time_and_no_others(spool: Path) -> None:
    page = daddy_encode.gallery(spool)
    identifier = read_page(page).job("run-1/first")["id"]
    gone, foreign = spool / "index.files" / f"{identifier}.js", spool / "index.files" / "notes.js"
    foreign.touch()
    for path in (spool / "run-1").glob("first.*"):
        path.unlink()
    daddy_encode.gallery(spool)
    assert gone.exists(), "another encoder may have made it just now"
    os.utime(gone, (1, 1))
    os.utime(foreign, (1, 1))
    daddy_encode.gallery(spool)
    assert not gone.exists()
    assert foreign.exists()


def test_what_was_planted_at_the_names_of_the_page_is_not_followed(spool: Path, tmp_path: Path) -> None:
    victim, other = tmp_path / "victim", tmp_path / "other"
    victim.write_text("precious")
    other.mkdir()
    (spool / "index.html").symlink_to(victim)
    with pytest.raises(SpoolError, match=r"index\.html: is a link; move it away, or name another page with output"):
        daddy_encode.gallery(spool, sprites=False)
    assert victim.read_text() == "precious"
    (spool / "index.html").unlink()
    daddy_encode.gallery(spool, sprites=False)
    shutil.rmtree(spool / "index.files")
    (spool / "index.files").symlink_to(other)
    with pytest.raises(SpoolError, match=r"index\.files: is a link"):
        daddy_encode.gallery(spool, title="anew")
    assert list(other.iterdir()) == []
    (spool / "index.files").unlink()
    (spool / "index.html").write_text("<title>my own report</title>")
    with pytest.raises(SpoolError, match="is no gallery; move it away"):
        daddy_encode.gallery(spool)
    assert (spool / "index.html").read_text() == "<title>my own report</title>"


def test_the_page_is_named_or_the_directory_that_it_is_in(spool: Path, tmp_path: Path) -> None:
    made = (("pages", "pages/index.html"), ("pages", "pages/index.html"), ("BIG.HTML", "BIG.HTML"))
    for output, page in made:
        assert daddy_encode.gallery(spool, tmp_path / output, sprites=False) == tmp_path / page
        assert read_page(tmp_path / page).jobs
    (tmp_path / "new.html").touch()
    daddy_encode.gallery(spool, tmp_path / "new.html", sprites=False)
    assert read_page(tmp_path / "new.html").jobs, "nothing was lost with an empty file"
    for output in ("page.txt", "run-1.5", ".html"):
        with pytest.raises(SettingsError, match=r"has to end in \.html"):
            daddy_encode.gallery(spool, tmp_path / output)
        assert not (tmp_path / output).exists()
    with pytest.raises(SpoolError, match=r"a part of that path is a file: choose another place with output\Z"):
        daddy_encode.gallery(spool, tmp_path / "new.html" / "pages")


def test_an_error_of_the_page_names_the_commands_own_option(spool: Path) -> None:
    (spool / "index.html").write_text("<title>my own report</title>")
    assert told("gallery", spool)[1].endswith("is no gallery; move it away, or name another page with --output")
    watched = run_command("watch", "spool", "--gallery", "--once", cwd=spool.parent)
    assert "is no gallery; move it away, or name another page with --gallery-page; the gallery" in watched.stderr


def test_what_a_killed_writer_of_the_page_has_left_goes(spool: Path) -> None:
    page = daddy_encode.gallery(spool, sprites=False)
    program = (
        "import os, signal\n"
        "from pathlib import Path\n"
        "from daddy_encode.spool.publish import temp_file\n"
        "with temp_file(Path('index.files')), temp_file(Path(), 'index.html'):\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", program], cwd=spool, check=False, timeout=60)
    assert len(leftovers(spool)) == 2
    # One that is still being written, and the work of an encoder.
    with temp_file(spool, page.name) as new, temp_file(spool, "job") as job:
        daddy_encode.gallery(spool, sprites=False)
        assert sorted(leftovers(spool)) == sorted(map(str, (new.path, job.path)))


@pytest.mark.parametrize("name", ["index.html", "index.files", "index.files/latest.js"])
def test_something_else_at_a_name_of_the_page_is_one_error_and_nothing_is_replaced(spool: Path, name: str) -> None:
    page = daddy_encode.gallery(spool, sprites=False)
    before = page.read_bytes()
    in_the_way = spool / name
    shutil.rmtree(in_the_way) if in_the_way.is_dir() else in_the_way.unlink()
    in_the_way.write_text("") if name == "index.files" else in_the_way.mkdir()
    open_before = os.listdir("/proc/self/fd")
    with pytest.raises(SpoolError, match=re.escape(name)) as caught:
        daddy_encode.gallery(spool, title="anew", sprites=False)
    assert len(str(caught.value).splitlines()) == 1
    assert len(os.listdir("/proc/self/fd")) == len(open_before), "none is left open"
    assert name == "index.html" or page.read_bytes() == before
    assert leftovers(spool) == []


def test_a_copy_of_a_spool_with_other_times_has_the_same_videos(spool: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(spool, tmp_path / "copy", copy_function=shutil.copyfile)
    for path in copy.rglob("*.mp4"):
        os.utime(path, (1, 1))
    assert [chips(job) for job in made(copy).jobs] == [[], []]


def test_a_writer_that_does_not_know_anothers_jobs_looks_before_it_replaces_the_page(spool: Path) -> None:
    first, second = Gallery(spool), Gallery(spool)
    first.scan()
    record(spool / "run-2" / "third")
    encode(spool / "run-2" / "third")
    second.scan()
    assert second.publish()
    receipt_of(spool, "run-1/first", error="new")
    first.refresh(spool / "run-1" / "first.receipt.json")
    assert first.publish()
    assert len(read_page(spool / "index.html").jobs) == 3
    # Of what the second has not seen, and nobody has written yet, a look at the end knows.
    shutil.copy(spool / "run-2" / "third.receipt.json", spool / "run-2" / "fourth.receipt.json")
    receipt_of(spool, "run-2/fourth", job="fourth")
    second.complete()
    assert len(read_page(spool / "index.html").jobs) == 4


def test_a_page_that_another_writes_in_the_same_moment_is_written_again(
    spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gallery, other = Gallery(spool), Gallery(spool, title="other")
    gallery.scan()
    other.scan()
    replace, times = os.replace, list[str]()

    def replace_and_lose(source: Any, target: Any, **options: Any) -> None:
        replace(source, target, **options)
        if target == "index.html" and len(times) < 2:
            times.append(target)
            with monkeypatch.context() as patch:
                patch.setattr(os, "replace", replace)
                other._write()

    monkeypatch.setattr(os, "replace", replace_and_lose)
    gallery.publish()
    assert len(times) == 2
    assert read_page(gallery.page).title == "spool"
    assert leftovers(spool) == []


def test_a_wrong_root_or_output_directory_leaves_a_good_page(spool: Path, tmp_path: Path) -> None:
    page = daddy_encode.gallery(spool, sprites=False)
    before = page.read_bytes()
    with pytest.raises(SpoolError, match=r"nothere: is not a directory; check --output-dir"):
        daddy_encode.gallery(spool, output_dir=tmp_path / "nothere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(SpoolError, match=r"no receipt .* is there.*index\.html stays: remove it, if all jobs are gone"):
        daddy_encode.gallery(tmp_path / "empty", page)
    keeper = Gallery(tmp_path / "empty", page)
    keeper.scan()
    assert not keeper.publish()
    assert page.read_bytes() == before


def test_a_directory_that_cannot_be_listed_is_named(
    spool: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    original = SpoolDirectory.list

    def failing(directory: SpoolDirectory) -> Listing:
        if directory.name == "closed":
            raise PermissionError(errno.EACCES, "Permission denied")
        return original(directory)

    (spool / "closed").mkdir()
    monkeypatch.setattr(SpoolDirectory, "list", failing)
    assert len(made(spool).jobs) == 2
    assert f"{spool / 'closed'}: cannot be listed: Permission denied" in caplog.text


def test_a_root_without_a_receipt_is_an_error_and_gets_no_page(tmp_path: Path) -> None:
    (tmp_path / "spool").mkdir()
    for root in (tmp_path / "spool", tmp_path / "nowhere"):
        done = run_command("gallery", root)
        assert done.returncode == 1
        assert len(done.stderr.splitlines()) == 1
        assert str(root) in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["spool"]
    assert list((tmp_path / "spool").iterdir()) == []


def test_what_is_stopped_leaves_whole_files_and_the_rest_for_the_next_time(spool: Path) -> None:
    gallery = Gallery(spool)
    gallery.scan()
    gallery.publish()
    stop = threading.Event()
    missing = gallery.missing()
    assert len(missing) == 2
    gallery.make_details(missing, lambda card: stop.set(), workers=1, stop=stop)
    (left,) = gallery.missing()
    assert left is missing[1]
    assert sorted(path.name for path in (spool / "index.files").iterdir()) == [
        f"{missing[0].identifier}.js",
        "latest.js",
    ]
    # Another process goes on.
    again = Gallery(spool)
    again.scan()
    assert [card.identifier for card in again.missing()] == [left.identifier]


def test_jobs_in_a_directory_that_cannot_be_listed_for_a_moment_stay_on_the_page(
    spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gallery = Gallery(spool)
    gallery.scan()
    (files := spool / "index.files").mkdir()
    (old := files / f"{'0' * 12}.js").touch()
    os.utime(old, (1, 1))
    original = SpoolDirectory.list

    def failing(directory: SpoolDirectory) -> Listing:
        if directory.name == "run-1":
            raise OSError(errno.EIO, "Input/output error")
        return original(directory)

    # As another encoder leaves it.
    (spool / "run-1" / "second.receipt.json").unlink()
    with monkeypatch.context() as patch:
        patch.setattr(SpoolDirectory, "list", failing)
        gallery.scan()
    assert [json.loads(card.text)["job"] for card in gallery.cards] == ["run-1/first"]
    assert old.exists(), "it may be of a job that was not found"
    gallery.scan()
    assert not old.exists()


def test_encoders_and_listings_take_a_page_for_no_job(spool: Path) -> None:
    daddy_encode.gallery(spool, sprites=False)
    # Were it looked into, this would be a job.
    shutil.copytree(spool / "run-1" / "first", spool / "index.files" / "job")
    for command in (["status"], ["log"], ["encode"]):
        done = run_command(*command, spool)
        assert done.returncode == 0, done.stderr
        assert "index" not in done.stdout + done.stderr, command
    assert [path.name for path in spool.iterdir() if path.name.startswith("index.files.")] == []


HOSTILE = [
    "<img src=x onerror=alert(1)>",
    "</script><script>alert(1)</script>",
    "<!--<script>",
    "]]>",
    "\u2028\u2029",
    "\u202e",
    "\ud800",
    "\0\x1b[31m",
    "\"'`${alert(1)}\\",
    "javascript:alert(1)",
    "x" * 10_000,
    "{{ 7 * 7 }}",
    "daddy-encode:data",
    "__proto__",
    "&lt;b&gt;&#x3c;",
]


def test_hostile_texts_are_data_and_nothing_else(spool: Path) -> None:
    values: dict[str, Any] = {str(number): text for number, text in enumerate(HOSTILE)}
    text = json.dumps(values | {text[:90]: 1 for text in HOSTILE})
    # A line with what no UTF-8 holds is none; nor is there one of ours.
    line = json.dumps({key: value for key, value in json.loads(text).items() if "\ud800" not in (key, value)})
    path = spool / "run-1" / "first.receipt.json"
    receipt = receipt_of(spool, "run-1/first", error="PLACE", host="PLACE", salvaged=True)
    receipt["outputs"][0]["warnings"] = ["PLACE"]
    place = json.dumps("".join(HOSTILE))
    path.write_text(json.dumps({**receipt, "meta": "META"}).replace('"META"', text).replace('"PLACE"', place))
    (spool / "run-1" / "first" / "annotations.jsonl").write_text(f"{text}\n{line}\n")
    page = made(spool, title="".join(HOSTILE))
    assert [tag for tag, _ in page.tags].count("script") == 2
    assert [tag for tag, _ in page.tags].count("img") == 0
    job = page.job("run-1/first")
    shown = [value for value in job["meta"].values() if isinstance(value, str)]
    assert len(shown) == len(HOSTILE)
    assert shown[0] == HOSTILE[0]
    for value in (*shown, *job["meta"], job["error"], job["host"], page.title, *(text for _, text in chips(job))):
        assert value.isprintable()
    assert set(job["columns"]) == {text for text in job["meta"] if not text.isdigit() and text != "\\ud800"}
    raw = (spool / "index.files" / f"{job['id']}.js").read_bytes()
    assert b"<" not in raw.partition(b"\n")[2]
    assert read_details(spool / "index.html", job["id"])["texts"]["0"] == [[1, HOSTILE[0]]]


def test_a_receipt_that_cannot_be_used_is_named_and_hides_no_other(spool: Path, capfd: Any) -> None:
    (spool / "run-1" / "bad.receipt.json").write_text("[" * 100_000)
    (spool / "run-1" / "link.receipt.json").symlink_to("/dev/zero")
    done = run_command("gallery", spool, "--no-sprites")
    assert done.returncode == 0
    assert [line.count("receipt.json") > 0 for line in done.stderr.splitlines() if "WARNING" in line] == [True, True]
    assert len(read_page(spool / "index.html").jobs) == 2


def test_a_further_look_reads_only_what_has_changed(spool: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    def read_and_tell(path: Path, job: str | None) -> Receipt | None:
        read.append(path.name)
        return read_one(path, job)

    monkeypatch.setattr(cards, "read_one", read_and_tell)
    gallery = Gallery(spool)
    gallery.scan()
    assert sorted(read) == ["first.receipt.json", "second.receipt.json"]
    assert gallery.publish()
    del read[:]
    gallery.scan()
    assert read == []
    assert not gallery.publish()
    with open(spool / "run-1" / "first.mp4", "ab") as stream:
        stream.write(b"more")
    gallery.scan()
    assert read == ["first.receipt.json"]
    assert gallery.publish()
    del read[:]
    receipt_of(spool, "run-1/second", error="new")
    gallery.refresh(spool / "run-1" / "second.receipt.json")
    assert read == ["second.receipt.json"]
    assert gallery.publish()
    assert read_page(gallery.page).job("run-1/second")["state"] == "partial"
    # Annotations that came after a look at all.
    record(spool / "run-2" / "late")
    (spool / "run-2" / "late" / "annotations.jsonl").rename(spool / "late.jsonl")
    gallery.scan()
    (spool / "late.jsonl").rename(spool / "run-2" / "late" / "annotations.jsonl")
    encode(spool / "run-2" / "late")
    card = gallery.refresh(spool / "run-2" / "late.receipt.json")
    assert card is not None
    assert card.source is not None
    assert card.source.annotations == str(spool / "run-2" / "late" / "annotations.jsonl")
    for name in ("run-1/second", "run-2/late"):
        (spool / f"{name}.receipt.json").unlink()
    gallery.scan()
    assert [card.text for card in gallery.cards] == [gallery.cards[0].text]
