"""Read `results/behaviours.json`: every question with its answers, and the targets.

Apart from what writes it, so that a quick verb loads nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harness.judge.behaviour import Behaviour, Expected
from harness.targets.builder import Builder
from harness.targets.conventions import Conventions
from harness.targets.registry import Builders
from harness.targets.target import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviours:
    """All behaviours by case, the builders they were measured on, and the targets."""

    by_case: Mapping[str, Behaviour]
    builders: Builders
    targets: tuple[Target, ...]


def read_behaviours(text: bytes) -> tuple[Behaviour, ...]:
    """Read the behaviours, in the order of cases.

    Raises ValueError, LookupError or TypeError for what is no such file.
    """
    return tuple(map(_behaviour, json.loads(text)["behaviours"]))


def read_all(text: bytes) -> Behaviours:
    """Read the behaviours and what they were measured on; raises as above."""
    told = json.loads(text)
    found = tuple(map(_behaviour, told["behaviours"]))
    builders = Builders(map(_builder, told["builders"]))
    names = dict.fromkeys(target for each in found for target in each.given)
    targets = sorted(map(builders.target, names), key=lambda each: each.order)
    return Behaviours(
        by_case={each.case: each for each in found},
        builders=builders,
        targets=tuple(targets),
    )


def _builder(each: Mapping[str, Any]) -> Builder:
    own = {name: value for name, value in each.items() if name != "rank"}
    own["conventions"] = Conventions(**each["conventions"])
    own["stores"] = tuple(each.get("stores", ()))
    return Builder(**own)


def _behaviour(each: Mapping[str, Any]) -> Behaviour:
    return Behaviour(
        case=each["id"],
        title=each["title"],
        question=each["question"],
        why=each["why"],
        impact=each.get("impact", ""),
        advice=each.get("advice", ""),
        refs=tuple(each.get("references", ())),
        answers=tuple(each["answers"]),
        given={
            target: answer
            for answer, targets in each["answers"].items()
            for target in targets
        },
        ranges=each["ranges"],
        expected=tuple(Expected(**expected) for expected in each.get("expected", ())),
        against=tuple(each.get("against", ())),
        fails=tuple(each.get("fails", ())),
    )
