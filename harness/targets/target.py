"""Targets and the selectors that name them: a builder on an engine version and store.

A builder is a record, and so is a target; what differs between them is data. Selectors
are the same in cases and on the command line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Literal

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from harness.builders.record import CommandBuilder
from harness.builders.records import standard
from harness.documents.document import nearest
from harness.errors import UsageError
from harness.targets.conventions import BUILDKIT, LEGACY, Conventions


@dataclass(frozen=True, slots=True, kw_only=True)
class Builder:
    """What turns a Dockerfile into an image.

    `place` says where it builds: `api` inside an engine, over `POST /build` with the
    query parameter `version` = `api_version` (1 the legacy builder, 2 BuildKit; Docker
    Engine API, "Build an image"; from 18.09 on); `engine` inside an engine that a
    command drives; `own` in a storage of its own. Selectors name it by `name` or by
    `family`. `conventions` say how its images and its words are to be read. `measured`
    is false for a record that no run of ours has tried yet.
    """

    name: str
    title: str
    family: str
    conventions: Conventions
    place: Literal["api", "engine", "own"] = "api"
    api_version: str = ""
    measured: bool = True

    @property
    def on_engine(self) -> bool:
        """Say whether it builds inside an engine, whose version and store count."""
        return self.place != "own"


def of_record(record: CommandBuilder) -> Builder:
    """Give what targets and selectors need of a command builder's record."""
    return Builder(
        name=record.name,
        title=record.title,
        family=record.family,
        conventions=record.conventions,
        place=record.place,
        measured=record.is_measured,
    )


#: The builders that are known, in the order of reports.
BUILDERS = {
    each.name: each
    for each in (
        Builder(
            name="legacy",
            title="legacy",
            family="legacy",
            conventions=LEGACY,
            api_version="1",
        ),
        Builder(
            name="buildkit",
            title="BuildKit",
            family="buildkit",
            conventions=BUILDKIT,
            api_version="2",
        ),
        *map(of_record, standard().values()),
    )
}

#: Image stores of engines: graph drivers, and containerd's. `overlay` is buildah's name
#: for its driver.
STORES = (
    *("aufs", "btrfs", "containerd", "devicemapper", "fuse-overlayfs"),
    *("overlay", "overlay2", "vfs", "zfs"),
)

_TARGET = re.compile(
    r"^(?P<builder>[a-z][a-z0-9.-]*)@(?P<version>[^+]+)(?:\+(?P<store>[\w-]+))?$"
)
_SELECTOR = re.compile(
    r"^(?P<builder>[a-z0-9.*?-]+)?(?:@(?P<version>[^+]+))?"
    r"(?:\+(?P<store>[a-z0-9*-]+))?$"
)
_BOUND = re.compile(r"(<=|>|==|!=)\s*(\d+(?:\.\d+)?)")


def register(builders: Iterable[Builder]) -> None:
    """Make further builders known to targets and selectors, in this process.

    Raises UsageError for a name that another builder has.
    """
    for each in builders:
        if BUILDERS.setdefault(each.name, each) != each:
            raise UsageError(
                f"there is a builder `{each.name}` already",
                hint="give yours another name",
            )


def default_store(version: str) -> str:
    """Name the store an engine version uses when nothing is set.

    The containerd image store from 29 on (Docker Engine 29 release notes), the
    overlay2 graph driver before.
    """
    return "containerd" if parse_version(version) >= Version("29") else "overlay2"


@lru_cache(maxsize=256)
def parse_version(text: str) -> Version:
    """Read an engine's version; distributions add suffixes such as `+dfsg1`.

    Raises ValueError when there is no number in front.
    """
    return Version(plain_version(text))


def plain_version(text: str) -> str:
    """Give the number of an engine's version as the engine writes it, such as 18.09.1.

    Raises ValueError when there is no number in front.
    """
    match = re.match(r"v?(\d+(?:\.\d+)*(?:-?(?:rc|beta|alpha)\.?\d+)?)", text)
    if not match:
        raise ValueError(f"no version: {text!r}")
    return match[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A builder on an engine version with an image store."""

    builder: str
    version: str
    store: str

    @property
    def id(self) -> str:
        """Name the target; the version's default store is left out."""
        plain = f"{self.builder}@{self.version}"
        usual = _usual_store(self.builder, self.version)
        return plain if self.store == usual else f"{plain}+{self.store}"

    @property
    def title(self) -> str:
        """Name the builder as people write it."""
        known = BUILDERS.get(self.builder)
        return known.title if known else self.builder

    @property
    def family(self) -> str:
        """Name what the builder is at its core: BuildKit, whoever drives it."""
        known = BUILDERS.get(self.builder)
        return known.family if known else self.builder

    @property
    def order(self) -> tuple[int, str, Version, str]:
        """Sort legacy before BuildKit before others, then by version and store."""
        names = list(BUILDERS)
        place = names.index(self.builder) if self.builder in names else len(names)
        return place, self.builder, parse_version(self.version), self.store


@lru_cache(maxsize=256)
def parse_target(text: str) -> Target:
    """Read a target's id, such as the name of a file in `results/targets/`.

    Raises ValueError when it is none.
    """
    match = _TARGET.match(text)
    if not match:
        raise ValueError(f"not a target: {text!r}")
    version = match["version"]
    parse_version(version)
    store = match["store"] or _usual_store(match["builder"], version)
    return Target(builder=match["builder"], version=version, store=store)


def _usual_store(builder: str, version: str) -> str:
    """Name the store that an id leaves out; what has its own storage names it."""
    known = BUILDERS.get(builder)
    return "" if known is None or not known.on_engine else default_store(version)


@dataclass(frozen=True, slots=True, kw_only=True)
class Selector:
    """A pattern over targets: `legacy`, `buildkit@>=23`, `*+containerd`, `!buildx*`.

    Call it with a target. A builder is named by its name, its family, or a pattern of
    its name (`buildkit` names `buildx-0.29` too, which drives an engine's BuildKit).
    A version is a prefix: `@20.10` is every 20.10, `@<=20.10` takes them in, and
    `@>20.10` begins behind them.
    """

    text: str
    builder: str
    versions: SpecifierSet
    store: str
    negated: bool

    def __call__(self, target: Target) -> bool:
        """Say whether `target` is among those named."""
        same = (
            _is_named(target.builder, self.builder)
            and self.store in {"*", target.store}
            and self.versions.contains(parse_version(target.version), prereleases=True)
        )
        return same is not self.negated


def _is_named(builder: str, pattern: str) -> bool:
    known = BUILDERS.get(builder)
    family = known.family if known else builder
    return pattern == family or fnmatchcase(builder, pattern)


def parse_selector(text: str) -> Selector:
    """Read one selector; UsageError says what is wrong and what is meant.

    A version's parts are joined by commas: `buildkit@>=23,<26`.
    """
    body = text.strip()
    negated = body.startswith("!")
    match = _SELECTOR.match(body.removeprefix("!"))
    if not match or not any(match.groups()):
        raise UsageError(
            f"`{text}` is no selector",
            hint="write BUILDER@VERSION+STORE, each part may be missing: "
            "legacy, buildkit@>=23, *+containerd, !legacy@20.10",
        )
    builder = match["builder"] or "*"
    if not any(_is_named(name, builder) for name in BUILDERS):
        families = {each.family for each in BUILDERS.values()}
        raise UsageError(
            f"`{text}` names no builder",
            hint=nearest(builder, [*BUILDERS, *families, "*"]),
        )
    store = match["store"] or "*"
    if store not in {"*", *STORES}:
        raise UsageError(f"`{text}` names no store", hint=nearest(store, STORES))
    return Selector(
        text=body,
        builder=builder,
        versions=_versions(text, match["version"] or ""),
        store=store,
        negated=negated,
    )


def _versions(text: str, part: str) -> SpecifierSet:
    specifiers = []
    for each in filter(None, (piece.strip() for piece in part.split(","))):
        if each == "*":
            continue
        if bound := _BOUND.fullmatch(each):
            specifiers.append(_whole(bound[1], bound[2]))
        elif each[0].isdigit():
            try:
                exact = len(Version(each).release) > 2
            except InvalidVersion:
                exact = True
            specifiers.append(f"=={each}" if exact else f"=={each}.*")
        else:
            specifiers.append(each)
    try:
        return SpecifierSet(",".join(specifiers))
    except InvalidSpecifier as error:
        raise UsageError(
            f"`{text}`: `{part}` is no version range",
            hint="write @20.10, @26.1.5, @>=23 or @>=23,<26",
        ) from error


def _whole(operator: str, version: str) -> str:
    """Write a bound at a version of one or two parts so that it is a prefix."""
    if operator in {"==", "!="}:
        return f"{operator}{version}.*"
    *front, last = map(int, version.split("."))
    behind = ".".join(map(str, [*front, last + 1]))
    return f"{'<' if operator == '<=' else '>='}{behind}"


def matches(selectors: Iterable[Selector], target: Target) -> bool:
    """Say whether any selector names `target`; no selector names all.

    Negated selectors take away: `["buildkit", "!buildkit@20.10"]`.
    """
    every = tuple(selectors)
    wanted = [each for each in every if not each.negated]
    unwanted = [each for each in every if each.negated]
    return (not wanted or any(each(target) for each in wanted)) and all(
        each(target) for each in unwanted
    )
