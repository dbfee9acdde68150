"""What the documents say of the program is what the program says."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from daddy_encode.cli.main import COMMANDS, group
from tests.cli.reference import reference

ROOT = Path(__file__).parent.parent


def test_the_cli_reference_is_current() -> None:
    assert (ROOT / "docs" / "cli.md").read_text() == reference(), "run: python -m tests.cli.reference > docs/cli.md"


def test_ci_calls_the_test_command_of_the_readme() -> None:
    (command,) = re.findall(r"^python3 -m venv .* -m pytest$", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert command in (ROOT / ".ci" / "run").read_text().replace("retry ", "")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_has_help_with_default_or_consequence(name: str) -> None:
    command = group.get_command(click.Context(group), name)
    assert command is not None
    assert command.help
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, parameter.name
            assert parameter.show_default or "Default" in parameter.help or parameter.is_flag, parameter.name


def documents() -> list[Path]:
    return [*ROOT.glob("*.md"), *sorted((ROOT / "docs").rglob("*.md"))]


def test_every_page_is_in_the_index() -> None:
    docs = ROOT / "docs"
    linked = {docs / target for target in re.findall(r"\]\(([^)#]+)", (docs / "README.md").read_text())}
    assert {*docs.glob("*.md"), *(docs / "examples").iterdir()} - {docs / "README.md"} <= linked


@pytest.mark.parametrize("path", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", path.read_text()):
        if "://" not in target:
            assert (path.parent / target).exists(), target


@pytest.mark.parametrize("path", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_test_and_module_that_a_page_names_exists(path: Path) -> None:
    text = path.read_text()
    for name in re.findall(r"`((?:tests|daddy_encode|docs)/[\w/.-]+)`", text):
        assert (ROOT / name).exists(), name
    for file, test in re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", text):
        assert f"def {test}(" in (ROOT / file).read_text(), test
