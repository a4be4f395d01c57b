"""Two programs that take turns, so that a machine that slows down slows both.

Loaded as a pytest plugin (`-p benchmarks.turns`) it has each item of a run wait for its
turn; `take` is the same for anything else.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

import pytest

from harness.measure.engine_lock import EngineLock

#: Names the file whose lock a pytest item takes.
VARIABLE = "LAYER_HARNESS_BENCHMARK_TURN"


def take(place: Path) -> AbstractContextManager[None]:
    """Work in one's turn, beside others of the same side."""
    return EngineLock(place=place).shared()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol() -> Generator[None, object, object]:
    """Run an item in its turn."""
    with take(Path(os.environ[VARIABLE])):
        return (yield)


def alternate(
    places: Sequence[Path], running: Sequence[Callable[[float], bool]], seconds: float
) -> list[float]:
    """Let the sides work by turns until all are done; the seconds that each took.

    `places` are the sides' locks. A side's `running` waits for its end, at most so many
    seconds, and says whether it goes on; a turn takes `seconds`, and until what was
    begun in it is done.
    """
    took = [0.0] * len(places)
    left = list(range(len(places)))
    with ExitStack() as all_held:
        held = [all_held.enter_context(ExitStack()) for _ in places]
        for each, place in zip(held, places, strict=True):
            each.enter_context(EngineLock(place=place).alone())
        while left:
            for side in list(left):
                began = time.perf_counter()
                held[side].close()
                goes_on = running[side](seconds)
                if goes_on:
                    held[side].enter_context(EngineLock(place=places[side]).alone())
                else:
                    left.remove(side)
                took[side] += time.perf_counter() - began
    return took
