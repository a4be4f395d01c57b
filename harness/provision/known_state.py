"""What a target is known to be before its engine is started.

An engine that runs is asked. One of our own says what it is when it runs, which is kept
in the cache: by the folder it was unpacked into, or the image that it comes as.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from harness.documents.whole_file import write
from harness.engines import EngineSource, roots
from harness.images.base import Base
from harness.provision import sources
from harness.provision.plan import Plan, PlannedTarget
from harness.provision.target_record import Told, ask, described
from harness.results.record import TargetRecord


def known_states(
    plan: Plan, base: Base, engines: Iterable[EngineSource], cache: Path
) -> dict[str, TargetRecord | None]:
    """Say what each target is, by ID; None where only its engine can tell."""
    named = {each.name: each for each in engines}
    found: dict[str, TargetRecord | None] = {}
    for planned in plan.planned:
        source = named.get(planned.engine)
        told: Told | None
        if source is None or source.engine is not None:
            told = ask(plan, planned, source.engine if source else None)
        else:
            told = _kept(plan, planned, source, cache)
        found[planned.target.id] = (
            described(plan, planned, base, told) if told else None
        )
    return found


def keep(
    plan: Plan, planned: PlannedTarget, source: EngineSource, told: Told, cache: Path
) -> None:
    """Keep what a target's engine and tool told, for `known_states`."""
    place = _place(plan, planned, source, cache)
    if place is not None and source.engine is None:
        write(place, json.dumps(asdict(told), sort_keys=True).encode())


def _kept(
    plan: Plan, planned: PlannedTarget, source: EngineSource, cache: Path
) -> Told | None:
    place = _place(plan, planned, source, cache)
    try:
        return Told(**json.loads(place.read_bytes())) if place else None
    except (OSError, ValueError, TypeError):
        return None


def _place(
    plan: Plan, planned: PlannedTarget, source: EngineSource, cache: Path
) -> Path | None:
    """Name the file for a target by what its engine and its tool were unpacked to."""
    if source.suite is not None:
        engine = _folder(roots.prepared(source.suite, cache))
    else:
        engine = sources.image_id(source, cache, plan.settings.on)
    if not engine:
        return None
    tool = plan.tools.get(planned.tool)
    how = (_folder(tool.root) or tool.version) if tool else ""
    key = hashlib.sha256(f"{planned.target.id} {engine} {how}".encode()).hexdigest()
    return cache / "targets" / f"{key[:32]}.json"


def _folder(root: Path | None) -> str:
    """Identify an unpacked root: one that is unpacked again is another."""
    if root is None:
        return ""
    told = root.stat()
    return f"{root} {told.st_ino} {told.st_ctime_ns}"
