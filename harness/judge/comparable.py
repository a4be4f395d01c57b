"""Which results of a case can be compared, and in what. Pure.

Freshness and stability are decided here, for the matrix, `explain` and `diff` alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from harness.cases.case import Case
from harness.cases.notation import Aspect
from harness.dockerfile import parser
from harness.judge.agreement import FactTable, tell
from harness.judge.divergence import Divergence, Name, Rows, divergences
from harness.judge.facts import ASPECTS
from harness.measure.observation import Observation
from harness.results.record import Result

#: An aspect to those that it is seen in too: noise in a layer's files is noise in the
#: root file system that is made of it.
_SEEN_IN: Mapping[Aspect, tuple[Aspect, ...]] = {
    "files": ("rootfs", "times"),
    "metadata": ("times",),
}


_Result = TypeVar("_Result", bound=Result)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparable(Generic[_Result]):
    """The results of a case that can be compared with each other, by target.

    `fresh` are those of the case as it is now, `stale` names the others. `aspects` are
    those that no repetition of a build told otherwise: what is not stable on one target
    is no difference between two.
    """

    case: Case
    fresh: Mapping[str, _Result]
    stale: tuple[str, ...]
    aspects: tuple[Aspect, ...]

    @property
    def observations(self) -> dict[str, Observation]:
        """Give what was measured, where the case could be built at all."""
        return {
            name: each.observation for name, each in self.fresh.items() if each.builds
        }

    def tell(self) -> FactTable:
        """Tell what was measured as facts."""
        return tell(self.observations, self.aspects)

    def divergences(
        self, table: FactTable, *, name: Name, rows: Rows | None = None
    ) -> list[Divergence]:
        """List where the targets of a table of these facts differ."""
        return divergences(table, subjects(self.case), name=name, rows=rows)


def comparable(case: Case, results: Mapping[str, _Result]) -> Comparable[_Result]:
    """Choose among a case's results, by target, those that can be compared."""
    fresh = {n: each for n, each in results.items() if each.case_digest == case.digest}
    unstable = {name for each in fresh.values() for name in each.unstable}
    unstable |= {
        also for name, others in _SEEN_IN.items() if name in unstable for also in others
    }
    return Comparable(
        case=case,
        fresh=fresh,
        stale=tuple(name for name in results if name not in fresh),
        aspects=tuple(each for each in ASPECTS if each not in unstable),
    )


def subjects(case: Case) -> dict[tuple[str, int], str]:
    """Give the instruction's text for each (build, line)."""
    return {
        (name, each.line): each.text
        for name, build in case.builds.items()
        for each in parser.parse(build.dockerfile).instructions
    }
