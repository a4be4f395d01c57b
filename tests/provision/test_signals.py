"""What comes first when a session is interrupted."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from harness.provision.signals import ending_first


@contextmanager
def closing(order: list[str]) -> Iterator[None]:
    try:
        yield
    finally:
        order.append("unwound")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_engines_end_before_anything_is_unwound(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    order: list[str] = []
    with (
        pytest.raises(KeyboardInterrupt),
        ending_first(lambda: order.append("end")),
        closing(order),
    ):
        signal.raise_signal(number)
    assert order == ["end", "unwound"]
    assert signal.getsignal(number) == before


def test_a_session_in_another_thread_leaves_signals_alone() -> None:
    seen = []

    def look() -> None:
        with ending_first(lambda: None):
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert seen == [signal.getsignal(signal.SIGTERM)]
