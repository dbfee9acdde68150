"""marks.json as it is read: bounded, checked, and compared with the names of jobs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from daddy_encode.errors import ManifestError, SettingsError
from daddy_encode.report.marks import MarkedJobs, parse_marks
from daddy_encode.spool.paths import JobPaths


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"version": 2, "marks": []}',
        '{"version": 1}',
        '{"version": 1, "marks": [{"mark": "bad"}]}',
        '{"version": 1, "marks": [{"job": ""}]}',
        '{"version": 1, "marks": [{"job": 7, "mark": "bad"}]}',
        '{"version": 1, "marks": [{"job": "a/bad", "mark": "BAD"}]}',
        '{"version": 1, "marks": [{"job": "a/bad", "mark": "bad"}, {"job": "a/bad", "mark": "good"}]}',
        '{"version": 1, "marks": [{"job": "a/bad", "mark": "bad", "star": "yes"}]}',
        '{"version": 1, "marks": ' + "[" * 10_000,
        '{"version": 1, "marks": [' + "0," * 500_000 + "0]}",
        '{"version": 1, "marks": [{"job": "a", "mark": "good"}], "marks": []}',
        '{"version": 1, "marks": [{"job": "a", "star": NaN}]}',
        json.dumps({"version": 1, "marks": [{"job": "a" * 20_001, "mark": "bad"}]}),
    ],
)
def test_what_is_no_file_of_marks_is_refused(text: str) -> None:
    with pytest.raises(ManifestError, match=r"^marks\.json: ") as caught:
        parse_marks(text.encode(), "marks.json")
    assert len(str(caught.value)) < 600


def test_a_file_larger_than_its_bound_is_not_looked_at() -> None:
    with pytest.raises(ManifestError, match="larger than"):
        parse_marks(b" " * (32 * 2**20 + 1), "marks.json")


def test_as_many_marks_are_read_as_a_gallery_has_jobs() -> None:
    marks = [{"job": f"run/{number}", "mark": "good", "star": True, "note": "a, b: c" * 9} for number in range(20_000)]
    assert len(parse_marks(json.dumps({"version": 1, "root": "x", "marks": marks}).encode(), "marks.json")) == 20_000


def test_what_later_versions_add_is_ignored() -> None:
    text = '\ufeff{"version": 1, "by": "me", "marks": [{"job": "a", "mark": null, "note": "x", "colour": "red"}]}'
    (mark,) = parse_marks(text.encode(), "marks.json")
    assert (mark.job, mark.mark, mark.star, mark.note) == ("a", None, False, "x")


@pytest.mark.parametrize(
    ("kinds", "selected"),
    [
        ((), ["good", "good and starred", "starred", "noted"]),
        (("good",), ["good", "good and starred"]),
        (("bad",), ["bad", "bad and starred"]),
        (("star",), ["good and starred", "bad and starred", "starred"]),
        (("bad", "star"), ["good and starred", "bad", "bad and starred", "starred"]),
    ],
)
def test_a_mark_selects_the_jobs_that_have_it(kinds: tuple[str, ...], selected: list[str]) -> None:
    listed: list[dict[str, Any]] = [
        {"job": "good", "mark": "good"},
        {"job": "good and starred", "mark": "good", "star": True},
        {"job": "bad", "mark": "bad"},
        {"job": "bad and starred", "mark": "bad", "star": True},
        {"job": "starred", "star": True},
        {"job": "noted", "note": "odd"},
    ]
    marks = parse_marks(json.dumps({"version": 1, "marks": listed}).encode(), "marks.json")
    found = [JobPaths.of(Path("/spool", str(mark["job"])), Path("/spool")) for mark in [*listed, {"job": "other"}]]
    assert [paths.directory.name for paths in MarkedJobs(marks, kinds).select(found, lambda paths: paths)] == selected


def test_what_is_listed_and_not_found_is_known() -> None:
    marks = parse_marks(b'{"version": 1, "marks": [{"job": "b"}, {"job": "a"}, {"job": "c"}]}', "marks.json")
    marked = MarkedJobs(marks, ())
    assert (marked.listed, marked.missing) == (3, ["b", "a", "c"])
    assert len(marked.select([JobPaths.of(Path("/spool/a"), Path("/spool"))], lambda paths: paths)) == 1
    assert marked.missing == ["b", "c"]


def test_a_job_is_named_by_its_path_below_the_tree_wherever_its_outputs_are() -> None:
    tree, job = Path("/spool"), Path("/spool/run 1/x\ny")
    for output_dir in (None, Path("/out")):
        paths = JobPaths.of(job, tree, output_dir)
        assert paths.name == "run 1/x\\ny"
        assert paths.of_sequence("rgb_*.png").name == "run 1/x\\ny/rgb_*.png"
        assert JobPaths.of(job, None, output_dir).name == "x\\ny"


def test_two_jobs_of_one_name_are_refused() -> None:
    marks = parse_marks(b'{"version": 1, "marks": [{"job": "run/a", "mark": "bad"}]}', "marks.json")
    jobs = [JobPaths.of(tree / "run" / "a", tree) for tree in (Path("/one"), Path("/two"))]
    with pytest.raises(SettingsError, match=r"'/one/run/a' and '/two/run/a'.* one tree alone"):
        MarkedJobs(marks, ("bad",)).select(jobs, lambda paths: paths)
    assert len(MarkedJobs(marks, ("bad",)).select(jobs[1:], lambda paths: paths)) == 1
