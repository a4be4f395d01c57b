"""Tell, line by line, what has been measured and how long the rest may take."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

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

    `spent` are the seconds that the cases of each target took, whatever ran beside.
    """

    write: Callable[..., None]
    total: int = 0
    done: int = 0
    spent: dict[str, float] = field(default_factory=dict)
    began: float = 0.0

    def begin(self, total: int) -> None:
        """Start counting: so many are to come, from now on."""
        self.total = total
        self.began = time.monotonic()

    def tell(self, case: str, target: str, verdict: str, seconds: float) -> None:
        """Print one line: `[ 3/90] article/metadata  legacy@20.10.24  pass  1.2 s`."""
        self.done += 1
        self.spent[target] = self.spent.get(target, 0.0) + seconds
        width = len(str(self.total))
        count = f"[{self.done:{width}}/{self.total}]"
        line = f"{count} {case:<44} {target:<26} {verdict:<11} {seconds:5.1f} s"
        self.write(line + self._left(), **COLOURS.get(verdict, {}))

    def _left(self) -> str:
        rest = self.total - self.done
        if rest <= 0:
            return ""
        seconds = (time.monotonic() - self.began) / self.done * rest
        return f"   {duration(seconds)} left"


def duration(seconds: float) -> str:
    """Write a time roughly, as one says it: `40 s`, `2 min`."""
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
