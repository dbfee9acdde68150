"""Sleeping until woken: by another thread, by a descriptor, by a signal wherever it arrives."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from types import FrameType

import pytest

from daddy_encode.service.watcher.wake import Waker

# A sleep that is only over in good time when something wakes it.
LONG = 60.0


@pytest.fixture
def heard() -> Iterator[list[int]]:
    """The signals that this process's handler was called with."""
    numbers: list[int] = []

    def hear(number: int, frame: FrameType | None) -> None:
        numbers.append(number)

    before = signal.signal(signal.SIGUSR1, hear)
    yield numbers
    signal.signal(signal.SIGUSR1, before)


def test_a_signal_that_does_not_interrupt_the_sleep_itself_ends_it_and_is_heeded(heard: list[int]) -> None:
    waker = Waker()

    def receive() -> None:
        time.sleep(0.5)
        # To a thread, as the system may choose to do: what the sleeper is in is not interrupted.
        signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)

    other = threading.Thread(target=receive)
    with waker.woken_by_signals():
        other.start()
        assert waker.sleep(LONG)
    assert heard == [signal.SIGUSR1]
    other.join()


def test_who_was_told_of_signals_before_is_told_again_afterwards(heard: list[int]) -> None:
    read, write = os.pipe()
    os.set_blocking(write, False)
    before = signal.set_wakeup_fd(write)
    try:
        with Waker().woken_by_signals():
            signal.raise_signal(signal.SIGUSR1)
        signal.raise_signal(signal.SIGUSR1)
        assert os.read(read, 10) == bytes([signal.SIGUSR1])
    finally:
        signal.set_wakeup_fd(before)
        os.close(read)
        os.close(write)


def test_wakes_before_a_sleep_count_even_more_than_a_pipe_holds_and_for_one_sleep_only() -> None:
    waker = Waker()
    for _ in range(100_000):
        waker.wake()
    assert waker.sleep(LONG)
    assert not waker.sleep(0.05)


def test_a_descriptor_that_is_listened_to_ends_the_sleep_and_is_read_by_the_sleeper() -> None:
    waker = Waker()
    read, write = os.pipe()
    got: list[bytes] = []
    waker.listen(read, lambda: got.append(os.read(read, 10)))
    os.write(write, b"news")
    assert waker.sleep(LONG)
    assert got == [b"news"]
    os.close(read)
    os.close(write)
