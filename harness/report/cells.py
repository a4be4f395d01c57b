"""The grid of a matrix as text: verdicts, and who agrees with whom. Pure.

Within a row, equal capital letters are the same image and equal small letters the same
layers; an x is a build that gives no image.
"""

from __future__ import annotations

from collections.abc import Sequence

from harness.judge.matrix import Matrix
from harness.judge.row import Cell, Row
from harness.report.tables import table
from harness.targets.group_names import group_name
from harness.terminal.screen import Screen

#: With more targets than these, those that are alike share a column.
WIDE = 8

_LETTERS = (
    "Within a row, equal capital letters mean the same image, and equal small letters "
    "the same layers. x means that a build gives no image; where it fails in several "
    "ways, x1, x2 and so on. `differs in` says what the targets do not agree on."
)
LEGEND = f"Each cell shows the verdict, then letters. {_LETTERS}"
MARKS = (
    f"{_LETTERS} Letters alone: what the case expects holds. ! it does not, * it does "
    "not, as known, 0 no target builds the case, - not supported, . not run, ? not the "
    "same when repeated. Targets with equal cells share a column."
)


def legend(matrix: Matrix) -> str:
    """Explain the cells of a grid."""
    return LEGEND if len(matrix.targets) <= WIDE else MARKS


def grid(matrix: Matrix, rows: Sequence[Row], screen: Screen | None) -> str:
    """Write the cells; with many targets those that are alike share a column.

    It is Markdown if there is no screen.
    """
    if len(matrix.targets) <= WIDE:
        cells = [
            [row.case, differs_in(row), *(_cell(row, each) for each in matrix.targets)]
            for row in rows
        ]
        headers = ["case", "differs in", *matrix.targets]
        return table(screen, headers, cells)
    columns: dict[tuple[str, ...], list[str]] = {}
    for target in matrix.targets:
        column = tuple(_mark(row, target) for row in rows)
        columns.setdefault(column, []).append(target)
    numbers = [str(number) for number in range(1, len(columns) + 1)]
    cells = [
        [row.case, differs_in(row), *(column[place] for column in columns)]
        for place, row in enumerate(rows)
    ]
    marks = table(screen, ["case", "differs in", *numbers], cells)
    names = [
        [number, len(targets), group_name(matrix.builders, targets, matrix.targets)]
        for number, targets in zip(numbers, columns.values(), strict=True)
    ]
    which = table(screen, ["column", "targets", "which"], names, right=[0, 1])
    return f"{marks}\n\n{which}"


def differs_in(row: Row) -> str:
    """Say on which questions the targets of a row do not agree."""
    return ", ".join(row.differs) or {"same": "nothing"}.get(row.standing, "-")


def letters(row: Row, target: str) -> str:
    """Write the classes of a cell: `Ab`, `x`, or `x2 Ab` where some builds succeed."""
    cell = row.cells[target]
    made = f"{cell.image}{cell.layering.lower()}"
    if not cell.fails:
        return made
    ways = dict.fromkeys(each.outcome for each in row.cells.values() if each.fails)
    way = f"x{list(ways).index(cell.outcome) + 1}" if len(ways) > 1 else "x"
    return f"{way} {made}".strip()


def _cell(row: Row, target: str) -> str:
    cell = row.cells[target]
    text = cell.verdict.upper() if cell.verdict in {"fail", "error"} else cell.verdict
    mark = " unstable" if cell.unstable else ""
    return f"{text} {letters(row, target)}{mark}".strip()


def _mark(row: Row, target: str) -> str:
    """Write a cell in as few letters as there is room for."""
    cell: Cell = row.cells[target]
    own = letters(row, target)
    unstable = "?" if cell.unstable else ""
    return {
        "pass": own or "ok",
        "fail": f"{own}!",
        "known": f"{own}*",
        "not built": f"{own}0",
        "unsupported": "-",
        "error": "ERROR",
        "missing": ".",
    }[cell.verdict] + unstable
