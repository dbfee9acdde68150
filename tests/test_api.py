"""The docstrings of what is public name exactly what there is, and docs/api.md is made from them."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import daddy_encode.cluster
import daddy_encode.dump
from daddy_encode import errors
from tests.api_reference import docstring_of, is_constructed, parameters, parse_docstring, public_callables, reference

ROOT = Path(__file__).parent.parent
PUBLIC = public_callables()


def test_the_api_reference_is_current() -> None:
    assert (ROOT / "docs" / "api.md").read_text() == reference(), "run: python -m tests.api_reference > docs/api.md"


@pytest.mark.parametrize(
    "package", [daddy_encode, daddy_encode.dump, daddy_encode.cluster], ids=lambda each: each.__name__
)
def test_a_package_lists_its_public_names_and_has_no_others(package: ModuleType) -> None:
    assert dir(package) == sorted(package.__all__)
    assert all(hasattr(package, name) for name in package.__all__)
    with pytest.raises(AttributeError, match=f"module '{package.__name__}' has no attribute 'encod'"):
        package.encod  # noqa: B018


@pytest.mark.soak
def test_a_type_checker_knows_a_public_name_from_a_misspelt_one(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text("from daddy_encode import encod, encode\nfrom daddy_encode.dump import FrameWriter, FrameWritr\n")
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path), str(script)]
    told = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=120, check=False)
    assert [line.split('"')[3] for line in told.stdout.splitlines() if "has no attribute" in line] == [
        "encod",
        "FrameWritr",
    ], told.stdout


@pytest.mark.parametrize("value", PUBLIC.values(), ids=list(PUBLIC))
def test_a_public_docstring_describes_exactly_the_parameters_or_fields(value: Any) -> None:
    docstring = parse_docstring(docstring_of(value))
    assert docstring.description
    if isinstance(value, property):
        return
    if dataclasses.is_dataclass(value):
        assert list(docstring.sections["Attributes"]) == [field.name for field in dataclasses.fields(value)]
    elif not isinstance(value, type) or is_constructed(value):
        assert list(docstring.sections.get("Args", {})) == [parameter.name for parameter in parameters(value)]


@pytest.mark.parametrize("value", PUBLIC.values(), ids=list(PUBLIC))
def test_what_a_public_docstring_says_is_raised_can_be_caught_by_a_public_name(value: Any) -> None:
    raised = parse_docstring(docstring_of(value)).sections.get("Raises", {})
    assert set(raised) <= {*errors.__all__, "ValueError", "TypeError"}


def test_a_docstring_is_split_into_its_sections() -> None:
    docstring = parse_docstring(
        "Do it.\n\nAt length.\n\nArgs:\n    one: first,\n        on two lines.\n    **rest: others: all.\n\n"
        "Returns:\n    A list.\n\n    Its second paragraph.\n"
    )
    assert docstring.description == "Do it.\n\nAt length."
    assert docstring.sections == {
        "Args": {"one": "first, on two lines.", "rest": "others: all."},
        "Returns": {"": "A list.\n\nIts second paragraph."},
    }


@pytest.mark.parametrize(
    "text",
    [
        "Do it.\n\nArgs:\n    one: first,\n    on two lines without indentation.\n",
        "Do it.\n\nArgs:\n    one: first.\n\nMore text.\n",
        "Do it.\n\nRaises:\n    ValueError for what is wrong.\n",
    ],
)
def test_a_malformed_section_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"section|continuation"):
        parse_docstring(text)
