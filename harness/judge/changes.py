"""Which questions were answered otherwise by a later version, or by another builder.

Pure. What a newer version refuses, or does otherwise without an error, and what two
builders do otherwise though both build it, costs more than what one does not support.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from packaging.version import Version

from harness.judge.behaviour import NOT_TOLD, ONE_LAYER
from harness.judge.row import Cell, Row
from harness.targets.registry import Builders
from harness.targets.versions import parse_version


def builds_no_more(row: Row, builders: Builders) -> bool:
    """Say whether a later version of a builder refuses what an earlier one built."""
    return any(
        not before.fails and after.fails for before, after in _steps(row, builders)
    )


def changed_silently(row: Row, builders: Builders) -> bool:
    """Say whether a later version answers otherwise, both without an error."""
    return any(
        not before.fails and not after.fails for before, after in _steps(row, builders)
    )


def builds_since(row: Row, builders: Builders) -> bool:
    """Say whether a later version of a builder builds what an earlier one refused."""
    return any(
        before.fails and not after.fails for before, after in _steps(row, builders)
    )


def newest_disagree(row: Row, builders: Builders) -> bool:
    """Say whether the newest versions of builders answer otherwise, none with an error.

    A builder that fails, or that does not tell, is left out.
    """
    newest: dict[str, tuple[Version, list[Cell]]] = {}
    for name, cell in _answering(row):
        target = builders.target(name)
        version = parse_version(target.version)
        key = target.column
        known, cells = newest.get(key, (version, []))
        if version > known:
            newest[key] = (version, [cell])
        elif version == known:
            newest[key] = (version, [*cells, cell])
    answers = {
        each.answer for _, cells in newest.values() for each in cells if not each.fails
    }
    return len(answers) > 1


def _steps(row: Row, builders: Builders) -> Iterator[tuple[Cell, Cell]]:
    """Give the cells on both sides of a change, along versions on one store."""
    lines: dict[tuple[str, str], list[tuple[Version, Cell]]] = {}
    for name, cell in _answering(row):
        target = builders.target(name)
        line = lines.setdefault((target.builder.name, target.store), [])
        line.append((parse_version(target.version), cell))
    for line in lines.values():
        ordered = [cell for _, cell in sorted(line, key=lambda each: each[0])]
        for before, after in pairwise(ordered):
            if before.answer != after.answer:
                yield before, after


def _answering(row: Row) -> Iterator[tuple[str, Cell]]:
    for name, cell in row.cells.items():
        if cell.answer not in {"", NOT_TOLD, ONE_LAYER}:
            yield name, cell
