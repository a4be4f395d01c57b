"""What a target is, written beside its results: engine, tool, base, noise rules."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass, field, replace
from typing import Any

from harness.builders.command import CommandRunner, Tool
from harness.builders.record import CommandBuilder
from harness.builders.records import known_records, standard_builders
from harness.engines import Engine, EngineSource
from harness.images.base import Base
from harness.measure.noise import RULES
from harness.measure.rules_version import MEASURING
from harness.provision.plan import Plan, PlannedTarget
from harness.provision.workspace import runners
from harness.results import disk
from harness.results.fresh import changes
from harness.results.record import TargetRecord, encode, write

#: What a builder's record says that no build goes by.
_PROSE = ("title", "homepage", "docs", "measured", "note")


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What engine and tool of a target say that they are; `TargetRecord` has it."""

    version: str
    api: str = ""
    architecture: str = ""
    components: dict[str, str] = field(default_factory=dict)


def ask(plan: Plan, planned: PlannedTarget, engine: Engine | None) -> Told:
    """Ask engine and tool what they are; a client tells its engine's BuildKit."""
    tool = plan.tools.get(planned.tool)
    if engine is None:
        return Told(version=tool.version if tool else "")
    components = dict(engine.components)
    if tool is not None:
        with CommandRunner(tool, runners(plan.folder)) as runner:
            if found := runner.version_inside(engine.address):
                components["buildkit"] = found
    return Told(
        version=engine.version,
        api=engine.api,
        architecture=engine.architecture,
        components=components,
    )


def described(
    plan: Plan, planned: PlannedTarget, base: Base, told: Told, how: str = ""
) -> TargetRecord:
    """Say what a target is, by what its engine and tool told, and the base.

    `how` says how the engine came to be there (`EngineSource.how`).
    """
    target = planned.target
    tool = plan.tools.get(planned.tool)
    ships = target.builder.name in standard_builders()
    return TargetRecord(
        target=target.id,
        builder=target.builder.name,
        version=told.version,
        api=told.api,
        store=target.store,
        architecture=told.architecture,
        how=_how(how, tool),
        components=told.components,
        tool={tool.record.name: tool.version} if tool else {},
        base=_identity(base, standard=not plan.settings.base),
        rules=RULES,
        record=None if ships else replace(target.builder, rank=0),
        command="" if ships else _command(plan, target.builder.name),
        measuring=MEASURING,
    )


def record_target(
    plan: Plan,
    planned: PlannedTarget,
    base: Base,
    told: Told,
    source: EngineSource | None = None,
) -> None:
    """Write a target's file, if there is a folder of results.

    Where it is no longer what the file said, its results so far are marked.
    """
    folder = plan.settings.results
    if folder is None:
        return
    record = described(plan, planned, base, told, source.how if source else "")
    name = planned.target.id
    before = disk.target_record(folder, name)
    if before is None or changes(before, record):
        disk.outdate(folder, name)
    write(disk.target_path(folder, name), encode(record))


def _how(engine: str, tool: Tool | None) -> str:
    """Say how the engine and the tool came to be there, where there is one."""
    if engine and tool:
        return f"{engine}; {tool.record.name}: {tool.how}"
    return engine or (tool.how if tool else "")


def _identity(base: Base, *, standard: bool) -> dict[str, Any]:
    """Identify a base; one of the user's has a config of its own too."""
    found: dict[str, Any] = {"diff_ids": [*base.diff_ids]}
    return found if standard else {**found, "config": base.image.config_digest}


def _command(plan: Plan, builder: str) -> str:
    """Digest how a builder of the user's is run."""
    record = known_records(plan.settings.builders).get(builder)
    return _digest(record) if record else ""


def _digest(record: CommandBuilder) -> str:
    plain = {
        name: value
        for name, value in dataclasses.asdict(record).items()
        if name not in _PROSE
    }
    text = json.dumps(plain, sort_keys=True, default=str)
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()
