"""Cases that are named by words: by id, group, or path of their file."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Protocol, TypeVar

from harness.documents.document import nearest
from harness.errors import CaseError


class Named(Protocol):
    """What is told of a case by its place."""

    @property
    def id(self) -> str:
        """Its path under `cases/` without the ending."""

    @property
    def group(self) -> str:
        """The folder under `cases/`."""

    @property
    def path(self) -> Path:
        """Where its file is."""


_N = TypeVar("_N", bound=Named)


def select(cases: Iterable[_N], words: Iterable[str]) -> list[_N]:
    """Pick cases by id, group, or path of their file; CaseError for an unknown word."""
    every = list(cases)
    chosen: dict[str, _N] = {}
    for word in words:
        plain = word.removesuffix("/").removesuffix(".yaml").removesuffix(".yml")
        plain = plain.removeprefix("cases/")
        found = [case for case in every if plain in (case.id, case.group)]
        if not found:
            place = Path(word).resolve()
            found = [
                case
                for case in every
                if place in (path := case.path.resolve(), path.parent)
            ]
        if not found:
            ids = [name for case in every for name in (case.id, case.group)]
            hint = f"{nearest(plain, ids)}; layer-harness list shows them"
            raise CaseError(f"no case or group `{word}`", hint=hint)
        chosen.update((case.id, case) for case in found)
    return [case for case in every if case.id in chosen] if chosen else every
