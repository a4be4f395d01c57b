"""Cells that an earlier run could not measure, which makes what is stored doubtful.

`.layer-harness/errors.json` is ignored by git; without it, stored results count.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from harness.results.record import write

#: A case and a target.
CellId = tuple[str, str]


def load(scratch: Path, results: Path) -> frozenset[CellId]:
    """Read the cells whose last measurement for a folder of results was an error."""
    return frozenset(_read(scratch).get(results.name, ()))


def save(
    scratch: Path, results: Path, measured: Iterable[CellId], errors: Iterable[CellId]
) -> None:
    """Add the errors of a run, and leave out what it has measured."""
    stored = _read(scratch)
    before = set(stored.get(results.name, ()))
    now = (before - set(measured)) | set(errors)
    if now == before:
        return
    every = {**stored, results.name: now}
    plain = {name: sorted(cells) for name, cells in every.items() if cells}
    text = json.dumps(plain, indent=1, sort_keys=True)
    write(_place(scratch), f"{text}\n".encode())


def _place(scratch: Path) -> Path:
    return scratch / "errors.json"


def _read(scratch: Path) -> dict[str, Iterable[CellId]]:
    try:
        plain = json.loads(_place(scratch).read_text(encoding="utf-8"))
        return {
            str(name): [(str(case), str(target)) for case, target in cells]
            for name, cells in plain.items()
        }
    except (OSError, ValueError, TypeError, AttributeError):
        return {}
