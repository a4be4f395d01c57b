"""Targets and the selectors that name them: a builder on an engine version and store.

A builder is a record, and so is a target; what differs between them is data. Selectors
are the same in cases and on the command line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from harness.document import nearest
from harness.errors import UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class Builder:
    """What turns a Dockerfile into an image, as POST /build of an engine knows it.

    `api_version` is the query parameter `version` of `POST /build`: 1 the legacy
    builder, 2 BuildKit (Docker Engine API, "Build an image"; from 18.09 on).
    """

    name: str
    title: str
    api_version: str


BUILDERS = {
    each.name: each
    for each in (
        Builder(name="legacy", title="legacy", api_version="1"),
        Builder(name="buildkit", title="BuildKit", api_version="2"),
    )
}

STORES = ("containerd", "overlay2", "vfs")

_TARGET = re.compile(
    r"^(?P<builder>[a-z0-9-]+)@(?P<version>[^+]+)(?:\+(?P<store>\w+))?$"
)
_SELECTOR = re.compile(
    r"^(?P<builder>[a-z0-9*-]+)?(?:@(?P<version>[^+]+))?(?:\+(?P<store>[a-z0-9*]+))?$"
)
_BOUND = re.compile(r"(<=|>|==|!=)\s*(\d+(?:\.\d+)?)")


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
        return (
            plain
            if self.store == default_store(self.version)
            else (f"{plain}+{self.store}")
        )

    @property
    def title(self) -> str:
        """Name the builder as people write it."""
        known = BUILDERS.get(self.builder)
        return known.title if known else self.builder

    @property
    def order(self) -> tuple[int, str, Version, str]:
        """Sort legacy before BuildKit before others, then by version and store."""
        names = list(BUILDERS)
        place = names.index(self.builder) if self.builder in names else len(names)
        return place, self.builder, parse_version(self.version), self.store


@lru_cache(maxsize=256)
def parse_target(text: str) -> Target:
    """Read a target's id, such as the name of a folder under `results/`.

    Raises ValueError when it is none.
    """
    match = _TARGET.match(text)
    if not match:
        raise ValueError(f"not a target: {text!r}")
    version = match["version"]
    parse_version(version)
    store = match["store"] or default_store(version)
    return Target(builder=match["builder"], version=version, store=store)


@dataclass(frozen=True, slots=True, kw_only=True)
class Selector:
    """A pattern over targets: `legacy`, `buildkit@>=23`, `*+containerd`, `!legacy`.

    Call it with a target. A version is a prefix: `@20.10` is every 20.10, `@<=20.10`
    takes them in, and `@>20.10` begins behind them.
    """

    text: str
    builder: str
    versions: SpecifierSet
    store: str
    negated: bool

    def __call__(self, target: Target) -> bool:
        """Say whether `target` is among those named."""
        same = (
            self.builder in {"*", target.builder}
            and self.store in {"*", target.store}
            and self.versions.contains(parse_version(target.version), prereleases=True)
        )
        return same is not self.negated


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
    if builder != "*" and builder not in BUILDERS:
        raise UsageError(
            f"`{text}` names no builder", hint=nearest(builder, [*BUILDERS, "*"])
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
