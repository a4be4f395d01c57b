"""So many builds at a time, of more processes than that.

While one process reads and records what it has built, another builds. The locks are on
files, so they end with the processes that hold them.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

#: Seconds from one look for a free slot to the next; only one process looks.
_LOOK = 0.005


@dataclass(frozen=True, slots=True, kw_only=True)
class Slots:
    """`number` slots of all who name the same folder."""

    folder: Path
    number: int

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Have a slot, which may have to be waited for."""
        self.folder.mkdir(exist_ok=True)
        slot = self._next()
        try:
            yield
        finally:
            os.close(slot)

    def _next(self) -> int:
        turn = self._opened("turn")
        try:
            fcntl.flock(turn, fcntl.LOCK_EX)
            # no event tells that one of several locks is free
            while (slot := self._free()) is None:
                time.sleep(_LOOK)
            return slot
        finally:
            os.close(turn)

    def _free(self) -> int | None:
        for each in range(self.number):
            descriptor = self._opened(str(each))
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(descriptor)
            except BaseException:
                os.close(descriptor)
                raise
            else:
                return descriptor
        return None

    def _opened(self, name: str) -> int:
        return os.open(self.folder / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
