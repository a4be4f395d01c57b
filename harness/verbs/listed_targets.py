"""What `list targets` shows: every target, what it takes, and what is measured of it.

Apart from `list`, which does not look for engines when it lists cases.
"""

from __future__ import annotations

from pathlib import Path

from harness.engines.roots import cache_folder
from harness.provision.survey import survey
from harness.report.verb_records import ListedTarget
from harness.results import disk
from harness.verbs import options


def listed_targets(folder: Path, *, every: bool) -> list[ListedTarget]:
    """List the targets with their state; what has results only is here by them.

    Those of the many images of engines are there with `every` only.
    """
    counts = dict(disk.counts(folder, options.measured(folder)))
    rows = [
        ListedTarget(
            id=each.target,
            engine=each.engine,
            state=each.state,
            why=each.why,
            measured=each.measured,
            results=counts.pop(each.target, 0),
        )
        for each in survey(cache_folder())
        if every or not each.image
    ]
    rows += [
        ListedTarget(
            id=name,
            engine="elsewhere",
            state="results only",
            why="",
            measured=True,
            results=count,
        )
        for name, count in counts.items()
    ]
    return rows
