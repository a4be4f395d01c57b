"""Draw the verdict of every expectation of a case on its results. Pure.

What a property means is `properties`'; here it is held, known, a `may` or a failure.
Verdicts are stored nowhere: they follow from the case and what was measured.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Literal, TypeAlias

from harness.cases.case import Case
from harness.cases.expectation import Expectation, Known
from harness.judge.answers import Answered, answered, differences
from harness.judge.parent_view import ParentView, parent_views
from harness.judge.properties import NotMeasured
from harness.measure.observation import View
from harness.results.record import Result
from harness.targets.registry import Builders
from harness.targets.selector import matches, parse_selector
from harness.targets.target import Target, split_id

#: `not built` is the matrix's: no target could build the case, and nothing says that
#: none should.
Verdict = Literal[
    "pass", "fail", "known", "unsupported", "not built", "error", "missing"
]

#: What an expectation finds to differ, nothing if it holds; or why that is not known.
Findings: TypeAlias = tuple[str, ...] | NotMeasured

#: From what decides a cell to what does not.
SEVERITY: tuple[Verdict, ...] = (
    "error",
    "fail",
    "not built",
    "known",
    "unsupported",
    "pass",
    "missing",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """The verdict of one expectation (its position in the case) on one target.

    `held` is whether it held, whatever that means for the verdict: a `may` that does
    not hold is no failure. `answer` is the answer that it expects, if it names one.
    `findings` say what differs, or why it is unsupported; `note` and `issue` are those
    of the case's `known` for the target.
    """

    expectation: int
    because: str
    verdict: Verdict
    held: bool
    answer: str = ""
    claims: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()
    note: str = ""
    issue: str = ""

    @property
    def is_against(self) -> bool:
        """Say whether the answer is another than the one that is written."""
        return bool(self.answer) and not self.held and self.verdict != "unsupported"

    @property
    def reason(self) -> str:
        """What is known of it, and where that is written; empty if nothing is."""
        return f"{self.note} ({self.issue})" if self.issue else self.note

    @property
    def said(self) -> tuple[str, ...]:
        """What a report says below the verdict."""
        if self.verdict == "known":
            return (f"known: {self.reason}", *self.findings)
        if self.verdict == "fail" and self.held:
            return (f"holds now: take `known` ({self.note}) out of the case",)
        return self.findings


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged(Result):
    """A result with the verdicts that its case draws of it.

    One of another digest than the case's has none, and is `missing`. `answered` is the
    answer to the case's question, None where it has none or nothing was measured.
    """

    verdict: Verdict
    checks: tuple[Check, ...] = ()
    answered: Answered | None = None


def judged(
    case: Case,
    results: Mapping[str, Result],
    bases: Mapping[str, View | None],
    builders: Builders,
) -> dict[str, Judged]:
    """Judge a case's results by target, what several targets share only once.

    Those of builders that are not known are left out. `bases` has the merged view of
    the base that a target was measured on, or None where it is not known. `differs` is
    the matrix's to judge.
    """
    found: dict[str, Judged] = {}
    seen: dict[tuple[object, ...], Findings] = {}
    parents: dict[tuple[object, ...], Mapping[str, ParentView]] = {}
    answers: dict[tuple[object, ...], Answered] = {}
    for name, result in results.items():
        if split_id(name)[0] not in builders:
            continue
        checks: list[Check] = []
        verdict: Verdict = "missing"
        answer: Answered | None = None
        if result.case_digest == case.digest and not result.builds:
            verdict = "unsupported"
        elif result.case_digest == case.digest:
            target, base = builders.target(name), bases.get(name)
            same = (id(result.builds), id(base))
            if same not in parents:
                parents[same] = parent_views(case, result.observation, base)
            for index, each in case.expectations(target):
                if not each.compares_targets:
                    if (*same, index) not in seen:
                        seen[*same, index] = differences(
                            case.meant(each), result.observation, parents[same]
                        )
                    checks.append(judge(index, each, target, seen[*same, index]))
            verdict = worst(each.verdict for each in checks)
            if case.answers:
                if same not in answers:
                    answers[same] = answered(case, result.observation, parents[same])
                answer = answers[same]
        kept = {each.name: getattr(result, each.name) for each in fields(Result)}
        found[name] = Judged(
            **kept, verdict=verdict, checks=tuple(checks), answered=answer
        )
    return found


def judge(
    index: int,
    expectation: Expectation,
    target: Target,
    findings: Findings,
) -> Check:
    """Turn the findings of one expectation on `target` into its verdict."""
    known = _known(expectation.known, target)
    verdict: Verdict
    texts: tuple[str, ...] = ()
    held = False
    if isinstance(findings, NotMeasured):
        verdict, texts = "unsupported", (str(findings),)
    elif not findings:
        held = True
        verdict = "fail" if known else "pass"
    else:
        texts = findings
        verdict = "known" if known else "fail"
        if known is None and expectation.level == "may":
            verdict = "pass"
    return Check(
        expectation=index,
        because=expectation.because,
        verdict=verdict,
        held=held,
        answer=expectation.answer or "",
        claims=tuple(expectation.claim),
        findings=texts,
        note=known.note if known else "",
        issue=(known.issue or "") if known else "",
    )


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """Conclude for a cell; with nothing expected, nothing failed."""
    return min(verdicts, key=SEVERITY.index, default="pass")


def _known(entries: Iterable[Known], target: Target) -> Known | None:
    for each in entries:
        if matches(map(parse_selector, each.on), target):
            return each
    return None
