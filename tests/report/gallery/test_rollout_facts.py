"""What a rollout said of itself, on the page: which of many values, of which recording, and what it died of."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import daddy_encode
from daddy_encode.dump import FrameWriter
from daddy_encode.errors import FrameError, JobsFailedError
from daddy_encode.report.gallery.meta import KNOWN, LONGEST_KEY, flatten, means_of
from daddy_encode.spool.receipt import Receipt
from daddy_encode.spool.records import parse_record
from tests.jobs import encode
from tests.media import moving_square, run_command
from tests.report.gallery.javascript import run_module
from tests.report.gallery.pages import read_details, read_page

CONFIG = {f"opt_{n}": n for n in range(70)}
FOUND = {"return": 10.0, "length": 8, "seed": 3, "environment": "CartPole-v1", "episode": 0, "step": 1000}


def record(directory: Path, frames: int, **meta: Any) -> None:
    with FrameWriter(directory, meta=meta, overwrite=True) as writer:
        for frame in moving_square(frames, 32, 48):
            writer.write(frame, reward=meta["return"])


def job_of(root: Path, **options: Any) -> dict[str, Any]:
    (job,) = read_page(daddy_encode.gallery(root, **{"sprites": False, **options})).jobs
    return job


@pytest.mark.parametrize(
    "meta",
    [
        {"global_step": 7, "config": CONFIG, **FOUND},
        {**CONFIG, "global_step": 7, **FOUND},
        {"config": {"a": {"b": CONFIG}, **CONFIG}, "global_step": 7, **FOUND},
    ],
)
def test_of_more_values_than_have_a_place_the_well_known_ones_have_one(meta: dict[str, Any]) -> None:
    flat, left_out = flatten(meta)
    assert {key: flat[key] for key in FOUND} == FOUND
    assert next(iter(flat)) == "global_step"
    assert len(flat) == 64
    leaves = json.dumps(meta).count(":") - json.dumps(meta).count(": {")
    assert left_out == leaves - 64


def test_values_that_are_not_nested_come_before_those_that_are_and_none_is_passed_over_for_a_large_one() -> None:
    meta: dict[str, Any] = {"a": {"deep": {"x": 1}, "b": 2, "episode": {"r": 3}}, "c": 4, "seed": 5}
    assert list(flatten(meta)[0].items()) == [("seed", 5), ("c", 4), ("a.b", 2), ("a.deep.x", 1), ("a.episode.r", 3)]
    # Texts that are too much leave room for numbers after them.
    flat, left_out = flatten({**{f"t{n}": "x" * 1000 for n in range(40)}, "z": 1})
    assert flat["z"] == 1 and left_out == 41 - len(flat) > 0
    assert flatten({"k" * (LONGEST_KEY + 1): 1, "n": None, "nan": math.nan, "": 1, "l": [0] * 17, "d": {}}) == ({}, 1)


def test_the_page_looks_for_no_name_that_may_be_cut_off() -> None:
    spelled = run_module("facts.js").evaluate("Object.values(exports.SPELLINGS).flat()")
    steps = run_module("nearest.js").evaluate("exports.STEP_NAMES")
    sides = run_module("matrix_sides.js").evaluate("[...exports.ROWS, ...exports.COLUMNS, ...exports.SUCCESS]")
    names = [*spelled, *steps, *sides]
    assert len(names) > 40
    assert [name for name in names if name not in KNOWN and name.rpartition(".")[2] not in KNOWN] == []


def test_a_return_for_each_of_several_environments_has_a_mean() -> None:
    meta = {"return": [25, 24, 24, None], "episode": {"l": [1.5, math.nan, 3]}, "length": [1, "x"], "rgb": [1, 2]}
    assert means_of(meta) == {"return": (np.mean([25, 24, 24]), 3), "episode.l": (2.25, 2)}
    assert means_of({"return": [None], "length": [], "reward": [True, False], "steps": list(range(100))}) == {
        "steps": (49.5, 100)
    }


def test_a_video_of_an_earlier_recording_is_not_shown_with_the_values_of_a_later_one(tmp_path: Path) -> None:
    spool, job = tmp_path / "spool", tmp_path / "spool" / "job"
    record(job, 6, **{"return": 0.0, "step": 1})
    encode(job)
    before = job_of(spool)
    assert (before["state"], before["meta"]["return"], before["columns"]) == ("done", 0, ["reward"])
    record(job, 4, **{"return": 2.0, "step": 9})
    # Nothing of the later one is encoded: the page is of the earlier one, whatever is made anew of it.
    shutil.rmtree(spool / "index.files")
    between = job_of(spool)
    assert {**between, "columns": ["reward"]} == before
    assert read_details(spool / "index.html", between["id"]) == {}
    (job / "000002.png").write_bytes(b"")
    with pytest.raises(FrameError):
        daddy_encode.encode(spool)
    after = job_of(spool, sprites=True)
    assert (after["state"], after["meta"]) == ("failed", {"return": 2, "step": 9})
    assert "000002.png" in after["error"]
    assert after["earlier"] == {"mp4": "./job.mp4"}
    assert not after.keys() & {"mp4", "gif", "frames", "fps", "width", "bytes", "sprite", "columns", "source"}
    assert [kind for kind, _ in after["chips"]] == ["earlier video"]
    (receipt,) = daddy_encode.receipts(spool)
    assert (receipt.videos, receipt["state"], receipt["mp4"], receipt["meta.return"]) == ((), "failed", "", 2)
    # Mended, it is a job like any other.
    record(job, 4, **{"return": 2.0, "step": 9})
    encode(job)
    mended = job_of(spool)
    assert (mended["state"], mended["frames"], mended["meta"]["return"]) == ("done", 4, 2)
    assert read_details(spool / "index.html", mended["id"])["columns"] == {"reward": [2, 2, 2, 2]}


def test_values_that_the_receipt_has_no_room_for_are_not_taken_from_another_recording(tmp_path: Path) -> None:
    job = tmp_path / "job"
    much = {f"k{n}": "x" * 1000 for n in range(100)}
    record(job, 4, **{"return": 1.0, "much": much})
    encode(job)
    assert job_of(tmp_path)["meta"]["return"] == 1
    record(job, 4, **{"return": 2.0, "much": much})
    assert "meta" not in job_of(tmp_path)
    encode(job)
    assert job_of(tmp_path)["meta"]["return"] == 2


def die(directory: Path, text: str) -> None:
    with pytest.raises(RuntimeError), FrameWriter(directory, meta={"return": 1.0}) as writer:
        for frame in moving_square(3, 32, 48):
            writer.write(frame)
        raise RuntimeError(text)


def test_what_a_rollout_died_of_is_in_its_receipt_the_page_and_the_log(tmp_path: Path) -> None:
    die(tmp_path / "job", "CUDA out of memory\n\x1b[31mTried\u202e to allocate")
    encode(tmp_path / "job")
    path = tmp_path / "job.receipt.json"
    text = json.loads(path.read_text())["rollout_error"]
    assert text.startswith("RuntimeError: CUDA out of memory") and text.isprintable() and "Tried" in text
    job = job_of(tmp_path)
    assert job["state"] == "done" and job["rollout_error"] == text
    assert ["ended early", text] in job["chips"]
    (receipt,) = daddy_encode.receipts(tmp_path)
    assert receipt.rollout_error == receipt["rollout_error"] == text
    log = run_command("log", tmp_path)
    assert "partial (the rollout died: RuntimeError: CUDA out of memory" in log.stdout, log
    # A receipt of an earlier version has none: the manifest, while it is that of the video.
    old = json.loads(path.read_text())
    del old["rollout_error"]
    path.write_text(json.dumps(old))
    assert job_of(tmp_path)["rollout_error"] == text
    (tmp_path / "job" / "manifest.json").unlink()
    job = job_of(tmp_path)
    assert ["ended early", "the rollout ended early, as its manifest says"] in job["chips"]
    assert "rollout_error" not in job and job["meta"] == {"return": 1}


def test_a_rollout_that_died_and_could_not_be_encoded_is_found_by_both_errors(tmp_path: Path) -> None:
    for name, is_damaged in (("both", True), ("died", False)):
        die(tmp_path / name, "no memory left")
        if is_damaged:
            (tmp_path / name / "000002.png").write_bytes(b"")
    with pytest.raises(JobsFailedError):
        daddy_encode.encode(tmp_path)
    page = read_page(daddy_encode.gallery(tmp_path, sprites=False))
    both = page.job("both")
    assert both["state"] == "failed" and "000002.png" in both["error"]
    script = f"""(text) => {json.dumps(page.jobs)}
      .filter((job) => exports.matches(exports.parse(text), job, exports.factsOf(job))).map(({{ job }}) => job)"""
    modules = run_module("facts.js", "query.js", "matching.js")
    for text, expected in (
        ("error:memory", ["both", "died"]),
        ("error:000002.png", ["both"]),
        ("error:RuntimeError error:PNG", ["both"]),
        ("memory", ["both", "died"]),
        ("memory 000002.png", ["both"]),
    ):
        assert sorted(modules.evaluate(f"({script})({json.dumps(text)})")) == expected, text


def test_a_long_reason_and_one_that_utf_8_cannot_hold_leave_a_receipt_all_the_same(tmp_path: Path) -> None:
    for name, error in (("long", "x" * 90_000), ("odd", "\ud800 </script>")):
        die(tmp_path / name, "soon replaced")
        manifest = json.loads((tmp_path / name / "manifest.json").read_text())
        (tmp_path / name / "manifest.json").write_text(json.dumps({**manifest, "error": error}))
        encode(tmp_path / name)
    kept = parse_record((tmp_path / "long.receipt.json").read_bytes(), Receipt, "receipt").rollout_error
    assert kept == "x" * 1999 + "…"
    page = read_page(daddy_encode.gallery(tmp_path, sprites=False))
    assert page.job("odd")["rollout_error"] == "\\ud800 </script>"
    assert len(page.job("long")["rollout_error"]) == 300
