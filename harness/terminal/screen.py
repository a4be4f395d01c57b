"""What text is laid out for: how wide it may be, and whether it may have colour.

Decided once, where a verb prints; the report's functions are handed the answer.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TextIO

#: What a piece of text says by its colour. Each says it in words or signs as well.
Ink = Literal["heading", "good", "bad", "doubtful", "faint"]

#: Select Graphic Rendition codes (ECMA-48) of the inks.
_CODES: Mapping[Ink, str] = {
    "heading": "1",
    "good": "32",
    "bad": "1;31",
    "doubtful": "33",
    "faint": "2",
}
#: Columns of a terminal that does not say how many it has.
_USUAL = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Screen:
    """Where text goes.

    `width` is the columns of a line. None means that no line is broken: each sentence
    and each row of a table is one line, as `grep` wants it. `moving` says that lines
    may be drawn again in place.
    """

    width: int | None = None
    colour: bool = False
    moving: bool = False

    def ink(self, ink: Ink, text: str) -> str:
        """Colour a text, where there is colour."""
        return f"\x1b[{_CODES[ink]}m{text}\x1b[0m" if self.colour and text else text


#: A pipe or a file.
PLAIN = Screen()


def screen_of(stream: TextIO, environment: Mapping[str, str] = os.environ) -> Screen:
    """Look at a stream and at what the environment asks for.

    `NO_COLOR` (https://no-color.org) goes before `FORCE_COLOR`; either counts unless it
    is empty, and `FORCE_COLOR=0` asks for none. A dumb terminal has neither colour nor
    lines drawn in place. `COLUMNS` is the width, of a pipe too.
    """
    terminal = _is_terminal(stream)
    able = terminal and environment.get("TERM") != "dumb"
    force = environment.get("FORCE_COLOR", "")
    colour = able if not force else force != "0"
    return Screen(
        width=_width(stream, environment, terminal=terminal),
        colour=colour and not environment.get("NO_COLOR"),
        moving=able and not environment.get("CI"),
    )


def _width(
    stream: TextIO, environment: Mapping[str, str], *, terminal: bool
) -> int | None:
    said = environment.get("COLUMNS", "")
    if said.isdecimal() and int(said) > 0:
        return int(said)
    if not terminal:
        return None
    try:
        return os.get_terminal_size(stream.fileno()).columns or _USUAL
    except (OSError, ValueError):
        return _USUAL


def _is_terminal(stream: TextIO) -> bool:
    try:
        return stream.isatty()
    except ValueError:  # it is closed
        return False
