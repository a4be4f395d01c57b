"""The merged view of layers, and what a layer changes against it.

A layer's tar says which paths it records, not whether they are new: that shows only
against the layers below. Pure; works on the canonical records of `observation`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from harness.observation import Change, View


def apply(view: View, entries: Iterable[Change]) -> tuple[tuple[Change, ...], View]:
    """Put one layer on `view`: its changes in the same order, and the new view.

    `entries` have any `change` but `deleted` (a whiteout) and `opaque` (an opaque
    directory marker) open; it is found out here.
    """
    layer = tuple(entries)
    below = dict(view)
    above = {each.path: each for each in layer if each.change not in _MARKERS}
    for each in layer:
        if each.change == "opaque":
            _remove_below(below, each.path, keep=above)
        elif each.change == "deleted":
            below.pop(each.path, None)
            _remove_below(below, each.path, keep={})
    changes = tuple(
        each if each.change in _MARKERS else _compared(each, view.get(each.path))
        for each in layer
    )
    for path, each in above.items():
        old = below.get(path)
        if old is not None and old.type == "dir" and each.type != "dir":
            _remove_below(below, path, keep={})
        below[path] = _resolved(each, below)
    return changes, below


def _resolved(entry: Change, view: View) -> Change:
    """Give a hard link the content of what it links, which may be replaced later."""
    target = view.get(entry.link) if entry.type == "hardlink" else None
    if target is None:
        return entry
    return replace(target, path=entry.path, link=entry.link, change=entry.change)


_MARKERS = ("deleted", "opaque")


def _compared(entry: Change, old: Change | None) -> Change:
    if old is None:
        return replace(entry, change="added")
    same = entry.data == old.data and entry.attributes == old.attributes
    return replace(entry, change="touched" if same else "modified")


def _remove_below(view: dict[str, Change], path: str, *, keep: View) -> None:
    prefix = path.rstrip("/") + "/"
    gone = [each for each in view if each.startswith(prefix) and each not in keep]
    for each in gone:
        del view[each]
