"""A table for a screen, or for a page in Markdown."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tabulate import tabulate

from harness.terminal import layout
from harness.terminal.screen import Screen


def table(
    screen: Screen | None,
    heads: Sequence[str],
    rows: Sequence[Sequence[object]],
    *,
    right: Sequence[int] = (),
    least: Sequence[int] = (),
    whole: Sequence[int] = (),
    apart: bool = False,
) -> str:
    """Write a table for a screen as `layout.table` does; in Markdown if it is None.

    In Markdown it has no padding, so that another row changes no other line.
    """
    cells = [[str(each) for each in row] for row in rows]
    if screen is not None:
        return layout.table(
            screen, heads, cells, right=right, least=least, whole=whole, apart=apart
        )
    # a vertical bar would end the cell
    cells = [[each.replace("|", "\\|") for each in row] for row in cells]
    padded = tabulate(cells, headers=heads, tablefmt="github", disable_numparse=True)
    return "\n".join(
        re.sub(r"-{3,}", "---", line) if place == 1 else re.sub(r" +\|", " |", line)
        for place, line in enumerate(padded.splitlines())
    )
