"""The lock of a run: the controlling process holds it for as long as builds matter.

A worker is interrupted when it is let go: by the controlling process when that is
interrupted itself, or by the kernel when it was killed. So a worker removes what it
made on an engine of the user's, which a killed one could not.
"""

from __future__ import annotations

import fcntl
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, NoReturn

import pytest

_NAME = "run.lock"


@contextmanager
def held(folder: Path) -> Iterator[Callable[[], None]]:
    """Hold the lock of the run whose folder this is; gives what lets it go early."""
    descriptors = [_opened(folder)]
    fcntl.flock(descriptors[0], fcntl.LOCK_EX)

    def let_go() -> None:
        while descriptors:
            os.close(descriptors.pop())

    try:
        yield let_go
    finally:
        let_go()


@contextmanager
def interrupting(folder: Path) -> Iterator[None]:
    """Have the main thread interrupted, as by Ctrl-C, once the run's lock is let go."""
    over = threading.Event()
    main = threading.main_thread()
    descriptor = _opened(folder)

    def interrupt(number: int, _frame: Any) -> NoReturn:
        # Ctrl-C in a terminal comes by itself too, into what the first one cleans up
        signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, interrupt)

    def wait() -> None:
        # the folder's file system may be gone with the run
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_SH)
        if not over.is_set() and main.ident is not None:
            signal.pthread_kill(main.ident, signal.SIGINT)
        os.close(descriptor)

    threading.Thread(target=wait, daemon=True).start()
    try:
        yield
    finally:
        over.set()
        signal.signal(signal.SIGINT, before)


class InterruptedWorker:
    """Ends a worker as soon as it has cleaned up behind what it built."""

    def __init__(self, stack: ExitStack) -> None:
        self.stack = stack

    @pytest.hookimpl(tryfirst=True)
    def pytest_keyboard_interrupt(self) -> None:
        """Spare what pytest does at its end, which takes seconds on a busy machine."""
        self.stack.close()
        os._exit(pytest.ExitCode.INTERRUPTED)


def _opened(folder: Path) -> int:
    return os.open(folder / _NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
