"""A rollout's values, flat and bounded; and the columns of its annotations over its video's frames."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daddy_encode.report.gallery import annotations as reader
from daddy_encode.report.gallery.annotations import Annotations, Shown, read_annotations
from daddy_encode.report.gallery.meta import flat_meta, shortened


def test_nested_values_get_the_paths_to_them_and_lists_are_texts() -> None:
    meta = {"env": "Ant", "a": {"b": {"c": 1.5}, "d": True}, "rgb": [1, 2.5, "x"], "none": None, "objects": [{"a": 1}]}
    assert flat_meta(meta) == {"env": "Ant", "a.b.c": 1.5, "a.d": True, "rgb": "1, 2.5, x"}


def test_numbers_that_a_browser_cannot_hold_are_texts_or_nothing() -> None:
    meta = {"exact": 2**53, "large": 2**53 + 1, "huge": 2**1024, "nan": math.nan, "infinite": -math.inf, "tiny": 1e-300}
    assert flat_meta(meta) == {"exact": 2**53, "large": str(2**53 + 1), "tiny": 1e-300}


def test_what_is_too_much_is_cut_or_left_out() -> None:
    assert len(flat_meta({f"k{n}": n for n in range(1000)})) == 64
    assert flat_meta({"": 1, "k" * 101: 2, "t": "x" * 10_000}) == {"t": "x" * 299 + "…"}
    assert flat_meta({"a": {"b": {"c": {"d": {"e": {"f": {"g": {"h": {"too": "deep"}}}}}}}}}) == {}
    assert len(json.dumps(flat_meta({f"k{n}": "x" * 300 for n in range(64)}))) < 10_000


@pytest.mark.parametrize("text", ["\0", "\ud800", "a\nb", "\u202ereversed", "\u2028", "\x9b31m"])
def test_a_text_is_one_printable_line(text: str) -> None:
    (value,) = flat_meta({"key": text}).values()
    assert isinstance(value, str)
    assert value.isprintable()
    assert value.encode()
    assert flat_meta({text: 1}).keys() == {value}
    assert shortened(text * 1000, 30).isprintable()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters()), inner),
    max_leaves=30,
)


@settings(max_examples=12)
@given(st.dictionaries(st.text(st.characters()), JSON))
def test_whatever_meta_is_the_page_can_hold_it(meta: dict[str, Any]) -> None:
    text = json.dumps(flat_meta(meta), allow_nan=False, ensure_ascii=False)
    assert len(text.encode()) < 100_000


def columns(tmp_path: Path, lines: list[Any], shown: Shown) -> Annotations:
    path = tmp_path / "annotations.jsonl"
    path.write_text("".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines))
    return read_annotations(path, shown)


def test_numbers_become_columns_over_the_frames_and_texts_begin_where_they_change(tmp_path: Path) -> None:
    lines = [
        {"reward": 0.1234567, "action": [1, -2.5], "info": {"lives": 3}, "note": "begin", "done": False},
        {"reward": 2, "note": "begin"},
        {},
        {"reward": 1e300, "note": "fell", "done": True, "big": [0] * 1000, "none": None},
    ]
    found = columns(tmp_path, lines, Shown(5))
    assert found.step == 1
    assert found.columns == {
        "reward": [0.123457, 2, None, 1e300, None],
        "action[0]": [1, None, None, None, None],
        "action[1]": [-2.5, None, None, None, None],
        "info.lives": [3, None, None, None, None],
        "done": [0, None, None, 1, None],
    }
    assert found.texts == {"note": [(0, "begin"), (3, "fell")]}


def test_frames_that_the_video_repeats_or_leaves_out_move_what_follows(tmp_path: Path) -> None:
    lines: list[Any] = [{"n": n} for n in range(6)]
    lines[2]["dropped_before"] = 2
    # Held: frames 0 1 . . 2 3 4 5. Left out: 0 2 3 5.
    assert columns(tmp_path, lines, Shown(8)).columns == {"n": [0, 1, None, None, 2, 3, 4, 5]}
    left_out = Shown(4, frozenset({1, 4}), holds_dropped=False)
    assert columns(tmp_path, lines, left_out).columns == {"n": [0, 2, 3, 5]}
    # A GIF with every second frame.
    assert columns(tmp_path, lines, Shown(4, step=2)).columns == {"n": [0, None, 2, 4]}


def test_a_long_recording_is_thinned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "MOST_VALUES", 1500)
    monkeypatch.setattr(reader, "MOST_ROWS", 30)
    lines = [json.dumps({f"c{n}": 10 * frame + n for n in range(60)}) for frame in range(50)]
    found = columns(tmp_path, lines, Shown(50))
    assert len(found.columns) == 40
    assert found.step == 2
    assert found.columns["c7"] == [10 * frame + 7 for frame in range(0, 50, 2)]


@pytest.mark.parametrize(
    "line",
    ["no json", "[1]", "3", '{"reward": "x"}', "[" * 100_000, '{"dropped_before": -1}', '{"a": 1e999}', "\udcff"],
)
def test_a_line_that_is_no_object_of_numbers_is_a_frame_all_the_same(tmp_path: Path, line: str) -> None:
    path = tmp_path / "annotations.jsonl"
    path.write_bytes(b'{"n": 0}\n' + line.encode("utf-8", "surrogateescape") + b'\n{"n": 2}\n')
    assert read_annotations(path, Shown(3)).columns["n"] == [0, None, 2]


def test_a_link_a_directory_and_nothing_are_no_annotations(tmp_path: Path) -> None:
    (tmp_path / "real").write_text('{"n": 0}\n')
    (tmp_path / "annotations.jsonl").symlink_to("real")
    for name in ("annotations.jsonl", ".", "nothing"):
        assert read_annotations(tmp_path / name, Shown(3)) == Annotations()
