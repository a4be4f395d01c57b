"""Name a set of targets as shortly as is true: `legacy`, `buildkit@<=26.1.5`. Pure.

What a report says of many targets is read by people, and along versions: from which one
on, up to which one. The names are selectors, or a builder's title where all are meant.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from harness.targets.registry import Builders
from harness.targets.target import Target
from harness.targets.versions import parse_version


def group_name(builders: Builders, names: Sequence[str], every: Sequence[str]) -> str:
    """Name a group of targets (by id) among `every` target that is spoken of."""
    return _group_name(builders, tuple(names), tuple(every))


# a matrix of 64 targets names 30,000 groups, most of them again and again
@lru_cache(maxsize=8192)
def _group_name(
    builders: Builders, names: tuple[str, ...], every: tuple[str, ...]
) -> str:
    chosen = set(map(builders.target, names))
    targets = list(map(builders.target, every))
    parts: list[str] = []
    for family in dict.fromkeys(each.family for each in targets):
        members = [each for each in targets if each.family == family]
        parts += _family(builders, family, chosen, members)
    return " and ".join(filter(None, [", ".join(parts[:-1]), parts[-1]]))


def _family(
    builders: Builders, family: str, chosen: set[Target], members: Sequence[Target]
) -> list[str]:
    spans = {
        name: _spans(chosen, [each for each in members if each.builder.name == name])
        for name in dict.fromkeys(each.builder.name for each in members)
    }
    if len(set(spans.values())) == 1:
        # whoever drives it, it is the same
        name = family if len(spans) > 1 else members[0].builder.name
        return [_written(builders, name, span) for span in next(iter(spans.values()))]
    # a title would read as the whole family
    return [f"{name}{span}" for name, own in spans.items() for span in own]


def _written(builders: Builders, name: str, span: str) -> str:
    known = builders.get(name)
    return known.title if known and not span else f"{name}{span}"


def _spans(chosen: set[Target], members: Sequence[Target]) -> tuple[str, ...]:
    """Say which of one builder's targets are chosen; `""` stands for all of them."""
    versions = {each.version for each in members if each in chosen}
    if all((each in chosen) == (each.version in versions) for each in members):
        return _versions(versions, {each.version for each in members})
    found: list[str] = []
    for store in dict.fromkeys(each.store for each in members):
        own = [each for each in members if each.store == store]
        wanted = {each.version for each in own if each in chosen}
        spans = _versions(wanted, {each.version for each in own})
        found += [f"{span}+{store}" for span in spans]
    return tuple(found)


def _versions(chosen: Iterable[str], every: Iterable[str]) -> tuple[str, ...]:
    ordered = sorted(every, key=parse_version)
    wanted = sorted(chosen, key=parse_version)
    if wanted == ordered:
        return ("",)
    if len(wanted) > 1 and wanted == ordered[: len(wanted)]:
        return (f"@<={wanted[-1]}",)
    if len(wanted) > 1 and wanted == ordered[-len(wanted) :]:
        return (f"@>={wanted[0]}",)
    return tuple(f"@{each}" for each in wanted)


def by_version(
    builders: Builders, groups: Sequence[Sequence[str]]
) -> tuple[tuple[str, str], ...]:
    """Say of each builder which group, from 1, its versions are in: a row a builder.

    A row for each store only where they differ: `1 for 1.19.6 to 1.28.2, 2 for 1.39.3`.
    """
    number = {
        builders.target(name): place
        for place, names in enumerate(groups, 1)
        for name in names
    }
    rows: list[tuple[str, str]] = []
    ordered = sorted(number, key=lambda each: each.order)
    for builder in dict.fromkeys(each.builder.name for each in ordered):
        own = [each for each in ordered if each.builder.name == builder]
        versions = dict.fromkeys(each.version for each in own)
        if all(
            len({number[each] for each in own if each.version == version}) == 1
            for version in versions
        ):
            rows.append((builder, _runs(own, number)))
            continue
        for store in dict.fromkeys(each.store for each in own):
            kept = [each for each in own if each.store == store]
            rows.append((f"{builder}+{store}", _runs(kept, number)))
    return tuple(rows)


def _runs(targets: Sequence[Target], number: Mapping[Target, int]) -> str:
    runs: list[tuple[int, list[str]]] = []
    for each in targets:
        if not runs or runs[-1][0] != number[each]:
            runs.append((number[each], []))
        runs[-1][1].append(each.version)
    if len(runs) == 1:
        return str(runs[0][0])
    return ", ".join(
        f"{place} for {versions[0]}"
        + (f" to {versions[-1]}" if versions[-1] != versions[0] else "")
        for place, versions in runs
    )
