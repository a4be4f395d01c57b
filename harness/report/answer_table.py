"""The table of answers: questions by builders, for a terminal and for Markdown. Pure.

A column is a builder as people know it; what changes along its versions or between its
stores is said in the cell. Where a screen has no room for the columns, each question is
a paragraph with a line for each answer.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from harness.judge.answer_ranges import columns, ranges
from harness.judge.matrix import Matrix
from harness.judge.row import Row
from harness.judge.statements import statements
from harness.judge.verdict import Verdict
from harness.report.markup import plain
from harness.report.tables import table
from harness.targets.target import Target
from harness.terminal import layout
from harness.terminal.screen import Screen

#: What a builder's answer is marked with where an expectation does not hold.
AGAINST = "!"
LEGEND = (
    f"{AGAINST} marks an answer that is not the expected one. `until` and `since` "
    "name the measured versions on both sides of a change."
)
#: Columns that a question and an answer have at least in a table on a screen.
_QUESTION, _ANSWER = 36, 12


def answer_table(matrix: Matrix, rows: Sequence[Row], screen: Screen | None) -> str:
    """Write the answers to the questions of rows that have one; Markdown for None.

    A screen without a width, such as a pipe, has a line for each question, its case
    first.
    """
    found = columns(matrix.targets, matrix.builders)
    heads = [_head(name, targets) for name, targets in found.items()]
    told = [(row, list(_cells(matrix, row, found))) for row in rows]
    if screen is None:
        cells = [[_asked(row), *answers] for row, answers in told]
        return table(None, ["question", *heads], cells)
    if screen.width is None:
        cells = [[row.case, row.question, *answers] for row, answers in told]
        return table(screen, ["case", "question", *heads], cells)
    if screen.width < _QUESTION + len(heads) * (_ANSWER + 2):
        return "\n\n".join(
            _paragraph(row, answers, heads, screen) for row, answers in told
        )
    cells = [
        [
            f"{row.question}\n{screen.ink('faint', row.case)}",
            *(_inked(each, screen) for each in answers),
        ]
        for row, answers in told
    ]
    least = [_QUESTION, *([_ANSWER] * len(heads))]
    return table(screen, ["question", *heads], cells, least=least, apart=True)


def _paragraph(
    row: Row, answers: Sequence[str], heads: Sequence[str], screen: Screen
) -> str:
    """Write a question, its case, and who gives which answer."""
    alike: dict[str, list[str]] = {}
    for head, each in zip(heads, answers, strict=True):
        alike.setdefault(each, []).append(head)
    lines = [(", ".join(who), _inked(each, screen)) for each, who in alike.items()]
    return "\n".join(
        [
            layout.paragraph(screen, screen.ink("heading", row.question)),
            screen.ink("faint", row.case),
            layout.table(screen, [], lines, indent=2),
        ]
    )


def _inked(answer: str, screen: Screen) -> str:
    return screen.ink("doubtful", answer) if answer.startswith(AGAINST) else answer


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


def _asked(row: Row) -> str:
    """Write a question, its case, and what is expected where that is not so."""
    expected = dict.fromkeys(
        check.answer
        for cell in row.cells.values()
        for check in cell.checks
        if check.is_against and check.answer
    )
    told = f", expected: {plain(' or '.join(expected))}" if expected else ""
    return f"{plain(row.question)}<br><sub>{row.case}{told}</sub>"


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
