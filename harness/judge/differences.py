"""Where outcomes differ: each place once, what matters most first. Pure.

What follows from a difference that is found already is left out, and what many paths
have in common is one difference, so that what is cut in a report matters least.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from harness.cases.notation import Aspect
from harness.judge.agreement import FactTable
from harness.judge.facts import (
    ASPECTS,
    BY_LINE,
    NO_LAYER,
    QUESTIONS,
    Fact,
    Frame,
    Place,
    Question,
    frame_of,
    is_silent,
)

#: So many paths with the same difference below one folder are told as one.
FOLDED = 3
#: What a builder leaves in an image by itself, whatever the Dockerfile says: told
#: behind all that the Dockerfile does.
LEFT_BEHIND = frozenset({"/run/.containerenv"})
ONE_LAYER = "puts all instructions of the stage into one layer"
NO_LINES = "does not tell which line made which layer"

QUESTION_OF: Mapping[Aspect, Question] = {
    aspect: question for question, aspects in QUESTIONS.items() for aspect in aspects
}
_QUESTIONS = tuple(QUESTIONS)
_FRAMES: tuple[Frame, ...] = ("stages", "lines", "heights")
_OF_PATHS: frozenset[Aspect] = frozenset({"rootfs", "files", "times", "metadata"})

#: What is counted of the layers and of the history.
_COUNTS = frozenset({"pattern", "entries"})
#: Outcomes by number that do the same at a place, with what they do.
Groups: TypeAlias = tuple[tuple[tuple[int, ...], Fact], ...]
_Frames: TypeAlias = Sequence[Mapping[str, Frame]]


@dataclass(frozen=True, slots=True, kw_only=True)
class AspectDifference:
    """A place where outcomes differ, and what each does there.

    `line` is that of the instruction whose doing it is, 0 if it is not known. `below`
    counts the paths in a directory that only some have. `folder` is set where the
    difference is that of several `paths` there.
    """

    aspect: Aspect
    place: Place
    groups: Groups
    line: int = 0
    paths: tuple[str, ...] = ()
    folder: str = ""
    below: int = 0

    @property
    def question(self) -> Question:
        """The question that it answers."""
        return QUESTION_OF[self.aspect]

    @property
    def at(self) -> int:
        """The line, or that of the first failure; 0 if it is not known."""
        if self.aspect != "outcome":
            return self.line
        failed = [_failed_at(fact)[1] for _, fact in self.groups]
        return min(filter(None, failed), default=0)

    def sides(self, among: frozenset[int] | None = None) -> frozenset[frozenset[int]]:
        """Say which outcomes do the same, whatever they do; only `among` some."""
        found = (frozenset(numbers) for numbers, _ in self.groups)
        if among is None:
            return frozenset(found)
        return frozenset(side for each in found if (side := each & among))

    @property
    def numbers(self) -> frozenset[int]:
        """All outcomes that are spoken of."""
        return frozenset(number for numbers, _ in self.groups for number in numbers)


def differences(table: FactTable) -> list[AspectDifference]:
    """List where the outcomes of a table differ, most important first."""
    frames: _Frames = [
        {
            each.name: frame_of(each)
            for each in observation.builds
            if each.outcome == "ok"
        }
        for observation in table.observations
    ]
    found = [
        each
        for aspect in ASPECTS
        if aspect in table.facts
        for each in _of_aspect(table, aspect, frames)
    ]
    if "layers" in table.facts:
        found += _without_lines(table, frames)
    return sorted(_folded(_without_followers(found)), key=_rank)


def _of_aspect(
    table: FactTable, aspect: Aspect, frames: _Frames
) -> Iterator[AspectDifference]:
    told = table.facts[aspect]
    for place in sorted({place for each in told for place in each}):
        groups = _groups(table, aspect, place, frames)
        if len(groups) > 1:
            line = place.line if place.frame == "lines" else 0
            if aspect == "rootfs":
                line = _deciding_line(table, place, frames)
            paths = (place.what,) if aspect in _OF_PATHS else ()
            yield AspectDifference(
                aspect=aspect, place=place, groups=groups, line=line, paths=paths
            )


def _deciding_line(table: FactTable, place: Place, frames: _Frames) -> int:
    """Find the last line that does anything about a path, where lines are known."""
    lines = [0]
    for observation, own in zip(table.observations, frames, strict=True):
        if own.get(place.build) == "lines":
            lines += [
                layer.line or 0
                for layer in observation.build(place.build).layers
                for each in layer.changes
                if each.path == place.what and each.change != "touched"
            ]
    return max(lines)


def _groups(table: FactTable, aspect: Aspect, place: Place, frames: _Frames) -> Groups:
    """Group the outcomes by what they do at a place.

    Left out is who cannot be compared there: without an image, with layers of another
    frame, or silent. Those that do nothing there come last.
    """
    members: dict[str, list[int]] = {}
    facts: dict[str, Fact] = {}
    nothing: list[int] = []
    for number, told in enumerate(table.facts[aspect]):
        fact = told.get(place)
        if fact is not None:
            key = repr(fact.value)
            members.setdefault(key, []).append(number)
            facts.setdefault(key, fact)
        elif not is_silent(place, aspect):
            frame = frames[number].get(place.build)
            if frame and (aspect not in BY_LINE or frame == place.frame):
                nothing.append(number)
    if aspect == "outcome":
        members = _by_known_line(members, facts)
    found = [(tuple(numbers), facts[key]) for key, numbers in members.items()]
    found.sort(key=lambda each: each[1].value == NO_LAYER)
    if nothing:
        first = found[0][1]
        instead = Fact(value="", phrase=first.otherwise, many=_plural(first.otherwise))
        found.append((tuple(nothing), instead))
    return tuple(found)


def _plural(phrase: str) -> str:
    return phrase.replace(" it ", " them ")


def _by_known_line(
    members: dict[str, list[int]], facts: Mapping[str, Fact]
) -> dict[str, list[int]]:
    """Put a failure whose line is not told to one of its kind whose line is."""
    found: dict[str, list[int]] = {}
    known: dict[object, str] = {}
    for key in sorted(members, key=lambda each: not _failed_at(facts[each])[1]):
        kind, line = _failed_at(facts[key])
        if not line and kind in known:
            found[known[kind]] += members[key]
        else:
            found[key] = list(members[key])
            known.setdefault(kind, key)
    return {key: sorted(found[key]) for key in members if key in found}


def _failed_at(fact: Fact) -> tuple[object, int]:
    if not isinstance(fact.value, tuple):
        return fact.value, 0
    *kind, line = fact.value
    return tuple(kind), line


def _without_lines(table: FactTable, frames: _Frames) -> Iterator[AspectDifference]:
    """Say once why some cannot be compared with others line by line."""
    frame: Frame
    for frame, phrase in (("stages", ONE_LAYER), ("heights", NO_LINES)):
        for build in dict.fromkeys(name for each in frames for name in each):
            own = [n for n, each in enumerate(frames) if each.get(build) == frame]
            others = [n for n, each in enumerate(frames) if each.get(build) == "lines"]
            counts = [
                {len(table.observations[n].build(build).layers) for n in numbers}
                for numbers in (own, others)
            ]
            if own and others and (frame == "heights" or counts[0] != counts[1]):
                place = Place(build, frame, 0, "", "")
                fact = Fact(value=phrase, phrase=phrase)
                groups = ((tuple(own), fact),)
                yield AspectDifference(aspect="layers", place=place, groups=groups)


def _without_followers(found: Sequence[AspectDifference]) -> list[AspectDifference]:
    """Leave out what follows from another difference."""
    final = {
        (each.place.build, each.place.what, each.place.attribute): each
        for each in found
        if each.aspect in {"rootfs", "times"}
    }
    layered = {
        each.place.build
        for each in found
        if each.aspect == "layers" and not each.place.what
    }
    below: dict[Place, int] = {}
    kept = []
    for each in found:
        build, what, attribute = each.place.build, each.place.what, each.place.attribute
        if each.aspect == "rootfs" and not attribute:
            if above := _brought_by(each, final):
                below[above.place] = below.get(above.place, 0) + 1
                continue
        elif each.aspect in {"files", "metadata"}:
            same = final.get((build, what, attribute))
            if same and each.sides() == same.sides(each.numbers):
                continue
        elif build in layered and what in _COUNTS and each.place.frame == "lines":
            # who has how many layers and entries shows in who makes which
            continue
        kept.append(each)
    return [
        replace(each, below=below.get(each.place, 0))
        if each.aspect == "rootfs"
        else each
        for each in kept
    ]


def _brought_by(
    each: AspectDifference, final: Mapping[tuple[str, str, str], AspectDifference]
) -> AspectDifference | None:
    """Find the topmost directory that the same outcomes lack, and so its paths."""
    found = None
    path = each.place.what
    while path := path.rpartition("/")[0]:
        above = final.get((each.place.build, path, ""))
        if above and _lack(above) == _lack(each) and above.sides() == each.sides():
            found = above
    return found


def _lack(each: AspectDifference) -> tuple[int, ...]:
    numbers, fact = each.groups[-1]
    return numbers if fact.value == "" else ()


def _folded(found: Iterable[AspectDifference]) -> Iterator[AspectDifference]:
    """Tell what paths of one folder have in common as one difference."""
    alike: dict[object, list[AspectDifference]] = {}
    for each in found:
        key: object = id(each)
        if each.paths and not each.below and not LEFT_BEHIND.issuperset(each.paths):
            top = each.place.what.split("/", 2)[1]
            does = tuple((numbers, fact.many) for numbers, fact in each.groups)
            where = each.place._replace(what=top)
            key = (each.aspect, where, each.line, does)
        alike.setdefault(key, []).append(each)
    for several in alike.values():
        if len(several) < FOLDED:
            yield from several
        else:
            first = several[0]
            paths = tuple(each.place.what for each in several)
            folder = posixpath.commonpath([posixpath.dirname(each) for each in paths])
            yield replace(first, paths=paths, folder=folder, groups=_of_many(first))


def _of_many(one: AspectDifference) -> Groups:
    seen: set[str] = set()
    groups = []
    for numbers, fact in one.groups:
        phrase = fact.many
        if phrase in seen:
            phrase = f"{phrase} with other content"
        seen.add(fact.many)
        groups.append((numbers, replace(fact, phrase=phrase, exact="")))
    return tuple(groups)


def _rank(each: AspectDifference) -> tuple[object, ...]:
    """Sort by question, then aspect, then place; what builders do by themselves last.

    Lines are sorted as they stand, and what belongs to no line behind them.
    """
    late = 0
    if each.paths and LEFT_BEHIND.issuperset(each.paths):
        late = 1
    elif each.aspect == "metadata" and not each.place.attribute:
        late = 2
    build, frame, line, what, attribute = each.place
    return (
        _QUESTIONS.index(each.question),
        late,
        ASPECTS.index(each.aspect),
        build,
        _FRAMES.index(frame),
        line == 0,
        line,
        what,
        attribute,
    )
