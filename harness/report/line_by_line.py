"""A Dockerfile line by line, with what each class of targets makes of a line. Pure.

A table where each class has room for a column, and a list where it has none.
"""

from __future__ import annotations

from collections.abc import Sequence

from harness.terminal.layout import paragraph, table
from harness.terminal.screen import Screen

#: Columns that a line of the Dockerfile and a class need at least in a table; so many
#: classes stand in one where lines are not broken.
_LINE, _CLASS, _FEW = 32, 26, 3


def line_by_line(
    rows: Sequence[Sequence[str]], classes: Sequence[str], screen: Screen
) -> str:
    """Tell rows of a number, a line, and a cell for each class."""
    number = max((len(row[0]) for row in rows), default=1)
    if screen.width is None:
        fits = len(classes) <= _FEW
    else:
        fits = _LINE + len(classes) * _CLASS <= screen.width
    if fits:
        heads = ["line", "Dockerfile", *classes]
        return table(screen, heads, rows, whole=[0])
    return "\n".join(_line(row, classes, number, screen) for row in rows)


def _line(
    row: Sequence[str], classes: Sequence[str], number: int, screen: Screen
) -> str:
    """Write a line, and below it each thing that is made of it, with its classes."""
    place, line, *cells = row
    alike: dict[str, list[str]] = {}
    for name, cell in zip(classes, cells, strict=True):
        alike.setdefault(cell, []).append(name)
    inner = " " * (number + 2)
    told = [paragraph(screen, line, f"{place:>{number}}  ", f"{inner}  ")]
    for cell, names in alike.items():
        if cell:
            who = "all" if len(names) == len(classes) else " ".join(names)
            text = f"{who}  {cell}"
            told.append(paragraph(screen, text, f"{inner}  ", f"{inner}      "))
    return "\n".join(told)
