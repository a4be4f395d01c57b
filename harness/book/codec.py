"""Frozen dataclasses as plain JSON and back, by their annotations. Pure.

For values of our own in a cache of our own: what does not fit raises TypeError,
ValueError or LookupError. Equal values of a mapping are written, and made, once.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

Read = Callable[[Any], Any]


def plain(value: Any) -> Any:
    """Turn a value into what JSON can carry."""
    if is_dataclass(value) and not isinstance(value, type):
        return {
            each.name: plain(inner)
            for each in fields(value)
            if (inner := getattr(value, each.name)) != each.default
            or type(inner) is not type(each.default)
        }
    if isinstance(value, Mapping):
        distinct: dict[str, int] = {}
        written: list[Any] = []
        seen: dict[int, int] = {}
        order = []
        for name, inner in value.items():
            if id(inner) not in seen:
                told = plain(inner)
                text = repr(told)
                if text not in distinct:
                    distinct[text] = len(written)
                    written.append(told)
                seen[id(inner)] = distinct[text]
            order.append([name, seen[id(inner)]])
        return {"of": written, "at": order}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return value


@cache
def reader(kind: Any) -> Read:
    """Give what makes values of `kind`, an annotation, from JSON."""
    origin, arguments = get_origin(kind), get_args(kind)
    if is_dataclass(kind):
        return _dataclass(kind)
    if kind in {str, int, bool, float, type(None)}:
        return _exactly(kind)
    if kind is Any or kind is object:
        return _same
    if origin is Literal:
        return _one_of(arguments)
    if origin in {Union, types.UnionType}:
        return _any(tuple(map(reader, arguments)))
    if origin is tuple and len(arguments) == 2 and arguments[1] is Ellipsis:
        return _many(reader(arguments[0]))
    if origin is tuple:
        return _these(tuple(map(reader, arguments)))
    if origin is not None and issubclass(origin, Mapping):
        return _mapping(reader(arguments[0]), reader(arguments[1]))
    raise TypeError(f"no value of this kind is kept: {kind!r}")


def _dataclass(kind: Any) -> Read:
    hints = get_type_hints(kind)
    readers = {each.name: reader(hints[each.name]) for each in fields(kind)}
    needed = {
        each.name
        for each in fields(kind)
        if each.default is MISSING and each.default_factory is MISSING
    }

    def read(value: Any) -> Any:
        if not isinstance(value, dict) or needed - value.keys():
            raise TypeError(f"no {kind.__name__}")
        return kind(**{name: readers[name](inner) for name, inner in value.items()})

    return read


def _exactly(kind: type) -> Read:
    def read(value: Any) -> Any:
        if type(value) is not kind:
            raise TypeError(f"no {kind.__name__}: {value!r}")
        return value

    return read


def _same(value: Any) -> Any:
    return value


def _one_of(allowed: tuple[Any, ...]) -> Read:
    def read(value: Any) -> Any:
        if value not in allowed:
            raise ValueError(f"no such value: {value!r}")
        return value

    return read


def _any(readers: tuple[Read, ...]) -> Read:
    def read(value: Any) -> Any:
        for each in readers:
            try:
                return each(value)
            except (TypeError, ValueError):
                continue
        raise TypeError(f"of no kind that fits: {value!r}")

    return read


def _many(inner: Read) -> Read:
    def read(value: Any) -> Any:
        if not isinstance(value, list):
            raise TypeError(f"no list: {value!r}")
        return tuple(map(inner, value))

    return read


def _these(readers: tuple[Read, ...]) -> Read:
    def read(value: Any) -> Any:
        return tuple(each(x) for each, x in zip(readers, value, strict=True))

    return read


def _mapping(name: Read, inner: Read) -> Read:
    def read(value: Any) -> Any:
        made = [inner(each) for each in value["of"]]
        return {name(key): made[place] for key, place in value["at"]}

    return read
