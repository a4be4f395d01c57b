"""Explain differences of a user's Dockerfile by the measured cases of a folder."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property
from pathlib import Path
from typing import TypeAlias

from harness.book.book import Book, open_book
from harness.cases.model import Build
from harness.dockerfile import parser
from harness.errors import HarnessError
from harness.judge.agreement import FactTable
from harness.judge.behaviour import Behaviour
from harness.judge.comparable import comparable
from harness.judge.differences import AspectDifference, differences
from harness.judge.explanation import KnownCase, explained, pair_of, trait
from harness.targets.registry import Builders
from harness.targets.target import Target

#: Gives all behaviours, read or made when they are needed.
Behaviours: TypeAlias = Callable[[], Iterable[Behaviour]]


class Explaining:
    """Finds, for a difference of a build's, the behaviour that explains it.

    Opened at the first difference. Where there are no cases, nothing is explained.
    """

    def __init__(
        self,
        root: Path,
        results: Path,
        build: Build,
        *,
        table: FactTable,
        builders: Builders,
        behaviours: Behaviours | None = None,
    ) -> None:
        self._root = root
        self._results = results
        self._parsed = parser.parse(build.dockerfile, build.args)
        self._target = build.target
        self._table = table
        self._builders = builders
        self._behaviours = behaviours
        self._known: dict[tuple[str, str], tuple[KnownCase, ...]] = {}

    def __call__(self, difference: AspectDifference) -> Behaviour | None:
        """Explain one difference."""
        pair = pair_of(difference, self._table.outcomes)
        if pair is None:
            return None
        numbers = (self._table.outcomes[pair[0]], self._table.outcomes[pair[1]])
        own = trait(difference, self._parsed, self._target, numbers)
        return explained(own, self._cases(pair)) if own else None

    @cached_property
    def _book(self) -> Book | None:
        try:
            return open_book(self._root, self._results)
        except HarnessError:
            return None

    def _cases(self, pair: tuple[str, str]) -> tuple[KnownCase, ...]:
        """Give the behaviours on which two targets differ."""
        if pair not in self._known:
            book = self._book
            measured = [self._measured(book, each) for each in pair] if book else []
            if book is None or None in measured:
                self._known[pair] = ()
            else:
                names = (str(measured[0]), str(measured[1]))
                every = (self._behaviours or (lambda: book.behaviours))()
                self._known[pair] = tuple(_of_pair(book, every, names))
        return self._known[pair]

    def _measured(self, book: Book, name: str) -> str | None:
        """Name the target with results that is nearest to another.

        The same builder, of the same version or the last one before it.
        """
        every = {each.id: each for each in book.targets}
        if name in every:
            return name
        own = self._builders.target(name)
        earlier = [each for each in every.values() if _is_before(each, own)]
        return max(earlier, key=lambda each: each.order[2]).id if earlier else None


def _is_before(each: Target, own: Target) -> bool:
    return (
        each.builder.name == own.builder.name
        and each.store == own.store
        and each.order[2] <= own.order[2]
    )


def _of_pair(
    book: Book, behaviours: Iterable[Behaviour], pair: tuple[str, str]
) -> list[KnownCase]:
    found = []
    for behaviour in behaviours:
        answers = [behaviour.given.get(each) for each in pair]
        if None in answers or answers[0] == answers[1]:
            continue
        case = book.case(behaviour.case)
        if len(case.builds) > 1:
            continue
        alone = comparable(case, book.judged(case.id, pair))
        if len(alone.observations) < 2:
            continue
        table = alone.tell()
        (build,) = case.builds.values()
        parsed = parser.parse(build.dockerfile, build.args)
        numbers = (table.outcomes[pair[0]], table.outcomes[pair[1]])
        traits = [
            trait(each, parsed, build.target, numbers) for each in differences(table)
        ]
        told = tuple(each for each in traits if each is not None)
        if told:
            found.append(KnownCase(behaviour=behaviour, traits=told))
    return found
