"""What a session builds where: plain data, made by the controlling process.

xdist workers get it as JSON: they start no engine and choose no target, so that every
worker collects the same items.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from harness.builders.command import Tool
from harness.builders.record import CommandBuilder
from harness.builders.records import builders_of, known_records
from harness.engines import Engine, EngineSource, Suite
from harness.errors import UsageError
from harness.measure.given_images import GivenImage
from harness.provision.settings import Settings
from harness.results import disk
from harness.targets.registry import Builders
from harness.targets.selector import parse_selector
from harness.targets.target import Target
from harness.targets.versions import plain_version


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedTarget:
    """A target of a run, the name of the engine it is on, and of the tool it takes.

    `engine` is empty for a builder with a storage of its own, `tool` for one inside an
    engine.
    """

    target: Target
    engine: str = ""
    tool: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolSource:
    """A command builder's tool as a session may take it: from a suite, or the PATH.

    `tool` is None until it was fetched and asked; `version` is then what was recorded
    of it, and empty for one on the PATH.
    """

    name: str
    record: CommandBuilder
    version: str = ""
    suite: Suite | None = None
    tool: Tool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The targets of a session in the order they are built on, and where things lie.

    `folder` is the session's own: where workers find the engines (`fleet`). `base` is
    the base image's archive, `shared` what the references of the builders' bases come
    of. `began` is when the session began, in seconds of our clock. `tools` are those of
    command builders, by name; `builders` are all that are known, from records and from
    results. `given` are images of the user's; those who run cases have none, so it is
    not written for workers.
    """

    settings: Settings
    builders: Builders
    planned: tuple[PlannedTarget, ...]
    folder: Path
    base: Path
    shared: str
    began: float = 0.0
    tools: Mapping[str, Tool] = field(default_factory=dict)
    given: tuple[GivenImage, ...] = ()
    #: Where targets, by ID, and engines stand first: a run asks for each of its cases.
    _places: Mapping[str, int] = field(init=False, repr=False, compare=False)
    _engines: Mapping[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Look up where targets and engines stand."""
        places: dict[str, int] = {}
        engines: dict[str, int] = {}
        for number, each in enumerate(self.planned):
            places.setdefault(each.target.id, number)
            engines.setdefault(each.engine, number)
        object.__setattr__(self, "_places", places)
        object.__setattr__(self, "_engines", engines)

    @property
    def bases(self) -> int:
        """How many bases a worker has for the builds of a builder (`base_of`).

        So many that one is not taken again within a second: a build takes 0.2 s at the
        least (measured on 20.10.24, alone on two cores), and longer among others.
        """
        return max(2, 8 // self.settings.workers)

    @property
    def targets(self) -> tuple[Target, ...]:
        """The targets, in the order of reports."""
        found = (each.target for each in self.planned)
        return tuple(sorted(found, key=lambda each: each.order))

    def planned_target(self, target: Target) -> PlannedTarget:
        """Find a target and what it takes; UsageError when the session has none."""
        if target.id in self._places:
            return self.planned[self._places[target.id]]
        names = ", ".join(each.target.id for each in self.planned)
        raise UsageError(f"`{target.id}` is not among the targets: {names}")

    def turn(self, target: Target) -> tuple[int, int]:
        """Give a key that sorts targets so that what needs one engine is together.

        So no engine stays longer than it is used, and no two builders of an engine
        build a case at the same time (`base_of`).
        """
        engine = self.planned_target(target).engine
        return self._engines[engine], self._places[target.id] if engine else 0

    def to_json(self) -> str:
        """Write what a worker needs."""
        return json.dumps(
            {
                "settings": self.settings.to_dict(),
                "tools": {
                    name: {
                        "record": tool.record.name,
                        "root": tool.root and str(tool.root),
                        "version": tool.version,
                        "suite": tool.suite,
                        "cgroup2": tool.cgroup2,
                    }
                    for name, tool in self.tools.items()
                },
                "planned": [
                    [each.target.id, each.engine, each.tool] for each in self.planned
                ],
                "folder": str(self.folder),
                "base": str(self.base),
                "shared": self.shared,
                "began": self.began,
            }
        )


def from_json(text: str) -> Plan:
    """Read what `Plan.to_json` wrote."""
    plain = json.loads(text)
    settings = Settings.from_dict(plain["settings"])
    records = known_records(settings.builders)
    builders = known_builders(settings, records)
    return Plan(
        settings=settings,
        builders=builders,
        tools={
            name: Tool(
                record=records[tool["record"]],
                root=Path(tool["root"]) if tool["root"] else None,
                version=tool["version"],
                suite=tool["suite"],
                cgroup2=tool["cgroup2"],
            )
            for name, tool in plain["tools"].items()
        },
        planned=tuple(
            PlannedTarget(target=builders.target(target), engine=engine, tool=tool)
            for target, engine, tool in plain["planned"]
        ),
        folder=Path(plain["folder"]),
        base=Path(plain["base"]),
        shared=plain["shared"],
        began=plain["began"],
    )


def known_builders(
    settings: Settings, records: Mapping[str, CommandBuilder]
) -> Builders:
    """Give the builders that are known: the API's, the records', those with results."""
    found = builders_of(records.values())
    return disk.builders(settings.results, found) if settings.results else found


def targets_of(version: str, store: str, builders: Builders) -> list[Target]:
    """List the targets an engine offers: its version with each builder inside it."""
    plain = plain_version(version)
    return [
        Target(builder=builder, version=plain, store=store)
        for builder in builders.values()
        if builder.place == "api"
    ]


def engine_targets(engine: Engine, builders: Builders) -> list[Target]:
    """List the targets that a running engine offers."""
    return targets_of(engine.version, engine.storage, builders)


def wanted(records: Iterable[CommandBuilder], selectors: Iterable[str]) -> list[str]:
    """Name the command builders that selectors ask for by name, or by a pattern of it.

    A family alone does not: their tools have to be fetched.
    """
    patterns = [parse_selector(each) for each in selectors]
    return [
        record.name
        for record in records
        if any(
            fnmatchcase(record.name, each.builder)
            for each in patterns
            if not each.negated and each.builder != "*"
        )
    ]


def plan_targets(
    sources: Iterable[EngineSource], offers: Iterable[ToolSource], builders: Builders
) -> list[PlannedTarget]:
    """List all targets on the engines and of the tools, in the order of engines."""
    every = list(offers)
    found = []
    for source in sources:
        found += [
            PlannedTarget(target=target, engine=source.name)
            for target in targets_of(source.version, source.store, builders)
        ]
        for offer in every:
            if offer.record.place == "engine":
                target = Target(
                    builder=builders[offer.record.name],
                    version=source.version,
                    store=source.store,
                )
                found.append(
                    PlannedTarget(target=target, engine=source.name, tool=offer.name)
                )
    for offer in every:
        if offer.record.place == "own":
            for store in offer.record.stores or ("",):
                target = Target(
                    builder=builders[offer.record.name],
                    version=plain_version(offer.version),
                    store=store,
                )
                found.append(PlannedTarget(target=target, tool=offer.name))
    return found
