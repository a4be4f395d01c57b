"""The book: cases, groups, builders, targets, results with their verdicts, the matrix.

Opened by one call, once in a process; reports are renderers of its values. What takes
long is made for the cases that changed, and kept in a cache beside the cases.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path

from harness.book import contents
from harness.book.codec import plain, reader
from harness.book.contents import CaseEntry, CaseSummary
from harness.book.ingredients import CasePath, Ingredients, digest, ingredients
from harness.book.stored import base_views
from harness.builders.records import standard_builders
from harness.cases.case import Case, load_case, load_groups
from harness.cases.find import find_cases
from harness.cases.model import Group
from harness.judge.answer_ranges import behaviour
from harness.judge.behaviour import Behaviour
from harness.judge.comparison import Comparison, Pair, of_pairs, pair
from harness.judge.matrix import Matrix, bound, row
from harness.judge.row import Row
from harness.judge.verdict import Judged, judged
from harness.measure.observation import View
from harness.results import disk
from harness.targets.registry import Builders
from harness.targets.target import Target


class Book:
    """All that was measured of the cases below a folder, read when it is asked for.

    Raises CaseError for a broken case, ResultError for a broken result, when those are
    read.
    """

    def __init__(
        self, root: Path, results: Path, builders: Builders, made_of: Ingredients
    ) -> None:
        self.root = root
        self.results = results
        self.builders = builders
        self.made_of = made_of
        self._cache = contents.cache_of(root)
        self._cases: dict[str, Case] = {}

    @property
    def files(self) -> tuple[CasePath, ...]:
        """The files of the cases."""
        return self.made_of.files

    @cached_property
    def groups(self) -> dict[str, Group]:
        """The headings of groups."""
        return load_groups(self.root)

    @cached_property
    def targets(self) -> tuple[Target, ...]:
        """The targets with results, in their order."""
        return tuple(disk.targets(self.results, self.builders))

    @cached_property
    def entries(self) -> tuple[CaseEntry, ...]:
        """What every case says of itself."""
        summaries = self._cache.pages(
            contents.KIND,
            contents.entry_keys(self.made_of),
            reader(CaseSummary),
            self._summary,
            plain,
        )
        return contents.entries(self.made_of, summaries)

    @cached_property
    def behaviours(self) -> tuple[Behaviour, ...]:
        """The questions of all cases with their answers on every target."""

        def make(name: str) -> Behaviour:
            return behaviour(self.case(name), self.judged(name), self.builders)

        found = self._cache.pages(
            contents.BEHAVIOURS,
            contents.behaviour_keys(self.made_of),
            reader(Behaviour),
            make,
            plain,
        )
        return tuple(found[each.id] for each in self.files)

    def case(self, name: str) -> Case:
        """Read a case by its id."""
        if name not in self._cases:
            self._cases[name] = load_case(self._paths[name], self.root, self.builders)
        return self._cases[name]

    def judged(
        self, name: str, only: Collection[str] | None = None
    ) -> dict[str, Judged]:
        """Read a case's results, or `only` those of some targets, and judge them."""
        found = disk.load(self.results, name)
        if only is not None:
            found = {each: found[each] for each in only if each in found}
        return judged(self.case(name), found, self._bases, self.builders)

    def matrix(
        self,
        cases: Collection[str] | None = None,
        targets: Sequence[Target] | None = None,
        errors: Mapping[tuple[str, str], str] | None = None,
    ) -> Matrix:
        """Tabulate the results of all cases on all targets, or of some.

        `errors` are those of a run, by case and target: of their cases nothing is kept.
        """
        columns = self.targets if targets is None else targets
        ordered = sorted(columns, key=lambda each: each.order)
        ids = [each.id for each in ordered]

        def make(name: str) -> Row:
            found = {(name, each): one for each, one in self.judged(name).items()}
            return row(self.case(name), ordered, found, errors or {}, self.builders)

        names = [each.id for each in self.files if cases is None or each.id in cases]
        broken = {case for case, _ in errors or {}}
        rows = self._cache.pages(
            self._kind("rows", *ids),
            self._keys(name for name in names if name not in broken),
            reader(Row),
            make,
            plain,
        )
        every = [rows[name] if name in rows else make(name) for name in names]
        return bound(every, self.groups, ordered, self.builders)

    def compared(self, before: str, after: str, cases: Collection[str]) -> Comparison:
        """Compare what two targets made of some cases."""

        def make(name: str) -> Pair:
            case = self.case(name)
            fresh = {
                target: each
                for target, each in self.judged(name, (before, after)).items()
                if each.case_digest == case.digest
            }
            return pair(case, fresh.get(before), fresh.get(after), self.builders)

        names = [each.id for each in self.files if each.id in cases]
        pairs = self._cache.pages(
            self._kind("pairs", before, after),
            self._keys(names),
            reader(Pair),
            make,
            plain,
        )
        return of_pairs(before, after, ((name, pairs[name]) for name in names))

    @cached_property
    def _paths(self) -> dict[str, Path]:
        return {each.id: each.path for each in self.files}

    @cached_property
    def _bases(self) -> dict[str, View | None]:
        return base_views(self.results)

    def _summary(self, name: str) -> CaseSummary:
        case = self.case(name)
        return CaseSummary(title=case.title, why=case.why, tags=case.tags)

    def _kind(self, what: str, *words: str) -> str:
        """Name a kind of pages by all that they have in common."""
        place = str(self.results.resolve())
        known = repr(tuple(self.builders.values()))
        return f"{what}-{digest(map(str.encode, (place, known, *words)))[:16]}"

    def _keys(self, names: Iterable[str]) -> dict[str, str]:
        made = self.made_of
        return {
            name: f"{made.cases[name]} {made.results[name]} {made.shared}"
            for name in names
        }


def open_book(root: Path, results: Path, builders: Builders | None = None) -> Book:
    """Open the book of the cases below `root` and of their stored `results`.

    `builders` are those that both may name: those of the package and those that the
    results describe, if nothing is said. Raises CaseError where no cases are.
    """
    known = disk.builders(results, builders or standard_builders())
    find_cases(root)
    return Book(root, results, known, ingredients(root, results))
