"""Which cells of a run need no build, since their stored results are fresh.

Decided once, by the controlling process before anything is built: xdist wants all
workers to collect the same, and results change while a run goes on.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from harness.cases.case import Case
from harness.errors import ResultError
from harness.provision.settings import Settings
from harness.results import disk
from harness.results.fresh import changes, fresh
from harness.results.record import Result, TargetRecord
from harness.run.last_errors import CellId

#: The targets by case.
Cells = Mapping[str, frozenset[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class FreshCells:
    """What is fresh, and why the results of a target are not, by target."""

    cells: Cells = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)

    def lines(self) -> Iterator[str]:
        """Tell the reasons, each once with its targets."""
        for reason in dict.fromkeys(self.reasons.values()):
            named = [name for name, why in self.reasons.items() if why == reason]
            rest = f" and {len(named) - 3} more" if len(named) > 3 else ""
            yield f"to measure again: {', '.join(named[:3])}{rest}: {reason}"


def fresh_cells(
    folder: Path,
    cases: Iterable[Case],
    states: Mapping[str, TargetRecord | None],
    settings: Settings,
    errors: Collection[CellId],
) -> FreshCells:
    """Find the fresh results of `cases` below `folder`.

    `states` has what each target of the run is, None where that is not known; `errors`
    are the cells that the last run could not measure. What is to be repeated is built.
    """
    if settings.fresh or settings.repeat > 1:
        return FreshCells()
    reasons = {} if settings.missing else dict(_reasons(folder, states))
    same = states.keys() - reasons.keys()
    found: dict[str, frozenset[str]] = {}
    affected: set[str] = set()
    for case in cases:
        results = _stored(folder, case)
        if settings.missing:
            targets = _as_it_is(case, results)
        else:
            targets = fresh(case, results, same, settings.limit)
            affected |= results.keys()
        found[case.id] = frozenset(
            each for each in targets & states.keys() if (case.id, each) not in errors
        )
    told = {name: why for name, why in reasons.items() if name in affected}
    return FreshCells(cells=found, reasons=told)


def _reasons(
    folder: Path, states: Mapping[str, TargetRecord | None]
) -> Iterator[tuple[str, str]]:
    for name, now in states.items():
        before = disk.target_record(folder, name)
        if before is None:
            yield name, "its file below the results is missing or broken"
        elif now is None:
            yield name, "its engine has not run here yet"
        elif changed := changes(before, now):
            yield name, ", ".join(changed)


def _stored(folder: Path, case: Case) -> Mapping[str, Result]:
    try:
        return disk.load(folder, case.id)
    except ResultError:
        return {}


def _as_it_is(case: Case, results: Mapping[str, Result]) -> frozenset[str]:
    digest = case.digest
    return frozenset(
        target for target, each in results.items() if each.case_digest == digest
    )
