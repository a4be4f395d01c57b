"""What was made of the book's pages before, in a folder that git ignores.

JSON, since a repository could ship a folder of it: what is broken there, or of another
key, is made anew. A folder that cannot be written to is no error.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from harness.documents import regular_file
from harness.documents.whole_file import write
from harness.errors import HarnessError

#: Bytes of a file: the pages of 5,000 cases on 100 targets have a fifth of it.
LARGEST = 1 << 30
#: So many files are kept, the last written ones: each has pages of one kind.
KEPT = 24

_T = TypeVar("_T")
#: What is raised for bytes that are no JSON, and for JSON that is no page.
_UNREADABLE = (ValueError, TypeError, LookupError, AttributeError, RecursionError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cache:
    """Pages by kind and name, each with the key of what it was made of."""

    folder: Path

    def get(self, kind: str) -> dict[str, tuple[str, Any]]:
        """Read the pages of a kind, with their keys; nothing where that is broken."""
        with suppress(HarnessError, *_UNREADABLE):
            place = self._place(kind)
            stored = json.loads(regular_file.read(place, most=LARGEST))
            return {str(name): (str(key), page) for name, (key, page) in stored.items()}
        return {}

    def put(self, kind: str, pages: Mapping[str, tuple[str, Any]]) -> None:
        """Write the pages of a kind, whole or not at all."""
        body = json.dumps(pages, separators=(",", ":"), ensure_ascii=True).encode()
        with suppress(OSError, HarnessError):
            write(self._place(kind), body)
            found = sorted(self.folder.glob("*.json"), key=lambda x: x.stat().st_mtime)
            for path in found[:-KEPT]:
                path.unlink()

    def pages(
        self,
        kind: str,
        keys: Mapping[str, str],
        read: Callable[[Any], _T],
        make: Callable[[str], _T],
        plain: Callable[[_T], Any],
    ) -> dict[str, _T]:
        """Give the page of every name of `keys`; what has another key is made anew.

        `read` and `plain` turn a page from JSON and into it.
        """
        stored = self.get(kind)
        found: dict[str, _T] = {}
        changed = False
        for name, key in keys.items():
            before = stored.get(name)
            if before is not None and before[0] == key:
                with suppress(*_UNREADABLE):
                    found[name] = read(before[1])
                    continue
            found[name] = make(name)
            stored[name] = (key, plain(found[name]))
            changed = True
        if changed:
            self.put(kind, stored)
        return found

    def known(self, kind: str, keys: Mapping[str, str]) -> dict[str, Any] | None:
        """Give the pages of all names of `keys` as JSON, or None where one is stale."""
        stored = self.get(kind)
        if all(name in stored and stored[name][0] == keys[name] for name in keys):
            return {name: stored[name][1] for name in keys}
        return None

    def _place(self, kind: str) -> Path:
        return self.folder / f"{kind}.json"
