"""`results/matrix.json`: the matrix for programs, equal cells of a row once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields

from harness.judge.divergence import Divergence
from harness.judge.facts import Question
from harness.judge.matrix import ClaimRow, Matrix
from harness.judge.row import Cell, Row, Standing
from harness.results.record import FORMAT, encode


@dataclass(frozen=True, slots=True, kw_only=True)
class CellRecord(Cell):
    """A `Cell`, and all targets of the row that have it."""

    targets: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RowRecord:
    """One case: how it comes out, its cells, and where the targets diverge.

    `differs` are the questions to which the targets give several answers.
    """

    case: str
    title: str
    group: str
    question: str = ""
    impact: str = ""
    advice: str = ""
    standing: Standing
    differs: tuple[Question, ...]
    cells: tuple[CellRecord, ...]
    divergences: tuple[Divergence, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MatrixRecord:
    """The whole: targets in their order, cases, claims by group."""

    format: int = FORMAT
    targets: tuple[str, ...]
    rows: tuple[RowRecord, ...]
    claims: Mapping[str, tuple[ClaimRow, ...]] = field(default_factory=dict)


def matrix_json(matrix: Matrix) -> bytes:
    """Write a matrix as canonical JSON."""
    return encode(
        MatrixRecord(
            targets=matrix.targets,
            rows=tuple(map(_row, matrix.rows)),
            claims=matrix.claims,
        )
    )


def _row(row: Row) -> RowRecord:
    equal: dict[bytes, tuple[Cell, list[str]]] = {}
    # cells that come out of the book's cache are one object where they are equal
    keys: dict[int, bytes] = {}
    for target, cell in row.cells.items():
        if id(cell) not in keys:
            keys[id(cell)] = encode(cell)
        equal.setdefault(keys[id(cell)], (cell, []))[1].append(target)
    return RowRecord(
        case=row.case,
        title=row.title,
        group=row.group,
        question=row.question,
        impact=row.impact,
        advice=row.advice,
        standing=row.standing,
        differs=row.differs,
        cells=tuple(
            CellRecord(
                targets=tuple(targets),
                **{each.name: getattr(cell, each.name) for each in fields(Cell)},
            )
            for cell, targets in equal.values()
        ),
        divergences=row.divergences,
    )
