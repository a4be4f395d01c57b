"""The digest of what a case builds: a stored result with another one is stale.

Over what an engine is given and what is measured beyond the usual, with defaults left
out, so that a new optional key, attribute or property makes no result stale.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import MISSING, fields
from typing import Any

from harness.cases.expectation import Properties
from harness.cases.model import Build
from harness.dockerfile.context import ContextFile

#: Keys of a build that say where its files come from: the files are digested instead.
_FILES = {"context", "contexts", "dockerfile"}


def digest(
    builds: Mapping[str, Build],
    contexts: Mapping[str, Mapping[str, Sequence[ContextFile]]],
    asked: Iterable[Properties],
) -> str:
    """Digest builds in order, with the files of their contexts.

    `contexts` has, by build, the files of each context by its name; the build context
    itself has the empty name.
    """
    parts: dict[str, Any] = {
        "builds": [
            [
                name,
                build.model_dump(mode="json", exclude_defaults=True, exclude=_FILES),
                {
                    context: [canonical(file) for file in files]
                    for context, files in contexts[name].items()
                },
            ]
            for name, build in builds.items()
        ]
    }
    if extra := measured_too(asked, builds):
        parts["measured too"] = extra
    text = json.dumps(parts, sort_keys=True)
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def measured_too(
    asked: Iterable[Properties], builds: Iterable[str]
) -> dict[str, list[str]]:
    """Name what is measured only because the case asks for it, and of which builds."""
    every = list(builds)
    found: dict[str, set[str]] = {}
    for each in asked:
        if each.reproducible is not None:
            found["reproducible"] = set(every)
        if each.on_disk is not None:
            found.setdefault("on_disk", set()).add(each.of or every[0])
    return {name: sorted(of) for name, of in found.items()}


def canonical(file: ContextFile) -> dict[str, Any]:
    """Write what is not default of a file; its content as a SHA-256."""
    given = {
        each.name: value
        for each in fields(file)
        if (value := getattr(file, each.name)) != _default(each)
    }
    given.pop("content", None)
    if file.size and file.random is None:
        read = hashlib.sha256()
        for piece in file.pieces():
            read.update(piece)
        given["content"] = read.hexdigest()
    if "xattrs" in given:
        given["xattrs"] = {name: text.hex() for name, text in file.xattrs.items()}
    return given


def _default(field: Any) -> object:
    if field.default_factory is not MISSING:
        return field.default_factory()
    return field.default
