"""The type of arguments and options that are paths."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click


class UserPath(click.Path):
    """A path as `daddy_encode.spool.paths.user_path` takes it: `~` is the home directory, and an empty one an error.

    A shell leaves the `~` of `--output-dir=~/out` as it is; an unset variable in quotes would be the current directory.
    """

    def __init__(self, *, dir_okay: bool = True) -> None:
        super().__init__(dir_okay=dir_okay, path_type=Path)

    def convert(self, value: str | os.PathLike[str], param: click.Parameter | None, ctx: click.Context | None) -> Any:
        from daddy_encode.errors import SettingsError
        from daddy_encode.spool.paths import user_path

        try:
            return super().convert(user_path(value), param, ctx)
        except SettingsError as error:
            self.fail(str(error), param, ctx)
