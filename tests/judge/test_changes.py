"""Questions that a later version, or another builder, answers otherwise."""

from __future__ import annotations

import pytest

from harness.builders.records import standard_builders
from harness.judge import changes
from harness.judge.behaviour import NOT_TOLD, ONE_LAYER
from harness.judge.row import Cell, Row

BUILDERS = standard_builders()
OLD, NEW = "buildah@1.28.2+vfs", "buildah@1.39.3+vfs"
KEPT, LOST = Cell(verdict="pass", answer="kept"), Cell(verdict="pass", answer="lost")
REFUSED = Cell(verdict="pass", answer="refused", fails=True)


def row(cells: dict[str, Cell]) -> Row:
    return Row(case="g/c", title="t", group="g", cells=cells, divergences=())


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        (KEPT, LOST, "changed_silently"),
        (KEPT, REFUSED, "builds_no_more"),
        (REFUSED, KEPT, "builds_since"),
        (KEPT, KEPT, ""),
        (KEPT, Cell(verdict="pass", answer=NOT_TOLD), ""),
        (Cell(verdict="pass", answer=ONE_LAYER), KEPT, ""),
        (KEPT, Cell(verdict="missing"), ""),
    ],
)
def test_a_change_between_versions_is_of_one_kind(
    before: Cell, after: Cell, found: str
) -> None:
    made = row({NEW: after, OLD: before})
    kinds = ("changed_silently", "builds_no_more", "builds_since")
    assert [each for each in kinds if getattr(changes, each)(made, BUILDERS)] == [
        found
    ] * bool(found)


def test_another_store_or_builder_is_no_change_between_versions() -> None:
    made = row({OLD: KEPT, "buildah@1.39.3+overlay": LOST, "podman@5.4.2+vfs": LOST})
    assert not changes.changed_silently(made, BUILDERS)


def test_builders_disagree_by_their_newest_versions_alone() -> None:
    legacy = "legacy@28.5.2"
    assert changes.newest_disagree(row({legacy: KEPT, NEW: LOST}), BUILDERS)
    once = row({legacy: KEPT, OLD: LOST, NEW: KEPT})
    assert not changes.newest_disagree(once, BUILDERS)


def test_a_builder_that_fails_does_not_disagree_on_the_image() -> None:
    made = row({"legacy@28.5.2": REFUSED, NEW: KEPT})
    assert not changes.newest_disagree(made, BUILDERS)
