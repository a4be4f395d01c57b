"""The words of an instruction: flags, quotes, variables, the list form. Pure.

Follows BuildKit's frontend (frontend/dockerfile/parser and shell) as far as its
behaviour is documented in https://docs.docker.com/reference/dockerfile/. What a text
says that no builder takes is given as it stands.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

_FLAG = re.compile(r"--([a-z][a-z0-9-]*)(?:=(.*))?", re.DOTALL)
_NAME = re.compile(r"[A-Za-z_]\w*|[0-9]|[@*#]")
#: So deep may `${A:-${B:-...}}` go; no Dockerfile of a person's does.
_DEEPEST = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """An option of an instruction, such as `--chown=app`; `value` has no quotes."""

    name: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """A word as it is written, and what it comes to.

    `text` has no quotes, and its variables expanded where their values are known;
    `known` says that all were. `variables` are those that it names.
    """

    raw: str
    text: str
    known: bool = True
    variables: tuple[str, ...] = ()


def flags_of(text: str, escape: str = "\\") -> tuple[tuple[Flag, ...], str]:
    """Take the flags off the front of an instruction's arguments; give the rest."""
    found: list[Flag] = []
    rest = text.strip()
    while rest.startswith("--"):
        word = next(split(rest, escape), "")
        match = _FLAG.fullmatch(word)
        if not match:
            break
        found.append(Flag(name=match[1], value=expand(match[2] or "", {}, escape).text))
        rest = rest[len(word) :].lstrip()
    return tuple(found), rest


def split(text: str, escape: str = "\\") -> Iterator[str]:
    """Split at white space that is neither quoted nor escaped; quotes are kept."""
    word: list[str] = []
    quote = ""
    at = 0
    while at < len(text):
        char = text[at]
        if char == escape and quote != "'" and at + 1 < len(text):
            word.append(text[at : at + 2])
            at += 2
            continue
        if quote:
            quote = "" if char == quote else quote
        elif char in "\"'":
            quote = char
        elif char.isspace():
            if word:
                yield "".join(word)
            word = []
            at += 1
            continue
        word.append(char)
        at += 1
    if word:
        yield "".join(word)


def listed(text: str) -> tuple[str, ...] | None:
    """Read the list form, a JSON array of strings; None where it is none."""
    if not text.startswith("["):
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        return None
    return tuple(found)


def expand(text: str, values: Mapping[str, str | None], escape: str = "\\") -> Word:
    """Take the quotes off a word and expand its variables.

    `values` has those that are known, or None for one that is set to what nobody
    knows. Others stay as they are written, since the base image may set them.
    """
    reader = _Reader(text, values, escape)
    told = reader.read()
    return Word(
        raw=text,
        text=told,
        known=reader.known,
        variables=tuple(dict.fromkeys(reader.used)),
    )


class _Reader:
    """Reads one word from its start to its end."""

    def __init__(
        self, text: str, values: Mapping[str, str | None], escape: str, depth: int = 0
    ) -> None:
        self._text = text
        self._values = values
        self._escape = escape
        self._depth = depth
        self._at = 0
        self.known = True
        self.used: list[str] = []

    def read(self) -> str:
        out: list[str] = []
        quote = ""
        while self._at < len(self._text):
            char = self._text[self._at]
            self._at += 1
            if quote == "'":
                if char == "'":
                    quote = ""
                else:
                    out.append(char)
            elif char == self._escape:
                out.append(self._escaped(quote))
            elif char == quote:
                quote = ""
            elif char in "\"'" and not quote:
                quote = char
            elif char == "$":
                out.append(self._variable())
            else:
                out.append(char)
        return "".join(out)

    def _escaped(self, quote: str) -> str:
        char = self._text[self._at : self._at + 1]
        self._at += 1
        if quote and char not in {'"', "$", self._escape}:
            return self._escape + char
        return char

    def _variable(self) -> str:
        begin = self._at
        if self._text[begin : begin + 1] == "{":
            return self._braced(begin)
        match = _NAME.match(self._text, begin)
        if not match:
            return "$"
        self._at = match.end()
        return self._value(match[0], "$" + match[0])

    def _braced(self, begin: int) -> str:
        end = self._closing(begin)
        inner = self._text[begin + 1 : end]
        self._at = end + 1
        written = self._text[begin - 1 : self._at]
        match = _NAME.match(inner)
        if not match:
            self.known = False
            return written
        name, rest = match[0], inner[match.end() :]
        if not rest:
            return self._value(name, written)
        self.used.append(name)
        operator = re.match(r":?[-+]", rest)
        if not operator or name not in self._values or self._depth > _DEEPEST:
            # what the base image sets is not known here
            self.known = False
            return written
        value = self._values[name]
        if value is None:
            self.known = False
            return written
        is_set = bool(value) or ":" not in operator[0]
        wanted = "+" in operator[0]
        if is_set is not wanted:
            return "" if wanted else value
        other = _Reader(
            rest[operator.end() :], self._values, self._escape, self._depth + 1
        )
        told = other.read()
        self.known = self.known and other.known
        self.used += other.used
        return told

    def _closing(self, begin: int) -> int:
        depth = 0
        for at in range(begin, len(self._text)):
            if self._text[at] == "{":
                depth += 1
            elif self._text[at] == "}":
                depth -= 1
                if not depth:
                    return at
        return len(self._text)

    def _value(self, name: str, written: str) -> str:
        self.used.append(name)
        value = self._values.get(name)
        if value is None:
            self.known = False
            return written
        return value


def pairs(text: str, escape: str = "\\") -> tuple[tuple[str, str], ...]:
    """Read `NAME=VALUE ...` of ENV and LABEL, or their old form `NAME VALUE`.

    Names and values are as they are written, quotes and all.
    """
    words = list(split(text, escape))
    if words and "=" not in words[0]:
        name, _, value = text.strip().partition(" ")
        return ((name, value.strip()),)
    found = (word.partition("=") for word in words)
    return tuple((name, value) for name, _, value in found)
