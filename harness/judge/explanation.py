"""Which measured behaviour explains a difference, if one does. Pure.

A case explains a difference where the same two targets differ in the same way: of the
same aspect and attribute, at the same instruction, to the same sides. And whatever is
particular about the case's instruction (a flag, a heredoc, a path below a VOLUME) has
to be so of the other one too. Where nothing is particular, only what every such
instruction shows is explained. More is not claimed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from harness.dockerfile.parser import Dockerfile, Instruction
from harness.judge.behaviour import Behaviour
from harness.judge.differences import AspectDifference
from harness.judge.facts import NO_LAYER, Fact

_FLAG = re.compile(r"--([a-z][a-z-]*)(?:=|$)")
_ARCHIVE = re.compile(r"\.(?:tar|tgz|tbz|txz)(?:\.\w+)?$|\.tar\.\w+$")
#: Aspects whose differences are of every such instruction, with nothing particular.
_OF_ALL = frozenset({"outcome", "history", "cache", "config", "times"})
#: What a line makes that changes nothing.
_EMPTY = frozenset({"makes an empty layer", NO_LAYER, "none"})
#: Between the commands of a shell line.
_BETWEEN = re.compile(r"&&|\|\||[;|&()\n]")
#: Commands that change no file.
_PRINTING = frozenset({"echo", "true", ":", "cat", "ls", "test", "[", "cd", "set"})


#: What the question of a case costs at worst that may explain an aspect's difference.
_IMPACTS: Mapping[str, tuple[str, ...]] = {
    "outcome": ("outcome",),
    "rootfs": ("image", "outcome"),
    "config": ("image",),
    **dict.fromkeys(
        ("cache", "layers", "history", "files", "times", "metadata"),
        ("layering", "cache", "image"),
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Trait:
    """What a difference is like, without its paths and values.

    `sides` tell what the one and the other target do, coarsely. `particular` is what
    the instruction has that not every one of its kind has; `commands` are the programs
    of a RUN, without those that only print.
    """

    aspect: str
    keyword: str
    attribute: str
    sides: tuple[str, str]
    particular: frozenset[str]
    commands: frozenset[str] = frozenset()

    def explains(self, other: Trait) -> bool:
        """Say whether a case with this difference explains another one."""
        return (
            self.aspect == other.aspect
            and self.keyword == other.keyword
            and self.attribute == other.attribute
            and self.sides == other.sides
            and self.particular <= other.particular
            and (
                bool(self.particular)
                or (self.is_general and self.commands <= other.commands)
            )
        )

    @property
    def is_general(self) -> bool:
        """Say whether every instruction of the kind does so, whatever it does."""
        if self.aspect == "layers":
            return _EMPTY.issuperset(self.sides)
        return self.aspect in _OF_ALL or self.attribute in {"again", "xattrs"}


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownCase:
    """A behaviour on which two targets differ, with the traits of its differences."""

    behaviour: Behaviour
    traits: tuple[Trait, ...]


def explained(trait: Trait, known: Iterable[KnownCase]) -> Behaviour | None:
    """Find the behaviour that explains a difference best; None where none does.

    A case that shares more of what is particular is about this one more surely; of
    such, that with fewer differences.
    """
    fitting = [
        (
            (
                -len(own.particular),
                -len(own.commands),
                len(each.traits),
                not each.behaviour.expected,
                each.behaviour.case,
            ),
            each.behaviour,
        )
        for each in known
        if each.behaviour.impact in _IMPACTS[trait.aspect]
        for own in each.traits
        if own.explains(trait)
    ]
    return min(fitting, key=lambda each: each[0])[1] if fitting else None


def trait(
    difference: AspectDifference,
    parsed: Dockerfile,
    target: str,
    pair: tuple[int, int],
) -> Trait | None:
    """Tell what a difference between two outcomes, by number, is like.

    None where both do the same, or where it has no line and so no instruction.
    """
    sides = [_of(difference, number) for number in pair]
    if None in sides or sides[0] == sides[1]:
        return None
    line = parsed.at(difference.at) if difference.at else None
    # what an image is as a whole has no line
    if line is None and difference.aspect not in {"config", "history"}:
        return None
    return Trait(
        aspect=difference.aspect,
        keyword=line.keyword if line else "",
        attribute=_attribute(difference),
        sides=(str(sides[0]), str(sides[1])),
        particular=frozenset(_particular(difference, parsed, target, line)),
        commands=frozenset(_commands(line)),
    )


def _attribute(difference: AspectDifference) -> str:
    if difference.aspect == "config":
        return difference.place.what
    if difference.aspect == "metadata" and not difference.place.attribute:
        return "again"
    return difference.place.attribute


def _of(difference: AspectDifference, number: int) -> str | None:
    """Say coarsely what an outcome does; None where it is not spoken of."""
    for numbers, fact in difference.groups:
        if number in numbers:
            return _coarse(difference, fact)
    return None


def _coarse(difference: AspectDifference, fact: Fact) -> str:
    attribute, value = difference.place.attribute, fact.value
    if value == "":
        return "none"
    if difference.aspect in {"rootfs", "metadata", "times"} and attribute:
        if attribute == "owner":
            return "root" if value == "0:0" else "other"
        if attribute == "mtime":
            return "build" if value == "build" else "given"
        if attribute == "mode":
            others = [f.value for _, f in difference.groups if f is not fact]
            return "more" if others and str(value) > str(others[0]) else "less"
        return "some"
    if difference.aspect in {"layers", "cache"}:
        return fact.phrase
    if difference.aspect == "outcome":
        return value[1] if isinstance(value, tuple) else "ok"
    if difference.aspect == "config":
        return "set"
    if difference.aspect == "files" and isinstance(value, tuple):
        return str(value[0])
    return "some"


def _particular(
    difference: AspectDifference,
    parsed: Dockerfile,
    target: str,
    line: Instruction | None,
) -> Iterator[str]:
    if line is None:
        return
    yield from _flags(line)
    if "<<" in line.text and line.keyword in {"RUN", "COPY", "ADD"}:
        yield "a heredoc"
    sources = line.arguments.split()[:-1]
    if line.keyword in {"COPY", "ADD"}:
        if any(set(each) & set("*?[") for each in sources if each != "["):
            yield "a wildcard"
        if line.keyword == "ADD":
            if any("://" in each for each in sources):
                yield "a URL"
            if any(map(_ARCHIVE.search, sources)):
                yield "an archive"
    for stage in _volumes(parsed, target, line, difference.paths):
        yield "below a VOLUME" if stage == line.stage else "below a parent's VOLUME"
    if any(
        each.keyword == "SHELL" and each.stage == line.stage and each.line < line.line
        for each in parsed.instructions
    ):
        yield "a SHELL"


def _flags(line: Instruction) -> Iterator[str]:
    for word in line.text.split()[1:]:
        if not (match := _FLAG.match(word)):
            return
        if match[1] == "mount":
            kinds = re.findall(r"(?:=|,)type=(\w+)", word)
            yield f"--mount of {kinds[0] if kinds else 'bind'}"
        else:
            yield f"--{match[1]}"


def _commands(line: Instruction | None) -> Iterator[str]:
    if line is None or line.keyword != "RUN":
        return
    for part in _BETWEEN.split(line.arguments):
        words = part.split()
        if words and words[0] not in _PRINTING:
            yield words[0]


def _volumes(
    parsed: Dockerfile, target: str, line: Instruction, paths: Sequence[str]
) -> Iterator[int]:
    """Name the stages that have declared a volume before which paths lie in."""
    for each in parsed.chain(target):
        if each.keyword == "VOLUME" and each.line < line.line:
            for word in each.arguments.strip("[]").replace(",", " ").split():
                volume = "/" + word.strip("\"'").strip("/")
                if any(f"{path}/".startswith(f"{volume}/") for path in paths):
                    yield each.stage


def pair_of(
    difference: AspectDifference, outcomes: Mapping[str, int]
) -> tuple[str, str] | None:
    """Name two targets that a difference is between: the first of its first groups."""
    names = [
        next((name for name, each in outcomes.items() if each in numbers), "")
        for numbers, _ in difference.groups
    ]
    return (names[0], names[1]) if len(names) > 1 and all(names[:2]) else None
