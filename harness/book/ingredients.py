"""What each page of the book is made of: digests of the bytes of every file behind it.

Read without parsing anything, so that what was made of the same bytes before is found
in the cache quickly. Names files in the order of cases.
"""

from __future__ import annotations

import hashlib
import os
import stat
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path

from harness.cases.find import case_files, entries, group_folders, leads_out
from harness.dockerfile.folder import MAX_FILES
from harness.documents import regular_file
from harness.errors import CaseError

#: Bytes of a context's file that are read; of a larger one, when it was changed.
_READ = 1 << 20
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
    """Digest everything below the folders of cases and of results.

    Raises CaseError for a case that is no file, or larger than one can be.
    """
    files: list[CasePath] = []
    cases: dict[str, str] = {}
    for group in group_folders(root):
        beside = [each for each in entries(group) if each.is_dir()]
        folders = digest(b for folder in beside for b in _tree(folder, root))
        for path in case_files(group):
            name = f"{group.name}/{path.stem}"
            files.append(CasePath(id=name, path=path))
            parts = [cases.get(name, "").encode(), regular_file.read(path)]
            cases[name] = digest([*parts, folders.encode()])
    found = {}
    for name in cases:
        path = results / f"{name}.json"
        found[name] = digest([_body(path)]) if path.exists() else ""
    targets = entries(results / "targets")
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


def _tree(folder: Path, root: Path) -> Iterator[bytes]:
    """Give what a context takes of a folder: names, modes, links and bytes.

    A link that leads out of `root` is not followed: no case can have it.
    """
    yield os.fsencode(folder.name)
    pending = [] if leads_out(folder, root) else [folder]
    count = 0
    while pending and count <= MAX_FILES:
        for path in entries(pending.pop()):
            count += 1
            yield os.fsencode(path.relative_to(folder))
            try:
                told = path.lstat()
                yield b"%o" % told.st_mode
                if stat.S_ISLNK(told.st_mode):
                    yield os.fsencode(path.readlink())
            except OSError as error:
                # a path too long: it is told when the case is read
                yield str(error.strerror).encode()
                continue
            if stat.S_ISDIR(told.st_mode):
                pending.append(path)
            elif told.st_size > _READ:
                # a change of either shows in the time of the last change
                yield b"%d %d" % (told.st_size, told.st_ctime_ns)
            elif stat.S_ISREG(told.st_mode):
                yield _body(path)


def _file(path: Path) -> tuple[bytes, ...]:
    return (path.name.encode(errors="surrogateescape"), _body(path))


def _body(path: Path) -> bytes:
    """Give the bytes of a file, or why it has none: it is told when it is read."""
    try:
        return regular_file.read(path, most=regular_file.WRITTEN)
    except CaseError as error:
        return str(error).encode(errors="surrogateescape")
