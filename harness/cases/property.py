"""What a property of expectations is: declared by a field, and checked by a function.

The field of `expectation.Expectation` gives its name, its form, and the marks here; the
function of the same name in `judge.properties` says what it means for a build.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from pydantic import BaseModel

from harness.documents.document import Location

#: Gives the lines of the Dockerfile that a value names, with their places in the value.
Lines: TypeAlias = Callable[[Any], Iterable[tuple[Location, int]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class NamesLines:
    """Marks a property whose value names lines of the Dockerfile.

    They may stand in `any_stage`, or only in those that the image is made of.
    """

    of: Lines
    any_stage: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparesTargets:
    """Marks a property that is judged where the results of all targets meet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Property:
    """One property: its name, how it names lines, whether it compares targets."""

    name: str
    lines: NamesLines
    compares_targets: bool


_NO_LINES = NamesLines(of=lambda _: ())


def properties(model: type[BaseModel], beside: type[BaseModel]) -> tuple[Property, ...]:
    """Read the properties off the fields that `model` adds to those of `beside`."""
    return tuple(
        Property(
            name=name,
            lines=next(
                (x for x in each.metadata if isinstance(x, NamesLines)), _NO_LINES
            ),
            compares_targets=ComparesTargets() in each.metadata,
        )
        for name, each in model.model_fields.items()
        if name not in beside.model_fields
    )


def complete(checks: Mapping[str, object], every: Collection[Property]) -> None:
    """Raise TypeError for a property without a check, and for a check of none."""
    names = {each.name for each in every if not each.compares_targets}
    if wrong := names ^ checks.keys():
        raise TypeError(f"a property and no check, or the reverse: {sorted(wrong)}")
