"""The copies of the base that the builds of a run take on an engine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import product

import docker

from harness.engines import EngineSource
from harness.engines.process import Say
from harness.images.base import Base
from harness.measure.base_copies import base_of, loaded
from harness.measure.given_images import on_engine
from harness.provision.plan import Plan


@contextmanager
def with_bases(
    client: docker.APIClient, base: Base, plan: Plan, source: EngineSource, say: Say
) -> Iterator[None]:
    """Have the copies on an engine that a plan's workers take; removed at the end.

    Of a large base the layers are sent once, which takes a while and is said.
    """
    names = [
        base_of(plan.shared, planned.target.builder.name, worker, number)
        for planned in plan.planned
        if planned.engine == source.name
        for worker, number in product(range(plan.settings.workers), range(plan.bases))
    ]
    with ExitStack() as stack:
        if base.is_large:
            size = base.size / 1_000_000
            say(f"loading the base image into {source.title}: {size:.0f} MB ...")
            stack.enter_context(loaded(client, base, plan.shared, whole=True))
            say(f"loaded it; {len(names)} copies share its layers")
        for name in names:
            stack.enter_context(loaded(client, base, name))
        stack.enter_context(on_engine(client, plan.given, source.title))
        yield
