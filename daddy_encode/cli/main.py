"""The command `daddy-encode`: dispatches, and turns errors into one line and an exit status."""

from __future__ import annotations

import functools
import gc
import importlib
import os
import sys
from typing import Any, NoReturn

import click

from daddy_encode import __version__
from daddy_encode.cli.environment import name_variable, unknown_variables, variables_set, with_environment

# Command name -> module below daddy_encode.cli that holds `command`. Loaded when needed: `--help` stays quick.
COMMANDS = {
    "encode": "encode.command",
    "watch": "watch.command",
    "status": "status_command",
    "log": "log_command",
    "gallery": "gallery_command",
    "verify": "verify.command",
    "sheet": "sheet_command",
    "submit": "submit.command",
    "pack": "pack.command",
    "clean": "clean.command",
}

FAILED = 1
USAGE = 2
# EX_TEMPFAIL of sysexits.h: told to stop, try again.
INTERRUPTED = 75


class Commands(click.Group):
    """A group whose commands are imported when they are used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        return _loaded(cmd_name)

    def invoke(self, ctx: click.Context) -> Any:
        # Only then is every command loaded.
        if variables_set() and (warning := unknown_variables(map(_loaded, COMMANDS))):
            click.echo(warning, err=True)
        try:
            return super().invoke(ctx)
        except click.ClickException as error:
            name_variable(error)
            raise


@functools.cache
def _loaded(name: str) -> click.Command:
    module = importlib.import_module(f"daddy_encode.cli.{COMMANDS[name]}")
    return with_environment(module.command)


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="daddy-encode")
def group() -> None:
    """Turn the PNG frames that rollouts wrote into MP4 and GIF: on CPUs, verified, logged.

    Every option but --output, --from, --mark, --dry-run and --yes can be set in the environment, too, as can be done
    once for a whole group: --crf 18 is DADDY_ENCODE_CRF=18, a flag is 0 or 1. What is on the command line comes first.

    Exit status: 0 all well, 1 a job failed, 2 wrong usage, 75 interrupted (run again).
    """


def main() -> NoReturn:
    """Run the command line and exit with its status."""
    from daddy_encode.errors import DaddyEncodeError, Interrupted, SettingsError, one_line
    from daddy_encode.spool.transient import may_pass

    try:
        status = group(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        status = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        status = INTERRUPTED
    except DaddyEncodeError as error:
        click.echo(f"Error: {error}", err=True)
        status = (
            USAGE if isinstance(error, SettingsError) else INTERRUPTED if isinstance(error, Interrupted) else FAILED
        )
    except BrokenPipeError:
        # The reader of our output, such as `head`, has gone; Python would complain once more at its exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = FAILED
    except (OSError, MemoryError, RuntimeError) as error:
        # A machine that is short of memory, threads or open files, or a file system that is away: no fault of ours.
        if not may_pass(error):
            raise
        click.echo(f"Error: {one_line(str(error) or 'out of memory')}; run the same command again", err=True)
        status = INTERRUPTED
    # Nothing of all that is here need be taken apart before the process ends.
    gc.freeze()
    sys.exit(status or 0)
