"""What each page of the book is made of: digests of the bytes of every file behind it.

Read without parsing anything, so that what was made of the same bytes before is found
in the cache quickly. Names files in the order of cases.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path

#: Files of the package that decide what is made of a case and its results.
_CODE = (".py", ".toml", ".json")


@dataclass(frozen=True, slots=True, kw_only=True)
class CasePath:
    """Where a case is, and the ID that its place gives it."""

    id: str
    path: Path

    @property
    def group(self) -> str:
        """The folder under `cases/`."""
        return self.id.partition("/")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingredients:
    """The files of cases, and digests: of each case, its results, and what all share.

    A case's digest covers the folders beside it, which may be contexts. `shared` is
    over the code, its data, and the files of the targets.
    """

    files: tuple[CasePath, ...]
    cases: Mapping[str, str]
    results: Mapping[str, str]
    shared: str


def ingredients(root: Path, results: Path) -> Ingredients:
    """Read and digest everything below the folders of cases and of results."""
    files: list[CasePath] = []
    cases: dict[str, str] = {}
    for group in sorted(_entries(root)):
        beside = [each for each in sorted(_entries(group)) if each.is_dir()]
        folders = digest(b for folder in beside for b in _tree(folder))
        for path in sorted(_entries(group)):
            if path.suffix in {".yaml", ".yml"} and path.is_file():
                name = f"{group.name}/{path.stem}"
                files.append(CasePath(id=name, path=path))
                parts = [cases.get(name, "").encode(), path.read_bytes()]
                cases[name] = digest([*parts, folders.encode()])
    found = {}
    for name in cases:
        path = results / f"{name}.json"
        found[name] = digest([path.read_bytes()]) if path.is_file() else ""
    targets = sorted(_entries(results / "targets"))
    shared = digest(
        [code().encode(), *(part for path in targets for part in _file(path))]
    )
    return Ingredients(files=tuple(files), cases=cases, results=found, shared=shared)


@cache
def code() -> str:
    """Digest the package's own code and data."""
    root = Path(str(resources.files("harness")))
    paths = sorted(path for path in root.rglob("*") if path.suffix in _CODE)
    version = repr(sys.version_info[:3]).encode()
    return digest([version, *(part for path in paths for part in _file(path))])


def digest(parts: Iterable[bytes]) -> str:
    """Digest some bytes, where each of them ends told too."""
    found = hashlib.sha256()
    for part in parts:
        found.update(b"%d:" % len(part))
        found.update(part)
    return found.hexdigest()


def _entries(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.is_dir() else []


def _tree(folder: Path) -> Iterable[bytes]:
    """Give what a context takes of a folder: names, modes, links and bytes."""
    for place, names, files in os.walk(folder):
        names.sort()
        for name in sorted([*names, *files]):
            path = Path(place) / name
            told = path.lstat()
            yield os.fsencode(path.relative_to(folder))
            yield b"%o" % told.st_mode
            if path.is_symlink():
                yield os.fsencode(path.readlink())
            elif path.is_file():
                yield path.read_bytes()


def _file(path: Path) -> tuple[bytes, ...]:
    return (path.name.encode(), path.read_bytes() if path.is_file() else b"")
