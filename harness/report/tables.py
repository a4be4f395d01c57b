"""A table for a screen, or for a page in Markdown."""

from __future__ import annotations

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
    """Write a table for a screen as `layout.table` does; in Markdown if it is None."""
    cells = [[str(each) for each in row] for row in rows]
    if screen is not None:
        return layout.table(
            screen, heads, cells, right=right, least=least, whole=whole, apart=apart
        )
    return tabulate(cells, headers=heads, tablefmt="github", disable_numparse=True)
