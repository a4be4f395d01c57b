"""What is written, and where it is so: each expectation over all targets. Pure.

An expectation states what a documentation, an issue or the article says. Over a matrix
it holds on every target it was measured on, on some, or on none.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from harness.judge.row import Row

Reach = Literal["everywhere", "somewhere", "nowhere"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One expectation of a case: its source, and the targets where it holds.

    `found` has where it does not: by target what was found instead, or what is known of
    it (`Check.reason`).
    """

    case: str
    because: str
    holds: tuple[str, ...]
    found: tuple[tuple[str, str], ...]

    @property
    def breaks(self) -> tuple[str, ...]:
        """Name the targets where it does not hold."""
        return tuple(target for target, _ in self.found)

    @property
    def reach(self) -> Reach:
        """Say on which of the targets that it was measured on it holds."""
        if not self.found:
            return "everywhere"
        return "somewhere" if self.holds else "nowhere"


def statements(rows: Iterable[Row]) -> tuple[Statement, ...]:
    """List the statements of cases that were measured on any target, in order."""
    return tuple(each for row in rows for each in _of_row(row))


def _of_row(row: Row) -> Iterable[Statement]:
    holds: dict[int, list[str]] = {}
    breaks: dict[int, dict[str, str]] = {}
    sources: dict[int, str] = {}
    for target, cell in row.cells.items():
        for check in cell.checks:
            if check.verdict == "unsupported":
                continue
            number = check.expectation
            sources[number] = check.because
            if check.held:
                holds.setdefault(number, []).append(target)
            else:
                found = check.reason or next(iter(check.findings), "")
                breaks.setdefault(number, {})[target] = found
    for number, because in sorted(sources.items()):
        broken = breaks.get(number, {})
        yield Statement(
            case=row.case,
            because=because,
            holds=tuple(holds.get(number, ())),
            found=tuple(broken.items()),
        )
