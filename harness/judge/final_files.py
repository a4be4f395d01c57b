"""What the layers of a build leave in the image's root file system. Pure.

The merged view above the image of FROM, whatever layers it is made of: a path that is
only recorded again, one that is changed and changed back, and one that comes and goes
leave nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from harness.measure.merged_view import apply
from harness.measure.observation import Change, LayerRecord, View


@dataclass(frozen=True, slots=True, kw_only=True)
class FinalFiles:
    """What is other than in the image of FROM.

    `present` are paths that are new there or hold something else, `deleted` those that
    are gone, without what lay below them. `replaced` are those of `present` that are
    there, and other, in the image of FROM. `linked` names, for a path that shares its
    file with others (hard links), those others.
    """

    present: Mapping[str, Change]
    replaced: frozenset[str]
    deleted: frozenset[str]
    linked: Mapping[str, tuple[str, ...]]


def final_files(layers: Sequence[LayerRecord], below: View | None) -> FinalFiles:
    """Put `layers` on the view of FROM's image and say what is other than there.

    Where that is not known (`below` is None), it is what the layers tell of it.
    """
    view: View = {}
    changed: set[str] = set()
    for layer in layers:
        _, view = apply(view, layer.changes)
        changed |= {each.path for each in layer.changes if each.change != "touched"}
    old = _told(layers) if below is None else below
    gone = {path for path in _recorded(layers, old) if path in old and path not in view}
    present = {
        path: each
        for path, each in view.items()
        if path in changed and not _same(each, old.get(path))
    }
    deleted = frozenset(path for path in gone if not _lies_in(path, gone))
    linked = _linked(layers, view)
    return FinalFiles(
        present=present,
        replaced=frozenset(path for path in present if path in old),
        deleted=deleted,
        linked=linked,
    )


def _told(layers: Iterable[LayerRecord]) -> dict[str, Change | None]:
    """Say what the layers tell of what lay below, None where only that it was there."""
    seen: set[str] = set()
    found: dict[str, Change | None] = {}
    for layer in layers:
        for each in layer.changes:
            if each.path not in seen:
                seen.add(each.path)
                if each.change == "touched":
                    found[each.path] = each
                elif each.change in {"modified", "deleted"}:
                    found[each.path] = None
    return found


def _recorded(
    layers: Iterable[LayerRecord], old: Mapping[str, Change | None]
) -> set[str]:
    """Name the paths below which a layer may have taken something away."""
    found = {
        each.path
        for layer in layers
        for each in layer.changes
        if each.change != "opaque"  # the folder itself stays
    }
    emptied = {
        each.path
        for layer in layers
        for each in layer.changes
        if each.change in {"deleted", "opaque"} or each.type not in {"", "dir"}
    }
    return found | {path for path in old if emptied and _lies_in(path, emptied)}


def _lies_in(path: str, folders: set[str]) -> bool:
    while path := path.rpartition("/")[0]:
        if path in folders:
            return True
    return False


def _same(new: Change, old: Change | None) -> bool:
    return (
        old is not None
        and _data(new) == _data(old)
        and new.attributes == old.attributes
    )


def _data(each: Change) -> tuple[object, ...]:
    link = each.link if each.type == "symlink" else ""
    return (each.type, each.size, each.digest, link, each.device)


def _linked(layers: Iterable[LayerRecord], view: View) -> dict[str, tuple[str, ...]]:
    """Follow which paths are one file through the layers."""
    files: dict[str, int] = {}
    count = 0
    for layer in layers:
        for each in layer.changes:
            if each.type == "hardlink":
                if each.link not in files:
                    files[each.link] = count
                    count += 1
                files[each.path] = files[each.link]
            elif each.type:
                files[each.path] = count
                count += 1
    groups: dict[int, list[str]] = {}
    for path, number in files.items():
        if path in view:
            groups.setdefault(number, []).append(path)
    return {
        path: tuple(sorted(other for other in group if other != path))
        for group in groups.values()
        if len(group) > 1
        for path in group
    }
