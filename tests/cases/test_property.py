"""A property of expectations: one field, and one check."""

from __future__ import annotations

from typing import Annotated

import pytest
from pydantic import BaseModel

from harness.cases.expectation import PROPERTIES, Expectation
from harness.cases.property import ComparesTargets, NamesLines, complete, properties
from harness.judge.properties import CHECKS


class Beside(BaseModel):
    because: str = ""


class Model(Beside):
    layers: int | None = None
    made: Annotated[list[int] | None, NamesLines(of=lambda v: [((), x) for x in v])] = (
        None
    )
    differs: Annotated[int | None, ComparesTargets()] = None


def test_a_property_is_read_off_its_field() -> None:
    plain, lines, others = properties(Model, Beside)
    assert [plain.name, lines.name, others.name] == ["layers", "made", "differs"]
    assert list(plain.lines.of(3)) == []
    assert list(lines.lines.of([3, 4])) == [((), 3), ((), 4)]
    assert [plain.compares_targets, others.compares_targets] == [False, True]


def test_a_field_without_a_check_is_an_error() -> None:
    every = properties(Model, Beside)
    complete({"layers": 1, "made": 1}, every)
    with pytest.raises(TypeError, match="made"):
        complete({"layers": 1}, every)
    with pytest.raises(TypeError, match="other"):
        complete({"layers": 1, "made": 1, "other": 1}, every)
    with pytest.raises(TypeError, match="size"):
        complete({name: CHECKS[name] for name in CHECKS if name != "size"}, PROPERTIES)


def test_every_line_that_is_named_has_its_place() -> None:
    found = Expectation.model_validate(
        {
            "because": "b",
            "cached": [3],
            "changes": {"4": {"added": []}},
            "shares": {"with": "first", "lines": [5, 6]},
        }
    )
    assert list(found.lines()) == [
        (("changes", "4"), 4, False),
        (("cached", 0), 3, True),
        (("shares", "lines", 0), 5, False),
        (("shares", "lines", 1), 6, False),
    ]
