"""Results to the grid: cases by targets, verdicts and classes of agreement. Pure.

Here, where the results of all targets meet, are also judged the expectations that speak
of several targets (`differs`), and the claims that cases cite.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

from harness.cases.case import Case
from harness.cases.expectation import Differs
from harness.cases.model import Group
from harness.judge.agreement import FactTable, classes
from harness.judge.comparable import Comparable, comparable
from harness.judge.facts import QUESTIONS, facts
from harness.judge.properties import NotMeasured
from harness.judge.row import Cell, Row
from harness.judge.verdict import Check, Judged, Verdict, judge, worst
from harness.targets.group_names import by_version, group_name
from harness.targets.registry import Builders
from harness.targets.selector import matches, parse_selector
from harness.targets.target import Target

ClaimVerdict = Literal["holds", "broken", "partly", "not measured"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimRow:
    """A claim that cases cite, and which target bears it out, with what speaks against.

    `against` are the findings of expectations that did not hold, by target.
    """

    number: str
    text: str
    cells: Mapping[str, ClaimVerdict]
    against: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """The grid: targets as columns, cases as rows, claims by group.

    `builders` are those that the targets' ids may name.
    """

    builders: Builders
    targets: tuple[str, ...]
    rows: tuple[Row, ...]
    claims: Mapping[str, tuple[ClaimRow, ...]] = field(default_factory=dict)

    def of(self, cases: Collection[str]) -> Matrix:
        """Take the rows of some cases, and the claims of groups that are whole."""
        rows = tuple(row for row in self.rows if row.case in cases)
        groups = {row.group for row in rows}
        cut = {row.group for row in self.rows if row.case not in cases}
        return Matrix(
            builders=self.builders,
            targets=self.targets,
            rows=rows,
            claims={
                name: claims
                for name, claims in self.claims.items()
                if name in groups - cut
            },
        )

    @property
    def is_as_expected(self) -> bool:
        """Say whether nothing failed, and something was built of each case."""
        return not self.count("fail") and not self.count("not built")

    def count(self, verdict: Verdict) -> int:
        """Count the cells with a verdict."""
        return sum(
            cell.verdict == verdict for row in self.rows for cell in row.cells.values()
        )


def tabulate_results(
    cases: Iterable[Case],
    groups: Mapping[str, Group],
    targets: Sequence[Target],
    results: Mapping[tuple[str, str], Judged],
    errors: Mapping[tuple[str, str], str],
    *,
    builders: Builders,
) -> Matrix:
    """Make the grid of `cases` on `targets`, which are of `builders`.

    `results` and `errors` are by (case id, target id); errors are those of this run,
    and win over what an earlier one measured.
    """
    ordered = sorted(targets, key=lambda each: each.order)
    rows = [row(case, ordered, results, errors, builders) for case in cases]
    return bound(rows, groups, ordered, builders)


def bound(
    rows: Iterable[Row],
    groups: Mapping[str, Group],
    targets: Sequence[Target],
    builders: Builders,
) -> Matrix:
    """Put the rows of cases on `targets` together, with the claims of their groups."""
    every = tuple(rows)
    named = tuple(each.id for each in targets)
    claims = {}
    for name in dict.fromkeys(each.group for each in every):
        group = groups.get(name)
        if group is not None and group.claims:
            claims[name] = _claims(group, named, [r for r in every if r.group == name])
    return Matrix(builders=builders, targets=named, rows=every, claims=claims)


def row(
    case: Case,
    targets: Sequence[Target],
    results: Mapping[tuple[str, str], Judged],
    errors: Mapping[tuple[str, str], str],
    builders: Builders,
) -> Row:
    """Make the row of one case on `targets`, which are in their order.

    `results` may have further targets: a case that one of them builds was not never
    built, though it fails on all of `targets`.
    """
    own = {
        target.id: result
        for target in targets
        if (result := results.get((case.id, target.id))) is not None
        and (case.id, target.id) not in errors
    }
    chosen: Comparable[Judged] = comparable(case, own)
    table = chosen.tell()
    letters = {question: classes(table, question) for question in QUESTIONS}
    nowhere = not any(letters["image"].values()) and not _is_built(case, results)
    cells = {}
    for target in targets:
        result = chosen.fresh.get(target.id)
        if result is None:
            cells[target.id] = _without(case, target, results, errors)
            continue
        if not result.builds:
            cells[target.id] = Cell(verdict=result.verdict, reason=result.reason)
            continue
        checks = (*result.checks, *_differs(case, target, targets, table))
        verdict = worst(each.verdict for each in checks)
        if nowhere and verdict == "pass" and not _may_fail(case, target):
            verdict = "not built"
        cells[target.id] = Cell(
            verdict=verdict,
            answer=result.answered.told if result.answered else "",
            fails=any(each.outcome != "ok" for each in result.builds),
            checks=tuple(sorted(checks, key=lambda each: each.expectation)),
            unstable=result.unstable,
            **{question: letters[question][target.id] for question in QUESTIONS},
        )
    return Row(
        case=case.id,
        title=case.title,
        group=case.group,
        question=case.question,
        impact=case.impact or "",
        advice=case.advice,
        cells=cells,
        divergences=tuple(
            chosen.divergences(
                table,
                name=partial(group_name, builders),
                rows=partial(by_version, builders),
            )
        ),
    )


def _is_built(case: Case, results: Mapping[tuple[str, str], Judged]) -> bool:
    """Say whether any target builds the case as it is now."""
    return any(
        build.outcome == "ok"
        for (name, _), result in results.items()
        if name == case.id and result.case_digest == case.digest
        for build in result.builds
    )


def _may_fail(case: Case, target: Target) -> bool:
    """Say whether the case, or an expectation of it, is about a build that fails."""
    parts = (each for answer in case.answers.values() for each in answer)
    expected = (
        each
        for _, expectation in case.expectations(target)
        for each in case.meant(expectation)
    )
    return case.fails or any(each.may_fail for each in (*parts, *expected))


def _without(
    case: Case,
    target: Target,
    results: Mapping[tuple[str, str], Judged],
    errors: Mapping[tuple[str, str], str],
) -> Cell:
    """Say why there is no measurement to show."""
    key = (case.id, target.id)
    if key in errors:
        return Cell(verdict="error", reason=errors[key])
    if not case.suits(target):
        return Cell(verdict="unsupported", reason="the case is not meant for it")
    if key in results:
        return Cell(verdict="missing", reason="the case has changed since it was run")
    return Cell(verdict="missing", reason="not run")


def _differs(
    case: Case,
    target: Target,
    targets: Sequence[Target],
    table: FactTable,
) -> list[Check]:
    found = []
    for index, each in case.expectations(target):
        if each.differs is not None:
            findings = _same(each.differs, target, targets, table)
            found.append(judge(index, each, target, findings))
    return found


def _same(
    differs: Differs,
    target: Target,
    targets: Sequence[Target],
    table: FactTable,
) -> tuple[str, ...] | NotMeasured:
    selectors = [parse_selector(each) for each in differs.from_]
    observed = table.outcomes
    others = {
        each.id: table.observations[observed[each.id]]
        for each in targets
        if each != target and each.id in observed and matches(selectors, each)
    }
    if not others:
        return NotMeasured(f"no result of {', '.join(differs.from_)} to compare with")
    own = table.observations[observed[target.id]]
    return tuple(
        f"differs: {aspect} are those of {name}"
        for name, other in others.items()
        for aspect in differs.aspects
        if facts(own, aspect) == facts(other, aspect)
    )


def _claims(
    group: Group, targets: Sequence[str], rows: Sequence[Row]
) -> tuple[ClaimRow, ...]:
    found = []
    for number, text in group.claims.items():
        cells: dict[str, ClaimVerdict] = {}
        against: dict[str, tuple[str, ...]] = {}
        for target in targets:
            checks = [
                (row.case, check)
                for row in rows
                for check in row.cells[target].checks
                if number in check.claims and check.verdict != "unsupported"
            ]
            held = {check.held for _, check in checks}
            if not held:
                cells[target] = "not measured"
            elif len(held) == 2:
                cells[target] = "partly"
            else:
                cells[target] = "holds" if True in held else "broken"
            against[target] = tuple(
                f"{case}: {'; '.join(check.findings)}"
                for case, check in checks
                if not check.held
            )
        found.append(
            ClaimRow(
                number=number,
                text=text,
                cells=cells,
                against={name: texts for name, texts in against.items() if texts},
            )
        )
    return tuple(found)
