"""A target: a builder on an engine version with an image store, and its id."""

from __future__ import annotations

import re
from dataclasses import dataclass

from packaging.version import Version

from harness.targets.builder import Builder
from harness.targets.versions import default_store, parse_version

_ID = re.compile(
    r"(?P<builder>[a-z][a-z0-9.-]*)@(?P<version>[\w.~-]+)(?:\+(?P<store>[\w-]+))?"
)
#: Characters; an id is the name of a file too.
_LONGEST = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A builder on an engine version with an image store.

    For a builder with a storage of its own, the version and the store are its own; a
    builder without a choice of stores has an empty one.
    """

    builder: Builder
    version: str
    store: str

    @property
    def id(self) -> str:
        """Name the target; the version's default store is left out."""
        plain = f"{self.builder.name}@{self.version}"
        return plain if self.store == self.usual_store else f"{plain}+{self.store}"

    @property
    def usual_store(self) -> str:
        """Name the store that an id leaves out: none for a storage of its own."""
        return default_store(self.version) if self.builder.on_engine else ""

    @property
    def title(self) -> str:
        """Name the builder as people write it."""
        return self.builder.title

    @property
    def column(self) -> str:
        """Name the column of a table that it is in: a builder as people know it.

        Clients of an engine's BuildKit share one: to a reader they are `docker build`.
        """
        if self.family == "buildkit" and self.builder.place == "engine":
            return "docker build"
        return self.title

    @property
    def family(self) -> str:
        """Name what the builder is at its core: BuildKit, whoever drives it."""
        return self.builder.family

    @property
    def order(self) -> tuple[int, str, Version, str]:
        """Sort legacy before BuildKit before others, then by version and store."""
        version = parse_version(self.version)
        return self.builder.rank, self.builder.name, version, self.store


def split_id(text: str) -> tuple[str, str, str]:
    """Split a target's id into builder, version and store, empty where left out.

    Raises ValueError when it is none.
    """
    match = _ID.fullmatch(text)
    if not match or len(text) > _LONGEST:
        raise ValueError(f"not a target: {text!r:.{_LONGEST}}")
    parse_version(match["version"])
    return match["builder"], match["version"], match["store"] or ""
