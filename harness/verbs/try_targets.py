"""Which targets `try` builds on: those that are named, or the usual two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from harness.errors import UsageError
from harness.provision.choice import looked_at
from harness.provision.settings import Settings
from harness.targets.names import one
from harness.targets.target import Target

#: The builder that most people come from.
FROM = "legacy@20.10.24"


def usual_selectors(*, with_client: bool) -> tuple[str, ...]:
    """Name the usual two: the legacy builder of Docker 20.10, the newest BuildKit.

    `with_client` asks for BuildKit as `docker build` drives it, on both sides, since
    only a client has secrets.
    """
    family = "buildx-*" if with_client else "buildkit"
    found = looked_at(Settings(every=True, selectors=(family,))).targets
    ordered = sorted(found, key=lambda each: each.order)
    if not ordered:
        raise UsageError("no BuildKit can be had here", hint="layer-harness doctor")
    newest = max(
        ordered, key=lambda each: (each.order[2], each.store == each.usual_store)
    )
    if with_client:
        oldest = min(
            ordered, key=lambda each: (each.order[2], each.store != each.usual_store)
        )
        return oldest.id, newest.id
    return FROM, newest.id


def named(texts: Sequence[str], settings: Settings) -> tuple[str, ...]:
    """Give the target that each name means, among those that can be had here.

    Raises UsageError for a name that means none, and for fewer than two targets.
    """
    found: dict[str, None] = {}
    for text in texts:
        known = looked_at(replace(settings, selectors=(text,)))
        found[one(text, known.builders, known.targets).id] = None
    if len(found) < 2:
        raise UsageError(
            f"only {' '.join(found)} is named, and one alone cannot be compared",
            where="-t",
            hint="name two or more: -t docker@20.10 -t docker@28",
        )
    return tuple(found)


def chosen(targets: Sequence[Target], ids: Sequence[str]) -> list[Target]:
    """Take the targets that were named out of those of a session, in their order."""
    by_id = {each.id: each for each in targets}
    for each in ids:
        if each not in by_id:
            raise UsageError(
                f"`{each}` cannot be had here",
                where="-t",
                hint="layer-harness list targets shows what can",
            )
    return [by_id[each] for each in ids]
