"""`explain --format json`: a case for programs, a class of equal targets once. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from harness.cases.case import Case
from harness.judge.comparable import comparable
from harness.judge.divergence import Divergence
from harness.judge.verdict import Judged, Verdict
from harness.measure.observation import BuildRecord, Change
from harness.report.explain import classes_of, pattern
from harness.targets.group_names import by_version, group_name
from harness.targets.registry import Builders


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldStep:
    """What a line of the Dockerfile did: the layer it made, from 1, or none."""

    line: int
    layer: int | None = None
    cached: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldLayer:
    """A layer above the base: its letter, equal for equal content, and its changes."""

    letter: str
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldClass:
    """Targets that make the same of a build.

    `letters` name the class within the build; `below` is the number of the base's
    layers. `error` is that of the first of the targets; so are layers and steps.
    """

    letters: str
    targets: tuple[str, ...]
    outcome: str
    error: str = ""
    error_line: int | None = None
    below: int = 0
    layers: tuple[ToldLayer, ...] = ()
    steps: tuple[ToldStep, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldBuild:
    """A build of the case, and what the targets make of it."""

    name: str
    dockerfile: str
    classes: tuple[ToldClass, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldVerdict:
    """How an expectation comes out on some targets, and what is found instead."""

    verdict: Verdict
    targets: tuple[str, ...]
    said: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldExpectation:
    """What is expected, by which source, and how it comes out."""

    because: str
    verdicts: tuple[ToldVerdict, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainRecord:
    """A case as `explain` tells it.

    `answers` have the targets that give each; `not_built` the targets by the reason;
    `stale` the targets that were measured before the case was changed.
    """

    format: int = 1
    case: str
    title: str
    why: str
    question: str = ""
    impact: str = ""
    advice: str = ""
    references: tuple[str, ...] = ()
    answers: Mapping[str, tuple[str, ...]]
    builds: tuple[ToldBuild, ...]
    not_built: Mapping[str, tuple[str, ...]]
    divergences: tuple[Divergence, ...]
    expectations: tuple[ToldExpectation, ...]
    stale: tuple[str, ...] = ()


def explain_record(
    case: Case, results: Mapping[str, Judged], builders: Builders
) -> ExplainRecord:
    """Tell a case for programs."""
    chosen = comparable(case, results)
    answers: dict[str, list[str]] = {name: [] for name in case.answers}
    not_built: dict[str, list[str]] = {}
    for target, each in results.items():
        if each.answered is not None:
            answers.setdefault(each.answered.told, []).append(target)
        if not each.builds:
            not_built.setdefault(each.reason, []).append(target)
    return ExplainRecord(
        case=case.id,
        title=case.title,
        why=" ".join(case.why.split()),
        question=case.question,
        impact=case.impact or "",
        advice=case.advice,
        references=tuple(case.refs),
        answers={name: tuple(targets) for name, targets in answers.items()},
        builds=tuple(
            ToldBuild(
                name=name,
                dockerfile=build.dockerfile,
                classes=tuple(
                    _class(letters, found)
                    for letters, found in classes_of(chosen, name).items()
                ),
            )
            for name, build in case.builds.items()
            if chosen.observations
        ),
        not_built={reason: tuple(targets) for reason, targets in not_built.items()},
        divergences=tuple(
            chosen.divergences(
                chosen.tell(),
                name=partial(group_name, builders),
                rows=partial(by_version, builders),
            )
        ),
        expectations=tuple(
            ToldExpectation(
                because=each.because, verdicts=tuple(_verdicts(index, results))
            )
            for index, each in enumerate(case.expect)
        ),
        stale=tuple(
            name for name, each in results.items() if each.case_digest != case.digest
        ),
    )


def _class(letters: str, found: Mapping[str, BuildRecord]) -> ToldClass:
    build = next(iter(found.values()))
    ok = build.outcome == "ok"
    names = pattern(build).split()[build.below :] if ok else []
    return ToldClass(
        letters=letters,
        targets=tuple(found),
        outcome=build.outcome,
        error=build.error,
        error_line=build.error_line,
        below=build.below,
        layers=tuple(
            ToldLayer(letter=name, changes=layer.changes)
            for name, layer in zip(names, build.layers, strict=ok)
        ),
        steps=tuple(
            ToldStep(line=each.line, layer=each.layer, cached=bool(each.cached))
            for each in build.steps
            if each.line is not None
        ),
    )


def _verdicts(index: int, results: Mapping[str, Judged]) -> Iterator[ToldVerdict]:
    found: dict[tuple[Verdict, tuple[str, ...]], list[str]] = {}
    for target, each in results.items():
        for check in each.checks:
            if check.expectation == index:
                key = check.verdict, tuple(check.said)
                found.setdefault(key, []).append(target)
    for (verdict, said), targets in found.items():
        yield ToldVerdict(verdict=verdict, said=said, targets=tuple(targets))
