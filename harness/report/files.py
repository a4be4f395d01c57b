"""The matrix as files beside the results: `matrix.md` and `matrix.json`."""

from __future__ import annotations

from pathlib import Path

from harness.casefile import Group
from harness.matrix import Matrix
from harness.report.text import markdown
from harness.result import encode, write


def write_matrix(folder: Path, matrix: Matrix, groups: dict[str, Group]) -> None:
    """Write both; the same results give the same bytes."""
    write(folder / "matrix.json", encode(matrix))
    write(folder / "matrix.md", markdown(matrix, groups).encode())
