"""What can be built on here: every target we know, with its state and what to do.

Looks, and starts or fetches nothing.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from harness.builders.record import CommandBuilder
from harness.builders.records import standard
from harness.engines import Suite, address, apt, debian, roots
from harness.errors import HarnessError
from harness.plan import engine_targets, targets_of
from harness.target import Target

State = Literal["ready", "can be prepared", "not here"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A target, the engine or tool that it takes, and whether that is here.

    `target` is its ID, empty where the version of what is missing is not known. `why`
    says what is missing, `remedy` what to do; `measured` is false for what no run of
    ours has tried.
    """

    target: str
    engine: str
    state: State
    why: str = ""
    remedy: str = ""
    measured: bool = True


def survey(cache: Path) -> list[Offer]:
    """List all targets; those of the usual engine first, then by engine and tool."""
    return [*_usual(), *_engines(cache), *_tools(cache)]


def _usual() -> Iterator[Offer]:
    try:
        engine = address.identify("default", address.find("default"))
    except HarnessError as error:
        yield Offer(
            target="",
            engine="default",
            state="not here",
            why=error.message,
            remedy=error.hint,
        )
        return
    for target in engine_targets(engine):
        yield Offer(
            target=target.id,
            engine="default",
            state="ready",
            remedy="layer-harness run -e default",
        )


def _engines(cache: Path) -> Iterator[Offer]:
    obstacles = debian.obstacles()
    clients = [each for each in standard().values() if each.place == "engine"]
    for suite in roots.suites():
        for store in suite.stores:
            name = debian.title(suite, store)
            state, why = _state([suite], cache, obstacles)
            remedy = apt.WAYS_OUT if obstacles else f"layer-harness run -e {name}"
            for target in targets_of(suite.version, store):
                yield Offer(
                    target=target.id, engine=name, state=state, why=why, remedy=remedy
                )
            for client in clients:
                yield _client(client, suite, store, cache)


def _client(record: CommandBuilder, suite: Suite, store: str, cache: Path) -> Offer:
    name = debian.title(suite, store)
    target = Target(builder=record.name, version=suite.version, store=store)
    state, why = _state([suite, *record.suites[-1:]], cache, debian.obstacles())
    if not record.suites and shutil.which(record.path) is None:
        state, why = "not here", f"no command `{record.path}`"
    return Offer(
        target=target.id,
        engine=name,
        state=state,
        why=why,
        remedy=f"layer-harness run -e {name} -t {record.name}",
        measured=record.is_measured,
    )


def _tools(cache: Path) -> Iterator[Offer]:
    for record in standard().values():
        if record.place != "own":
            continue
        for suite in record.suites:
            state, why = _state([suite], cache, debian.obstacles())
            for store in record.stores or ("",):
                target = Target(builder=record.name, version=suite.version, store=store)
                yield Offer(
                    target=target.id,
                    engine=f"Debian {suite.name}",
                    state=state,
                    why=why,
                    remedy=f"layer-harness run -t {target.id}",
                    measured=record.is_measured,
                )
        if not record.suites:
            here = shutil.which(record.path) is not None
            yield Offer(
                target=f"{record.name}@(yours)",
                engine="on the PATH",
                state="ready" if here else "not here",
                why="" if here else f"no command `{record.path}`",
                remedy=f"layer-harness run -t {record.name}"
                if here
                else f"install it: {record.homepage}",
                measured=record.is_measured,
            )


def _state(
    suites: list[Suite], cache: Path, obstacles: tuple[str, ...]
) -> tuple[State, str]:
    if obstacles:
        return "not here", "; ".join(obstacles)
    missing = [each.name for each in suites if not roots.prepared(each, cache)]
    if missing:
        names = " and ".join(f"Debian {name}'s packages" for name in missing)
        return "can be prepared", f"{names} are fetched once"
    return "ready", ""
