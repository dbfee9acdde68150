"""Commands that a test runs in its own process set up its logging, signals and scheduling."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Iterator

import pytest

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR2, signal.SIGHUP)


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    """Put back what a command has set up."""
    logger = logging.getLogger("daddy_encode")
    handlers, level, propagates = logger.handlers, logger.level, logger.propagate
    actions = {number: signal.getsignal(number) for number in SIGNALS}
    policy = os.sched_getscheduler(0)
    yield
    if os.sched_getscheduler(0) != policy:
        os.sched_setscheduler(0, policy, os.sched_param(0))
    logger.handlers, logger.propagate = handlers, propagates
    logger.setLevel(level)
    for number, action in actions.items():
        signal.signal(number, action)
