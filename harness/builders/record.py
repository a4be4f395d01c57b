"""A builder that is a command, as a plain record: what `command` runs.

Where records come from, and how a mistake in one is told, is in `records`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from packaging.specifiers import SpecifierSet

from harness.engines import Suite
from harness.targets.conventions import Conventions

#: `engine`: drives a Docker engine and leaves the image there; `own`: has a storage of
#: its own and writes an image archive.
Place = Literal["engine", "own"]
Dialect = Literal["rawjson", "plain", "legacy", "buildah", "kaniko", "none"]

NAME = re.compile(r"[a-z][a-z0-9.-]{0,63}")
STORE = re.compile(r"[\w-]{1,63}")
PLACEHOLDER = re.compile(r"\{([a-z]+)\}")

#: What every command may name: the storage folder of a case, the store asked for, a
#: folder for configuration, the engine, a name that no other case has.
COMMON = ("config", "host", "name", "storage", "store")
BUILD = ("context", "dockerfile", "file", "output", "tag")
#: The options of a build with the words that their templates may use. Those named as
#: parameters of `POST /build` are `Request.options`.
OPTIONS: Mapping[str, tuple[str, ...]] = {
    "arg": ("key", "value"),
    "base": ("digest", "folder", "name", "reference"),
    "cached": (),
    "cold": (),
    "context": ("folder", "name"),
    "extrahosts": ("value",),
    "label": ("key", "value"),
    "memory": ("value",),
    "networkmode": ("value",),
    "platform": ("value",),
    "provenance": (),
    "secret": ("file", "id"),
    "shmsize": ("value",),
    "squash": (),
    "ssh": ("socket",),
    "target": ("value",),
    "unattested": (),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """An option that some versions of a tool do not take, and why.

    With `first` the first build on a storage has the option's effect without it.
    """

    option: str
    versions: SpecifierSet
    reason: str
    first: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandBuilder:
    """A builder that is a command.

    `family` is what selectors also match it by. It is here by packages of `suites`, or
    as the command `path` of the user's. `inside` asks a client for the version of the
    builder in its engine, which the engine's API does not tell. `load` is empty where a
    base comes in by the option `base`, as an OCI layout, or not at all; `export` is
    empty where the build itself writes `{output}`. `files` are written into `{config}`
    first; `begin` runs before the first build of a case, `end` after the last.
    `measured` has the versions whose results we have seen; while it is empty, what the
    record says is from documentation alone.
    """

    name: str
    title: str
    family: str
    homepage: str
    docs: tuple[str, ...]
    place: Place
    stores: tuple[str, ...]
    suites: tuple[Suite, ...]
    path: str
    ask: tuple[str, ...]
    pattern: str
    inside: tuple[str, ...]
    inside_pattern: str
    load: tuple[str, ...]
    begin: tuple[str, ...]
    build: tuple[str, ...]
    end: tuple[str, ...]
    export: tuple[str, ...]
    remove: tuple[str, ...]
    options: Mapping[str, tuple[str, ...]]
    limits: tuple[Limit, ...]
    dialect: Dialect
    conventions: Conventions
    environment: Mapping[str, str]
    files: Mapping[str, str]
    cannot: Mapping[str, str]
    measured: tuple[str, ...]
    note: str

    @property
    def is_measured(self) -> bool:
        """Say whether any version of it was run by us."""
        return bool(self.measured)
