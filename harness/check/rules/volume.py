"""Rules about VOLUME."""

from __future__ import annotations

from collections.abc import Iterator

from harness.check.rule import Occurrence, Rule
from harness.check.rules.user_workdir import is_made_above
from harness.check.shell import commands
from harness.check.source import Source
from harness.check.steps import State, Step

#: Changes of a directory itself, and not of what is in it.
_OF_ATTRIBUTES = frozenset({"chown", "chmod", "chgrp"})


def volume_of(path: str | None, state: State) -> str:
    """Give the volume that a path lies in, empty if it lies in none."""
    for volume in state.volumes:
        if path == volume or (path or "").startswith(volume.rstrip("/") + "/"):
            return volume
    return ""


def _writes(source: Source) -> Iterator[Occurrence]:
    """Find a RUN that changes what is in a volume, plainly or perhaps."""
    for step in source.steps("RUN"):
        if not step.before.volumes:
            continue
        found = [*_changed(step, attributes=False)]
        if found:
            yield _occurrence(step, found[0])
        elif not all(each.is_plain for each in commands(step.script)):
            named = next((v for v in step.before.volumes if v in step.script), "")
            if named and not [*_changed(step, attributes=True)]:
                yield Occurrence(
                    line=step.line,
                    detail=named,
                    certain=False,
                    depends=f"whether it writes below {named}",
                    related=(step.before.volumes[named],),
                )


def _owners(source: Source) -> Iterator[Occurrence]:
    for step in source.steps("RUN"):
        if not [*_changed(step, attributes=False)]:
            for volume in [*_changed(step, attributes=True)][:1]:
                yield _occurrence(step, volume)


def _changed(step: Step, *, attributes: bool) -> Iterator[str]:
    for each in commands(step.script):
        if (each.name in _OF_ATTRIBUTES) is attributes:
            for path in each.changes:
                if volume := volume_of(step.before.path(path), step.before):
                    yield volume


def _occurrence(step: Step, volume: str) -> Occurrence:
    return Occurrence(
        line=step.line, detail=volume, related=(step.before.volumes[volume],)
    )


def _copies(source: Source) -> Iterator[Occurrence]:
    for step in source.steps("COPY", "ADD"):
        place = step.destination
        if place is not None and place.known:
            path = step.before.path(place.text)
            if volume := volume_of(path, step.before):
                yield _occurrence(step, volume)


def _missing(source: Source) -> Iterator[Occurrence]:
    """Find a RUN that writes into a volume that no line makes a directory of."""
    for step in source.steps("RUN"):
        for each in commands(step.script):
            for path in each.writes:
                own = step.before.path(path)
                volume = volume_of(own, step.before)
                if volume and own and not is_made_above(source, step, volume):
                    made = any(
                        command.name == "mkdir" and volume in " ".join(command.words)
                        for command in commands(step.script)
                    )
                    if not made:
                        yield Occurrence(
                            line=step.line,
                            detail=volume,
                            certain=False,
                            depends=f"whether the base image has {volume}",
                            related=(step.before.volumes[volume],),
                        )


RULES = (
    Rule(
        id="volume-that-no-line-makes",
        says="RUN writes into a volume whose directory no line makes.",
        behaviours=("volume/missing-folder",),
        match=_missing,
    ),
    Rule(
        id="run-writes-a-volume",
        says="RUN changes a directory that a VOLUME above it has declared.",
        behaviours=("volume/run-after", "volume/copied-from"),
        match=_writes,
    ),
    Rule(
        id="owner-of-a-volume",
        says="RUN changes owner or mode of a directory that VOLUME has declared.",
        behaviours=("volume/owner-after",),
        match=_owners,
    ),
    Rule(
        id="copy-into-a-volume",
        says="COPY or ADD writes into a directory that a VOLUME above it has declared.",
        behaviours=("volume/copy-after",),
        match=_copies,
    ),
)
