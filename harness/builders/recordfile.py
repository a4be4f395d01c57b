"""The form in which records of builders are written, and what is checked in it.

Every command may name only what is known where it runs, and every option is one that a
build can be asked for: a slip of the pen is told here, not by a builder.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from pydantic import Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from harness.builders.record import (
    BUILD,
    COMMON,
    OPTIONS,
    PLACEHOLDER,
    STORE,
    CommandBuilder,
    Dialect,
    Limit,
    Place,
)
from harness.documents.document import nearest
from harness.documents.mistakes import Strict
from harness.documents.pattern import compiled
from harness.documents.relative_path import leaves, too_long
from harness.engines import Suite
from harness.targets.conventions import Conventions, History, Labels, Steps

_SUITE = "^[a-z0-9-]+$"
#: A package, and for one of several suites its version, as apt-get takes them.
_PACKAGE = r"^[a-z0-9][a-z0-9.+-]*(=[0-9][A-Za-z0-9.+:~*-]*)?$"


def _placeholders(words: list[str], allowed: tuple[str, ...]) -> list[str]:
    for word in words:
        for placeholder in PLACEHOLDER.findall(word):
            if placeholder not in allowed:
                raise PydanticCustomError(
                    "placeholder",
                    "the placeholder `{word}` is not allowed here",
                    {
                        "word": f"{{{placeholder}}}",
                        "hint": nearest(placeholder, allowed),
                    },
                )
    return words


class _Debian(Strict):
    suite: str = Field(pattern=_SUITE)
    version: str
    packages: list[Annotated[str, Field(pattern=_PACKAGE)]] = Field(min_length=1)
    stale: bool = False
    beside: str = Field(default="", pattern=_SUITE)
    cgroup2: bool = False

    def plain(self) -> Suite:
        # Namespaces are set up with the root's own busybox.
        own = [each for each in self.packages if each != "busybox-static"]
        return Suite(
            name=self.suite,
            version=self.version,
            packages=(*own, "busybox-static"),
            stale=self.stale,
            beside=self.beside,
            cgroup2=self.cgroup2,
        )


class _Limit(Strict):
    option: Literal[
        "arg", "base", "cached", "cold", "context", "extrahosts", "label", "memory",
        "networkmode", "platform", "provenance", "secret", "shmsize", "squash", "ssh",
        "target", "unattested",
    ]  # fmt: skip
    versions: str = Field(max_length=200)
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
                "`{text}` is not a version range",
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


class _Conventions(Strict):
    history: History = "every"
    steps: Steps
    onbuild: bool = True
    labels: Labels = "none"


class Record(Strict):
    """One table of the file, as it is written."""

    like: str | None = None
    title: str
    family: str
    homepage: str
    docs: list[str] = Field(min_length=1)
    place: Place
    stores: list[str] = Field(default_factory=list)
    debian: list[_Debian] = Field(default_factory=list)
    path: str = ""
    ask: list[str]
    pattern: str
    inside: list[str] = Field(default_factory=list)
    inside_pattern: str = "(.*)"
    load: list[str] = Field(default_factory=list)
    begin: list[str] = Field(default_factory=list)
    build: list[str]
    end: list[str] = Field(default_factory=list)
    export: list[str] = Field(default_factory=list)
    remove: list[str] = Field(default_factory=list)
    options: dict[str, list[str]] = Field(default_factory=dict)
    limits: list[_Limit] = Field(default_factory=list)
    dialect: Dialect = "none"
    conventions: _Conventions
    environment: dict[str, str] = Field(default_factory=dict)
    files: dict[str, str] = Field(default_factory=dict)
    cannot: dict[str, str] = Field(default_factory=dict)
    measured: list[str] = Field(default_factory=list)
    note: str = ""

    @field_validator(
        "ask", "inside", "load", "begin", "build", "end", "export", "remove"
    )
    @classmethod
    def _known_words(cls, words: list[str], info: Any) -> list[str]:
        own = {
            "ask": (),
            "inside": (),
            "load": ("archive", "reference"),
            "begin": (),
            "end": (),
            "build": (*BUILD, "options"),
            "export": ("archive", "tag"),
            "remove": ("tag",),
        }
        return _placeholders(words, (*own[info.field_name], *COMMON))

    @field_validator("environment")
    @classmethod
    def _known_in_environment(cls, values: dict[str, str]) -> dict[str, str]:
        _placeholders(list(values.values()), COMMON)
        for name in values:
            if not name or "=" in name:
                raise PydanticCustomError(
                    "variable",
                    "`{key}` is not a name for a variable",
                    {"key": name, "hint": "write NAME = VALUE"},
                )
        return values

    @field_validator("files")
    @classmethod
    def _below_config(cls, files: dict[str, str]) -> dict[str, str]:
        for path in files:
            if leaves(path) or too_long(path):
                raise PydanticCustomError(
                    "config_path",
                    "`{key}` is not a path below the folder {config}",
                    {"key": path, "config": "{config}", "hint": "such as auth.json"},
                )
        return files

    @field_validator("stores")
    @classmethod
    def _named(cls, stores: list[str]) -> list[str]:
        for store in stores:
            if not STORE.fullmatch(store):
                raise PydanticCustomError(
                    "store",
                    "`{store}` is not a name for a store",
                    {"store": store, "hint": "letters, digits and hyphens"},
                )
        return stores

    @field_validator("options", "cannot")
    @classmethod
    def _known_options(cls, options: dict[str, Any], info: Any) -> dict[str, Any]:
        for name, words in options.items():
            if name not in OPTIONS:
                raise PydanticCustomError(
                    "unknown_key",
                    "unknown option `{key}`",
                    {"key": name, "hint": nearest(name, OPTIONS)},
                )
            if info.field_name == "options":
                _placeholders(words, (*OPTIONS[name], *BUILD, *COMMON))
        return options

    @field_validator("pattern", "inside_pattern")
    @classmethod
    def _one_group(cls, text: str) -> str:
        try:
            groups = compiled(text).groups
        except ValueError as error:
            raise PydanticCustomError(
                "pattern",
                "not a regular expression: {error}",
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
        return CommandBuilder(
            name=name,
            title=self.title,
            family=self.family,
            homepage=self.homepage,
            docs=tuple(self.docs),
            place=self.place,
            stores=tuple(self.stores),
            suites=tuple(each.plain() for each in self.debian),
            path=self.path,
            ask=tuple(self.ask),
            pattern=self.pattern,
            inside=tuple(self.inside),
            inside_pattern=self.inside_pattern,
            load=tuple(self.load),
            begin=tuple(self.begin),
            build=tuple(self.build),
            end=tuple(self.end),
            export=tuple(self.export),
            remove=tuple(self.remove),
            options={key: tuple(words) for key, words in self.options.items()},
            limits=tuple(each.plain() for each in self.limits),
            dialect=self.dialect,
            conventions=Conventions(**self.conventions.model_dump()),
            environment=self.environment,
            files=self.files,
            cannot=self.cannot,
            measured=tuple(self.measured),
            note=self.note,
        )
