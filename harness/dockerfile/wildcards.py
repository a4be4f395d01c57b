"""Match paths with patterns of many wildcards, in a time that nothing can blow up.

Python's matcher goes back for each wildcard and tries again: `*a*a*a*a*a*b` and a path
of 200 letters take it hours. The clients' matcher is Go's, which never goes back. So
such a pattern becomes an automaton, as Go's does: it reads a path once, and a number
whose bits are the states it is in says how far each way to match has come.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final, Protocol

#: Wildcards that Python's matcher is left with: then it goes back over a path once for
#: each of its characters, at most.
_FEW: Final = 2
# what a translated pattern is made of, in the order of trying
_PART = re.compile(
    r"(?P<folders>\(\?:\.\*/\)\?)"
    r"|(?P<one>\[\^?\]?(?:\\.|[^\]\\])*\]"
    r"|\\x[0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\U[0-9a-fA-F]{8}"
    r"|\\0[0-7]{0,2}|\\[1-3][0-7]{2}|\\?.)(?P<many>\*?)",
    re.DOTALL,
)
_ASSERTIONS = {
    each: re.compile(each, re.ASCII) for each in ("^", r"\A", r"\b", r"\B", r"\Z")
}


class Matcher(Protocol):
    """What a pattern is translated to; a compiled regular expression is one too."""

    def fullmatch(self, string: str, /) -> object:
        """Give something that is true if the whole of a path matches."""


def matcher(expression: str, flags: re.RegexFlag) -> Matcher:
    """Translate an expression of `dockerignore`; raises re.error as `re` does."""
    compiled = re.compile(expression, flags)
    return compiled if expression.count("*") <= _FEW else _automaton(expression, flags)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Automaton:
    """States in a row: of bit i, what comes next is part i; the last one is the end.

    Bits of `stays` may take a character and stay, those of `takes` go on with it;
    `skips` go on without one, and those of `leaps` also to the state three further.
    `where` has states that go on without one at some places only.
    """

    parts: tuple[re.Pattern[str] | None, ...]
    stays: int
    skips: int
    leaps: int
    where: tuple[tuple[re.Pattern[str], int], ...]
    _fits: dict[str, int] = field(default_factory=dict)

    def fullmatch(self, path: str, /) -> bool:
        """Say whether the whole of a path matches."""
        now = self._reached(1, path, 0)
        for at, char in enumerate(path):
            now &= self._taking(char)
            went = (now & self.stays) | (now & ~self.stays) << 1
            now = self._reached(went, path, at + 1)
            if not now:
                return False
        return bool(now >> len(self.parts) & 1)

    def _taking(self, char: str) -> int:
        """Give the states whose part is this character."""
        if char not in self._fits:
            self._fits[char] = sum(
                1 << number
                for number, part in enumerate(self.parts)
                if part is not None and part.fullmatch(char)
            )
        return self._fits[char]

    def _reached(self, now: int, path: str, at: int) -> int:
        """Add the states that are reached without a character."""
        skips = self.skips
        for assertion, states in self.where:
            if assertion.match(path, at):
                skips |= states
        while True:
            further = now | (now & skips) << 1 | (now & self.leaps) << 3
            if further == now:
                return now
            now = further


def _automaton(expression: str, flags: re.RegexFlag) -> _Automaton:
    parts: list[re.Pattern[str] | None] = []
    stays = skips = leaps = 0
    where: dict[re.Pattern[str], int] = {}
    for found in _PART.finditer(expression):
        bit = 1 << len(parts)
        one = found["one"]
        if found["folders"]:
            # nothing of it, or any characters and a slash
            skips |= bit | bit << 1
            leaps |= bit
            stays |= bit << 1
            parts += [None, re.compile(".", flags), re.compile("/")]
        elif one in _ASSERTIONS:
            assertion = _ASSERTIONS[one]
            where[assertion] = where.get(assertion, 0) | bit
            parts.append(None)
        else:
            if found["many"]:
                skips |= bit
                stays |= bit
            parts.append(re.compile(one, flags))
    return _Automaton(
        parts=tuple(parts),
        stays=stays,
        skips=skips,
        leaps=leaps,
        where=tuple(where.items()),
    )
