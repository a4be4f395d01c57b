"""Name a set of targets as shortly as is true: `legacy`, `buildkit@<=26.1.5`. Pure.

What a report says of many targets is read by people, and along versions: from which one
on, up to which one. The names are selectors, or a builder's title where all are meant.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

from harness.targets.target import BUILDERS, Target, parse_target, parse_version


def group_name(names: Sequence[str], every: Sequence[str]) -> str:
    """Name a group of targets (by id) among `every` target that is spoken of."""
    return _group_name(tuple(names), tuple(every))


# a matrix of 64 targets names 30,000 groups, most of them again and again
@lru_cache(maxsize=8192)
def _group_name(names: tuple[str, ...], every: tuple[str, ...]) -> str:
    chosen = {parse_target(name) for name in names}
    targets = [parse_target(name) for name in every]
    parts: list[str] = []
    for family in dict.fromkeys(each.family for each in targets):
        members = [each for each in targets if each.family == family]
        parts += _family(family, chosen, members)
    return " and ".join(filter(None, [", ".join(parts[:-1]), parts[-1]]))


def _family(family: str, chosen: set[Target], members: Sequence[Target]) -> list[str]:
    spans = {
        builder: _spans(chosen, [each for each in members if each.builder == builder])
        for builder in dict.fromkeys(each.builder for each in members)
    }
    if len(set(spans.values())) == 1:
        # whoever drives it, it is the same
        name = family if len(spans) > 1 else members[0].builder
        return [_written(name, span) for span in next(iter(spans.values()))]
    # a title would read as the whole family
    return [f"{name}{span}" for name, own in spans.items() for span in own]


def _written(builder: str, span: str) -> str:
    known = BUILDERS.get(builder)
    return known.title if known and not span else f"{builder}{span}"


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
