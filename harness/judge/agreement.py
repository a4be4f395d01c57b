"""Who does the same as whom: classes of agreement for each question. Pure.

What is not known of a target makes no class of its own: a builder that does not say
what came from its cache, or that has one layer for a whole stage, is of the first class
that all it says agrees with.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from harness.cases.notation import Aspect
from harness.judge.facts import (
    ASPECTS,
    BY_LINE,
    QUESTIONS,
    Facts,
    Frame,
    Place,
    Question,
    facts,
    frame_of,
    is_silent,
)
from harness.judge.properties import letter
from harness.measure.observation import BuildRecord, Observation


@dataclass(frozen=True, slots=True, kw_only=True)
class FactTable:
    """The facts of a case on its targets, told once of each distinct outcome.

    `outcomes` gives each target (by id) the number of its outcome, which `observations`
    and the facts of each aspect have; aspects that are not compared are left out.
    """

    outcomes: Mapping[str, int]
    observations: Sequence[Observation]
    facts: Mapping[Aspect, Sequence[Facts]]

    def targets_of(self, numbers: Sequence[int]) -> tuple[str, ...]:
        """Name the targets of some outcomes, in order."""
        chosen = set(numbers)
        return tuple(name for name, each in self.outcomes.items() if each in chosen)


def tell(
    observations: Mapping[str, Observation], aspects: Sequence[Aspect] = ASPECTS
) -> FactTable:
    """Tell the observations (by target) as facts."""
    numbers: dict[int, int] = {}
    distinct: list[Observation] = []
    outcomes = {}
    for target, each in observations.items():
        # targets share the records of their outcome
        if id(each.builds) not in numbers:
            numbers[id(each.builds)] = len(distinct)
            distinct.append(each)
        outcomes[target] = numbers[id(each.builds)]
    return FactTable(
        outcomes=outcomes,
        observations=distinct,
        facts={name: [facts(each, name) for each in distinct] for name in aspects},
    )


@dataclass(slots=True, kw_only=True)
class _Class:
    """What is known of the members of a class: by build, and by place where open."""

    frames: dict[str, Frame] = field(default_factory=dict)
    records: dict[str, BuildRecord] = field(default_factory=dict)
    whole: dict[str, list[object]] = field(default_factory=dict)
    by_line: dict[str, list[object]] = field(default_factory=dict)
    told: dict[tuple[Aspect, Place], object] = field(default_factory=dict)


def classes(table: FactTable, question: Question) -> dict[str, str]:
    """Give each target the letter of its class, in the order of the targets.

    A target without an image has none in the questions about images.
    """
    numbers = range(len(table.observations))
    accounts = [_account(table, number, question) for number in numbers]
    known: list[tuple[_Class, list[int]]] = []
    seen: dict[str, list[int]] = {}
    # who says most is asked first, so that what is open is compared with what is known
    for number in sorted(numbers, key=lambda each: _openness(accounts[each])):
        own = accounts[number]
        if not own.records:
            continue
        same = repr((own.frames, own.whole, own.by_line, sorted(own.told.items())))
        if same not in seen:
            members = next((m for each, m in known if _agree(each, own)), None)
            if members is None:
                members = []
                known.append((own, members))
            else:
                _add(next(each for each, m in known if m is members), own)
            seen[same] = members
        seen[same].append(number)
    of = {number: id(members) for _, members in known for number in members}
    names: dict[int, str] = {}
    return {
        target: names.setdefault(of[number], letter(len(names))) if number in of else ""
        for target, number in table.outcomes.items()
    }


def _account(table: FactTable, number: int, question: Question) -> _Class:
    own = _Class()
    by_line = not BY_LINE.isdisjoint(QUESTIONS[question])
    for build in table.observations[number].builds:
        if build.outcome == "ok" or question == "outcome":
            own.records[build.name] = build
            # of the image it does not matter which line made which layer
            own.frames[build.name] = frame_of(build) if by_line else "lines"
            own.whole[build.name] = []
            own.by_line[build.name] = []
    for aspect in QUESTIONS[question]:
        for place, fact in sorted(_of(table, aspect, number).items(), key=_by_place):
            if aspect == "outcome":
                *rest, line = fact.value if isinstance(fact.value, tuple) else ("ok", 0)
                own.whole[place.build].append(rest)
                if line:
                    own.told[aspect, place] = line
            elif aspect in {"cache", "layers"} and is_silent(place, aspect):
                own.told[aspect, place] = fact.value
            else:
                kept = own.by_line if aspect in BY_LINE else own.whole
                kept[place.build].append((*place, fact.value))
    return own


def _of(table: FactTable, aspect: Aspect, number: int) -> Facts:
    told = table.facts.get(aspect)
    return told[number] if told else {}


def _by_place(item: tuple[Place, object]) -> Place:
    return item[0]


def _openness(own: _Class) -> tuple[int, int, int]:
    """Sort those of whom most is known before others."""
    without_lines = sum(each != "lines" for each in own.frames.values())
    return without_lines, -len(own.whole), -len(own.told)


def _agree(known: _Class, own: _Class) -> bool:
    if any(known.told.get(place, value) != value for place, value in own.told.items()):
        return False
    return all(
        known.whole[build] == own.whole[build] and _agree_by_line(known, own, build)
        for build in own.whole
        if build in known.whole
    )


def _agree_by_line(known: _Class, own: _Class, build: str) -> bool:
    if known.frames[build] == own.frames[build]:
        return known.by_line[build] == own.by_line[build]
    return _layers(known.records[build]) == _layers(own.records[build])


def _layers(build: BuildRecord) -> list[object]:
    """Tell the layers as a whole, whatever lines they are of."""
    return [
        [(each.change, each.content, each.mtime) for each in layer.changes]
        for layer in build.layers
    ]


def _add(known: _Class, own: _Class) -> None:
    for build in own.whole:
        if build not in known.whole:
            known.whole[build] = own.whole[build]
            known.frames[build] = own.frames[build]
            known.records[build] = own.records[build]
            known.by_line[build] = own.by_line[build]
    known.told.update(own.told)
