"""Tell, line by line, what has been measured and how long the rest may take."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from harness.run.time_left import Coming, TimeLeft

COLOURS = {
    "pass": {"green": True},
    "fail": {"red": True, "bold": True},
    "error": {"red": True, "bold": True},
    "known": {"yellow": True},
    "unsupported": {"yellow": True},
}


@dataclass
class Progress:
    """Counts what is done; `write` prints one line with the marks of its verdict.

    `took` has the seconds of each case by target, whatever ran beside.
    """

    write: Callable[..., None]
    total: int = 0
    done: int = 0
    took: dict[str, dict[str, float]] = field(default_factory=dict)
    time_left: TimeLeft = field(default_factory=lambda: TimeLeft(jobs=1))

    @property
    def spent(self) -> dict[str, float]:
        """The seconds that the cases of each target took."""
        return {target: sum(cases.values()) for target, cases in self.took.items()}

    def begin(self, coming: Sequence[Coming], jobs: int) -> None:
        """Start counting: these are to come, so many at a time."""
        self.total = len(coming)
        self.time_left = TimeLeft(jobs=jobs)
        self.time_left.expect(coming)

    def tell(self, case: str, target: str, verdict: str, seconds: float) -> None:
        """Print one line: `[ 3/90] article/metadata  legacy@20.10.24  pass  1.2 s`."""
        self.done += 1
        self.took.setdefault(target, {})[case] = seconds
        self.time_left.measured(case, target, seconds, time.monotonic())
        width = len(str(self.total))
        count = f"[{self.done:{width}}/{self.total}]"
        line = f"{count} {case:<44} {target:<26} {verdict:<11} {seconds:5.1f} s"
        self.write(line + self._left(), **COLOURS.get(verdict, {}))

    def _left(self) -> str:
        seconds = self.time_left.left(time.monotonic())
        return "" if seconds is None else f"   {duration(seconds)} left"


def duration(seconds: float) -> str:
    """Write a time roughly, as one says it: `40 s`, `2 min`."""
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
