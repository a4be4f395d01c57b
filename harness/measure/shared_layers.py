"""What the builds of a case have in common: which layers are one and the same.

Equal diff IDs alone do not tell: file times are whole seconds, so a layer that was made
anew can equal an earlier one by chance. A layer is an earlier one if it has no time of
the build in it, or came from the cache. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from harness.measure.observation import Relation, Step

#: A layer's identity: its diff ID if that lasts, else the build and place it was
#: made at.
Origin: TypeAlias = str | tuple[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lineage:
    """A build's layers above the base, lowest first: diff IDs, and origins."""

    name: str
    diff_ids: tuple[str, ...]
    origins: tuple[Origin, ...]


def trace(
    name: str,
    diff_ids: Sequence[str],
    *,
    lasting: Sequence[bool],
    reused: Sequence[bool],
    earlier: Sequence[Lineage],
) -> Lineage:
    """Find where each layer is from.

    `lasting` says of each diff ID whether another run would give it too, `reused` of
    each layer whether it came from the cache or with the image of FROM.
    """
    origins: list[Origin] = []
    for place, diff_id in enumerate(diff_ids):
        origin: Origin = (name, place)
        if lasting[place]:
            origin = diff_id
        elif reused[place]:
            found = [
                other.origins[: position + 1]
                for other in earlier
                for position, theirs in enumerate(other.diff_ids)
                if theirs == diff_id
            ]
            # Of several that are equal by chance, the one on the same layers was meant.
            same = [each for each in found if list(each[:-1]) == origins]
            origin = (same or found or [(origin,)])[0][-1]
        origins.append(origin)
    return Lineage(name=name, diff_ids=tuple(diff_ids), origins=tuple(origins))


def relate(own: Lineage, other: Lineage, lines: Mapping[int, Step]) -> Relation:
    """Say what `own` has in common with an earlier build.

    `lines` has, by place among the layers, the step that made the layer.
    """
    leading = 0
    for mine, theirs in zip(own.origins, other.origins, strict=False):
        if mine != theirs:
            break
        leading += 1
    return Relation(
        build=other.name,
        leading=leading,
        lines=tuple(
            step.line
            for place, step in sorted(lines.items())
            if own.origins[place] in other.origins
        ),
    )
