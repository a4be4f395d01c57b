"""The matrix as files beside the results: for programs, and a page for each group."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from harness.cases.model import Group
from harness.judge.behaviour import Behaviour
from harness.judge.matrix import Matrix
from harness.report.behaviours_record import behaviours_json
from harness.report.matrix_record import matrix_json
from harness.report.overview import overview
from harness.report.text import page
from harness.results.record import write
from harness.targets.builder import Builder
from harness.targets.registry import Builders


def write_matrix(
    folder: Path,
    matrix: Matrix,
    groups: dict[str, Group],
    behaviours: Iterable[Behaviour],
    builders: Builders,
) -> None:
    """Write `behaviours.json`, `matrix.json`, `matrix.md` and `GROUP/README.md`.

    The same results give the same bytes. A page for each group, since one of all was
    more than a forge shows.
    """
    write(
        folder / "behaviours.json",
        behaviours_json(behaviours, _measured(matrix, builders)),
    )
    write(folder / "matrix.json", matrix_json(matrix))
    write(folder / "matrix.md", overview(matrix, groups).encode())
    for name in dict.fromkeys(row.group for row in matrix.rows):
        write(folder / name / "README.md", page(matrix, groups, name).encode())


def _measured(matrix: Matrix, builders: Builders) -> list[Builder]:
    """List the builders of a matrix in their order."""
    used = {builders.target(each).builder.name for each in matrix.targets}
    return [each for each in builders.values() if each.name in used]
