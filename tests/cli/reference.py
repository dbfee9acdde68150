"""`python -m tests.cli.reference`: the CLI reference, docs/cli.md, made from every command's --help.

An option that several commands have, with the same text, is there once, among the shared options, to which they link.
"""

from __future__ import annotations

import copy

import click

from daddy_encode.cli.main import COMMANDS, group

HEAD = """# Command line

Made from `--help` by `python -m tests.cli.reference`; a test fails when it is not current. `daddy-encode -h` and
`daddy-encode encode -h` show the same in a terminal, with every option in its place. SECONDS and TIME are a number of
seconds, or 90s, 30m, 1h, 7d, 1d12h.
"""
ENVIRONMENT = """## Options from the environment

Every option but `--output`, `--from`, `--mark`, `--dry-run` and `--yes` can be set by a variable, for a user, a project
or a whole group:
`DADDY_ENCODE_` and its name, such as `DADDY_ENCODE_CRF` for `--crf` and `DADDY_ENCODE_OUTPUT_DIR` for `--output-dir`,
for every command that has it. A flag is 0 or 1, true or false; several values are divided by blanks; an empty variable
counts as none. A variable that sets no option is named in a warning.
What is on the command line comes first, `--output FILE` also before `DADDY_ENCODE_VIDEO` and `DADDY_ENCODE_OUTPUT_DIR`.

```sh
export DADDY_ENCODE_VIDEO=both DADDY_ENCODE_CRF=18
```

A variable counts as given: a video that was made with another value is made anew, which its line says. An error about a
value names its variable. `submit` writes what the variables say into its script. Its own `--workers` is
`DADDY_ENCODE_SUBMIT_WORKERS`: `DADDY_ENCODE_WORKERS` is how many jobs one encoder has in hand.
"""
WIDTH = 100
COMPLETION = """## Completion in the shell

The shell completes commands, options, their values and paths, once it has been told so. With the environment active, in
`~/.bashrc` (bash 4.4 or later):

```sh
eval "$(_DADDY_ENCODE_COMPLETE=bash_source daddy-encode)"
```

in `~/.zshrc`, after `compinit`:

```sh
eval "$(_DADDY_ENCODE_COMPLETE=zsh_source daddy-encode)"
```

in `~/.config/fish/completions/daddy-encode.fish`:

```sh
_DADDY_ENCODE_COMPLETE=fish_source daddy-encode | source
```

This starts Python once for each new shell, and needs `daddy-encode` on PATH. Where that is slow, or the environment is
activated later, write what the command in the brackets prints to a file, and `source` that one.
"""
# An option as --help shows it: its names and its text.
Record = tuple[str, str]


def reference() -> str:
    """The text of docs/cli.md."""
    parent = click.Context(group, info_name="daddy-encode", terminal_width=WIDTH, **group.context_settings)
    contexts = {name: _context(name, parent) for name in COMMANDS}
    shared = _shared(contexts)
    parts = [HEAD, f"## daddy-encode\n\n{_code(group.get_help(parent))}"]
    for name, context in contexts.items():
        command = copy.copy(context.command)
        moved = [record for commands, records in shared.items() if name in commands for record in records]
        command.params = [param for param in command.params if param.get_help_record(context) not in moved]
        parts.append(f"## daddy-encode {name}\n\n{_code(command.get_help(context))}")
        if moved:
            parts.append(f"and the [shared options](#shared-options) of `{name}`.\n")
    parts.append("## Shared options\n")
    for commands, records in shared.items():
        formatter = click.HelpFormatter(width=WIDTH)
        formatter.write_dl(records)
        code = [f"`{name}`" for name in commands]
        title = f"### Of {', '.join(code[:-1])} and {code[-1]}"
        parts.append(f"{title}\n\n{_code(formatter.getvalue().rstrip())}")
    return "\n".join([*parts, ENVIRONMENT, COMPLETION])


def _context(name: str, parent: click.Context) -> click.Context:
    command = group.get_command(parent, name)
    assert command is not None
    return click.Context(command, info_name=name, parent=parent, terminal_width=WIDTH)


def _shared(contexts: dict[str, click.Context]) -> dict[tuple[str, ...], list[Record]]:
    """The options that the same commands share, by these commands' names."""
    commands: dict[Record, list[str]] = {}
    for name, context in contexts.items():
        for param in context.command.params:
            if isinstance(param, click.Option) and (record := param.get_help_record(context)) is not None:
                commands.setdefault(record, []).append(name)
    shared: dict[tuple[str, ...], list[Record]] = {}
    for record, names in commands.items():
        if len(names) > 1:
            shared.setdefault(tuple(names), []).append(record)
    return shared


def _code(text: str) -> str:
    return f"```text\n{text}\n```\n"


if __name__ == "__main__":
    print(reference(), end="")
