"""The table of answers: questions by builders, for a terminal and for Markdown. Pure.

A column is a builder as people know it; what changes along its versions or between its
stores is said in the cell.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from tabulate import tabulate

from harness.judge.answer_ranges import columns, ranges
from harness.judge.matrix import Matrix
from harness.judge.row import Row
from harness.judge.statements import statements
from harness.judge.verdict import Verdict
from harness.report.markup import plain
from harness.targets.target import Target

#: What a builder's answer is marked with where what is documented is not so.
AGAINST = "!"
LEGEND = (
    f"{AGAINST} marks an answer that is not the documented one. `until` and `since` "
    "name the measured versions on both sides of a change."
)
#: Characters of a line on a terminal; at least so many for a question, at most so many
#: for an answer; between columns.
_WIDTH, _QUESTION, _ANSWER, _GAP = 120, 36, 24, 2


def answer_table(matrix: Matrix, rows: Sequence[Row], style: str) -> str:
    """Write the answers to the questions of rows that have one."""
    found = columns(matrix.targets, matrix.builders)
    terminal = style == "simple"
    cells = [
        [
            f"{row.question}\n{row.case}"
            if terminal
            else f"{plain(row.question)}<br><sub>{row.case}</sub>",
            *_cells(matrix, row, found),
        ]
        for row in rows
    ]
    heads = [_head(name, targets) for name, targets in found.items()]
    widths = None
    if terminal:
        room = (_WIDTH - _QUESTION) // max(1, len(heads)) - _GAP
        each = min(max(room, 10), _ANSWER)
        question = max(_QUESTION, _WIDTH - len(heads) * (each + _GAP))
        widths = [question, *([each] * len(heads))]
    return tabulate(
        cells,
        headers=["question", *heads],
        tablefmt=style,
        maxcolwidths=widths,
        maxheadercolwidths=widths,
        disable_numparse=True,
    )


def by_surprise(rows: Sequence[Row]) -> list[Row]:
    """Put what surprises first, and what all answer alike last.

    First what is written but true nowhere, then what is not as it is written, then what
    makes another image or no image.
    """
    nowhere = {each.case for each in statements(rows) if each.reach == "nowhere"}

    def rank(row: Row) -> int:
        several = len(set(row.given.values())) > 1
        return [
            row.case in nowhere,
            any(cell.is_against for cell in row.cells.values()),
            several and row.impact in {"outcome", "image"},
            several,
            True,
        ].index(True)

    return sorted(rows, key=rank)


def _head(name: str, targets: Sequence[Target]) -> str:
    versions = {each.version for each in targets}
    return f"{name} {targets[0].version}" if len(versions) == 1 else name


def _cells(
    matrix: Matrix, row: Row, found: Mapping[str, Sequence[Target]]
) -> Iterator[str]:
    said = ranges(row.given, matrix.builders)
    for name, targets in found.items():
        cells = [row.cells[each.id] for each in targets]
        if name not in said:
            yield _without({each.verdict for each in cells})
        elif any(each.is_against for each in cells):
            yield f"{AGAINST} {said[name]}"
        else:
            yield said[name]


def _without(verdicts: Collection[Verdict]) -> str:
    """Say why a column has no answer."""
    if "error" in verdicts:
        return "error"
    return "not run" if "missing" in verdicts else "-"
