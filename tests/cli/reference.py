"""`python -m tests.cli.reference`: the CLI reference, docs/cli.md, made from every command's --help."""

from __future__ import annotations

import click

from daddy_encode.cli.main import COMMANDS, group

HEAD = """# Command line

Made from `--help` by `python -m tests.cli.reference`; a test fails when it is not current.
"""


def reference() -> str:
    """The text of docs/cli.md."""
    parent = click.Context(group, info_name="daddy-encode", terminal_width=100, **group.context_settings)
    parts = [HEAD, _section("daddy-encode", group.get_help(parent))]
    for name in COMMANDS:
        command = group.get_command(parent, name)
        assert command is not None
        context = click.Context(command, info_name=name, parent=parent, terminal_width=100)
        parts.append(_section(f"daddy-encode {name}", command.get_help(context)))
    return "\n".join(parts)


def _section(title: str, text: str) -> str:
    return f"## {title}\n\n```text\n{text}\n```\n"


if __name__ == "__main__":
    print(reference(), end="")
