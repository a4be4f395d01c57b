"""Stored results with the verdicts that their cases draw of them now."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from harness.cases.case import Case
from harness.judge.verdict import Judged, judged
from harness.measure.observation import View
from harness.measure.standard_base import view_of
from harness.results import disk
from harness.targets.registry import Builders


def base_views(folder: Path) -> dict[str, View | None]:
    """Give, by target, the merged view of the base it was measured on.

    None where that is another base than the standard one: what it holds is not stored.
    """
    return {name: view_of(ids) for name, ids in disk.bases(folder).items()}


def stored(
    folder: Path, case: Case, bases: Mapping[str, View | None], builders: Builders
) -> dict[str, Judged]:
    """Read a case's results by target, and judge them; those of known `builders`."""
    return judged(case, disk.load(folder, case.id), bases, builders)
