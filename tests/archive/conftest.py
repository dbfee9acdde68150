"""Commands that a test runs in its own process set up logging and signals of the process."""

from tests.cli.conftest import _as_before as _as_before
