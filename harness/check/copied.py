"""What COPY and ADD take of the context, as far as that is known. Pure."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from fnmatch import fnmatchcase

from harness.check.context import Entry
from harness.check.source import Source
from harness.check.steps import Step
from harness.dockerfile.words import Word


def copies(source: Source) -> Iterator[Step]:
    """Give the COPY and ADD lines."""
    yield from source.steps("COPY", "ADD")


def from_context(source: Source) -> Iterator[Step]:
    """Give those that take files of the context."""
    for step in copies(source):
        if step.flag("from") is None:
            yield step


def copied(source: Source, step: Step) -> list[Entry] | None:
    """List what a COPY takes of the context; None where that is not known.

    What .dockerignore leaves out is listed too.
    """
    if source.context is None or step.flag("from") is not None:
        return None
    if not all(each.known for each in step.sources):
        return None
    entries = source.context.entries
    found: dict[str, Entry] = {}
    for word in step.sources:
        pattern = plain(word)
        found |= {
            path: entry
            for path, entry in entries.items()
            if pattern == "." or is_named(path, pattern)
        }
    return list(found.values())


def plain(word: Word) -> str:
    """Give a source as a path in the context; `.` for all of it."""
    return posixpath.normpath(posixpath.join("/", word.text)).lstrip("/") or "."


def is_named(path: str, pattern: str) -> bool:
    """Say whether a path or a directory above it matches; `*` stops at a slash."""
    depth = pattern.count("/") + 1
    head = "/".join(path.split("/")[:depth])
    return head.count("/") + 1 == depth and all(
        fnmatchcase(one, other)
        for one, other in zip(head.split("/"), pattern.split("/"), strict=True)
    )
