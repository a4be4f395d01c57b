"""SIGINT and SIGTERM during a session: its engines first, then everything in order."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn


@contextmanager
def ending_first(end: Callable[[], None]) -> Iterator[None]:
    """Have `end` called at SIGINT and SIGTERM, before KeyboardInterrupt is raised.

    Only the main thread can have that; in any other nothing changes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(_signal: int, _frame: Any) -> NoReturn:
        end()
        raise KeyboardInterrupt

    before = {
        number: signal.signal(number, interrupt)
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            # None: it was not set by Python, and cannot be set again
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
