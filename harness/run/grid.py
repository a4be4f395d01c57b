"""Gather stored results into the matrix, and record what the targets are."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from harness.book.stored import base_views, stored
from harness.builders.command import Bench, Tool
from harness.builders.records import standard_builders
from harness.cases.case import load_cases, load_groups
from harness.engines import Engine
from harness.images.base import from_archive
from harness.judge.matrix import Matrix, tabulate_results
from harness.judge.verdict import Judged
from harness.measure.noise import RULES
from harness.provision.plan import Plan, Seat
from harness.results import disk
from harness.results.record import TargetRecord, encode, write
from harness.targets.registry import Builders
from harness.targets.target import Target


def gather(
    root: Path,
    results: Path,
    builders: Builders,
    *,
    cases: Collection[str] | None = None,
    targets: Sequence[Target] | None = None,
    errors: Mapping[tuple[str, str], str] | None = None,
) -> Matrix:
    """Read cases and results, and tabulate them; of all cases and targets by default.

    `builders` are those that cases and results may name. Raises CaseError for a broken
    case, ResultError for a broken result.
    """
    every = load_cases(root, builders)
    chosen = [case for case in every if cases is None or case.id in cases]
    columns = disk.targets(results, builders) if targets is None else targets
    results_of: dict[tuple[str, str], Judged] = {}
    bases = base_views(results)
    for case in chosen:
        found = stored(results, case, bases, builders)
        for target in columns:
            if target.id in found:
                results_of[case.id, target.id] = found[target.id]
    return tabulate_results(
        chosen,
        load_groups(root),
        columns,
        results_of,
        errors or {},
        builders=builders,
    )


def record_target(
    plan: Plan, seat: Seat, engine: Engine | None = None, how: str = ""
) -> None:
    """Write a target's file: what engine and tool say they are, and the base used.

    `how` says how the engine came to be there (`Source.how`).
    """
    base = from_archive(plan.base)
    target = seat.target
    tool = plan.tools.get(seat.tool)
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
        base={"diff_ids": [layer.diff_id for layer in base.layers]},
        rules=RULES,
        record=None if ships else replace(target.builder, rank=0),
    )
    write(disk.target_path(plan.results, target.id), encode(record))


def _how(engine: str, tool: Tool | None) -> str:
    """Say how the engine and the tool came to be there, where there is one."""
    if engine and tool:
        return f"{engine}; {tool.record.name}: {tool.how}"
    return engine or (tool.how if tool else "")


def _components(engine: Engine, tool: Tool | None, folder: Path) -> dict[str, str]:
    """Give what an engine is made of, and its BuildKit, which only a client tells."""
    found = dict(engine.components)
    if tool is not None:
        with Bench(tool, folder / "benches") as bench:
            if inside := bench.version_inside(engine.address):
                found["buildkit"] = inside
    return found
