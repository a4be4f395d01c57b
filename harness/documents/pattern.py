"""Regular expressions that a file gives: compiled, or refused with the reason.

Python's matcher goes back and tries again, which takes a time that grows with some
patterns' number of ways to match. So those ways are counted before a pattern is used,
and texts are cut.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Final

#: Characters of a pattern; the longest of a case has 79.
MAX_PATTERN: Final = 1000
#: Characters of a text that is searched; the longest error measured has 378.
MAX_TEXT: Final = 4000
#: Ways to match that may be tried: two seconds' work.
MAX_WAYS: Final = 2e8

_COUNT = re.compile(r"\{(?:(\d{1,9})|(\d{0,9})(,)(\d{0,9}))\}")
# a group's first signs; those with the pattern's own text behind them are not here
_OPENING = re.compile(r"\((?:\?(?:[:=!>]|<[=!]|P<\w+>|[aiLmsu]*(?:-[ims]+)?:))?(?!\?)")
_FLAGS = re.compile(r"\(\?[aiLmsu]+\)")
_CLASS = re.compile(r"\[\^?\]?(?:\\.|[^\]\\])*\]", re.DOTALL)


def compiled(text: str) -> re.Pattern[str]:
    """Compile a pattern; ValueError says why it is none."""
    if len(text) > MAX_PATTERN:
        raise ValueError(f"longer than {MAX_PATTERN} characters")
    try:
        return re.compile(text)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    except (re.error, OverflowError) as error:
        raise ValueError(str(error)) from error


def searched(pattern: str, text: str) -> bool:
    """Say whether a pattern is found in the first `MAX_TEXT` characters of a text."""
    return re.search(pattern, text[:MAX_TEXT]) is not None


def check_ways(text: str) -> None:
    """Hold that `searched` takes a bounded time with a pattern that compiles.

    ValueError says what makes it too slow.
    """
    reader = _Reader(text)
    ways = reader.alternatives()
    if not reader.anchored:
        ways *= MAX_TEXT
    if ways > MAX_WAYS:
        raise ValueError("it can match in too many ways, and searching would not end")


@dataclass(slots=True)
class _Reader:
    """Counts the ways in which a pattern can match at one place of a text.

    Each is a path of the matcher: those of alternatives are added, those of what
    follows each other multiplied. A pattern is read from its front.
    """

    text: str
    at: int = 0

    @property
    def anchored(self) -> bool:
        """Say whether it matches at the text's beginning only."""
        return self.text.startswith(("^", "\\A")) and "|" not in self.text

    def alternatives(self) -> float:
        ways = 0.0
        while True:
            ways += self._sequence()
            if not self.text.startswith("|", self.at):
                return ways
            self.at += 1

    def _sequence(self) -> float:
        ways = 1.0
        while self.at < len(self.text) and self.text[self.at] not in "|)":
            if flags := _FLAGS.match(self.text, self.at):
                self.at = flags.end()
                continue
            ways = min(ways * self._repeated(self._item()), math.inf)
        return ways

    def _item(self) -> float:
        """Read one character, class or group."""
        char = self.text[self.at]
        if char == "(":
            return self._group()
        if char == "[" and (found := _CLASS.match(self.text, self.at)):
            self.at = found.end()
        elif char == "\\":
            if self.text[self.at + 1 : self.at + 2] in "123456789":
                raise ValueError("it refers back to a group")
            self.at += 2
        else:
            self.at += 1
        return 1.0

    def _group(self) -> float:
        opening = _OPENING.match(self.text, self.at)
        if opening is None:
            raise ValueError(f"`{self.text[self.at : self.at + 4]}` is not taken")
        self.at = opening.end()
        ways = self.alternatives()
        self.at += 1
        return ways

    def _repeated(self, ways: float) -> float:
        """Count the ways of an item with the `*`, `+`, `?` or `{...}` behind it."""
        least, most = 1, 1
        char = self.text[self.at : self.at + 1]
        if char and char in "*+?":
            least, most = 0, 1 if char == "?" else MAX_TEXT
            self.at += 1
        elif found := _COUNT.match(self.text, self.at):
            exact, low, _, high = found.groups()
            least = int(exact or low or 0)
            most = int(exact or high or max(least, MAX_TEXT))
            self.at = found.end()
        else:
            return ways
        # lazy or possessive: the same ways, or fewer
        if self.text.startswith(("?", "+"), self.at):
            self.at += 1
        try:
            return (most - least + 1) * ways**most
        except OverflowError:
            return math.inf
