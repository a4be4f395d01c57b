"""Selectors: patterns over targets, the same in cases and on the command line.

Reading one is pure syntax, and holding one against a target needs nothing but the
target. Whether there is such a builder or store is for `registry.Builders.check`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from harness.errors import UsageError
from harness.targets.builder import Builder
from harness.targets.target import Target
from harness.targets.versions import default_builder, parse_version

_SELECTOR = re.compile(
    r"(?P<builder>[a-z0-9.*?-]+)?(?:@(?P<version>[^+]+))?(?:\+(?P<store>[\w*-]+))?"
)
#: What people call an engine with the builder that it has by default.
DOCKER = "docker"
#: Characters; a longer one has more digits than a version can.
_LONGEST = 200
_BOUND = re.compile(r"(<=|>|==|!=)\s*(\d+(?:\.\d+)?)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Selector:
    """A pattern over targets: `legacy`, `buildkit@>=23`, `*+containerd`, `!buildx*`.

    Call it with a target. A builder is named by its name, its family, or a pattern of
    its name (`buildkit` names `buildx-0.29` too, which drives an engine's BuildKit).
    A version is a prefix: `@20.10` is every 20.10, `@<=20.10` takes them in, and
    `@>20.10` begins behind them. `store` is empty where none is given.

    What reads as a target's id means that target alone: `legacy@20.10.24` is that
    version's default store, `legacy@20.10.24+*` all its stores. `exact` says that the
    builder and the version are written out in full, as an id has them.

    `docker` is what an engine builds with when nothing is said: the legacy builder
    before 23, BuildKit from then on, whoever drives it; in the version's default store
    unless one is given. `names.one` chooses one target of those.
    """

    text: str
    builder: str
    versions: SpecifierSet
    store: str
    negated: bool
    exact: bool

    def __call__(self, target: Target) -> bool:
        """Say whether `target` is among those named."""
        return self._names(target) is not self.negated

    def _names(self, target: Target) -> bool:
        version = parse_version(target.version)
        if not self.versions.contains(version, prereleases=True):
            return False
        if self.builder == DOCKER and target.builder.on_engine:
            store = self.store or target.usual_store
            default = default_builder(target.version)
            return target.family == default and store in {"*", target.store}
        if self.exact and (self.store or target.store == target.usual_store):
            store = self.store or target.usual_store
            return self.builder == target.builder.name and store == target.store
        if self.exact and target.builder.on_engine:
            return False
        return self.names(target.builder) and self.store in {"", "*", target.store}

    def names(self, builder: Builder) -> bool:
        """Say whether a builder is among those named, whatever its version."""
        if self.builder == DOCKER and builder.on_engine:
            return True
        return self.builder == builder.family or fnmatchcase(builder.name, self.builder)


@lru_cache(maxsize=1024)
def parse_selector(text: str) -> Selector:
    """Read one selector; UsageError says what is wrong and what is meant.

    A version's parts are joined by commas: `buildkit@>=23,<26`.
    """
    body = text.strip()
    negated = body.startswith("!")
    match = _SELECTOR.fullmatch(body.removeprefix("!"))
    if len(body) > _LONGEST or not match or not any(match.groups()):
        raise UsageError(
            f"`{text:.{_LONGEST}}` is not a selector",
            hint="write BUILDER@VERSION+STORE, each part may be missing: "
            "legacy, buildkit@>=23, *+containerd, !legacy@20.10",
        )
    builder, store = match["builder"] or "*", match["store"] or ""
    version = match["version"] or ""
    return Selector(
        text=body,
        builder=builder,
        versions=_versions(text, version),
        store=store,
        negated=negated,
        exact=_is_whole(version)
        and store != "*"
        and not any(wild in builder for wild in "*?"),
    )


def _versions(text: str, part: str) -> SpecifierSet:
    specifiers = []
    for each in filter(None, (piece.strip() for piece in part.split(","))):
        if each == "*":
            continue
        if bound := _BOUND.fullmatch(each):
            specifiers.append(_prefix(bound[1], bound[2]))
        elif each[0].isdigit():
            specifiers.append(f"=={each}" if _is_whole(each) else f"=={each}.*")
        else:
            specifiers.append(each)
    try:
        return SpecifierSet(",".join(specifiers))
    except InvalidSpecifier as error:
        raise UsageError(
            f"`{text}`: `{part}` is not a version range",
            hint="write @20.10, @26.1.5, @>=23 or @>=23,<26",
        ) from error


def _is_whole(version: str) -> bool:
    """Say whether it is a version in full, not a prefix such as 20.10 or a range."""
    try:
        return len(Version(version).release) > 2
    except InvalidVersion:
        return False


def _prefix(operator: str, version: str) -> str:
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
