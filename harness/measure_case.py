"""One case on one target, from the builds to the result that is stored."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace

from harness.cases.case import Case
from harness.errors import BoundMet, EngineGone, Unsupported
from harness.judge.facts import ASPECTS, facts
from harness.measure.engine_death import await_engine
from harness.measure.engine_lock import EngineLock
from harness.measure.observation import Observation
from harness.measure.observe import Measurement, observe
from harness.measure.open_target import OpenTarget
from harness.results.record import Result


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredCase:
    """A result, and the measurement it comes from (logs, images, directories).

    There is no measurement where the target's builder cannot be asked for the case.
    """

    result: Result
    measurement: Measurement | None


def measure_in_turn(
    case: Case, opened: OpenTarget, lock: EngineLock, *, repeat: int = 1
) -> MeasuredCase:
    """Attempt a case beside others; alone, once more, when the engine broke it off.

    Whose doing it was, the second time tells: a build that breaks the engine when
    nothing else is built is an observation; one that does not was only beside it. So
    with bounds, which are those of all builds on the engine.
    """
    with suppress(EngineGone, BoundMet), lock.shared():
        return measure_case(case, opened, repeat=repeat)
    with lock.alone():
        await_engine(opened)
        return measure_case(case, replace(opened, alone=True), repeat=repeat)


def measure_case(case: Case, opened: OpenTarget, *, repeat: int = 1) -> MeasuredCase:
    """Build `case` on `opened`, `repeat` times; the result is the first time's.

    An aspect that a repetition tells otherwise is unstable: it stays in the result,
    but is never a divergence. Raises what `observe` raises, but Unsupported.
    """
    try:
        measurement = observe(case, opened)
    except Unsupported as lacking:
        return MeasuredCase(
            result=_unsupported(case, opened, lacking), measurement=None
        )
    first = measurement.observation
    unstable: set[str] = set()
    for _ in range(repeat - 1):
        unstable.update(_unequal(first, observe(case, opened).observation))
    timed_out = any(each.outcome == "timeout" for each in first.builds)
    result = Result(
        case=case.id,
        case_digest=case.digest,
        target=opened.target.id,
        builds=first.builds,
        unstable=tuple(sorted(unstable)),
        limit=(case.limit or opened.limit) if timed_out else None,
    )
    return MeasuredCase(result=result, measurement=measurement)


def _unsupported(case: Case, opened: OpenTarget, lacking: Unsupported) -> Result:
    return Result(
        case=case.id,
        case_digest=case.digest,
        target=opened.target.id,
        builds=(),
        reason=lacking.message,
    )


def _unequal(first: Observation, second: Observation) -> list[str]:
    return [each for each in ASPECTS if facts(first, each) != facts(second, each)]
