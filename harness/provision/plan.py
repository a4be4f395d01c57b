"""What one run builds where: plain data, made by the controlling process.

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
from harness.engines import Engine, Source
from harness.errors import UsageError
from harness.results import disk
from harness.targets.registry import Builders
from harness.targets.selector import matches, parse_selector
from harness.targets.target import Target
from harness.targets.versions import plain_version


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """A target of a run, the name of the engine it is on, and of the tool it takes.

    `engine` is empty for a builder with a storage of its own, `tool` for one inside an
    engine.
    """

    target: Target
    engine: str = ""
    tool: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The targets of a run in the order they are built on, and where things lie.

    `folder` is the run's own: where workers find the engines (`fleet`). `base` is the
    base image's archive, `shared` what the references of the builders' bases come of,
    `limit` the seconds one build may take, `repeat` how often each case is built to
    find what is not stable. With `missing` only cases are built that have no result as
    they are now. `began` is when the run began, in seconds of our clock. `tools` are
    the command builders by name, `record_files` the user's own files of records,
    `builders` all builders that are known with them and from the results. `workers` is
    how many processes build, each with bases of its own.
    """

    seats: tuple[Seat, ...]
    builders: Builders
    folder: Path
    base: Path
    shared: str
    results: Path
    logs: Path
    limit: float
    repeat: int = 1
    missing: bool = False
    began: float = 0.0
    tools: Mapping[str, Tool] = field(default_factory=dict)
    record_files: tuple[Path, ...] = ()
    workers: int = 1

    @property
    def bases(self) -> int:
        """How many bases a worker has for the builds of a builder (`loading.base_of`).

        So many that one is not taken again within a second: a build takes 0.2 s at the
        least (measured on 20.10.24, alone on two cores), and longer among others.
        """
        return max(2, 8 // self.workers)

    @property
    def targets(self) -> tuple[Target, ...]:
        """The targets, in the order of reports."""
        found = (each.target for each in self.seats)
        return tuple(sorted(found, key=lambda each: each.order))

    def to_json(self) -> str:
        """Write what a worker needs."""
        return json.dumps(
            {
                "record_files": [str(each) for each in self.record_files],
                "tools": {
                    name: [tool.record.name, tool.root and str(tool.root), tool.version]
                    for name, tool in self.tools.items()
                },
                "seats": [
                    [each.target.id, each.engine, each.tool] for each in self.seats
                ],
                "folder": str(self.folder),
                "base": str(self.base),
                "shared": self.shared,
                "results": str(self.results),
                "logs": str(self.logs),
                "limit": self.limit,
                "repeat": self.repeat,
                "missing": self.missing,
                "began": self.began,
                "workers": self.workers,
            }
        )


def from_json(text: str) -> Plan:
    """Read what `Plan.to_json` wrote."""
    plain = json.loads(text)
    files = tuple(map(Path, plain["record_files"]))
    records = known_records(files)
    results = Path(plain["results"])
    builders = disk.builders(results, builders_of(records.values()))
    return Plan(
        record_files=files,
        builders=builders,
        tools={
            name: Tool(
                record=records[record],
                root=Path(root) if root else None,
                version=version,
            )
            for name, (record, root, version) in plain["tools"].items()
        },
        seats=tuple(
            Seat(target=builders.target(target), engine=engine, tool=tool)
            for target, engine, tool in plain["seats"]
        ),
        folder=Path(plain["folder"]),
        base=Path(plain["base"]),
        shared=plain["shared"],
        results=results,
        logs=Path(plain["logs"]),
        limit=plain["limit"],
        repeat=plain["repeat"],
        missing=plain["missing"],
        began=plain["began"],
        workers=plain["workers"],
    )


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


def seats_of(
    sources: Iterable[Source], tools: Mapping[str, Tool], builders: Builders
) -> list[Seat]:
    """List all targets on the engines and of the tools, in the order of engines."""
    clients = [
        (name, tool) for name, tool in tools.items() if tool.record.place == "engine"
    ]
    found = []
    for source in sources:
        found += [
            Seat(target=target, engine=source.name)
            for target in targets_of(source.version, source.store, builders)
        ]
        for name, tool in clients:
            target = Target(
                builder=builders[tool.record.name],
                version=source.version,
                store=source.store,
            )
            found.append(Seat(target=target, engine=source.name, tool=name))
    for name, tool in tools.items():
        if tool.record.place == "own":
            for store in tool.record.stores or ("",):
                target = Target(
                    builder=builders[tool.record.name],
                    version=plain_version(tool.version),
                    store=store,
                )
                found.append(Seat(target=target, tool=name))
    return found


def choose(
    sources: Iterable[Source],
    selectors: Iterable[str],
    builders: Builders,
    tools: Mapping[str, Tool] | None = None,
) -> tuple[Seat, ...]:
    """Pick the targets; UsageError when none is left or two are one."""
    patterns = [parse_selector(each) for each in selectors]
    every = seats_of(sources, tools or {}, builders)
    seen: dict[str, Seat] = {}
    for each in every:
        other = seen.setdefault(each.target.id, each)
        if other is not each:
            raise UsageError(
                f"`{each.engine or each.tool}` and `{other.engine or other.tool}` are "
                "the same version and store",
                hint="name one of them: results are kept by version, not by engine",
            )
    chosen = [each for each in every if matches(patterns, each.target)]
    if not chosen:
        raise UsageError(
            "no target is left",
            hint="the engines offer " + ", ".join(each.target.id for each in every),
        )
    return tuple(chosen)
