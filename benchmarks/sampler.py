"""Samples of a thread's stack: where its time goes, waiting included.

In the process itself and without a tracer, so that what is measured runs as usual.
"""

from __future__ import annotations

import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

#: Seconds between two samples.
INTERVAL = 0.004


@dataclass(frozen=True, slots=True, order=True)
class Call:
    """A function on a stack."""

    module: str
    function: str

    @property
    def title(self) -> str:
        """Name it briefly."""
        return f"{self.module.removeprefix('harness.')}.{self.function}"


#: A stack, outermost call first.
Stack = tuple[Call, ...]


@contextmanager
def sampled() -> Iterator[dict[Stack, float]]:
    """Sample this thread until the end; then the mapping has seconds by stack."""
    found: Counter[Stack] = Counter()
    seconds: dict[Stack, float] = {}
    thread = threading.get_ident()
    over = threading.Event()

    def sample() -> None:
        while not over.wait(INTERVAL):
            frame = sys._current_frames().get(thread)  # noqa: SLF001  # the only way
            if frame is not None:
                found[_stack(frame)] += 1

    sampler = threading.Thread(target=sample, daemon=True)
    began = time.perf_counter()
    sampler.start()
    try:
        yield seconds
    finally:
        over.set()
        sampler.join()
        took = time.perf_counter() - began
        each = took / max(1, found.total())
        seconds.update({stack: count * each for stack, count in found.items()})


def _stack(frame: FrameType | None) -> Stack:
    calls = []
    while frame is not None:
        module = str(frame.f_globals.get("__name__", "?"))
        calls.append(Call(module, frame.f_code.co_qualname))
        frame = frame.f_back
    return tuple(reversed(calls))
