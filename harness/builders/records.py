"""Builders that are a command, as records: `harness/data/builders.toml` and users' own.

A record says how a tool gets here, which commands load a base, build and export, how
its output and its images are to be read, and what it cannot do. Adding a builder is
adding a record; `command` runs it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from pydantic import Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from harness.document import Document, load_toml, nearest
from harness.engines import Suite
from harness.mistakes import Strict, validate
from harness.traits import History, Steps, Traits

#: `engine`: drives a Docker engine and leaves the image there; `own`: has a storage of
#: its own and writes an image archive.
Place = Literal["engine", "own"]
Dialect = Literal["rawjson", "plain", "legacy", "buildah", "kaniko", "none"]

NAME = re.compile(r"^[a-z][a-z0-9.-]*$")
_PLACEHOLDER = re.compile(r"\{([a-z]+)\}")

#: What every command may name: the storage folder of a case, the store asked for, a
#: folder for configuration, the engine.
_COMMON = ("config", "host", "storage", "store")
_BUILD = ("context", "dockerfile", "file", "output", "tag")
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
    as the command `path` of the user's. `load` is empty where a base comes in by the
    option `base`, as an OCI layout, or not at all; `export` is empty where the build
    itself writes `{output}`. `files` are written into `{config}` first. `measured` has the versions whose results we have seen;
    while it is empty, what the record says is from documentation alone.
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
    load: tuple[str, ...]
    build: tuple[str, ...]
    export: tuple[str, ...]
    remove: tuple[str, ...]
    options: Mapping[str, tuple[str, ...]]
    limits: tuple[Limit, ...]
    dialect: Dialect
    traits: Traits
    environment: Mapping[str, str]
    files: Mapping[str, str]
    cannot: Mapping[str, str]
    measured: tuple[str, ...]
    note: str

    @property
    def is_measured(self) -> bool:
        """Say whether any version of it was run by us."""
        return bool(self.measured)


def standard() -> dict[str, CommandBuilder]:
    """Give the records that come with the package, by name."""
    return dict(_standard())


def load_records(path: Path) -> dict[str, CommandBuilder]:
    """Read a file of records; CaseError names the line of a mistake and what is meant.

    `like = NAME` begins a record with all that another one says, of this file above it
    or of those that come with the package; except that it was measured.
    """
    return _read(load_toml(path), dict(_models()))[0]


@cache
def _standard() -> dict[str, CommandBuilder]:
    return _read(load_toml(_shipped()), {})[0]


@cache
def _models() -> dict[str, Record]:
    return _read(load_toml(_shipped()), {})[1]


def _shipped() -> Path:
    return Path(str(resources.files("harness") / "data" / "builders.toml"))


def _read(
    document: Document, models: dict[str, Record]
) -> tuple[dict[str, CommandBuilder], dict[str, Record]]:
    found: dict[str, CommandBuilder] = {}
    for name, value in document.value.items():
        if not NAME.match(name):
            raise document.error(
                (name,),
                f"`{name}` is no name of a builder",
                "small letters, digits, hyphens and dots, a letter first",
            )
        if not isinstance(value, dict):
            raise document.error(
                (name,), f"`{name}` is no builder", "write [NAME], then KEY = VALUE"
            )
        model = validate(
            Record, document, _grown(name, value, document, models), (name,)
        )
        models[name] = model
        found[name] = model.record(name)
    return found, models


def _grown(
    name: str, own: Mapping[str, Any], document: Document, models: Mapping[str, Record]
) -> dict[str, Any]:
    """Add to a record's own keys what the record that it is like says."""
    parent = own.get("like")
    if parent is None:
        return dict(own)
    if parent not in models:
        raise document.error(
            (name, "like"), f"no builder `{parent}`", nearest(str(parent), models)
        )
    grown = models[parent].model_dump(
        exclude_unset=True, exclude={"like", "measured", "note"}
    )
    for key, value in own.items():
        if isinstance(value, dict) and isinstance(grown.get(key), dict):
            grown[key] = {**grown[key], **value}
        else:
            grown[key] = value
    return grown


def _placeholders(words: list[str], allowed: tuple[str, ...]) -> list[str]:
    for word in words:
        for placeholder in _PLACEHOLDER.findall(word):
            if placeholder not in allowed:
                raise PydanticCustomError(
                    "placeholder",
                    "no placeholder `{{{word}}}` here",
                    {"word": placeholder, "hint": nearest(placeholder, allowed)},
                )
    return words


class _Debian(Strict):
    suite: str
    version: str
    packages: list[str] = Field(min_length=1)
    stale: bool = False

    def plain(self) -> Suite:
        # Namespaces are set up with the root's own busybox.
        own = [each for each in self.packages if each != "busybox-static"]
        return Suite(
            name=self.suite,
            version=self.version,
            packages=(*own, "busybox-static"),
            stale=self.stale,
        )


class _Limit(Strict):
    option: Literal[
        "arg", "base", "cached", "cold", "context", "extrahosts", "label", "memory",
        "networkmode", "platform", "provenance", "secret", "shmsize", "squash", "ssh",
        "target", "unattested",
    ]  # fmt: skip
    versions: str
    reason: str
    first: bool = False

    @field_validator("versions")
    @classmethod
    def _range(cls, text: str) -> str:
        try:
            SpecifierSet(text)
        except InvalidSpecifier as error:
            raise PydanticCustomError(
                "versions",
                "`{text}` is no version range",
                {"text": text, "hint": "write <1.20 or >=1.20,<2"},
            ) from error
        return text

    def plain(self) -> Limit:
        return Limit(
            option=self.option,
            versions=SpecifierSet(self.versions, prereleases=True),
            reason=self.reason,
            first=self.first,
        )


class _Traits(Strict):
    history: History = "every"
    steps: Steps
    onbuild: bool = True
    labels: bool = False
    committed: bool = False


class Record(Strict):
    """One table of the file, as it is written."""

    like: str | None = None
    title: str
    family: str
    homepage: str
    docs: list[str] = Field(min_length=1)
    place: Place
    stores: list[str] = []
    debian: list[_Debian] = []
    path: str = ""
    ask: list[str]
    pattern: str
    load: list[str] = []
    build: list[str]
    export: list[str] = []
    remove: list[str] = []
    options: dict[str, list[str]] = {}
    limits: list[_Limit] = []
    dialect: Dialect = "none"
    traits: _Traits
    environment: dict[str, str] = {}
    files: dict[str, str] = {}
    cannot: dict[str, str] = {}
    measured: list[str] = []
    note: str = ""

    @field_validator("ask", "load", "build", "export", "remove")
    @classmethod
    def _known_words(cls, words: list[str], info: Any) -> list[str]:
        own = {
            "ask": (),
            "load": ("archive", "reference"),
            "build": (*_BUILD, "options"),
            "export": ("archive", "tag"),
            "remove": ("tag",),
        }
        return _placeholders(words, (*own[info.field_name], *_COMMON))

    @field_validator("environment")
    @classmethod
    def _known_in_environment(cls, values: dict[str, str]) -> dict[str, str]:
        _placeholders(list(values.values()), _COMMON)
        return values

    @field_validator("options", "cannot")
    @classmethod
    def _known_options(cls, options: dict[str, Any], info: Any) -> dict[str, Any]:
        for name, words in options.items():
            if name not in OPTIONS:
                raise PydanticCustomError(
                    "unknown_key",
                    "no option `{key}`",
                    {"key": name, "hint": nearest(name, OPTIONS)},
                )
            if info.field_name == "options":
                _placeholders(words, (*OPTIONS[name], *_BUILD, *_COMMON))
        return options

    @field_validator("pattern")
    @classmethod
    def _one_group(cls, text: str) -> str:
        try:
            groups = re.compile(text).groups
        except re.error as error:
            raise PydanticCustomError(
                "pattern",
                "no regular expression: {error}",
                {"error": str(error), "hint": "see Python's module re"},
            ) from error
        if groups != 1:
            raise PydanticCustomError(
                "pattern",
                "a pattern with one group, the version",
                {"hint": r'such as "version (\\d+\\.\\d+\\.\\d+)"'},
            )
        return text

    @model_validator(mode="after")
    def _whole(self) -> Record:
        if not self.debian and not self.path:
            raise PydanticCustomError(
                "source",
                "nothing says where the tool comes from",
                {"hint": "give `path` with a command, or `debian` with packages"},
            )
        if "{options}" not in self.build:
            raise PydanticCustomError(
                "options",
                "`build` has no place for options",
                {"hint": 'put the word "{options}" where they go'},
            )
        written = any("{output}" in word for word in self.build)
        if self.place == "own" and not self.export and not written:
            raise PydanticCustomError(
                "export",
                "nothing says how the image comes out",
                {"hint": "give `export`, or `{output}` in `build`"},
            )
        return self

    def record(self, name: str) -> CommandBuilder:
        """Give the plain record of a checked table."""
        plain = {
            field.name: getattr(self, field.name)
            for field in fields(CommandBuilder)
            if field.name not in {"name", "suites", "options", "limits", "traits"}
        }
        return CommandBuilder(
            name=name,
            suites=tuple(each.plain() for each in self.debian),
            options={key: tuple(words) for key, words in self.options.items()},
            limits=tuple(each.plain() for each in self.limits),
            traits=Traits(**self.traits.model_dump()),
            **{
                key: tuple(value) if isinstance(value, list) else value
                for key, value in plain.items()
            },
        )
