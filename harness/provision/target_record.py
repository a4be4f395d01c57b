"""What a target is, written beside its results: engine, tool, base, noise rules."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from harness.builders.command import CommandRunner, Tool
from harness.builders.records import standard_builders
from harness.engines import Engine
from harness.images.base import Base
from harness.measure.noise import RULES
from harness.provision.plan import Plan, PlannedTarget
from harness.results import disk
from harness.results.record import TargetRecord, encode, write


def record_target(
    plan: Plan,
    planned: PlannedTarget,
    base: Base,
    engine: Engine | None = None,
    how: str = "",
) -> None:
    """Write a target's file, if there is a folder of results.

    It has what engine and tool say they are, and the base that was used. `how` says how
    the engine came to be there (`Source.how`).
    """
    if plan.settings.results is None:
        return
    target = planned.target
    tool = plan.tools.get(planned.tool)
    ships = target.builder.name in standard_builders()
    record = TargetRecord(
        target=target.id,
        builder=target.builder.name,
        version=engine.version if engine else tool.version if tool else "",
        api=engine.api if engine else "",
        store=target.store,
        architecture=engine.architecture if engine else "",
        how=_how(how, tool),
        components=_components(engine, tool, plan.folder) if engine else {},
        tool={tool.record.name: tool.version} if tool else {},
        base={"diff_ids": [*base.diff_ids]},
        rules=RULES,
        record=None if ships else replace(target.builder, rank=0),
    )
    write(disk.target_path(plan.settings.results, target.id), encode(record))


def _how(engine: str, tool: Tool | None) -> str:
    """Say how the engine and the tool came to be there, where there is one."""
    if engine and tool:
        return f"{engine}; {tool.record.name}: {tool.how}"
    return engine or (tool.how if tool else "")


def _components(engine: Engine, tool: Tool | None, folder: Path) -> dict[str, str]:
    """Give what an engine is made of, and its BuildKit, which only a client tells."""
    found = dict(engine.components)
    if tool is not None:
        with CommandRunner(tool, folder / "runners") as runner:
            if inside := runner.version_inside(engine.address):
                found["buildkit"] = inside
    return found
