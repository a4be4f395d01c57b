"""Differences from the oracle that are explained, entry by entry, and their check.

`explained.toml` has the reasons. Every difference needs an entry of its own, and every
entry a difference: one that is no longer needed is a failure, like one that is missing.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from oracle.plain import Difference

FILE = Path(__file__).with_name("explained.toml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One explained difference of a case, on the targets `on`.

    Without `ours` any other value is explained: one that no two runs share.
    """

    reason: str
    case: str
    on: tuple[str, ...]
    build: int
    place: str
    measured: str
    ours: str | None

    def explains(self, difference: Difference) -> bool:
        mine = (self.build, self.place, self.measured)
        theirs = (difference.build, difference.place, difference.measured)
        return mine == theirs and self.ours in {None, difference.ours}


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What became of a case's differences on a target."""

    reasons: tuple[str, ...]
    unexplained: tuple[Difference, ...]
    unneeded: tuple[Entry, ...]

    @property
    def word(self) -> str:
        if self.unexplained or self.unneeded:
            return "different"
        return "explained" if self.reasons else "equal"


@cache
def reasons() -> Mapping[str, str]:
    """Give the reasons by name."""
    found: Mapping[str, str] = _read()["reasons"]
    return found


@cache
def entries() -> tuple[Entry, ...]:
    """Read the entries of the file."""
    return tuple(
        Entry(
            reason=each["reason"],
            case=each["case"],
            on=tuple(each["on"]),
            build=each.get("build", 1),
            place=each["place"],
            measured=each["measured"],
            ours=each.get("ours"),
        )
        for each in _read()["explained"]
    )


def judge(
    case: str,
    target: str,
    differences: Iterable[Difference],
    known: Iterable[Entry],
) -> Judgement:
    """Hold a case's differences on a target against what is explained."""
    meant = [each for each in known if each.case == case and target in each.on]
    used: list[Entry] = []
    unexplained: list[Difference] = []
    for difference in differences:
        found = [each for each in meant if each.explains(difference)]
        used += found
        if not found:
            unexplained.append(difference)
    return Judgement(
        reasons=tuple(sorted(each.reason for each in used)),
        unexplained=tuple(unexplained),
        unneeded=tuple(each for each in meant if each not in used),
    )


def _read() -> Mapping[str, Any]:
    with FILE.open("rb") as file:
        return tomllib.load(file)
