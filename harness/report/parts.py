"""What the pages and the report for a terminal are put together of. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from harness.cases.model import Group
from harness.judge.matrix import Matrix
from harness.judge.row import Row
from harness.judge.statements import Reach, Statement, statements
from harness.report.markup import plain
from harness.targets.group_names import group_name
from harness.targets.registry import Builders


def group_names(rows: Iterable[Row]) -> list[str]:
    """Name the groups of rows, each once, in their order."""
    return list(dict.fromkeys(row.group for row in rows))


def title_of(groups: Mapping[str, Group], name: str) -> str:
    """Give the heading of a group; its name where it has none."""
    return groups[name].title if name in groups else name


def folded(title: str, parts: Iterable[str]) -> Iterator[str]:
    """Fold parts away below a title, as GitHub shows it."""
    yield f"<details><summary>{title}</summary>"
    yield from parts
    yield "</details>"


def on_targets(targets: Sequence[str], every: Sequence[str], builders: Builders) -> str:
    """Name one target, or several as a group of those that were measured."""
    return targets[0] if len(targets) == 1 else group_name(builders, targets, every)


def not_so(matrix: Matrix, reach: Reach) -> str:
    """List the expectations of that reach, with what is found instead."""
    return "\n".join(
        f"- **{each.case}**: {plain(each.because)}\n{_instead(each, matrix.builders)}"
        for each in statements(matrix.rows)
        if each.reach == reach
    )


def _instead(statement: Statement, builders: Builders) -> str:
    """Tell what is found instead, and where, a line each."""
    found: dict[str, list[str]] = {}
    for target, text in statement.found:
        found.setdefault(text, []).append(target)
    every = [*statement.holds, *statement.breaks]
    return "\n".join(
        f"  - {on_targets(targets, every, builders)}: {plain(text)}"
        for text, targets in found.items()
    )
