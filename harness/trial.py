"""One case on one target, from the builds to the result that is stored."""

from __future__ import annotations

from dataclasses import dataclass

from harness.agree import ASPECTS, facts
from harness.building import Site
from harness.case import Case
from harness.check import check, worst
from harness.observation import Observation
from harness.observe import Measurement, observe
from harness.result import Result


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A result, and the measurement it comes from (logs, images, directories)."""

    result: Result
    measurement: Measurement


def attempt(case: Case, site: Site, *, repeat: int = 1) -> Trial:
    """Build `case` on `site`, `repeat` times, and judge what the first time gave.

    An aspect that a repetition tells otherwise is unstable: it stays in the result,
    but is never a divergence. Raises what `observe` raises.
    """
    measurement = observe(case, site)
    first = measurement.observation
    unstable: set[str] = set()
    for _ in range(repeat - 1):
        unstable.update(_unequal(first, observe(case, site).observation))
    checks = check(case, site.target, first, measurement.below)
    result = Result(
        case=case.id,
        case_digest=case.digest,
        target=site.target.id,
        verdict=worst(each.verdict for each in checks),
        checks=checks,
        builds=first.builds,
        unstable=tuple(sorted(unstable)),
    )
    return Trial(result=result, measurement=measurement)


def _unequal(first: Observation, second: Observation) -> list[str]:
    return [each for each in ASPECTS if facts(first, each) != facts(second, each)]
