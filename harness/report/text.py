"""The matrix as text: tables for a terminal, and Markdown for `results/matrix.md`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from tabulate import tabulate

from harness.casefile import Group
from harness.matrix import Cell, ClaimRow, Matrix, Row

#: So many divergences of one case are told before the rest is counted.
TOLD = 8

LEGEND = (
    "A cell is the verdict on what the case expects, and the class of agreement: "
    "targets with one letter in a row built the same."
)


def terminal(matrix: Matrix, groups: dict[str, Group], *, told: int = TOLD) -> str:
    """Write the whole report for a terminal: grid, claims, divergences, failures."""
    parts = [_grid(matrix, "simple"), LEGEND]
    for name, claims in matrix.claims.items():
        title = groups[name].title if name in groups else name
        parts.append(f"{title}: claim by claim\n\n{_claims(matrix, claims, 'simple')}")
        if against := list(_against(claims)):
            parts.append("What speaks against a claim\n\n" + "\n".join(against))
    diverging = [_told(row, told) for row in matrix.rows if row.divergences]
    if diverging:
        parts.append("Divergences\n\n" + "\n".join(diverging))
    if failing := list(_failing(matrix.rows)):
        parts.append("Not as expected\n\n" + "\n".join(failing))
    parts.append(summary(matrix))
    return "\n\n".join(parts)


def markdown(matrix: Matrix, groups: dict[str, Group]) -> str:
    """Write the report as Markdown, a section a group; every divergence is told."""
    parts = ["# Compatibility matrix", LEGEND]
    for name in dict.fromkeys(row.group for row in matrix.rows):
        group = groups.get(name)
        rows = tuple(row for row in matrix.rows if row.group == name)
        title = group.title if group else name
        parts.append(
            f"## [{title}]({group.link})" if group and group.link else f"## {title}"
        )
        part = Matrix(targets=matrix.targets, rows=rows)
        parts.append(_grid(part, "github"))
        if name in matrix.claims:
            parts.append(_claims(matrix, matrix.claims[name], "github"))
            parts.append(
                "\n".join(f"- {each.strip()}" for each in _against(matrix.claims[name]))
            )
        for row in rows:
            if row.divergences:
                lines = [f"- {each.sentence()}" for each in row.divergences]
                parts.append(f"**{row.case}**, {row.title}:\n\n" + "\n".join(lines))
    parts.append(summary(matrix))
    return "\n\n".join(parts) + "\n"


def summary(matrix: Matrix) -> str:
    """Count the verdicts, and the cases on which the targets disagree."""
    counts = ", ".join(
        f"{count} {verdict}"
        for verdict in ("pass", "fail", "known", "unsupported", "error", "missing")
        if (count := matrix.count(verdict))
    )
    apart = sum(not row.agrees for row in matrix.rows)
    return (
        f"{len(matrix.rows)} cases on {len(matrix.targets)} targets: "
        f"{counts or 'nothing measured'}; the targets diverge on {apart}"
    )


def _grid(matrix: Matrix, style: str) -> str:
    rows = [
        [row.case, *(_cell(row.cells[target]) for target in matrix.targets)]
        for row in matrix.rows
    ]
    return tabulate(rows, headers=["case", *matrix.targets], tablefmt=style)


def _cell(cell: Cell) -> str:
    text = cell.verdict.upper() if cell.verdict in {"fail", "error"} else cell.verdict
    mark = " unstable" if cell.unstable else ""
    return f"{text} {cell.klass}{mark}".strip()


def _claims(matrix: Matrix, claims: Sequence[ClaimRow], style: str) -> str:
    rows = [
        [each.number, each.text, *(each.cells[name] for name in matrix.targets)]
        for each in claims
    ]
    return tabulate(
        rows,
        headers=["claim", "", *matrix.targets],
        tablefmt=style,
        maxcolwidths=[None, 56, *([None] * len(matrix.targets))],
    )


def _against(claims: Sequence[ClaimRow]) -> Iterator[str]:
    for each in claims:
        for target, findings in each.against.items():
            for finding in findings:
                yield f"  {each.number} on {target}: {finding}"


def _told(row: Row, told: int) -> str:
    lines = [f"{row.case}"]
    lines += [f"  {each.sentence()}" for each in row.divergences[:told]]
    if len(row.divergences) > told:
        rest = len(row.divergences) - told
        lines.append(f"  and {rest} more: layer-harness explain {row.case}")
    return "\n".join(lines)


def _failing(rows: Iterable[Row]) -> Iterator[str]:
    for row in rows:
        for target, cell in row.cells.items():
            if cell.reason and cell.verdict == "error":
                yield f"{row.case} on {target}: error: {cell.reason}"
            for check in cell.checks:
                if check.verdict == "fail":
                    yield f"{row.case} on {target}: fail: {check.because}"
                    yield from (f"    {finding}" for finding in check.findings)
