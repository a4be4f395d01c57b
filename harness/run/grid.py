"""Gather stored results into the matrix, and record what the targets are."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from harness.book.stored import base_views, stored
from harness.cases.case import load_cases, load_groups
from harness.judge.matrix import Matrix, tabulate_results
from harness.judge.verdict import Judged
from harness.results import disk
from harness.targets.registry import Builders
from harness.targets.target import Target


def gather(
    root: Path,
    results: Path,
    builders: Builders,
    *,
    cases: Collection[str] | None = None,
    targets: Sequence[Target] | None = None,
    errors: Mapping[tuple[str, str], str] | None = None,
) -> Matrix:
    """Read cases and results, and tabulate them; of all cases and targets by default.

    `builders` are those that cases and results may name. Raises CaseError for a broken
    case, ResultError for a broken result.
    """
    every = load_cases(root, builders)
    chosen = [case for case in every if cases is None or case.id in cases]
    columns = disk.targets(results, builders) if targets is None else targets
    results_of: dict[tuple[str, str], Judged] = {}
    bases = base_views(results)
    for case in chosen:
        found = stored(results, case, bases, builders)
        for target in columns:
            if target.id in found:
                results_of[case.id, target.id] = found[target.id]
    return tabulate_results(
        chosen,
        load_groups(root),
        columns,
        results_of,
        errors or {},
        builders=builders,
    )
