"""What `list targets` shows: every target, what it takes, and what is measured of it.

Apart from `list`, which does not look for engines when it lists cases.
"""

from __future__ import annotations

from pathlib import Path

from harness.engines.roots import cache_folder
from harness.provision.survey import survey
from harness.results import disk
from harness.verbs import options


def listed_targets(folder: Path, *, every: bool) -> list[dict[str, str]]:
    """List the targets with their state; what has results only is here by them.

    Those of the many images of engines are there with `every` only.
    """
    counts = disk.counts(folder, options.measured(folder))
    measured = {target: str(count) for target, count in counts.items()}
    rows = [
        {
            "id": each.target,
            "engine": each.engine,
            "state": each.state if each.measured else f"{each.state} (not measured)",
            "why": each.why,
            "results": measured.pop(each.target, ""),
        }
        for each in survey(cache_folder())
        if every or not each.image
    ]
    rows += [
        {
            "id": name,
            "engine": "elsewhere",
            "state": "results only",
            "why": "",
            "results": count,
        }
        for name, count in measured.items()
    ]
    return rows
