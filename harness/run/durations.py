"""How long cases took on targets: recorded beside the results, to tell the time left.

`.layer-harness/durations.json` is ignored by git, and worth nothing but an estimate.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from harness.documents import regular_file
from harness.documents.regular_file import WRITTEN
from harness.errors import HarnessError
from harness.results.record import write

#: Seconds by target and case.
Durations = Mapping[str, Mapping[str, float]]


def path_of(scratch: Path) -> Path:
    """Name the file below the folder for what is no result."""
    return scratch / "durations.json"


def load(scratch: Path) -> dict[str, dict[str, float]]:
    """Read what was recorded; nothing where the file is missing or broken."""
    try:
        plain = json.loads(regular_file.read(path_of(scratch), most=WRITTEN))
        return {
            str(target): {str(case): float(took) for case, took in cases.items()}
            for target, cases in plain.items()
        }
    except (HarnessError, ValueError, TypeError, AttributeError, RecursionError):
        return {}


def save(scratch: Path, measured: Durations) -> None:
    """Put what was measured into the file; the rest of it stays."""
    found = load(scratch)
    for target, cases in measured.items():
        found.setdefault(target, {}).update(
            (case, round(took, 2)) for case, took in cases.items()
        )
    text = json.dumps(found, indent=1, sort_keys=True)
    write(path_of(scratch), f"{text}\n".encode())
