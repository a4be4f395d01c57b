"""What can be built on here: every target we know, with its state and what to do.

Looks, starts no engine and fetches nothing; only commands on the PATH are asked.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from harness.builders.command import obtain
from harness.builders.record import CommandBuilder
from harness.builders.records import standard_builders, standard_records
from harness.engines import Suite, address, apt, catalogue, debian, roots
from harness.errors import HarnessError
from harness.provision.plan import engine_targets, targets_of
from harness.targets.target import Target
from harness.targets.versions import default_store

State = Literal["ready", "can be prepared", "not here"]

#: What commands on the PATH have said, by name: each is asked once.
_ANSWERS: dict[str, tuple[State, str]] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetState:
    """A target, the engine or tool that it takes, and whether that is here.

    `target` is its ID, empty where the version of what is missing is not known. `why`
    says what is missing, `remedy` what to do; `measured` is false for what no run of
    ours has tried, `image` true for an engine in a container.
    """

    target: str
    engine: str
    state: State
    why: str = ""
    remedy: str = ""
    measured: bool = True
    image: bool = False


def survey(cache: Path) -> list[TargetState]:
    """List all targets; those of the usual engine first, then by engine and tool."""
    return [*_usual(), *_engines(cache), *_tools(cache), *_images()]


def _images() -> Iterator[TargetState]:
    """List the engines that come as images, which another engine has to run."""
    here = address.answers(address.find("default"))
    for each in catalogue.standard_catalogue().images:
        for store in each.stores:
            usual = store == default_store(each.version)
            name = each.image if usual else f"{each.image}+{store}"
            for target in targets_of(each.version, store, standard_builders()):
                yield TargetState(
                    target=target.id,
                    engine=name,
                    state="can be prepared" if here else "not here",
                    why="the image is pulled if need be"
                    if here
                    else "no Docker engine answers that it could run on",
                    remedy=f"layer-harness run -e {name}"
                    + ("" if here else " --on ADDRESS"),
                    image=True,
                    measured=False,
                )


def _usual() -> Iterator[TargetState]:
    try:
        engine = address.identify("default", address.find("default"))
    except HarnessError as error:
        yield TargetState(
            target="",
            engine="default",
            state="not here",
            why=error.message,
            remedy=error.hint,
        )
        return
    for target in engine_targets(engine, standard_builders()):
        yield TargetState(
            target=target.id,
            engine="default",
            state="ready",
            remedy="layer-harness run -e default",
        )


def _engines(cache: Path) -> Iterator[TargetState]:
    obstacles = debian.obstacles()
    clients = [each for each in standard_records().values() if each.place == "engine"]
    for suite in roots.suites():
        for store in suite.stores:
            name = debian.title(suite, store)
            state, why = _state([suite], cache, obstacles)
            remedy = apt.WAYS_OUT if obstacles else f"layer-harness run -e {name}"
            for target in targets_of(suite.version, store, standard_builders()):
                yield TargetState(
                    target=target.id, engine=name, state=state, why=why, remedy=remedy
                )
            for client in clients:
                yield _client(client, suite, store, cache)


def _client(
    record: CommandBuilder, suite: Suite, store: str, cache: Path
) -> TargetState:
    name = debian.title(suite, store)
    builder = standard_builders()[record.name]
    target = Target(builder=builder, version=suite.version, store=store)
    state, why = _state([suite, *record.suites[-1:]], cache, debian.obstacles())
    if not record.suites and state != "not here":
        state, why = _on_the_path(record, cache)
    return TargetState(
        target=target.id,
        engine=name,
        state=state,
        why=why,
        remedy=_remedy(record, state, f"layer-harness run -e {name} -t {record.name}"),
        measured=record.is_measured,
    )


def _on_the_path(record: CommandBuilder, cache: Path) -> tuple[State, str]:
    """Ask a command of the user's whether it is what the record says."""
    if shutil.which(record.path) is None:
        return "not here", f"no command `{record.path}`"
    if record.path not in _ANSWERS:
        try:
            obtain(record, None, cache, lambda _: None)
        except HarnessError as error:
            said = " ".join(map(str.strip, error.message.splitlines()[:2]))
            _ANSWERS[record.path] = ("not here", said)
        else:
            _ANSWERS[record.path] = ("ready", "")
    return _ANSWERS[record.path]


def _remedy(record: CommandBuilder, state: State, ready: str) -> str:
    """Say how to run it or, of a command that is not here, where to get it."""
    missing = state == "not here" and not record.suites
    return f"install it: {record.homepage}" if missing else ready


def _tools(cache: Path) -> Iterator[TargetState]:
    for record in standard_records().values():
        if record.place != "own":
            continue
        builder = standard_builders()[record.name]
        for suite in record.suites:
            state, why = _state([suite], cache, debian.obstacles())
            for store in record.stores or ("",):
                target = Target(builder=builder, version=suite.version, store=store)
                yield TargetState(
                    target=target.id,
                    engine=f"Debian {suite.name}",
                    state=state,
                    why=why,
                    remedy=f"layer-harness run -t {target.id}",
                    measured=record.is_measured,
                )
        if not record.suites:
            state, why = _on_the_path(record, cache)
            yield TargetState(
                target=f"{record.name}@(yours)",
                engine="on the PATH",
                state=state,
                why=why,
                remedy=_remedy(record, state, f"layer-harness run -t {record.name}"),
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
