"""`results/behaviours.json`: every question with its answers, for programs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from harness.judge.behaviour import Behaviour, Expected
from harness.results.record import encode
from harness.targets.builder import Builder


@dataclass(frozen=True, slots=True, kw_only=True)
class BehaviourRecord:
    """One question: its answers by target, and along each builder's versions.

    `answers` has the targets of each answer, in their order. `ranges` say the same by
    builder: `discarded until 1.28.2, kept since 1.39.3`. `impact` is what a wrong guess
    costs at worst; `against` are the targets on which an expectation does not hold, and
    `fails` those on which a build of the case gave no image.
    """

    id: str
    title: str
    question: str
    why: str
    impact: str = ""
    advice: str = ""
    references: tuple[str, ...] = ()
    answers: Mapping[str, tuple[str, ...]]
    ranges: Mapping[str, str]
    expected: tuple[Expected, ...] = ()
    against: tuple[str, ...] = ()
    fails: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BehavioursRecord:
    """The whole: the version of this form, and the behaviours in the order of cases.

    `builders` describes those of the targets, in the order of reports.
    """

    format: int = 1
    behaviours: tuple[BehaviourRecord, ...]
    builders: tuple[Builder, ...] = ()


def behaviours_json(
    behaviours: Iterable[Behaviour], builders: Iterable[Builder] = ()
) -> bytes:
    """Write the behaviours that have a question as canonical JSON."""
    records = tuple(_record(each) for each in behaviours if each.question)
    # a rank is a place among all builders, and here are only those with results
    measured = tuple(replace(each, rank=0) for each in builders)
    return encode(BehavioursRecord(behaviours=records, builders=measured))


def _record(each: Behaviour) -> BehaviourRecord:
    return BehaviourRecord(
        id=each.case,
        title=each.title,
        question=each.question,
        why=each.why,
        impact=each.impact,
        advice=each.advice,
        references=each.refs,
        answers=_by_answer(each.answers, each.given),
        ranges=each.ranges,
        expected=each.expected,
        against=each.against,
        fails=each.fails,
    )


def _by_answer(
    names: Sequence[str], given: Mapping[str, str]
) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {name: [] for name in names}
    for target, answer in given.items():
        found.setdefault(answer, []).append(target)
    return {name: tuple(targets) for name, targets in found.items()}
