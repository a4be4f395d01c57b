"""Rules about COPY --chown and ADD --chown."""

from __future__ import annotations

import re
from collections.abc import Iterator

from harness.check.copied import copies
from harness.check.rule import Occurrence, Rule
from harness.check.source import Source
from harness.check.steps import Step

_NUMBER = re.compile(r"\d+")


def _chown(source: Source) -> Iterator[tuple[Step, str, str]]:
    for step in copies(source):
        value = step.flag("chown")
        if value and "$" not in value:
            user, _, group = value.partition(":")
            yield step, user, group


def _is_made(source: Source, step: Step, name: str) -> bool:
    """Say whether a line above plainly makes a user or group of that name."""
    return any(
        each.keyword == "RUN" and re.search(rf"\b{re.escape(name)}\b", each.script)
        for each in source.above(step)
    )


def _unknown_user(source: Source) -> Iterator[Occurrence]:
    for step, user, _ in _chown(source):
        if not user or _NUMBER.fullmatch(user) or user == "root":
            continue
        if not _is_made(source, step, user):
            yield Occurrence(
                line=step.line,
                detail=f"--chown={step.flag('chown')}",
                certain=False,
                depends=f"whether the base image has the user {user}",
            )


def _unknown_group(source: Source) -> Iterator[Occurrence]:
    for step, user, group in _chown(source):
        if not user or not group or _NUMBER.fullmatch(group) or group == "root":
            continue
        if not _is_made(source, step, group):
            yield Occurrence(
                line=step.line,
                detail=f"--chown={step.flag('chown')}",
                certain=False,
                depends=f"whether the base image has the group {group}",
            )


def _user_only(source: Source) -> Iterator[Occurrence]:
    for step, user, group in _chown(source):
        if user and not group and not _NUMBER.fullmatch(user):
            yield Occurrence(
                line=step.line,
                detail=f"--chown={user}",
                certain=False,
                depends=f"whether {user} has a group of that name",
            )


def _group_only(source: Source) -> Iterator[Occurrence]:
    for step, user, group in _chown(source):
        if group and not user:
            yield Occurrence(line=step.line, detail=f"--chown=:{group}")


def _chown_parents(source: Source) -> Iterator[Occurrence]:
    for step, _, _ in _chown(source):
        place = step.destination
        path = step.before.path(place.text) if place and place.known else None
        if place and path and place.text.endswith("/") and path.count("/") > 1:
            yield Occurrence(
                line=step.line,
                detail=path,
                certain=False,
                depends=f"whether the image has the directories above {path}",
            )


def _chown_on_scratch(source: Source) -> Iterator[Occurrence]:
    for step, user, _ in _chown(source):
        if step.before.base == "scratch" and user == "root":
            yield Occurrence(line=step.line, detail=f"--chown={user}")


RULES = (
    Rule(
        id="chown-unknown-user",
        says="--chown names a user that no line makes.",
        behaviours=("copy/chown-unknown-name",),
        match=_unknown_user,
    ),
    Rule(
        id="chown-unknown-group",
        says="--chown names a group that no line makes.",
        behaviours=("copy/chown-unknown-group",),
        match=_unknown_group,
    ),
    Rule(
        id="chown-user-only",
        says="--chown names a user and no group.",
        behaviours=("copy/chown-user-name-only",),
        match=_user_only,
    ),
    Rule(
        id="chown-group-only",
        says="--chown names a group and no user.",
        behaviours=("copy/chown-group-only",),
        match=_group_only,
    ),
    Rule(
        id="chown-of-new-directories",
        says="--chown, and a destination below directories that are to be made.",
        behaviours=("copy/chown-parents",),
        match=_chown_parents,
    ),
    Rule(
        id="chown-by-name-on-scratch",
        says="--chown names root in an image FROM scratch.",
        behaviours=("scratch/chown-by-name",),
        match=_chown_on_scratch,
    ),
)
