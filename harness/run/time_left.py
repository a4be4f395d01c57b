"""Estimate the time that is left of a run: by recorded durations, and its own pace.

Pure: it is told what is to come and what was measured when.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

Place = Literal["api", "engine", "own"]

#: Seconds for a step of a case where nothing was recorded, by where a builder builds
#: (measured on two cores, four at a time: an engine does 5 to 8 builds a second,
#: buildah and podman 0.5 to 1).
STEP: Mapping[Place, float] = {"api": 0.3, "engine": 0.6, "own": 2.0}
#: So many measured cases of a kind say more of its pace than the table does.
_ENOUGH = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Coming:
    """A case on a target that is to be measured.

    `place` is where the target's builder builds, `steps` how much there is to do, and
    `recorded` the seconds it took in an earlier run, None if there was none.
    """

    case: str
    target: str
    place: Place
    steps: int
    recorded: float | None = None

    @property
    def expected(self) -> float:
        """The seconds that it is expected to take, before anything was measured."""
        return STEP[self.place] * self.steps if self.recorded is None else self.recorded


@dataclass
class _Kind:
    """What is expected to come of one kind, and what has come of it, in seconds."""

    coming: float = 0.0
    expected: float = 0.0
    measured: float = 0.0
    count: int = 0

    @property
    def pace(self) -> float | None:
        """How much longer cases take than expected; None if that is not known yet."""
        known = self.count >= _ENOUGH and self.expected > 0
        return self.measured / self.expected if known else None


@dataclass
class TimeLeft:
    """Keeps count of what is to come; `jobs` cases are built at a time."""

    jobs: int
    coming: dict[tuple[str, str], Coming] = field(default_factory=dict)
    kinds: dict[tuple[Place, bool], _Kind] = field(default_factory=dict)
    began: float | None = None
    spent: float = 0.0
    count: int = 0

    def expect(self, cases: Iterable[Coming]) -> None:
        """Say what is to come."""
        for each in cases:
            self.coming[each.case, each.target] = each
            self._kind(each).coming += each.expected

    def measured(self, case: str, target: str, seconds: float, now: float) -> None:
        """Say what a case took, and when it was done, in seconds of any clock."""
        if self.began is None:
            # engines that were waited for before do not count
            self.began = now - seconds
        self.spent += seconds
        self.count += 1
        each = self.coming.pop((case, target), None)
        if each is not None:
            kind = self._kind(each)
            kind.coming -= each.expected
            kind.expected += each.expected
            kind.measured += seconds
            kind.count += 1

    def left(self, now: float) -> float | None:
        """Give the seconds that are left; None while that cannot be known.

        It can when each kind of what is left was recorded, or measured a few times.
        """
        if not self.coming or self.began is None or self.count < self.jobs:
            return None
        overall = self._overall()
        seconds = 0.0
        for (_, recorded), kind in self.kinds.items():
            if kind.coming > 1e-6:
                if not recorded and kind.pace is None:
                    return None
                seconds += kind.coming * (kind.pace or overall)
        at_a_time = self.spent / max(now - self.began, 1e-6)
        return seconds / min(max(at_a_time, 1.0), self.jobs, len(self.coming))

    def _overall(self) -> float:
        paces = [each.pace for each in self.kinds.values() if each.pace is not None]
        return sum(paces) / len(paces) if paces else 1.0

    def _kind(self, each: Coming) -> _Kind:
        key = each.place, each.recorded is not None
        return self.kinds.setdefault(key, _Kind())
