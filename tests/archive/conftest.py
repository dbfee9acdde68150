"""Commands that a test runs in its own process set up its logging, signals and scheduling."""

from tests.cli.conftest import _as_before as _as_before
