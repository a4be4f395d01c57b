"""Read a TOML file into plain values, and find where its tables and keys stand.

tomllib keeps no places, so lines are looked at once more.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from harness.documents.document import (
    AS_TEXT,
    MAX_BITS,
    MAX_DEPTH,
    TOO_DEEP,
    TOO_LONG,
    Document,
    Location,
    text_of,
)
from harness.errors import CaseError

#: Dots of a line's keys: tomllib takes the square of a dotted key's parts to read it.
MAX_DOTS = 10

_TEXT = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'[^']*'")
_DIGITS = re.compile(r"[\d_]{4000,}")
_TOML_NAME = r"(?:[\w-]+|\"[^\"]*\"|'[^']*')(?:\.(?:[\w-]+|\"[^\"]*\"|'[^']*'))*"
_TOML_TABLE = re.compile(rf"\s*(?:\[(?P<array>\[)?)\s*(?P<name>{_TOML_NAME})\s*\]")
_TOML_KEY = re.compile(rf"\s*({_TOML_NAME})\s*=")
_TOML_ITEM = re.compile(r"\s*\{")
_TOML_INLINE = re.compile(r"[{,]\s*([\w-]+)\s*=")


def load_toml(path: Path) -> Document:
    """Read a TOML file; CaseError for anything but TOML. Tables and keys have marks."""
    text = text_of(path)
    for number, line in enumerate(text.split("\n"), 1):
        if line.count(".") > MAX_DOTS and _TEXT.sub("", line).count(".") > MAX_DOTS:
            raise CaseError(
                f"not TOML that is read here: a key of over {MAX_DOTS} parts",
                where=f"{path}:{number}",
                hint="put dots in quotes if they are meant as text",
            )
    try:
        value = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r" \(at line (\d+), column (\d+)\)\Z", str(error))
        raise CaseError(
            f"not TOML: {str(error)[: found.start()] if found else error}",
            where=f"{path}:{found[1]}:{found[2]}" if found else str(path),
            hint="write [NAME], then lines of KEY = VALUE, with texts in quotes",
        ) from error
    except RecursionError as error:
        raise CaseError(TOO_DEEP, where=str(path), hint="flatten it") from error
    except ValueError as error:
        # of int(), for more digits than Python reads; it tells no place
        digits = _DIGITS.search(text)
        place = text.count("\n", 0, digits.start() if digits else 0) + 1
        raise CaseError(TOO_LONG, where=f"{path}:{place}", hint=AS_TEXT) from error
    document = Document(path=path, value=value, marks=_toml_marks(text))
    _check_values(document, (), value)
    return document


def _check_values(document: Document, at: Location, value: Any) -> None:
    """Refuse what is nested too deeply, and values that nothing here can mean."""
    if len(at) > MAX_DEPTH:
        raise document.error(at, TOO_DEEP, "flatten it")
    if isinstance(value, int) and value.bit_length() > MAX_BITS:
        raise document.error(at, TOO_LONG, AS_TEXT)
    if isinstance(value, str) and "\0" in value:
        raise document.error(at, "a text with the character U+0000", "leave it out")
    if isinstance(value, dict):
        for name, inner in value.items():
            _check_values(document, at, name)
            _check_values(document, (*at, name), inner)
    if isinstance(value, list):
        for number, each in enumerate(value):
            _check_values(document, (*at, number), each)


def _toml_marks(text: str) -> dict[Location, tuple[int, int]]:
    """Find where tables, keys, and items of a line of their own stand.

    tomllib keeps no places. What is not found has the place of what it stands in.
    """
    marks: dict[Location, tuple[int, int]] = {}
    counts: dict[Location, int] = {}
    table: Location = ()
    key: Location = ()
    for number, line in enumerate(text.split("\n"), 1):
        if head := _TOML_TABLE.match(line):
            table = ()
            *outer, last = _toml_name(head["name"])
            for part in outer:
                table = (*table, part)
                if table in counts:
                    table = (*table, counts[table])
            table = (*table, last)
            if head["array"]:
                marks.setdefault(table, (number, head.start("name") + 1))
                counts[table] = counts.get(table, -1) + 1
                table = (*table, counts[table])
            key = ()
            marks.setdefault(table, (number, head.start("name") + 1))
        elif found := _TOML_KEY.match(line):
            key = table
            for part in _toml_name(found[1]):
                key = (*key, part)
                marks.setdefault(key, (number, found.start(1) + 1))
        elif key and (item := _TOML_ITEM.match(line)):
            counts[key] = counts.get(key, -1) + 1
            place = (*key, counts[key])
            marks.setdefault(place, (number, item.end()))
            for each in _TOML_INLINE.finditer(line):
                marks.setdefault((*place, each[1]), (number, each.start(1) + 1))
    return marks


def _toml_name(name: str) -> list[str]:
    return [
        each.strip("\"'") for each in re.findall(r"\"[^\"]*\"|'[^']*'|[\w-]+", name)
    ]
