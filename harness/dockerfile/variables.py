"""Variables in a Dockerfile's words, as builders put values in for them.

The forms that https://docs.docker.com/reference/dockerfile/#environment-replacement
lists. Nothing of it is applied to what is built: it only tells beforehand which image a
FROM names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_NAME = re.compile(r"[A-Za-z_]\w*")
#: `${NAME` with what may follow: a modifier and its word, up to the closing brace.
_BRACED = re.compile(
    r"\$\{(?P<name>[A-Za-z_]\w*)(?:(?P<sign>:?[-+?])(?P<word>[^}]*))?\}"
)
#: Characters of a value that are looked at: no image has a name so long.
_LONGEST = 1000


def expand(word: str, values: Mapping[str, str]) -> str | None:
    """Put values into a word, and take its quotes away; what has none is empty.

    None where a form is used that not all builders know, so that it is not known what
    stands there: `${NAME#pattern}`, or `${NAME:?message}` without a value.
    """
    found: list[str] = []
    quote = ""
    at = 0
    while at < len(word):
        char = word[at]
        if char in "\"'" and quote in {"", char}:
            quote = "" if quote else char
            at += 1
        elif char == "$" and quote != "'":
            value, at = _variable(word, at, values)
            if value is None:
                return None
            found.append(value[:_LONGEST])
        else:
            found.append(char)
            at += 1
    return "".join(found)


def _variable(word: str, at: int, values: Mapping[str, str]) -> tuple[str | None, int]:
    """Give the value of the variable that begins at `at`, and where it ends."""
    if plain := _NAME.match(word, at + 1):
        return values.get(plain[0], ""), plain.end()
    braced = _BRACED.match(word, at)
    if braced is None:
        return ("$", at + 1) if not word.startswith("${", at) else (None, at)
    value, sign = values.get(braced["name"]), braced["sign"] or ""
    # with a colon an empty value counts as none
    there = bool(value) if sign.startswith(":") else value is not None
    instead = expand(braced["word"] or "", values)
    if sign.endswith("-") and not there:
        value = instead
    elif sign.endswith("+"):
        value = instead if there else ""
    elif sign.endswith("?") and not there:
        return None, braced.end()
    return ("" if value is None and not sign.endswith("-") else value), braced.end()
