"""The matrix as text: tables for a terminal, and Markdown for `results/`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from harness.cases.model import Group
from harness.judge.matrix import ClaimRow, Matrix
from harness.judge.row import Row
from harness.judge.statements import Reach
from harness.report.answer_table import LEGEND as ANSWERS
from harness.report.answer_table import answer_table, by_surprise
from harness.report.cells import WIDE, grid, legend
from harness.report.counts import summary
from harness.report.markup import plain
from harness.report.parts import folded, group_names, not_so, on_targets, title_of
from harness.report.tables import table
from harness.targets.group_names import group_name
from harness.targets.registry import Builders
from harness.terminal.layout import indented, paragraph
from harness.terminal.screen import PLAIN, Screen

#: So many divergences of one case are told before the rest is counted.
TOLD = 8


def terminal(
    matrix: Matrix,
    groups: dict[str, Group],
    *,
    told: int = TOLD,
    detail: bool = False,
    screen: Screen = PLAIN,
) -> str:
    """Write the whole report for a terminal: answers, claims, what is not as expected.

    Cases without a question have their classes and divergences; in `detail` all have.
    """
    asked = [row for row in matrix.rows if row.question]
    rest = [row for row in matrix.rows if detail or not row.question]
    parts = []
    for name in group_names(asked):
        rows = [row for row in asked if row.group == name]
        parts += [_head(screen, title_of(groups, name))]
        parts += [answer_table(matrix, by_surprise(rows), screen)]
    if asked:
        parts.append(paragraph(screen, ANSWERS))
    if rest:
        parts += [grid(matrix, rest, screen), paragraph(screen, legend(matrix))]
    for name, claims in matrix.claims.items():
        parts.append(_head(screen, f"{title_of(groups, name)}: claim by claim"))
        parts.append(_claims(matrix, claims, screen))
        if against := list(_against(claims, matrix.builders)):
            parts.append(_head(screen, "What speaks against a claim"))
            parts.append(indented(screen, against))
    diverging = [_told(row, matrix.builders, told) for row in rest if row.divergences]
    if diverging:
        parts.append(_head(screen, "Divergences"))
        parts.append(indented(screen, diverging))
    if failing := list(_failing(matrix)):
        parts.append(_head(screen, "Not as expected"))
        parts.append(indented(screen, failing))
    parts.append(paragraph(screen, summary(matrix), "", "  "))
    return "\n\n".join(parts)


def _head(screen: Screen, title: str) -> str:
    return paragraph(screen, screen.ink("heading", title))


def markdown(matrix: Matrix, groups: dict[str, Group]) -> str:
    """Write the report as Markdown, a section a group; every divergence is told."""
    parts = ["# Compatibility matrix"]
    for name in group_names(matrix.rows):
        parts += _group(matrix, groups, name, "##")
    titles: dict[Reach, str] = {
        "nowhere": "Expected, but true nowhere",
        "somewhere": "Expected, but not true everywhere",
    }
    for reach, title in titles.items():
        if where := not_so(matrix, reach):
            parts += [f"## {title}", where]
    parts += summary(matrix).splitlines()
    return "\n\n".join(parts) + "\n"


def page(matrix: Matrix, groups: dict[str, Group], name: str) -> str:
    """Write the page of a group."""
    return "\n\n".join(_group(matrix, groups, name, "#")) + "\n"


def _group(
    matrix: Matrix, groups: dict[str, Group], name: str, level: str
) -> Iterator[str]:
    """Write a group: its answers and claims, and folded away where targets differ."""
    group = groups.get(name)
    rows = [row for row in matrix.rows if row.group == name]
    title = title_of(groups, name)
    yield (
        f"{level} [{title}]({group.link})"
        if group and group.link
        else f"{level} {title}"
    )
    if asked := [row for row in rows if row.question]:
        yield answer_table(matrix, by_surprise(asked), None)
        yield ANSWERS
    if name in matrix.claims:
        yield _claims(matrix, matrix.claims[name], None)
        against = map(str.strip, _against(matrix.claims[name], matrix.builders))
        yield "\n".join(f"- {plain(each)}" for each in against)
    classes = [grid(matrix, rows, None), legend(matrix)]
    yield from folded("Which targets make the same image and the same layers", classes)
    if differing := [each for row in rows for each in _differing(matrix, row)]:
        yield from folded("Where they differ, case by case", differing)


def _differing(matrix: Matrix, row: Row) -> Iterator[str]:
    """Tell where the targets differ in a case."""
    if row.divergences:
        lines = [
            f"{'  ' * bool(place)}- {plain(line)}"
            for each in row.divergences
            for place, line in enumerate(each.lines())
        ]
        lines += [f"- {each}" for each in _by_client(row, matrix.builders)]
        yield f"**{row.case}**, {plain(row.title)}:\n\n" + "\n".join(lines)


def times(spent: Mapping[str, float], screen: Screen = PLAIN) -> str:
    """Write the seconds that the cases of each target took, longest first."""
    rows = [
        [target, f"{seconds:.0f}"]
        for target, seconds in sorted(spent.items(), key=lambda each: -each[1])
    ]
    return table(screen, ["target", "seconds of its cases"], rows, right=[1])


def _claims(matrix: Matrix, claims: Sequence[ClaimRow], screen: Screen | None) -> str:
    """Write which claim holds where; with many targets, by what is found there."""
    if len(matrix.targets) <= WIDE:
        rows = [
            [each.number, each.text, *(each.cells[name] for name in matrix.targets)]
            for each in claims
        ]
        headers = ["claim", "", *matrix.targets]
    else:
        headers = ["claim", "", "holds", "partly", "broken", "not measured"]
        rows = [
            [
                each.number,
                each.text,
                *(_where(each, word, matrix) for word in headers[2:]),
            ]
            for each in claims
        ]
    return table(screen, headers, rows, whole=[0])


def _where(claim: ClaimRow, verdict: str, matrix: Matrix) -> str:
    names = [name for name, found in claim.cells.items() if found == verdict]
    if len(names) == len(matrix.targets):
        return "everywhere"
    every = matrix.targets
    if verdict != "not measured":
        every = tuple(n for n, word in claim.cells.items() if word != "not measured")
    return group_name(matrix.builders, names, every) if names else ""


def _against(claims: Sequence[ClaimRow], builders: Builders) -> Iterator[str]:
    """Tell what speaks against a claim, and on which targets it was found."""
    for each in claims:
        found: dict[str, list[str]] = {}
        for target, findings in each.against.items():
            for finding in findings:
                found.setdefault(finding, []).append(target)
        for finding, targets in found.items():
            where = on_targets(targets, list(each.cells), builders)
            yield f"  {each.number} on {where}: {finding}"


def _told(row: Row, builders: Builders, told: int) -> str:
    lines = [f"{row.case}"]
    lines += [
        f"  {'  ' * bool(place)}{line}"
        for each in row.divergences[:told]
        for place, line in enumerate(each.lines())
    ]
    if len(row.divergences) > told:
        rest = len(row.divergences) - told
        lines.append(f"  and {rest} more: layer-harness explain {row.case}")
    lines += [f"  {each}" for each in _by_client(row, builders)]
    return "\n".join(lines)


def _by_client(row: Row, builders: Builders) -> Iterator[str]:
    if engines := row.by_client(builders):
        yield (
            f"on {', '.join(engines)} the client's way makes a difference: `buildkit` "
            "and `buildx` drive one BuildKit there"
        )


def _failing(matrix: Matrix) -> Iterator[str]:
    """Tell each failure once, and on which targets it was found."""
    for row in matrix.rows:
        found: dict[str, list[str]] = {}
        for target, cell in row.cells.items():
            if cell.reason and cell.verdict == "error":
                found.setdefault(f"error: {cell.reason}", []).append(target)
            for check in cell.checks:
                if check.verdict == "fail":
                    lines = [f"fail: {check.because}", *check.said]
                    found.setdefault("\n    ".join(lines), []).append(target)
        for text, targets in found.items():
            where = on_targets(targets, list(row.cells), matrix.builders)
            yield f"{row.case} on {where}: {text}"
