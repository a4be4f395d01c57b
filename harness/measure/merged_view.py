"""The merged view of layers, and what a layer changes against it.

A layer's tar says which paths it records, not whether they are new: that shows only
against the layers below. Pure; works on the canonical records of `observation`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace

from harness.measure.observation import Change, ChangeKind, View


def apply(view: View, entries: Iterable[Change]) -> tuple[tuple[Change, ...], View]:
    """Put one layer on `view`: its changes in the same order, and the new view.

    `entries` have any `change` but `deleted` (a whiteout) and `opaque` (an opaque
    directory marker) open; it is found out here.
    """
    layer = tuple(entries)
    above = {each.path: each for each in layer if each.change not in _MARKERS}
    gone = {each.path for each in layer if each.change == "deleted"}
    gone_below = gone | {each.path for each in layer if each.change == "opaque"}
    for path, each in above.items():
        if each.type != "dir" and (old := view.get(path)) and old.type == "dir":
            gone_below.add(path)
    below = {
        path: each
        for path, each in view.items()
        if path not in gone and not (gone_below and _lies_below(path, gone_below))
    }
    for path, each in above.items():
        below[path] = _resolved(each, below)
    changes = tuple(
        each
        if each.change in _MARKERS
        else replace(each, change=_kind(below[each.path], view.get(each.path)))
        for each in layer
    )
    return changes, below


def _resolved(entry: Change, view: View) -> Change:
    """Give a hard link the content of what it links, which may be replaced later."""
    target = view.get(entry.link) if entry.type == "hardlink" else None
    if target is None:
        return entry
    return replace(target, path=entry.path, link=entry.link, change=entry.change)


_MARKERS = ("deleted", "opaque")


def _kind(entry: Change, old: Change | None) -> ChangeKind:
    if old is None:
        return "added"
    same = entry.data == old.data and entry.attributes == old.attributes
    return "touched" if same else "modified"


def _lies_below(path: str, folders: Collection[str]) -> bool:
    while path:
        path = path.rpartition("/")[0]
        if (path or "/") in folders:
            return True
    return False
