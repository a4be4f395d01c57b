"""The catalogue: mini cases, and what was measured of each on five engines.

Measured 2026-11-23 by a program that shares nothing with Layer Harness. A case's folder
has `case.json`, Dockerfiles and contexts; what a checkout cannot carry (modes, owners,
times, empty folders, fifos) stands under `meta`. `measured.json.xz` has, by case and
target, a record for each build.
"""

from __future__ import annotations

import json
import lzma
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from harness.dockerfile.context import ContextFile

HERE = Path(__file__).parent
CASES = HERE / "cases"
#: Stands in a Dockerfile for a text of the run, and for the base's image ID.
SALT, BASE_ID = "@@SALT@@", "@@BASEID@@"

_SALTED = re.compile(r"echo ([\w.+-]+) > /salt")

Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One build of a case, as it goes to a builder."""

    files: tuple[ContextFile, ...]
    file: str
    args: Mapping[str, str]
    target: str
    shm_size: int | None
    cold: bool

    @property
    def dockerfile(self) -> bytes:
        """Give the Dockerfile; one case has none."""
        found = [each.text() for each in self.files if each.path == self.file]
        return found[0] if found else b""


@cache
def names() -> tuple[str, ...]:
    return tuple(sorted(each.name for each in CASES.iterdir()))


@cache
def _measured() -> Mapping[str, Mapping[str, Sequence[Record]]]:
    with lzma.open(HERE / "measured.json.xz") as file:
        found: Mapping[str, Mapping[str, Sequence[Record]]] = json.load(file)
    return found


def measured(name: str, target: str) -> Sequence[Record]:
    """Give what was measured of a case's builds on a target, in order."""
    return _measured()[name][target]


@cache
def began(target: str) -> int:
    """Give the second in which the first build on a target began."""
    return min(
        int(step["window"][0]) for case in _measured().values() for step in case[target]
    )


def salt(name: str, target: str) -> str:
    """Give the text that stood for SALT; building with it gives the same bytes."""
    for step in measured(name, target):
        for entry in step.get("history", ()):
            if found := _SALTED.search(entry["created_by"]):
                return found[1]
    return ""


def steps(name: str, *, words: Mapping[str, str]) -> tuple[Step, ...]:
    """Read a case's builds; `words` are written for SALT and BASE_ID."""
    folder = CASES / name
    plain = json.loads((folder / "case.json").read_text(encoding="utf-8"))
    sequence = plain.get("steps")
    return tuple(
        _step(folder / each.get("dir", "."), each, words, alone=sequence is None)
        for each in sequence or [plain]
    )


def _step(
    folder: Path, plain: Mapping[str, Any], words: Mapping[str, str], *, alone: bool
) -> Step:
    query = plain.get("query", {})
    shm_size = query.get("shmsize")
    return Step(
        files=tuple(_files(folder, plain.get("meta", {}), words)),
        file=query.get("dockerfile", "Dockerfile"),
        args=plain.get("buildargs", {}),
        target=plain.get("target", ""),
        shm_size=None if shm_size is None else int(shm_size),
        cold=alone or plain.get("nocache", False),
    )


def _files(
    folder: Path, meta: Mapping[str, Mapping[str, Any]], words: Mapping[str, str]
) -> list[ContextFile]:
    contents = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "case.json"
    }
    for path, content in contents.items():
        for word, text in words.items():
            contents[path] = contents[path].replace(word.encode(), text.encode())
        assert path not in meta or not meta[path].get("dir"), content
    return [
        _file(path, contents.get(path), meta.get(path, {}))
        for path in sorted({*contents, *meta})
    ]


def _file(path: str, content: bytes | None, meta: Mapping[str, Any]) -> ContextFile:
    rest = {key: meta[key] for key in ("mode", "uid", "mtime") if key in meta}
    if meta.get("dir"):
        return ContextFile(path=path, kind="dir", **rest)
    if meta.get("fifo"):
        return ContextFile(path=path, kind="fifo", **rest)
    if "link" in meta:
        # The checkout has an empty file there.
        return ContextFile(path=path, kind="symlink", link=meta["link"], **rest)
    assert content is not None, path
    return ContextFile(path=path, content=content, **rest)
