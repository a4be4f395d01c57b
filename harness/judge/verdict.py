"""Draw the verdict of every expectation of a case on a target. Pure.

What a property means is `properties`'; here it is held, known, a `may` or a failure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from harness.cases.case import Case
from harness.cases.expectation import Expectation, Known
from harness.judge.properties import CHECKS, NotMeasured, Subject, first_line
from harness.measure.observation import Observation, View
from harness.targets.selector import matches, parse_selector
from harness.targets.target import Target

Verdict = Literal["pass", "fail", "known", "unsupported", "error", "missing"]

#: From what decides a cell to what does not.
SEVERITY: tuple[Verdict, ...] = (
    "error",
    "fail",
    "known",
    "unsupported",
    "pass",
    "missing",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """The verdict of one expectation (its position in the case) on one target.

    `held` is whether it held, whatever that means for the verdict: a `may` that does
    not hold is no failure. `findings` say what differs, or why it is unsupported;
    `note` and `issue` are those of the case's `known` for the target.
    """

    expectation: int
    because: str
    verdict: Verdict
    held: bool
    claims: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()
    note: str = ""
    issue: str = ""

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


def check(
    case: Case, target: Target, observation: Observation, below: Mapping[str, View]
) -> tuple[Check, ...]:
    """Judge every expectation that speaks of `target` (`differs` is the matrix's).

    `below` has, by build, the merged view of the image that its FROM named.
    """
    return tuple(
        judge(index, each, target, _findings(each, observation, below))
        for index, each in case.expectations(target)
        if each.differs is None
    )


def judge(
    index: int,
    expectation: Expectation,
    target: Target,
    findings: tuple[str, ...] | NotMeasured,
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
        claims=tuple(expectation.claim),
        findings=texts,
        note=known.note if known else "",
        issue=(known.issue or "") if known else "",
    )


def redrawn(case: Case, target: Target, checks: Iterable[Check]) -> tuple[Check, ...]:
    """Draw verdicts anew of what was found, for `known` notes as they are now.

    For checks of the same measured expectations only (`Case.digest`).
    """
    return tuple(
        judge(each.expectation, case.expect[each.expectation], target, _found(each))
        for each in checks
    )


def _found(check: Check) -> tuple[str, ...] | NotMeasured:
    if check.verdict == "unsupported":
        return NotMeasured(*check.findings)
    return check.findings


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """Conclude for a cell; with nothing expected, nothing failed."""
    return min(verdicts, key=SEVERITY.index, default="pass")


def _known(entries: Iterable[Known], target: Target) -> Known | None:
    for each in entries:
        if matches(map(parse_selector, each.on), target):
            return each
    return None


def _findings(
    expectation: Expectation, observation: Observation, below: Mapping[str, View]
) -> tuple[str, ...] | NotMeasured:
    build = observation.build(expectation.of)
    subject = Subject(build=build, observation=observation, below=below[build.name])
    found: list[str] = []
    unmeasured: NotMeasured | None = None
    for name, value in expectation.properties():
        if build.outcome == "unexportable" and name != "build":
            unmeasured = NotMeasured("the image cannot be exported")
            continue
        if build.outcome != "ok" and name != "build":
            found.append(f"{name}: the build failed: {first_line(build.error)}")
            continue
        try:
            found.extend(f"{name}: {text}" for text in CHECKS[name](value, subject))
        except NotMeasured as reason:
            unmeasured = unmeasured or reason
    # What does not hold does not, whatever else could not be measured.
    return tuple(dict.fromkeys(found)) or unmeasured or ()
