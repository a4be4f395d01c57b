"""From a run's options to its plan and its fleet, before anything is built."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from harness.builders.command import Tool
from harness.builders.record import CommandBuilder
from harness.builders.records import builders_of, known_records
from harness.engines import Engine, Source
from harness.engines.address import connect
from harness.engines.roots import cache_folder
from harness.images.base import from_archive
from harness.measure.base_copies import base_of, loaded, new_base
from harness.provision import sources
from harness.provision.fleet import Fleet
from harness.provision.memory import MEMORY, MemoryShare
from harness.provision.plan import Plan, choose, seats_of, wanted
from harness.results import disk
from harness.run.grid import record_target
from harness.run.items import ANSWER_LIMIT
from harness.targets.registry import Builders
from harness.targets.selector import matches, parse_selector

#: Seconds one build may take, if `--layer-limit` says nothing else.
LIMIT = 300.0


def add_options(parser: pytest.Parser) -> None:
    """Add pytest's options; `layer-harness run` gives them shorter names."""
    group = parser.getgroup("layer-harness", "cases of Layer Harness")
    group.addoption(
        "--layer-engine",
        action="append",
        default=[],
        help="engine to build on: default, bookworm, unix://..., tcp://..., ssh://...",
    )
    group.addoption(
        "--layer-target",
        action="append",
        default=[],
        help="selector of targets, such as legacy or buildkit@>=23",
    )
    group.addoption(
        "--layer-all",
        action="store_true",
        help="every engine that can run here, instead of those that are named",
    )
    group.addoption(
        "--layer-memory",
        type=float,
        default=MEMORY,
        help="GiB of memory for the engines of our own",
    )
    group.addoption(
        "--layer-builders",
        action="append",
        default=[],
        help="file with records of further command builders",
    )
    group.addoption(
        "--layer-on",
        default="",
        help="engine that engines in containers (docker:27-dind) run on",
    )
    group.addoption(
        "--layer-missing",
        action="store_true",
        help="only cases without a result as they are now",
    )
    group.addoption("--layer-base", help="image that cases get as BASE")
    group.addoption(
        "--layer-limit", type=float, default=LIMIT, help="seconds one build may take"
    )
    group.addoption(
        "--layer-repeat",
        type=int,
        default=1,
        help="build each case so often, and mark what is not stable",
    )
    group.addoption(
        "--layer-results", help="folder of results (results/ beside cases/)"
    )


def start(
    option: Any, root: Path, stack: ExitStack, say: Callable[[str], None]
) -> tuple[Plan, Fleet]:
    """Find the engines, choose the targets, and have the fleet ready to start.

    `option` are pytest's, `root` the folder of cases; `stack` ends all in order. Raises
    HarnessError for what cannot be had.
    """
    cache = cache_folder()
    results = Path(option.layer_results or root.parent / "results")
    folder = stack.enter_context(sources.workspace(cache))
    files = tuple(map(Path, option.layer_builders))
    records = known_records(files)
    builders = builders_of(records.values())
    for each in option.layer_target:
        builders.check(parse_selector(each))
    offered, tools = _offered(option, records, builders, cache, say)
    seats = choose(offered, option.layer_target, builders, tools)
    used = [each for each in offered if any(each.name == s.engine for s in seats)]
    base = folder / "base.tar"
    running = [each.engine for each in used if each.engine]
    sources.save_base(option.layer_base, running, cache, base, say)
    plan = Plan(
        seats=seats,
        folder=folder,
        base=base,
        shared=new_base(),
        results=results,
        logs=results.parent / ".layer-harness" / "logs",
        limit=option.layer_limit,
        repeat=option.layer_repeat,
        missing=option.layer_missing,
        began=time.time(),
        tools=tools,
        record_files=files,
        builders=disk.builders(results, builders),
        workers=getattr(option, "numprocesses", None) or 1,
    )
    for seat in plan.seats:
        if not seat.engine:
            record_target(plan, seat)
    share = MemoryShare(
        total_kib=int(option.layer_memory * 1024 * 1024), engines=len(used)
    )
    fleet = Fleet(
        used,
        lambda source: _furnished(source, plan, share, option.layer_on, say),
        folder,
        at_once=share.at_once,
    )
    stack.callback(fleet.close)
    return plan, fleet


def _offered(
    option: Any,
    records: Mapping[str, CommandBuilder],
    builders: Builders,
    cache: Path,
    say: Callable[[str], None],
) -> tuple[list[Source], dict[str, Tool]]:
    """Find the engines and tools that the options name.

    Without an engine's name, what the selectors ask for decides: a builder with a
    storage of its own needs none, and what the usual engine does not have is looked for
    among all that can run here.
    """
    if option.layer_all:
        tools = sources.tools(records.values(), cache, say)
        return sources.everything(cache, say), tools
    names = wanted(records.values(), option.layer_target)
    named = {parse_selector(each).builder for each in option.layer_target}
    chosen = [records[name] for name in names]
    tools = sources.tools(chosen, cache, say, needed=named)
    if option.layer_engine or not option.layer_target:
        return sources.find(option.layer_engine, cache, say), tools
    patterns = [parse_selector(each) for each in option.layer_target]
    own = seats_of([], tools, builders)
    if any(matches(patterns, each.target) for each in own):
        return [], tools
    usual = sources.find([], cache, say)
    if any(matches(patterns, e.target) for e in seats_of(usual, tools, builders)):
        return usual, tools
    return sources.everything(cache, say), tools


@contextmanager
def _furnished(
    source: Source, plan: Plan, share: MemoryShare, on: str, say: Callable[[str], None]
) -> Iterator[Engine]:
    """Start an engine with the base on it, and record what it says it is."""
    with sources.start(
        source, cache_folder(), say, most_kib=share.each_kib, on=on
    ) as engine:
        client = connect(engine.address, timeout=ANSWER_LIMIT)
        base = from_archive(plan.base)
        with ExitStack() as stack:
            for seat in plan.seats:
                if seat.engine == source.name:
                    record_target(plan, seat, engine, source.how)
                    bases = product(range(plan.workers), range(plan.bases))
                    for worker, number in bases:
                        builder = seat.target.builder.name
                        name = base_of(plan.shared, builder, worker, number)
                        stack.enter_context(loaded(client, base, name))
            yield engine
