"""Where targets differ, in words: a located sentence for each difference. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import starmap
from typing import TypeAlias

from harness.cases.notation import Aspect
from harness.judge.agreement import FactTable
from harness.judge.differences import AspectDifference, differences
from harness.judge.facts import BY_LINE, NO_LAYER, Question

#: Verbs whose plural does not only lack an s.
_PLURAL = {"does": "do", "has": "have"}
#: What stands for a phrase behind others, and is no phrase of its own.
_NONE = {"none": NO_LAYER}

#: Names some targets of all that are spoken of.
Name: TypeAlias = Callable[[Sequence[str], Sequence[str]], str]
#: Tells groups of targets as a table: a builder, and which of its versions are where.
Rows: TypeAlias = Callable[[Sequence[Sequence[str]]], tuple[tuple[str, str], ...]]
_SEPARATOR = re.compile(r", | and ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Divergence:
    """One located difference: who does what, in words, by group of targets.

    `build` is empty where the case has one build only. `line` is that of the
    instruction whose doing it is, if that is known. `paths` are those it speaks of.
    Where a sentence would name many groups, `table` says by builder which of the
    phrases of `says`, from 1, its versions are of.
    """

    question: Question
    aspect: Aspect
    build: str = ""
    line: int | None = None
    subject: str
    says: tuple[tuple[str, str], ...]
    paths: tuple[str, ...] = ()
    table: tuple[tuple[str, str], ...] = ()

    @property
    def place(self) -> str:
        """Say where it is: `line 8, RUN mkdir -p /test`."""
        build = f"build `{self.build}`" if self.build else ""
        line = f"line {self.line}" if self.line else ""
        return ", ".join(filter(None, (build, line, self.subject)))

    def lines(self) -> list[str]:
        """Say it in a sentence, or in one that numbers the phrases and a table."""
        if not self.table:
            return [self.sentence()]
        does = [_NONE.get(told, told) for _, told in self.says]
        told = ", ".join(f"({number}) {each}" for number, each in enumerate(does, 1))
        rows = [f"{builder}: {which}" for builder, which in self.table]
        return [f"{self.place}: {told}", *rows]

    def sentence(self) -> str:
        """Say it: `line 8, RUN mkdir -p /test: BuildKit makes ..., legacy none`."""
        several = any(" and " in who for who, _ in self.says)
        told = ("; " if several else ", ").join(starmap(said, self.says))
        return f"{self.place}: {told}"


def said(who: str, phrase: str) -> str:
    """Join a name and what it does; two of them do it in the plural."""
    verb, blank, rest = phrase.partition(" ")
    if " and " in who:
        verb = _PLURAL.get(verb) or verb.removesuffix("s")
    return f"{who} {verb}{blank}{rest}"


#: A sentence that names more than these has a table instead.
NAMED = 4


def divergences(
    table: FactTable,
    subjects: Mapping[tuple[str, int], str],
    *,
    name: Name,
    rows: Rows | None = None,
) -> list[Divergence]:
    """List where the targets differ, one entry a difference, most important first.

    `subjects` gives (build, line) its instruction's text; `name` names some of all the
    targets of the table, `rows` tells many groups of them along versions.
    """
    several = len({build for build, _ in subjects}) > 1
    every = tuple(table.outcomes)
    return [
        Divergence(
            question=each.question,
            aspect=each.aspect,
            build=each.place.build if several else "",
            line=each.line or None,
            subject=_subject(each, subjects),
            says=tuple(
                (name(table.targets_of(numbers), every), phrase)
                for numbers, phrase in _phrases(each)
            ),
            paths=each.paths,
            table=_table(each, table, name, rows) if rows else (),
        )
        for each in differences(table)
    ]


def _table(
    each: AspectDifference, table: FactTable, name: Name, rows: Rows
) -> tuple[tuple[str, str], ...]:
    groups = [table.targets_of(numbers) for numbers, _ in each.groups]
    every = tuple(table.outcomes)
    names = [len(_SEPARATOR.split(name(group, every))) for group in groups]
    if len(groups) <= NAMED and max(names) <= NAMED:
        return ()
    return rows(groups)


def _subject(each: AspectDifference, subjects: Mapping[tuple[str, int], str]) -> str:
    place = each.place
    where = ""
    if each.folder:
        where = f"{len(each.paths)} paths below {each.folder}"
    elif each.paths:
        where = place.what
    if each.aspect not in BY_LINE:
        return where or {"config": f"config {place.what}"}.get(each.aspect, each.aspect)
    if not place.line:
        return each.aspect
    text = f"layer {place.line} above the base"
    if place.frame == "lines":
        text = subjects.get((place.build, place.line), "")
    return f"{text}, {where}" if each.folder else text


def _phrases(each: AspectDifference) -> Iterator[tuple[tuple[int, ...], str]]:
    """Give each group its phrase, which no other has."""
    phrases = [fact.phrase for _, fact in each.groups]
    for numbers, fact in each.groups:
        phrase = fact.phrase
        if phrase == NO_LAYER and len(each.groups) > 1:
            phrase = "none"
        elif phrases.count(phrase) > 1 and fact.exact:
            phrase = f"{phrase}: {fact.exact}"
        elif each.below and fact.value:
            phrase = f"{phrase} with {each.below} paths in it"
        yield numbers, phrase
