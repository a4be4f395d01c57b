"""Values of the book, as JSON and back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest

from harness.book.codec import plain, reader


@dataclass(frozen=True, slots=True, kw_only=True)
class Inner:
    name: str
    on: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Outer:
    kind: Literal["a", "b"]
    line: int | None = None
    pairs: tuple[tuple[str, str], ...] = ()
    cells: Mapping[str, Inner] = field(default_factory=dict)
    inner: Inner | None = None
    own: Any = None


VALUE = Outer(
    kind="a",
    line=3,
    pairs=(("x", "y"), ("z", "\ud800")),
    cells={
        "t2": Inner(name="n"),
        "t1": Inner(name="n"),
        "t3": Inner(name="m", on=True),
    },
    inner=Inner(name="é"),
    own={"of": 1, "at": []},
)


def test_a_value_reads_back_as_it_was() -> None:
    found = reader(Outer)(json.loads(json.dumps(plain(VALUE))))
    # what anything may be comes back as plain JSON has it
    assert found.cells == VALUE.cells
    assert list(found.cells) == ["t2", "t1", "t3"]
    assert (found.kind, found.line, found.pairs) == ("a", 3, VALUE.pairs)
    assert found.inner == VALUE.inner


def test_equal_values_of_a_mapping_are_made_once() -> None:
    found = reader(Outer)(json.loads(json.dumps(plain(VALUE))))
    assert found.cells["t1"] is found.cells["t2"]


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        {},
        {"kind": "c"},
        {"kind": "a", "line": "3"},
        {"kind": "a", "line": True},
        {"kind": "a", "pairs": [["x"]]},
        {"kind": "a", "pairs": "xy"},
        {"kind": "a", "cells": {"of": [], "at": [["t", 0]]}},
        {"kind": "a", "cells": []},
        {"kind": "a", "other": 1},
        {"kind": "a", "inner": {"name": 1}},
    ],
)
def test_what_is_no_such_value_is_refused(value: Any) -> None:
    with pytest.raises((TypeError, ValueError, LookupError)):
        reader(Outer)(value)


def test_a_kind_that_is_not_kept_is_refused() -> None:
    with pytest.raises(TypeError, match="no value of this kind"):
        reader(set[str])
