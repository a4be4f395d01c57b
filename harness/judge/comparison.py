"""What differs between two results of a case: of two runs, or of two targets. Pure.

Two runs are compared to the byte, since nothing but a builder's behaviour is in a
result; two targets by what the matrix compares, since no two builders say all the same.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from functools import partial
from typing import Any, Literal, TypeAlias

from harness.cases.case import Case
from harness.judge.agreement import tell
from harness.judge.comparable import comparable, subjects
from harness.judge.divergence import divergences
from harness.judge.verdict import Judged
from harness.measure.observation import Observation
from harness.results.record import FORMAT, OutcomeRecord, encode
from harness.targets.group_names import group_name
from harness.targets.registry import Builders

#: A case, and its results by target, of either side.
Sides: TypeAlias = tuple[Case, Mapping[str, Judged], Mapping[str, Judged]]

_MEASURED = tuple(each.name for each in fields(OutcomeRecord) if each.name != "targets")


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What differs in a case, in words, and on which targets it does."""

    case: str
    targets: tuple[str, ...]
    says: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two runs or two targets: the results that both have, and those that one has.

    `equal` and what `differences` speaks of are results that both sides have, one for
    a case and a target; with two targets, one for a case.
    """

    format: int = FORMAT
    of: Literal["runs", "targets"]
    before: str
    after: str
    equal: int
    only_before: int
    only_after: int
    differences: tuple[Difference, ...]

    @property
    def different(self) -> int:
        """Count the results that differ."""
        return sum(len(each.targets) for each in self.differences)


def of_runs(before: str, after: str, cases: Iterable[Sides]) -> Comparison:
    """Compare the results of two folders, named so, target by target, to the byte."""
    equal = only_before = only_after = 0
    found: list[Difference] = []
    for case, one, other in cases:
        only_before += len(one.keys() - other.keys())
        only_after += len(other.keys() - one.keys())
        apart: dict[tuple[str, ...], list[str]] = {}
        known: dict[tuple[object, ...], tuple[str, ...]] = {}
        for target in (each for each in one if each in other):
            pair = one[target], other[target]
            # outcomes are shared among targets, and most are equal
            key = tuple(map(_identity, pair))
            if key not in known:
                known[key] = tuple(_between_runs(case, *pair))
            if known[key]:
                apart.setdefault(known[key], []).append(target)
            else:
                equal += 1
        found += [
            Difference(case=case.id, targets=tuple(targets), says=says)
            for says, targets in apart.items()
        ]
    return Comparison(
        of="runs",
        before=before,
        after=after,
        equal=equal,
        only_before=only_before,
        only_after=only_after,
        differences=tuple(found),
    )


def of_targets(
    before: str,
    after: str,
    cases: Iterable[tuple[Case, Mapping[str, Judged]]],
    builders: Builders,
) -> Comparison:
    """Compare two targets (by id): what is built otherwise on the second."""
    return of_pairs(
        before,
        after,
        (
            (case.id, pair(case, results.get(before), results.get(after), builders))
            for case, results in cases
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A case on two targets: which of them have a result, and what differs."""

    before: bool
    after: bool
    says: tuple[str, ...] = ()


def pair(
    case: Case, before: Judged | None, after: Judged | None, builders: Builders
) -> Pair:
    """Compare what two targets made of a case."""
    told: tuple[str, ...] = ()
    if before is not None and after is not None:
        told = tuple(_between_targets(case, before, after, builders))
    return Pair(before=before is not None, after=after is not None, says=told)


def of_pairs(before: str, after: str, pairs: Iterable[tuple[str, Pair]]) -> Comparison:
    """Put the comparisons of two targets, case by case, together."""
    every = list(pairs)
    both = [(case, each) for case, each in every if each.before and each.after]
    found = [
        Difference(case=case, targets=(after,), says=each.says)
        for case, each in both
        if each.says
    ]
    return Comparison(
        of="targets",
        before=before,
        after=after,
        equal=len(both) - len(found),
        only_before=sum(each.before and not each.after for _, each in every),
        only_after=sum(each.after and not each.before for _, each in every),
        differences=tuple(found),
    )


def _identity(result: Judged) -> tuple[object, ...]:
    return (
        id(result.builds),
        result.case_digest,
        result.reason,
        result.unstable,
        result.verdict,
    )


def _between_runs(case: Case, one: Judged, other: Judged) -> Iterator[str]:
    """Say what differs; in words where there are any, else by the place in the file."""
    first, second = _outcome(one), _outcome(other)
    if first == second:
        return
    changed = one.case_digest != other.case_digest
    if changed:
        yield "the case has changed in between"
    elif one.verdict != other.verdict:
        yield f"{one.verdict} before, {other.verdict} after"
    told = _divergences(case, {"before": one.observation, "after": other.observation})
    yield from told
    if not told and not changed:
        yield from _places(first, second)


def _between_targets(
    case: Case, one: Judged, other: Judged, builders: Builders
) -> Iterator[str]:
    for each in (one, other):
        if not each.builds:
            if bool(one.builds) != bool(other.builds):
                yield f"{each.target} does not support it: {each.reason}"
            return
    chosen = comparable(case, {each.target: each for each in (one, other)})
    found = chosen.divergences(chosen.tell(), name=partial(group_name, builders))
    yield from (each.sentence() for each in found)


def _divergences(case: Case, observations: Mapping[str, Observation]) -> list[str]:
    found = divergences(
        tell(observations), subjects(case), name=lambda names, _: " and ".join(names)
    )
    return [each.sentence() for each in found]


def _outcome(result: Judged) -> Any:
    same = {name: getattr(result, name) for name in _MEASURED}
    return json.loads(encode(OutcomeRecord(targets=(), **same)))


def _places(one: Any, other: Any, place: str = "") -> Iterator[str]:
    """Name where two JSON values differ, and how."""
    if isinstance(one, dict) and isinstance(other, dict):
        for name in sorted(one.keys() | other.keys()):
            inner = f"{place}.{name}" if place else name
            yield from _places(one.get(name), other.get(name), inner)
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for number, pair in enumerate(zip(one, other, strict=True)):
            yield from _places(*pair, f"{place}.{number}")
    elif one != other:
        yield f"{place}: {json.dumps(one)} before, {json.dumps(other)} after"
