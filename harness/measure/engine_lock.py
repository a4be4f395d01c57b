"""Lock one engine: many builds at once, or one that is alone on it.

A build that breaks off may have killed the engine, or only have stood next to one that
did. Which it was shows when it is built again, alone; that is what the lock is for.
It is a lock on a file, so it holds between worker processes and ends with them.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineLock:
    """The lock on one engine; `place` is a path that all who build on it know."""

    place: Path

    @contextmanager
    def shared(self) -> Iterator[None]:
        """Build beside others that do so too."""
        # Who wants to be alone holds the gate while waiting, so that it gets its turn.
        with _held(self._gate, fcntl.LOCK_SH):
            turn = _take(self.place, fcntl.LOCK_SH)
        try:
            yield
        finally:
            os.close(turn)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Wait until no other build runs, and let none begin."""
        with _held(self._gate, fcntl.LOCK_EX), _held(self.place, fcntl.LOCK_EX):
            yield

    @property
    def _gate(self) -> Path:
        return self.place.with_name(f"{self.place.name}.gate")


@contextmanager
def _held(place: Path, kind: int) -> Iterator[None]:
    descriptor = _take(place, kind)
    try:
        yield
    finally:
        os.close(descriptor)


def _take(place: Path, kind: int) -> int:
    """Open and lock a file; closing the descriptor gives the lock back."""
    descriptor = os.open(place, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, kind)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor
