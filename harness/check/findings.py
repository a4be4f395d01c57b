"""Hold a Dockerfile's patterns against what was measured on two targets. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from harness.check.rule import Occurrence, Rule
from harness.check.source import Source
from harness.judge.behaviour import NOT_TOLD, ONE_LAYER, Behaviour
from harness.targets.target import Target

#: What a wrong guess costs, the worst first: it does not build; another image; other
#: layers of the same image; lines that are built again.
Impact = Literal["outcome", "image", "layering", "cache"]
IMPACTS: tuple[Impact, ...] = ("outcome", "image", "layering", "cache")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A pattern whose behaviour differs between two targets.

    `before` is the answer of the target that is left, `after` the answers of those that
    are moved to, by their ids: only of those that differ.
    """

    rule: Rule
    occurrence: Occurrence
    behaviour: Behaviour
    impact: Impact
    before: str
    after: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unmeasured:
    """A pattern of which nothing is known on one of the targets."""

    rule: Rule
    occurrence: Occurrence
    targets: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What was found in a Dockerfile; `same` are the rules that differ nowhere."""

    source: Source
    findings: tuple[Finding, ...]
    unmeasured: tuple[Unmeasured, ...]
    same: tuple[Rule, ...]


def check(
    source: Source,
    rules: Iterable[Rule],
    behaviours: Mapping[str, Behaviour],
    before: Target,
    after: Sequence[Target],
) -> Checked:
    """Find what a Dockerfile does otherwise on other targets than on `before`."""
    findings: dict[tuple[str, Occurrence, str], Finding] = {}
    unmeasured: dict[tuple[str, Occurrence], Unmeasured] = {}
    same: dict[str, Rule] = {}
    for rule in rules:
        known = [behaviours[each] for each in rule.behaviours if each in behaviours]
        told = {each.id: _first(rule, known, before.id, each.id) for each in after}
        occurrences: tuple[Occurrence, ...] | None = None
        for target, found in told.items():
            if found is None:
                continue
            if occurrences is None:
                occurrences = tuple(dict.fromkeys(rule.match(source)))
            for each in occurrences:
                if isinstance(found, Behaviour):
                    key = (rule.id, each, found.case)
                    one = _finding(rule, each, found, before.id, target)
                    findings[key] = _joined(findings.get(key), one)
                else:
                    lack = unmeasured.get((rule.id, each))
                    names = (*(lack.targets if lack else ()), *found)
                    unmeasured[rule.id, each] = Unmeasured(
                        rule=rule,
                        occurrence=each,
                        targets=tuple(dict.fromkeys(names)),
                    )
        if all(found is None for found in told.values()) and any(rule.match(source)):
            same[rule.id] = rule
    return Checked(
        source=source,
        findings=tuple(sorted(findings.values(), key=_order)),
        unmeasured=tuple(unmeasured.values()),
        same=tuple(same.values()),
    )


def impact(each: Behaviour, before: str, after: str) -> Impact:
    """Say what a wrong guess costs between two targets (by id) that differ.

    One that builds on one of them only does not build. Where both build it, what a
    case calls an outcome on other targets shows in the image.
    """
    if (before in each.fails) is not (after in each.fails):
        return "outcome"
    otherwise: Impact = "image"
    return next((name for name in IMPACTS[2:] if name == each.impact), otherwise)


def _first(
    rule: Rule, known: Sequence[Behaviour], before: str, after: str
) -> Behaviour | tuple[str, ...] | None:
    """Give the first behaviour that differs, or the targets on which none is known.

    None where all that is known is the same.
    """
    lacking: tuple[str, ...] = ()
    compared = False
    for each in known:
        answers = [_answer(rule, each, target) for target in (before, after)]
        if "" in answers:
            lacks = zip((before, after), answers, strict=True)
            lacking = lacking or tuple(name for name, told in lacks if not told)
            continue
        compared = True
        fails = [target in each.fails for target in (before, after)]
        apart = answers[0] != answers[1]
        if rule.whole:
            apart = apart and ONE_LAYER in answers
        if apart and not all(fails):
            return each
    return None if compared else lacking or None


def _answer(rule: Rule, each: Behaviour, target: str) -> str:
    """Give the answer of a target; empty where it says nothing of the pattern."""
    answer = each.given.get(target, "")
    if answer == NOT_TOLD or (answer == ONE_LAYER and not rule.whole):
        return ""
    return answer


def _finding(
    rule: Rule, occurrence: Occurrence, each: Behaviour, before: str, after: str
) -> Finding:
    return Finding(
        rule=rule,
        occurrence=occurrence,
        behaviour=each,
        impact=impact(each, before, after),
        before=each.given[before],
        after={after: each.given[after]},
    )


def _joined(one: Finding | None, other: Finding) -> Finding:
    if one is None:
        return other
    worst = min(one.impact, other.impact, key=IMPACTS.index)
    return replace(one, impact=worst, after={**one.after, **other.after})


def _order(each: Finding) -> tuple[object, ...]:
    place = each.occurrence
    return (
        IMPACTS.index(each.impact),
        not place.certain,
        place.file,
        place.line,
        each.rule.id,
    )
