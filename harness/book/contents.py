"""The contents of the book: what every case says of itself, before it is opened.

Needs nothing but the cache where no case has changed, so that listing is quick.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from harness.book import published
from harness.book.cache import Cache
from harness.book.codec import reader
from harness.book.ingredients import Ingredients
from harness.judge.behaviour import Behaviour

#: The kinds of pages that the cache has of what cases say, and of behaviours.
KIND = "contents"
BEHAVIOURS = "behaviours"

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseSummary:
    """What a case says of itself."""

    title: str
    why: str
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseEntry:
    """A case in the contents: where it is, and what it says of itself."""

    id: str
    path: Path
    summary: CaseSummary

    @property
    def group(self) -> str:
        """The folder under `cases/`."""
        return self.id.partition("/")[0]

    def speaks_of(self, words: str) -> bool:
        """Say whether id, title, reason or a tag has `words`, whatever the case."""
        texts = (self.id, self.summary.title, self.summary.why, *self.summary.tags)
        return any(words.casefold() in each.casefold() for each in texts)


def cache_of(root: Path) -> Cache:
    """Give the cache beside a folder of cases."""
    return Cache(folder=published.scratch(root.resolve().parent) / "book")


def entry_keys(made_of: Ingredients) -> dict[str, str]:
    """Give the key of each case's entry: of its files, and of what all share."""
    return {name: f"{own} {made_of.shared}" for name, own in made_of.cases.items()}


def entries(
    made_of: Ingredients, summaries: Mapping[str, CaseSummary]
) -> tuple[CaseEntry, ...]:
    """Join what cases say to their places."""
    return tuple(
        CaseEntry(id=each.id, path=each.path, summary=summaries[each.id])
        for each in made_of.files
    )


def known_entries(root: Path, made_of: Ingredients) -> tuple[CaseEntry, ...] | None:
    """Give the contents as they were made before; None where any case has changed."""
    found = _known(root, KIND, entry_keys(made_of), reader(CaseSummary))
    return None if found is None else entries(made_of, found)


def behaviour_keys(made_of: Ingredients) -> dict[str, str]:
    """Give the key of each case's behaviour: of its files, results, what all share."""
    return {
        name: f"{own} {made_of.results[name]} {made_of.shared}"
        for name, own in made_of.cases.items()
    }


def known_behaviours(root: Path, made_of: Ingredients) -> tuple[Behaviour, ...] | None:
    """Give the behaviours as they were made before; None where any has changed."""
    keys = behaviour_keys(made_of)
    found = _known(root, BEHAVIOURS, keys, reader(Behaviour))
    return None if found is None else tuple(found[each.id] for each in made_of.files)


def _known(
    root: Path, kind: str, keys: Mapping[str, str], read: Callable[[Any], _T]
) -> dict[str, _T] | None:
    if not (root / "groups.toml").is_file():
        return None
    stored = cache_of(root).known(kind, keys)
    if stored is None:
        return None
    try:
        return {name: read(each) for name, each in stored.items()}
    except (LookupError, TypeError, ValueError):
        return None
