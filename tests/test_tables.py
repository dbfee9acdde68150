"""`daddy_encode.receipts` as tables of pandas and polars, with what the rollouts said of themselves."""

from __future__ import annotations

import copy
import dataclasses
import json
import math
import pickle
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import daddy_encode
from daddy_encode import JobReceipt, save_frames_as_png
from daddy_encode.jobs.rows import completed
from tests.archive.jobs import change_receipt
from tests.media import moving_square

ROOT = Path(__file__).parent.parent
METAS: dict[str, dict[str, Any]] = {
    "a": {"environment": "CartPole-v1", "seed": 3, "return": 200, "success": True, "env": {"wind": 0.5}},
    "b": {"environment": "CartPole-v1", "seed": 2**70, "return": 12.5, "success": False, "note": "=1+1"},
    "c": {"return": float("nan"), "seed": "seven", "success": True, "tags": ["x", 1]},
}


@pytest.fixture(scope="module")
def spool(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three encoded jobs, and one that failed."""
    root = tmp_path_factory.mktemp("spool")
    for name, meta in METAS.items():
        save_frames_as_png(moving_square(3, 24, 32), root / name, fps=10, meta=meta, video="both")
    save_frames_as_png(moving_square(3, 24, 32), root / "broken", fps=10)
    (root / "broken" / "000000.png").write_bytes(b"no PNG")
    with pytest.raises(daddy_encode.errors.JobsFailedError):
        daddy_encode.encode(root)
    return root


@pytest.fixture(scope="module")
def found(spool: Path) -> list[JobReceipt]:
    return sorted(daddy_encode.receipts(spool), key=lambda receipt: receipt.job)


def check(rows: list[dict[str, Any]], spool: Path) -> None:
    """Check a table, given as its rows."""
    a, b, broken, c = rows
    assert (a["job"], a["mp4"], a["gif"]) == (f"{spool}/a", f"{spool}/a.mp4", f"{spool}/a.gif")
    assert (a["state"], a["frames"], a["fps"], a["seconds"], a["width"]) == ("done", 3, 10.0, 0.3, 32)
    assert a["bytes"] == sum((spool / f"a.{kind}").stat().st_size for kind in ("mp4", "gif"))
    assert (a["meta.return"], b["meta.return"]) == (200.0, 12.5)
    assert math.isnan(c["meta.return"]) and math.isnan(broken["meta.return"])
    assert (a["meta.seed"], b["meta.seed"], c["meta.seed"]) == ("3", str(2**70), "seven"), "one is a word: all are"
    assert (a["meta.success"], b["meta.success"]) == (1.0, 0.0), "a share of successes has a mean"
    assert (a["meta.env.wind"], a["meta.note"], b["meta.note"], c["meta.tags"]) == (0.5, "", "=1+1", "x, 1")
    assert (broken["state"], broken["mp4"], broken["partial"]) == ("failed", "", False)
    assert "000000.png" in broken["error"] and a["error"] == ""
    assert math.isnan(broken["fps"]) and broken["bytes"] == 0


@pytest.mark.soak
def test_pandas_takes_receipts_as_they_are(spool: Path, found: list[JobReceipt]) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(found)
    check(frame.to_dict("records"), spool)
    assert frame[frame.state == "done"]["meta.return"].mean() == 106.25
    assert frame["frames"].dtype.kind == "i" and frame["meta.return"].dtype.kind == "f"


@pytest.mark.soak
def test_polars_takes_receipts_as_they_are(spool: Path, found: list[JobReceipt]) -> None:
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame(found)
    check(frame.to_dicts(), spool)
    assert (frame.schema["meta.return"], frame.schema["frames"]) == (polars.Float64, polars.Int64)
    assert frame.null_count().sum_horizontal().item() == 0
    assert polars.DataFrame(daddy_encode.receipts(spool / "a" / "..")).shape == frame.shape


def test_what_receipts_had_before_they_still_have(spool: Path, found: list[JobReceipt]) -> None:
    a, _, broken, _ = found
    assert isinstance(a, JobReceipt)
    assert (a.job, a.path, a.error, a.frames) == (spool / "a", spool / "a.receipt.json", None, 3)
    assert [video.kind for video in a.videos] == ["mp4", "gif"]
    assert a.meta == {"environment": "CartPole-v1", "seed": 3, "return": 200, "success": True, "env.wind": 0.5}
    assert broken.videos == () and broken.meta == {} and broken.error is not None
    for receipt in (a, broken):
        for same in (pickle.loads(pickle.dumps(receipt)), copy.deepcopy(receipt), copy.copy(receipt), receipt.copy()):
            assert (same, same.job, same.videos, vars(same)) == (receipt, receipt.job, receipt.videos, vars(receipt))
            assert (same != receipt) is False
            assert list(same) == list(receipt) and type(same) is JobReceipt
    assert len({*a.videos, *copy.deepcopy(a.videos)}) == 2


def test_a_receipt_is_itself_whatever_else_there_is(spool: Path, found: list[JobReceipt], tmp_path: Path) -> None:
    shutil.copytree(spool, tmp_path, dirs_exist_ok=True)
    every = daddy_encode.receipts(tmp_path)
    for path in tmp_path.glob("[bc]*.receipt.json"):
        path.unlink()
    (alone,) = daddy_encode.receipts(tmp_path)
    # Fewer columns, and others' types.
    assert dict(alone) != dict(next(receipt for receipt in every if receipt.job == alone.job))
    assert [receipt.job.name for receipt in every if receipt == alone] == ["a"]
    assert [receipt.job.name for receipt in found if receipt == alone] == [], "of another directory"
    assert alone == dict(alone) and dict(alone) == alone and alone != {**alone, "frames": 4}
    (alone,) = daddy_encode.receipts(tmp_path)
    change_receipt(tmp_path / "a", lambda receipt: receipt.update(host="other"))
    assert daddy_encode.receipts(tmp_path) != [alone]


def test_all_columns_are_documented(found: list[JobReceipt]) -> None:
    columns = {name for name in found[0] if not name.startswith("meta.")}
    table = (ROOT / "docs" / "notebooks.md").read_text().partition("| columns |")[2].partition("\n\n")[0]
    named = {name for line in table.splitlines()[2:] for name in re.findall("`([a-z_0-9]+)`", line.split("|")[1])}
    assert named == columns
    assert columns <= set(re.findall("[a-z_0-9]+", (JobReceipt.__doc__ or "").partition("Two are equal")[0]))


def test_what_is_no_value_has_no_column_of_its_own(tmp_path: Path) -> None:
    assert daddy_encode.receipts(tmp_path) == []
    meta = {"a": float("nan"), "b": float("-inf"), "c": None, "": 1, "d": {"": 2}, "e": 3}
    save_frames_as_png(moving_square(2), tmp_path / "job", fps=10, meta=meta)
    daddy_encode.encode(tmp_path)
    (row,) = daddy_encode.receipts(tmp_path)
    assert [name for name in row if name.startswith("meta.")] == ["meta.e"]


def test_rows_are_json_and_videos_are_dataclasses(found: list[JobReceipt]) -> None:
    rows = json.loads(json.dumps(found))
    assert [row["job"] for row in rows] == [str(receipt.job) for receipt in found]
    assert set(rows[0]) == set(found[0]) and str(found[0]) == repr(dict(found[0]))
    video = found[0].videos[0]
    assert dataclasses.asdict(video)["settings"] == video.settings


def test_what_a_rollout_said_is_in_the_table_when_its_frames_are_gone(spool: Path, tmp_path: Path) -> None:
    shutil.copy(spool / "a.receipt.json", tmp_path)
    (row,) = daddy_encode.receipts(tmp_path)
    assert (row["meta.return"], row.meta["env.wind"]) == (200, 0.5)


@pytest.mark.soak
def test_a_table_of_many_receipts_has_what_only_the_last_one_says(tmp_path: Path) -> None:
    polars = pytest.importorskip("polars")
    # polars looks at the first 100 rows.
    rows: list[dict[str, Any]] = [{"a": 1, "b": None, "c": True} for _ in range(150)]
    rows.append({"a": 2.5, "b": "x", "c": None, "late": 3})
    frame = polars.DataFrame(completed(rows))
    assert frame.row(150) == (2.5, "x", pytest.approx(math.nan, nan_ok=True), 3.0)
    assert frame.row(0)[:3] == (1.0, "", 1.0)
    assert polars.DataFrame(completed([])).shape == (0, 0)


VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(allow_nan=False), st.text(max_size=5)
)


@given(st.lists(st.dictionaries(st.sampled_from("abc"), VALUES), max_size=6))
def test_every_row_has_every_column_and_every_column_one_type(rows: list[dict[str, Any]]) -> None:
    table = completed(rows)
    assert len(table) == len(rows)
    assert {tuple(row) for row in table} <= {tuple(dict.fromkeys(name for row in rows for name in row))}
    for name in table[0] if table else ():
        assert len({type(row[name]) for row in table}) == 1
        for before, after in zip(rows, table, strict=True):
            value = before.get(name)
            if value is None:
                assert after[name] == "" or after[name] != after[name]
            else:
                assert after[name] in (value, str(value), float(value) if not isinstance(value, str) else value)
