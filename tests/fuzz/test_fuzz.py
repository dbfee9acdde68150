"""A bounded run of each fuzz target; `python -m tests.fuzz TARGET --minutes 10` is a long one."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.seeds import PNGS, RECORDS, TARS, broken, broken_pngs
from tests.fuzz.targets import TARGETS


@settings(max_examples=400, deadline=None)
@given(broken_pngs())
def test_any_broken_png_is_refused_or_means_one_thing(data: bytes) -> None:
    TARGETS["png"](data)
    TARGETS["png-mended"](data)


@settings(max_examples=400, deadline=None)
@given(st.binary(min_size=8, max_size=200))
def test_any_rows_under_any_header_are_refused_or_mean_one_thing(data: bytes) -> None:
    TARGETS["png-rows"](data)


@settings(max_examples=400, deadline=None)
@given(broken(RECORDS) | st.binary(max_size=200))
def test_any_broken_record_is_one_line_of_error(data: bytes) -> None:
    TARGETS["record"](data)


@settings(max_examples=300, deadline=None)
@given(broken(TARS))
def test_any_broken_archive_is_refused_or_means_what_tarfile_reads(data: bytes) -> None:
    TARGETS["tar"](data)
    TARGETS["tar-mended"](data)


def test_what_they_begin_from_is_taken() -> None:
    assert {TARGETS["png"](data) for data in PNGS} == {"taken"}
    assert {TARGETS["png-mended"](data) for data in PNGS} == {"taken"}
    assert {TARGETS[target](data) for data in TARS for target in ("tar", "tar-mended")} == {"taken"}
    assert all("taken" in TARGETS["record"](data) for data in RECORDS)
