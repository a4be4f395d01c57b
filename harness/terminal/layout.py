"""Tables and paragraphs that fit a screen. Pure: text in, text out.

Cells and paragraphs may have been coloured (`Screen.ink`).
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import replace

from rich.box import Box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from harness.terminal.screen import Screen

#: Columns for what is not to be broken; rich takes no endless line.
_ENDLESS = 1_000_000
#: Prose is no wider than this on a wider screen: longer lines are hard to read.
PROSE = 100
#: Fewer columns than these would break every word.
_LEAST = 20
#: Columns between two columns.
_GAP = 2
#: A line below the heads and nothing else, of a character that any terminal has.
_RULE = Box("    \n    \n -- \n    \n    \n    \n    \n    \n", ascii=True)


def table(
    screen: Screen,
    heads: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    right: Sequence[int] = (),
    least: Sequence[int] = (),
    whole: Sequence[int] = (),
    indent: int = 0,
    apart: bool = False,
) -> str:
    """Write a table whose cells wrap where the screen is not wide enough.

    Without `heads` it has no line below them. `right` numbers the columns of numbers;
    those of `whole` are not broken; `least` are the widths that the first ones have at
    least. `indent` moves all of it to the right. Rows that are `apart` have an empty
    line between them, where lines are broken.
    """
    texts = [list(map(_text, row)) for row in rows]
    columns = max(map(len, [heads, *rows]), default=0)
    gaps = _GAP * max(columns - 1, 0)
    natural = _natural(heads, texts, columns)
    widths = natural
    if screen.width is not None:
        needed = [
            width if place in whole else (least[place] if place < len(least) else 0)
            for place, width in enumerate(natural)
        ]
        widths = fitted(natural, needed, screen.width - indent - gaps)
    made = Table(
        box=_RULE if heads else None,
        show_header=bool(heads),
        show_edge=False,
        pad_edge=False,
        padding=(0, _GAP - bool(heads), 0, 0),
        leading=int(apart and screen.width is not None),
        header_style="bold" if screen.colour else "",
    )
    for place, width in enumerate(widths):
        made.add_column(
            Text(heads[place]) if heads else "",
            justify="right" if place in right else "left",
            overflow="fold",
            width=width,
        )
    for row in texts:
        made.add_row(*row)
    lines = _drawn(replace(screen, width=sum(widths) + gaps), made).split("\n")
    return "\n".join(f"{' ' * indent}{line}" if line else "" for line in lines)


def fitted(natural: Sequence[int], needed: Sequence[int], room: int) -> list[int]:
    """Make columns narrower until they fit: the widest first, none below its need.

    Where even that takes more than there is room for, needs do not count; a column is
    never narrower than one.
    """
    for least in (needed, [1] * len(natural)):
        level = max(natural, default=0)
        while level > 0:
            found = [
                min(own, max(level, each))
                for own, each in zip(natural, least, strict=True)
            ]
            if sum(found) <= room:
                return found
            level -= 1
    return [min(own, 1) for own in natural]


def _natural(
    heads: Sequence[str], rows: Sequence[Sequence[Text]], columns: int
) -> list[int]:
    """Give the columns that the widest cells take unbroken."""
    widths = [cell_len(each) for each in heads] or [0] * columns
    for row in rows:
        for place, cell in enumerate(row):
            lines = cell.plain.split("\n")
            widths[place] = max(widths[place], *map(cell_len, lines))
    return widths


def paragraph(screen: Screen, text: str, first: str = "", rest: str = "") -> str:
    """Break the lines of a text at words.

    `first` is put before each line of the text, `rest` before what is broken off it.
    """
    return "\n".join(
        part
        for line in text.splitlines() or [""]
        for part in _wrapped(screen, line, first, rest)
    )


def indented(screen: Screen, texts: Iterable[str]) -> str:
    """Break lines that have indents of their own, and keep these."""
    return "\n".join(
        paragraph(screen, line.lstrip(), indent, f"{indent}  ")
        for text in texts
        for line in text.splitlines()
        for indent in [line[: len(line) - len(line.lstrip())]]
    )


def _wrapped(screen: Screen, line: str, first: str, rest: str) -> list[str]:
    if screen.width is None:
        return [f"{first}{line}"]
    room = max(min(screen.width, PROSE) - max(len(first), len(rest)), _LEAST)
    console = _console(screen, io.StringIO())
    broken = _text(line).wrap(console, room, overflow="fold")
    return [
        f"{rest if place else first}{_drawn(screen, part)}"
        for place, part in enumerate(broken)
    ]


def _text(told: str) -> Text:
    # what has no escape is taken as it is, which is most of it and much quicker
    return Text.from_ansi(told) if "\x1b" in told else Text(told)


def _drawn(screen: Screen, what: Table | Text) -> str:
    out = io.StringIO()
    _console(screen, out).print(what, soft_wrap=isinstance(what, Text))
    lines = out.getvalue().removesuffix("\n").split("\n")
    return "\n".join(map(str.rstrip, lines))


def _console(screen: Screen, out: io.StringIO) -> Console:
    return Console(
        file=out,
        width=max(screen.width or _ENDLESS, _LEAST),
        force_terminal=screen.colour,
        color_system="standard" if screen.colour else None,
        no_color=not screen.colour,
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
        _environ={},
    )
