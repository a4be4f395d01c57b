"""The engine that tests build on: our own, started once for each worker."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.builders.records import standard_builders
from harness.engines import Engine
from harness.engines.address import connect
from harness.engines.roots import cache_folder
from harness.errors import HarnessError
from harness.images.base import from_archive
from harness.measure.base_copies import loaded, new_base
from harness.measure.open_target import Site
from harness.provision import sources
from harness.provision.plan import engine_targets

pytest_plugins = ["pytester", "oracle.plugin"]

#: Engine to test on; facts that tests state were measured on bookworm's 20.10.24.
VARIABLE = "LAYER_HARNESS_TEST_ENGINE"


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """Start an engine, or say why there is none: a skip, but a failure in CI."""
    name = os.environ.get(VARIABLE, sources.EMBEDDED)
    manager = sources.engines([name], cache_folder(), print)
    try:
        found = manager.__enter__()
    except HarnessError as error:
        if os.environ.get("CI") == "true":
            pytest.fail(f"no engine, and CI must have one: {error}")
        pytest.skip(f"no engine: {error}")
    try:
        yield found[0]
    finally:
        manager.__exit__(None, None, None)


@pytest.fixture(scope="session")
def base_archive(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the standard base image's archive."""
    place = tmp_path_factory.mktemp("base") / "base.tar"
    sources.save_base(None, [engine], cache_folder(), place, print)
    return place


@pytest.fixture(params=["legacy", "buildkit"])
def site(
    request: pytest.FixtureRequest, engine: Engine, base_archive: Path
) -> Iterator[Site]:
    """Give each of the engine's builders in turn, with the standard base."""
    target = next(
        each
        for each in engine_targets(engine, standard_builders())
        if each.builder.name == request.param
    )
    client, base = connect(engine.address, timeout=60), from_archive(base_archive)
    shared = new_base()
    with loaded(client, base, shared):
        yield Site(
            target=target,
            engine=engine,
            client=client,
            base=base,
            shared=shared,
            limit=60,
        )
