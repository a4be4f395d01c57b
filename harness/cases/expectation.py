"""What a case expects: the properties by name, on whom, from which source.

The model of the `expect:` part of a case. The same words name a property
in YAML, in results and in reports. Held against what was measured by `properties`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, Literal, Self, TypeAlias, get_args

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from harness.cases.notation import (
    AnswerName,
    Aspect,
    Count,
    Flag,
    Hex,
    ImagePath,
    Letters,
    Level,
    Line,
    Lines,
    Mode,
    Owner,
    Regex,
    Selectors,
    Texts,
)
from harness.cases.property import ComparesTargets, NamesLines, properties
from harness.documents.document import Location
from harness.documents.mistakes import Strict


def _letters(value: Any) -> Any:
    return {"letters": value} if isinstance(value, str) else value


#: How a build ends that neither gives an image to look at nor says an error.
Breakdown: TypeAlias = Literal["timeout", "crash", "panic", "unexportable"]


def _outcome(value: Any) -> Any:
    if value == "ok":
        return {"ok": True}
    if value in get_args(Breakdown):
        return {"breaks": value}
    if isinstance(value, str):
        raise PydanticCustomError(
            "outcome",
            "`build` is `ok`, `{error: PATTERN}`, or one of {others}",
            {
                "others": ", ".join(get_args(Breakdown)),
                "hint": "write `build: ok` or `build: {error: 'not found', line: 3}`",
            },
        )
    return value


class ExpectedOutcome(Strict):
    """`build`: it succeeds (`ok`), fails with a text and at a line, or `breaks`."""

    ok: Flag = False
    breaks: Breakdown | None = Field(
        default=None, description="it hangs, or ends without an error or an image"
    )
    error: Regex | None = Field(default=None, description="found in the error's text")
    line: Annotated[Line, Field(strict=True)] | None = Field(
        default=None, description="the failing instruction's"
    )

    @model_validator(mode="after")
    def _one_outcome(self) -> Self:
        fails = self.error is not None or self.line is not None
        if self.ok + fails + (self.breaks is not None) != 1:
            raise PydanticCustomError(
                "outcome",
                "either it builds or it fails",
                {"hint": "write `build: ok` or `build: {error: 'not found', line: 3}`"},
            )
        return self


class Pattern(Strict):
    """`pattern`: one letter a layer above the base, equal letters equal layers."""

    letters: Letters
    by: Level = "content"


class File(Strict):
    """Attributes of a path; what is not given is not looked at."""

    type: Literal["file", "dir", "symlink", "char", "block", "fifo"] | None = None
    mode: Mode | None = None
    owner: Owner | None = None
    content: str | None = None
    size: Count | None = None
    link: str | None = Field(default=None, description="target of a link")
    mtime: str | None = Field(
        default=None, description="`build`: the time of the build; else ISO 8601"
    )
    xattrs: dict[str, Hex] | None = Field(default=None, description="name to hex")


Paths = list[ImagePath] | dict[ImagePath, File]


class Changes(Strict):
    """What a line's layer changed; a list that is given is complete."""

    added: Paths | None = None
    modified: Paths | None = None
    deleted: list[ImagePath] | None = None
    touched: Paths | None = Field(
        default=None, description="recorded again with nothing new but its time"
    )


class HistoryLine(Strict):
    """One entry of the image's history above the base."""

    created_by: Regex | None = None
    comment: Regex | None = None
    author: str | None = None
    empty_layer: Flag | None = None


class Size(Strict):
    """`size`: bytes of the uncompressed layers above the base."""

    at_least: Count | None = None
    at_most: Count | None = None
    smaller_than: str | None = Field(default=None, description="name of a build")
    not_smaller_than: str | None = Field(default=None, description="name of a build")
    by: Count = Field(default=0, description="by at least so many bytes")


class Shares(Strict):
    """`shares`: layers with the diff IDs of another build's layers."""

    with_: str = Field(alias="with", description="name of an earlier build")
    layers: Count | None = Field(
        default=None, description="exactly so many leading layers above the base"
    )
    lines: Lines | None = Field(
        default=None, description="the layers of these lines are all found there"
    )


class Container(Strict):
    """`container`: a container of the image ran a command and was removed."""

    writes: list[ImagePath] | None = Field(
        default=None, description="what the writable layer held, parents left out"
    )
    image_unchanged: Flag | None = None
    removed: Flag | None = Field(
        default=None, description="its writable layer is gone with the container"
    )


class OnDisk(Strict):
    """`on_disk`: the overlay2 directories, where the engine's data can be read."""

    lowest_has_no_lower: Flag | None = None
    lower_gives_order: Flag | None = None
    names_are_diff_ids: Flag | None = None
    equals_export: Flag | None = None


class Differs(Strict):
    """`differs`: the observation differs from that of other targets."""

    from_: Selectors = Field(alias="from")
    aspects: list[Aspect] = Field(alias="in", min_length=1)


class Known(Strict):
    """A failing expectation that is known; strict: it must still fail."""

    on: Selectors
    note: str
    issue: str | None = Field(default=None, description="link or owner/repo#number")


def _listed(lines: list[int]) -> Iterable[tuple[Location, int]]:
    return (((place,), line) for place, line in enumerate(lines))


def _changed(changes: Mapping[int, Changes]) -> Iterable[tuple[Location, int]]:
    return (((str(line),), line) for line in changes)


def _shared(shares: Shares) -> Iterable[tuple[Location, int]]:
    return ((("lines", *at), line) for at, line in _listed(shares.lines or []))


_LineList = Annotated[Lines | None, NamesLines(of=_listed)]
_AnyLineList = Annotated[Lines | None, NamesLines(of=_listed, any_stage=True)]


class _Place(Strict):
    """Which build is meant."""

    of: str | None = Field(default=None, description="which of several builds")


class Properties(_Place):
    """Properties of one build; an answer is one such or several that hold together."""

    # each field is a property: its name in cases, its form, and its marks

    build: (
        Annotated[
            ExpectedOutcome,
            BeforeValidator(
                _outcome,
                json_schema_input_type=Literal["ok"] | Breakdown | ExpectedOutcome,
            ),
        ]
        | None
    ) = None
    layers: Count | None = Field(default=None, description="number above the base")
    pattern: (
        Annotated[
            Pattern,
            BeforeValidator(_letters, json_schema_input_type=str | Pattern),
        ]
        | None
    ) = None
    makes_layer: _LineList = Field(default=None, description="lines with a layer")
    empty_layer: _LineList = Field(
        default=None, description="lines with a layer that holds nothing"
    )
    no_layer: _LineList = Field(default=None, description="lines without one")
    changes: Annotated[dict[Line, Changes] | None, NamesLines(of=_changed)] = None
    rootfs: dict[ImagePath, Literal["absent"] | File] | None = Field(
        default=None, description="the merged view, the base's files included"
    )
    config: dict[str, Any] | None = Field(
        default=None, description="a part of the image's config; null: not set"
    )
    history: list[HistoryLine] | None = None
    size: Size | None = None
    cached: _AnyLineList = Field(default=None, description="lines taken from cache")
    rebuilt: _AnyLineList = Field(default=None, description="lines run again")
    shares: Annotated[Shares | None, NamesLines(of=_shared)] = None
    reproducible: Flag | None = Field(
        default=None, description="a second cold build makes the same diff IDs"
    )
    container: Container | None = None
    on_disk: OnDisk | None = None

    def properties(self) -> Iterator[tuple[str, Any]]:
        """List the properties given, by name, in the order of `PROPERTIES`."""
        for each in PROPERTIES:
            value = getattr(self, each.name, None)
            if value is not None:
                yield each.name, value

    def lines(self) -> Iterator[tuple[Location, int, bool]]:
        """List the lines named: place, line, and whether any stage may have it."""
        for each in PROPERTIES:
            value = getattr(self, each.name, None)
            if value is not None:
                for at, line in each.lines.of(value):
                    yield (each.name, *at), line, each.lines.any_stage

    @property
    def may_fail(self) -> bool:
        """Say whether it is about a build that fails."""
        return self.build is not None and not self.build.ok

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not any(True for _ in self.properties()) and not self._says_otherwise():
            raise PydanticCustomError(
                "empty",
                "expects nothing",
                {"hint": "give a property: " + ", ".join(x.name for x in PROPERTIES)},
            )
        return self

    def _says_otherwise(self) -> bool:
        """Say whether it needs no property."""
        return False


class _Claim(_Place):
    """What an expectation has beside its properties."""

    because: str = Field(description="the source: documentation, issue, article")
    on: Selectors = Field(default_factory=list, description="targets; all if missing")
    level: Literal["must", "may"] = "must"
    claim: Texts = Field(
        default_factory=list, description="numbers of the group's claims tested"
    )
    known: list[Known] = Field(default_factory=list)
    answer: AnswerName | None = Field(
        default=None, description="one of the case's answers, in place of properties"
    )


class Expectation(Properties, _Claim):
    """Properties that must (or may) hold on the targets named, with their source."""

    differs: Annotated[Differs | None, ComparesTargets()] = None

    @property
    def compares_targets(self) -> bool:
        """Say whether it is judged where the results of all targets meet."""
        given = {name for name, _ in self.properties()}
        return any(each.compares_targets for each in PROPERTIES if each.name in given)

    def _says_otherwise(self) -> bool:
        return self.answer is not None

    @model_validator(mode="after")
    def _stands_alone(self) -> Self:
        given = [name for name, _ in self.properties()]
        if self.answer is not None and (given or self.of):
            # of which builds an answer speaks, it says itself
            raise PydanticCustomError(
                "alone",
                "`answer` cannot be combined with `{other}`",
                {
                    "key": "answer",
                    "other": (given or ["of"])[0],
                    "hint": "an answer has its own properties; keep one of the two",
                },
            )
        if self.compares_targets and len(given) > 1:
            # Other targets' results are at hand only when the matrix is made.
            raise PydanticCustomError(
                "alone",
                "`differs` cannot be combined with another property",
                {"key": "differs", "hint": "make it an expectation of its own"},
            )
        return self


#: Every property, in the order that reports use.
PROPERTIES = properties(Expectation, beside=_Claim)
