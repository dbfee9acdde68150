"""Commands of `daddy-encode`, run in the test's own process."""

from __future__ import annotations

from pathlib import Path

from click import ClickException
from click.testing import CliRunner

from daddy_encode.cli.main import group
from daddy_encode.errors import DaddyEncodeError, SettingsError


def told(*arguments: str | Path, answer: str | None = None) -> tuple[int, str]:
    """The exit status, and all that was said; `answer`: what is typed."""
    result = CliRunner().invoke(group, [*map(str, arguments)], standalone_mode=False, input=answer)
    if isinstance(result.exception, ClickException):
        return result.exception.exit_code, f"{result.output}{result.exception.format_message()}"
    if isinstance(result.exception, DaddyEncodeError):
        return 2 if isinstance(result.exception, SettingsError) else 1, f"{result.output}{result.exception}"
    if result.exception is not None:
        raise result.exception
    return result.return_value or 0, result.output
