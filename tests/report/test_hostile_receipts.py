"""Receipts that anybody may have written: `log` and `status` show text, numbers and no more, and all of the others."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest

from daddy_encode.report.ledger import csv_cell
from daddy_encode.report.log import saved_line
from daddy_encode.spool.receipt import Receipt
from daddy_encode.spool.records import parse_record
from tests.media import run_command
from tests.service.spools import write_job

ESCAPES = "\x1b]0;owned\x07\x1b[2J\r\n\x9b31m\u202e\udcff"


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A spool with one job that is done, and others. Tests write receipts of these, and take them away."""
    spool = tmp_path_factory.mktemp("good") / "spool"
    write_job(spool / "job")
    assert run_command("encode", spool).returncode == 0
    for index in range(3):
        write_job(spool / f"other-{index}")
    return spool


@pytest.fixture
def receipt(good: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((good / "job.receipt.json").read_text())
    return found


class Beside:
    """Writes receipts beside the good one, for the length of a block."""

    def __init__(self, spool: Path, *texts: str) -> None:
        self._paths = [spool / f"other-{index}.receipt.json" for index in range(len(texts))]
        self._texts = texts

    def __enter__(self) -> None:
        for path, text in zip(self._paths, self._texts, strict=True):
            path.write_text(text)

    def __exit__(self, *_: object) -> None:
        for path in self._paths:
            path.unlink()


def with_texts(receipt: dict[str, Any], text: str) -> str:
    """A receipt in which every text that may be anything is `text`."""
    output = {**receipt["outputs"][0], "type": text, "fps": text[:40], "warnings": [text], "path": text}
    return json.dumps({**receipt, "job": text, "host": text, "ffmpeg": text, "outputs": [output], "error": text})


FORMS = (["log"], ["log", "--json"], ["log", "--csv"], ["status", "--all"], ["status", "--json"])


@pytest.mark.parametrize("arguments", FORMS, ids=" ".join)
def test_no_text_of_a_receipt_reaches_a_terminal_as_anything_but_printable_text(
    good: Path, receipt: dict[str, Any], arguments: list[str]
) -> None:
    with Beside(good, with_texts(receipt, ESCAPES), with_texts(receipt, ESCAPES)):
        told = run_command(arguments[0], good, *arguments[1:])
    assert told.returncode == 0
    # Columns are divided by tabs; none comes from a text.
    assert re.sub(r"[\n\t]", "", told.stdout).isprintable()
    assert "job" in told.stdout
    assert (told.stderr, "owned" in told.stdout) == ("", arguments[0] == "log")


NUMBERS = ["1e300", "1" + "0" * 350, "-1", "-1e300", "NaN", "1e999", "true", '"1e300\u001b"']
FIELDS = ["finished", "frames", "encode_seconds", "bytes", "width"]


@pytest.mark.parametrize("arguments", FORMS, ids=" ".join)
def test_a_number_that_cannot_be_hides_no_other_receipt(
    good: Path, receipt: dict[str, Any], arguments: list[str]
) -> None:
    texts = []
    for field in FIELDS:
        values = json.loads(json.dumps(receipt))
        (values if field == "finished" else values["outputs"][0])[field] = "HERE"
        texts += [json.dumps(values).replace('"HERE"', number) for number in NUMBERS]
    with Beside(good, *texts):
        told = run_command(arguments[0], good, *arguments[1:])
    assert told.returncode == 0
    assert "Traceback" not in told.stderr
    assert "job" in told.stdout
    if arguments[0] == "log":
        assert "other-" not in told.stdout
        assert told.stderr.splitlines()[-1] == f"and {len(texts) - 10} more receipts that cannot be used"
        assert told.stderr.count("not a valid receipt: ") == 10


def test_receipts_that_cannot_be_used_are_named_and_counted(good: Path) -> None:
    with Beside(good, *["{"] * 15):
        told = run_command("log", good)
    assert told.returncode == 0
    assert len(told.stdout.splitlines()) == 1
    lines = told.stderr.splitlines()
    assert len(lines) == 11
    assert lines[0].startswith(f"{good}/other-0.receipt.json: not a valid receipt: ")
    assert lines[-1] == "and 5 more receipts that cannot be used"


STARTS = ["=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20"]


def test_no_cell_of_a_csv_file_is_a_formula(good: Path, receipt: dict[str, Any]) -> None:
    with Beside(good, *(with_texts(receipt, f"{start}cmd|' /c calc'!A1") for start in STARTS)):
        told = run_command("log", good, "--csv")
    assert told.returncode == 0
    rows = list(csv.reader(io.StringIO(told.stdout)))
    assert len(rows) == 2 + 2 * len(STARTS)
    assert all(not cell.startswith(tuple(STARTS)) and cell.isprintable() for row in rows for cell in row)
    hostile = [row for row in csv.DictReader(io.StringIO(told.stdout)) if row["host"][:1] == "'"]
    assert {row["error"][:1] for row in hostile if row["type"] == "FAILED"} == {"'"}
    # Numbers stay numbers.
    videos = [row for row in hostile if row["type"] != "FAILED"]
    assert [float(row["bytes"]) for row in videos] == [receipt["outputs"][0]["bytes"]] * len(STARTS)


@pytest.mark.parametrize("value", [-1, 0, -1.5, None, 3])
def test_what_is_no_text_stays_as_it_is_in_a_csv_file(value: object) -> None:
    assert csv_cell(value) is value


def test_a_path_that_looks_like_a_formula_is_none_either() -> None:
    assert csv_cell("=run/job.mp4") == "'=run/job.mp4"
    assert csv_cell("run/job.mp4") == "run/job.mp4"


def test_long_texts_and_many_outputs_are_cut(good: Path, receipt: dict[str, Any]) -> None:
    many = {**receipt, "outputs": receipt["outputs"] * 100, "error": "x" * 3_000_000, "host": "y" * 500_000}
    with Beside(good, json.dumps(many)):
        for arguments in FORMS[:3]:
            told = run_command(arguments[0], good, *arguments[1:])
            assert told.returncode == 0
            assert len(told.stdout) < 100_000
            assert len(told.stdout.splitlines()) <= 5


def test_a_log_line_of_a_receipt_is_one_printable_line(receipt: dict[str, Any], tmp_path: Path) -> None:
    found = parse_record(with_texts(receipt, ESCAPES).encode(), Receipt, "name")
    assert saved_line(found.outputs[0], tmp_path / "video.mp4", found).isprintable()
