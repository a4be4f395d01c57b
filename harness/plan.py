"""What one run builds where: plain data, made by the controlling process.

xdist workers get it as JSON: they start no engine and choose no target, so that every
worker collects the same items.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from harness.engines import Engine, Source
from harness.errors import UsageError
from harness.target import (
    BUILDERS,
    Target,
    matches,
    parse_selector,
    parse_target,
    plain_version,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """A target of a run, and the name of the engine that it is on."""

    target: Target
    engine: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The targets of a run in the order they are built on, and where things lie.

    `folder` is the run's own: where workers find the engines (`fleet`). `base` is the
    base image's archive, `shared` the reference under which every engine has it,
    `limit` the seconds one build may take, `repeat` how often each case is built to
    find what is not stable.
    """

    seats: tuple[Seat, ...]
    folder: Path
    base: Path
    shared: str
    results: Path
    logs: Path
    limit: float
    repeat: int = 1

    @property
    def targets(self) -> tuple[Target, ...]:
        """The targets, in the order of reports."""
        found = (each.target for each in self.seats)
        return tuple(sorted(found, key=lambda each: each.order))

    def seat(self, target: Target) -> Seat:
        """Find a target's engine."""
        return next(each for each in self.seats if each.target == target)

    def to_json(self) -> str:
        """Write what a worker needs."""
        return json.dumps(
            {
                "seats": [[each.target.id, each.engine] for each in self.seats],
                "folder": str(self.folder),
                "base": str(self.base),
                "shared": self.shared,
                "results": str(self.results),
                "logs": str(self.logs),
                "limit": self.limit,
                "repeat": self.repeat,
            }
        )


def from_json(text: str) -> Plan:
    """Read what `Plan.to_json` wrote."""
    plain = json.loads(text)
    return Plan(
        seats=tuple(
            Seat(target=parse_target(target), engine=engine)
            for target, engine in plain["seats"]
        ),
        folder=Path(plain["folder"]),
        base=Path(plain["base"]),
        shared=plain["shared"],
        results=Path(plain["results"]),
        logs=Path(plain["logs"]),
        limit=plain["limit"],
        repeat=plain["repeat"],
    )


def targets_of(version: str, store: str) -> list[Target]:
    """List the targets an engine offers: its version with each builder inside it."""
    plain = plain_version(version)
    return [
        Target(builder=name, version=plain, store=store)
        for name, builder in BUILDERS.items()
        if builder.place == "api"
    ]


def engine_targets(engine: Engine) -> list[Target]:
    """List the targets that a running engine offers."""
    return targets_of(engine.version, engine.storage)


def choose(sources: Iterable[Source], selectors: Iterable[str]) -> tuple[Seat, ...]:
    """Pick the targets on the engines; UsageError when none is left or two are one."""
    patterns = [parse_selector(each) for each in selectors]
    every = [
        Seat(target=target, engine=source.name)
        for source in sources
        for target in targets_of(source.version, source.store)
    ]
    seen: dict[str, str] = {}
    for each in every:
        other = seen.setdefault(each.target.id, each.engine)
        if other != each.engine:
            raise UsageError(
                f"`{each.engine}` and `{other}` are the same version and store",
                hint="name one of them: results are kept by version, not by engine",
            )
    chosen = [each for each in every if matches(patterns, each.target)]
    if not chosen:
        raise UsageError(
            "no target is left",
            hint="the engines offer " + ", ".join(each.target.id for each in every),
        )
    return tuple(chosen)
