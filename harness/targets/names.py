"""The one target that a name means where one is asked for: `docker@28`, `podman`. Pure.

A selector may name many targets, and a comparison is of two. So a name means the newest
version of what it names, in the store that is usual, with the builder that people use.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from packaging.version import Version

from harness.documents.document import nearest
from harness.errors import UsageError
from harness.targets.registry import Builders
from harness.targets.selector import DOCKER, Selector, parse_selector
from harness.targets.target import Target
from harness.targets.versions import parse_version


def one(text: str, builders: Builders, targets: Iterable[Target]) -> Target:
    """Choose the target among `targets` that a name means.

    A target's id means that target. `docker@20.10` is what that engine builds with when
    nothing is said: the legacy builder before 23, then BuildKit as `docker build`
    drives it, by the newest client known, or over the engine's own API where none is.
    `docker`, `podman` or `buildah@1.39` is the newest version of what is named.

    Raises UsageError, with the nearest names that mean something.
    """
    every = tuple(targets)
    selector = parse_selector(text)
    if selector.negated:
        raise UsageError(
            f"`{text}` takes targets away, and one is asked for",
            hint=f"write `{selector.text.removeprefix('!')}`",
        )
    builders.check(selector)
    found = [each for each in every if selector(each)]
    if not found:
        # a client of BuildKit is known by its name and version: buildx-0.29
        clients = replace(selector, builder=f"{selector.builder}-[0-9]*", exact=False)
        found = [each for each in every if clients(each)]
    if not found:
        raise UsageError(
            f"no known target is named `{text}`", hint=_hint(selector, every)
        )
    if len({each.family for each in found}) > 1 and selector.builder != DOCKER:
        raise UsageError(
            f"`{text}` names several builders, and one is asked for",
            hint=f"write one of {', '.join(sorted({e.builder.name for e in found}))}",
        )
    return max(found, key=lambda each: _preference(selector, each))


def names(targets: Iterable[Target]) -> list[str]:
    """List the names that people use for targets: an engine or tool with its version.

    Of engines `docker@VERSION`, of other builders their own names, newest last.
    """
    found = {
        (DOCKER if each.builder.on_engine else each.builder.name, each.version)
        for each in targets
    }
    ordered = sorted(found, key=lambda each: (each[0], parse_version(each[1])))
    return [f"{name}@{version}" for name, version in ordered]


def _preference(
    selector: Selector, target: Target
) -> tuple[Version, bool, bool, bool, Version, bool]:
    """Sort targets by how well they are what a name means, the best one last."""
    builder = target.builder
    client = builder.name.rpartition("-")[2]
    is_client = builder.place == "engine" and client[:1].isdigit()
    usual = (builder.stores[:1] or ("",))[0] if not builder.on_engine else ""
    return (
        parse_version(target.version),
        target.store == (target.usual_store or usual),
        builder.name == selector.builder,
        is_client and selector.builder != builder.family,
        parse_version(client) if is_client else Version("0"),
        builder.place == "api",
    )


def _hint(selector: Selector, every: Sequence[Target]) -> str:
    """Name the versions that the named builder has, or else the nearest names."""
    known = replace(selector, versions=type(selector.versions)(), exact=False)
    own = [each for each in every if known(each)] or [
        each for each in every if selector.names(each.builder)
    ]
    if not own:
        return nearest(selector.text, names(every))
    versions = sorted({each.version for each in own}, key=parse_version)
    stores = sorted({each.store for each in own if each.store})
    told = f"`{selector.builder}` is known in {', '.join(versions)}"
    if selector.store and selector.store not in stores:
        told += f"; with the stores {', '.join(stores)}"
    return told
