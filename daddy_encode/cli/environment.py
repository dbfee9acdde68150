"""Every option from the environment: `--crf` is DADDY_ENCODE_CRF, for whichever command has it."""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Iterable, Iterator
from typing import Any

import click
from click.core import ParameterSource

PREFIX = "DADDY_ENCODE_"
# What is read elsewhere, or by tests.
OTHERS = {"DADDY_ENCODE_REQUIRE_SYSTEM"}
# What no variable sets, in no command.
SAID_EACH_TIME = {
    # One file for what every command writes is nobody's wish.
    "--output",
    # What is started by a rollout or a batch script would make nothing, and say that all is well.
    "--dry-run",
    # Each time that frames are deleted, whoever says so should mean these.
    "--yes",
    # Which jobs are meant is said each time, too.
    "--from",
    "--mark",
}
# By command and option.
OWN_NAMES = {
    # The same word for another thing: how many Slurm tasks share the work, not how many jobs one encoder has in hand.
    ("submit", "--workers"): "DADDY_ENCODE_SUBMIT_WORKERS",
}


def with_environment(command: click.Command) -> click.Command:
    """`command` with a variable for each of its options; an error about one that came from there names it."""
    for option in command.params:
        # A flag that stands for one value of several has no value of its own.
        if isinstance(option, click.Option) and not (option.is_flag and not option.is_bool_flag):
            option.envvar = variable(str(command.name), option)
    if command.callback is not None:
        command.callback = _naming_variables(command.callback)
    return command


def variable(command: str, option: click.Option) -> str | None:
    """The name of the variable that sets `option` of `command`; None where none does."""
    name = next(name for name in option.opts if name.startswith("--"))
    if name in SAID_EACH_TIME:
        return None
    return OWN_NAMES.get((command, name), PREFIX + name.removeprefix("--").replace("-", "_").upper())


def variables_set() -> list[str]:
    """The variables of the environment that have a name like an option's, sorted."""
    return sorted(name for name in os.environ if name.startswith(PREFIX) and name not in OTHERS)


def unknown_variables(commands: Iterable[click.Command]) -> str:
    """A warning that names the variables that set no option of these commands, and those that may be meant; or none."""
    import difflib

    known = {
        str(option.envvar).removeprefix(PREFIX)
        for command in commands
        for option in command.params
        if option.envvar is not None
    }
    unknown = []
    for name in variables_set():
        word = name.removeprefix(PREFIX)
        if word not in known:
            near = difflib.get_close_matches(word, known, 1)
            unknown.append(ascii(name)[1:-1] + (f" (is {PREFIX}{near[0]} meant?)" if near else ""))
    return f"Warning: variables that set no option: {', '.join(unknown)}" if unknown else ""


def name_variable(error: click.ClickException) -> None:
    """Have `error` name the variable instead of the option, where the option's value came from it."""
    if not isinstance(error, click.BadParameter) or error.ctx is None or error.param is None:
        return
    if is_from_environment(error.ctx, error.param.name):
        error.param_hint = str(error.param.envvar)


def _naming_variables(callback: Any) -> Any:
    """`callback`, whose errors about settings name the variables that may be meant."""

    @functools.wraps(callback)
    def named(*arguments: Any, **options: Any) -> Any:
        from daddy_encode.errors import SettingsError

        try:
            return callback(*arguments, **options)
        except SettingsError as error:
            used = _used(click.get_current_context())
            meant = [name for name, value in used if _mentions(str(error), value)]
            if not meant:
                raise
            raise SettingsError(f"{error} (from the environment: {', '.join(meant)})") from error

    return named


def _mentions(text: str, value: str) -> bool:
    """Whether an error's text has `value`, or of several values one, as words."""
    return any(re.search(rf"(?<!\w){re.escape(part)}(?!\w)", text) for part in value.split())


def _used(context: click.Context) -> Iterator[tuple[str, str]]:
    """The variables that options of a command came from, with their values."""
    for option in context.command.params:
        if is_from_environment(context, option.name):
            yield str(option.envvar), os.environ.get(str(option.envvar), "")


def is_from_environment(context: click.Context, name: str | None) -> bool:
    """Whether the value of the option that is called `name` in Python came from a variable."""
    return context.get_parameter_source(str(name)) is ParameterSource.ENVIRONMENT
