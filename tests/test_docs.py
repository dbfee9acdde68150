"""What the documents say of the program is what the program says."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from daddy_encode.cli.main import COMMANDS, group
from tests.cli.reference import reference

ROOT = Path(__file__).parent.parent


def test_the_cli_reference_is_current() -> None:
    assert (ROOT / "docs" / "cli.md").read_text() == reference(), "run: python -m tests.cli.reference > docs/cli.md"


def test_the_cli_reference_has_every_option_once_and_of_every_command_that_has_it() -> None:
    page = (ROOT / "docs" / "cli.md").read_text()
    own = dict(re.findall(r"^## daddy-encode (\w+)\n(.*?)(?=^## )", page, re.MULTILINE | re.DOTALL))
    shared = dict(re.findall(r"^### Of (.+?)\n(.*?)(?=^##|\Z)", page, re.MULTILINE | re.DOTALL))
    texts = set()
    for name in COMMANDS:
        command = group.get_command(click.Context(group), name)
        assert command is not None
        parts = [own[name]]
        if "(#shared-options)" in own[name]:
            parts += [part for commands, part in shared.items() if f"`{name}`" in commands]
        for option in command.params:
            if isinstance(option, click.Option):
                texts.add((option.opts[0], option.help))
                entry = rf"^ *{option.opts[0]}(?![\w-])"
                assert len(re.findall(entry, "".join(parts), re.MULTILINE)) == 1, (name, option.opts[0])
    assert len(re.findall(r"^ *(?:-\w, )?--(?!version|help)[\w-]+", page, re.MULTILINE)) == len(texts)


def test_options_and_their_values_are_completed_in_bash() -> None:
    def completed(words: str, number: int) -> list[str]:
        environment = {"_DADDY_ENCODE_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(number)}
        result = CliRunner(env=environment).invoke(group, prog_name="daddy-encode", standalone_mode=False)
        return [line.removeprefix("plain,") for line in result.stdout.splitlines()]

    assert completed("daddy-encode sub", 1) == ["submit"]
    assert completed("daddy-encode encode --gif-w", 2) == ["--gif-width"]
    assert completed("daddy-encode submit --dither ", 3) == ["none", "bayer", "sierra2_4a"]


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


def anchors(page: Path) -> set[str]:
    """What GitHub calls the headings of a page in links to them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


def documents() -> list[Path]:
    return [*ROOT.glob("*.md"), *sorted((ROOT / "docs").rglob("*.md"))]


def test_every_page_is_in_the_index() -> None:
    docs = ROOT / "docs"
    linked = {docs / target for target in re.findall(r"\]\(([^)#]+)", (docs / "README.md").read_text())}
    assert {*docs.glob("*.md"), *(docs / "examples").iterdir()} - {docs / "README.md"} <= linked


@pytest.mark.parametrize("path", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(path: Path) -> None:
    for target, anchor in re.findall(r"\]\(([^)#]*)#?([^)]*)\)", path.read_text()):
        if "://" not in target:
            page = path.parent / target if target else path
            assert page.exists(), target
            assert not anchor or anchor in anchors(page), f"{target}#{anchor}"


@pytest.mark.parametrize("path", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_test_and_module_that_a_page_names_exists(path: Path) -> None:
    text = path.read_text()
    for name in re.findall(r"`((?:tests|daddy_encode|docs)/[\w/.-]+)`", text):
        assert (ROOT / name).exists(), name
    for file, test in re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", text):
        assert f"def {test}(" in (ROOT / file).read_text(), test
