"""Start an engine of a session, with all that its builds take on it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

from harness.engines import Engine, EngineSource
from harness.engines.address import connect
from harness.engines.roots import cache_folder
from harness.images.base import Base
from harness.provision import sources
from harness.provision.engine_bases import with_bases
from harness.provision.events import Hear, noting
from harness.provision.known_state import keep
from harness.provision.memory import MemoryShare
from harness.provision.plan import Plan
from harness.provision.target_record import ask, record_target

#: Seconds for each of an engine's answers but a build's.
ANSWER_LIMIT = 120.0
#: Bytes of a base that an engine loads in a second, at the least.
_LOADED = 5_000_000


@contextmanager
def furnished(
    source: EngineSource, plan: Plan, base: Base, share: MemoryShare, hear: Hear
) -> Iterator[Engine]:
    """Start an engine with the bases on it, and record what its targets are."""
    with sources.start(
        source,
        cache_folder(),
        noting(hear),
        most_kib=share.each_kib,
        bounds=plan.settings.bounds,
        on=plan.settings.on,
    ) as engine:
        for planned in plan.planned:
            if planned.engine == source.name:
                told = ask(plan, planned, engine)
                keep(plan, planned, source, told, cache_folder())
                record_target(plan, planned, base, told, source)
        size = base.size + sum(each.size for each in plan.given)
        timeout = ANSWER_LIMIT + size / _LOADED
        with (
            closing(connect(engine.address, timeout=timeout)) as client,
            with_bases(client, base, plan, source, noting(hear)),
        ):
            yield engine
