"""JSON of an image archive, parsed as strictly as the engines write it.

What Python's parser takes beyond that (NaN, other encodings, halves of surrogate pairs)
or what no image has (numbers and nesting without end) fails later and elsewhere.
"""

from __future__ import annotations

import json
import math
from typing import Any, Final

MAX_DEPTH: Final = 64
_MAX_DIGITS: Final = 20


def parse(text: bytes) -> Any:
    """Parse UTF-8 JSON; a ValueError or RecursionError says what is wrong with it."""
    value = json.loads(
        text.decode(),
        object_pairs_hook=_object,
        parse_constant=_constant,
        parse_int=_whole,
        parse_float=_fraction,
    )
    _check(value, MAX_DEPTH)
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("an object has a key twice")
    return found


def _constant(text: str) -> float:
    raise ValueError(f"{text} is no number")


def _whole(text: str) -> int:
    if len(text) > _MAX_DIGITS:
        raise ValueError(f"a number of {len(text)} digits")
    return int(text)


def _fraction(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:40]} is too large a number")
    return value


def _check(value: object, room: int) -> None:
    if isinstance(value, str):
        value.encode()
    elif isinstance(value, list | dict):
        if not room:
            raise ValueError(f"nested more than {MAX_DEPTH} deep")
        for each in value:
            _check(each, room - 1)
        if isinstance(value, dict):
            for each in value.values():
                _check(each, room - 1)
