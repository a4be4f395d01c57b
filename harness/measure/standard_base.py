"""What the standard base image holds, known without an engine and without busybox.

Stored results have only the layers above the base; what is expected of the merged root
file system is about all of it. Read from `data/base.json`, which `write_standard_base`
writes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

from harness.documents import regular_file
from harness.errors import HarnessError
from harness.measure.observation import Change, View

#: What most entries of a type share: written only of those that differ.
_USUAL: Mapping[str, Mapping[str, Any]] = {
    "dir": {"mode": "0755"},
    "file": {"mode": "0644"},
    "symlink": {"mode": "0777", "link": "/bin/busybox"},
}
_TIME_AND_OWNER = {"owner": "0:0", "mtime": "2020-09-13T12:26:40Z"}


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownBase:
    """A base image's diff IDs, lowest first, and its merged root file system."""

    diff_ids: tuple[str, ...]
    view: View


def place() -> Path:
    """Find the file that says what the standard base holds."""
    return Path(str(resources.files("harness"))) / "data" / "base.json"


@lru_cache(maxsize=1)
def known_base() -> KnownBase:
    """Read what the standard base holds."""
    stored = json.loads(regular_file.read(place(), error=HarnessError))
    view = {
        each["path"]: Change(**{**_usual(each["type"]), **each})
        for each in stored["entries"]
    }
    return KnownBase(diff_ids=tuple(stored["diff_ids"]), view=view)


def view_of(diff_ids: Sequence[str]) -> View | None:
    """Give the merged view of the base with these diff IDs, None if it is not known."""
    known = known_base()
    return known.view if tuple(diff_ids) == known.diff_ids else None


def text(base: KnownBase) -> str:
    """Write a base as canonical JSON, an entry a line, without what is usual."""
    lines = []
    for path in sorted(base.view):
        entry = asdict(base.view[path])
        usual = _usual(entry["type"])
        own = {
            name: value
            for name, value in entry.items()
            if name == "type" or value != usual.get(name)
        }
        lines.append(json.dumps(own, sort_keys=True))
    entries = ",\n".join(lines)
    diff_ids = json.dumps(list(base.diff_ids))
    return f'{{"diff_ids": {diff_ids},\n"entries": [\n{entries}\n]}}\n'


def _usual(kind: str) -> dict[str, Any]:
    plain = asdict(Change(path="", change="added"))
    return {**plain, **_TIME_AND_OWNER, **_USUAL.get(kind, {})}
