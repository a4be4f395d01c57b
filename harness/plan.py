"""What one run builds where: plain data, made by the controlling process.

xdist workers get it as JSON: they start no engine and choose no target, so that every
worker collects the same items.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from harness.engines import Engine
from harness.errors import UsageError
from harness.target import BUILDERS, Target, matches, parse_selector, plain_version


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The engines of a run, the targets on them, and where things lie.

    `base` is the base image's archive, `shared` the reference under which every engine
    has it, `limit` the seconds one build may take,
    `repeat` how often each case is built to find what is not stable.
    """

    engines: tuple[Engine, ...]
    targets: tuple[Target, ...]
    base: Path
    shared: str
    results: Path
    logs: Path
    limit: float
    repeat: int = 1

    def engine(self, target: Target) -> Engine:
        """Find the engine that a target is on."""
        return engine_of(self.engines, target)

    def to_json(self) -> str:
        """Write what a worker needs."""
        return json.dumps(
            {
                "engines": [each.to_dict() for each in self.engines],
                "targets": [each.id for each in self.targets],
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
    engines = tuple(Engine.from_dict(each) for each in plain["engines"])
    names = set(plain["targets"])
    return Plan(
        engines=engines,
        targets=tuple(
            each
            for engine in engines
            for each in targets_of(engine)
            if each.id in names
        ),
        base=Path(plain["base"]),
        shared=plain["shared"],
        results=Path(plain["results"]),
        logs=Path(plain["logs"]),
        limit=plain["limit"],
        repeat=plain["repeat"],
    )


def targets_of(engine: Engine) -> list[Target]:
    """List the targets an engine offers: its version with each builder inside it."""
    version = plain_version(engine.version)
    return [
        Target(builder=name, version=version, store=engine.storage) for name in BUILDERS
    ]


def engine_of(engines: Iterable[Engine], target: Target) -> Engine:
    """Find the engine that a target is on; KeyError when it is on none."""
    for each in engines:
        if target in targets_of(each):
            return each
    raise KeyError(target.id)


def choose(engines: Iterable[Engine], selectors: Iterable[str]) -> tuple[Target, ...]:
    """Pick the targets on the engines; UsageError when none is left or two are one."""
    patterns = [parse_selector(each) for each in selectors]
    every = [(each, engine) for engine in engines for each in targets_of(engine)]
    seen: dict[str, Engine] = {}
    for target, engine in every:
        other = seen.setdefault(target.id, engine)
        if other is not engine:
            raise UsageError(
                f"`{engine.name}` and `{other.name}` are the same version and store",
                hint="name one of them: results are kept by version, not by engine",
            )
    chosen = [target for target, _ in every if matches(patterns, target)]
    if not chosen:
        raise UsageError(
            "no target is left",
            hint="the engines offer " + ", ".join(target.id for target, _ in every),
        )
    return tuple(sorted(chosen, key=lambda each: each.order))
