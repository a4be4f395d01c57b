"""The engine that tests build on: our own, started once for each worker."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import settings

from harness.engines import Engine
from harness.errors import HarnessError
from harness.measure.open_target import OpenTarget
from harness.provision.settings import Settings
from harness.provision.sources import EMBEDDED
from harness.session import Session, opened

pytest_plugins = ["pytester", "escapes.plugin", "oracle.plugin"]

# how long an example takes is the machine's affair; speed belongs in benchmarks
settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")

#: Engine to test on; facts that tests state were measured on bookworm's 20.10.24.
VARIABLE = "LAYER_HARNESS_TEST_ENGINE"


@pytest.fixture(scope="session")
def measuring() -> Iterator[Session]:
    """Open a session on the engine, or say why there is none.

    That is a skip, but a failure in CI.
    """
    name = os.environ.get(VARIABLE, EMBEDDED)
    with ExitStack() as stack:
        chosen = Settings(engines=(name,), limit=60)
        try:
            session = stack.enter_context(
                opened(chosen, lambda event: print(event.text))
            )
            # it runs until the last test is over
            stack.enter_context(session.engine(name))
        except HarnessError as error:
            if os.environ.get("CI") == "true":
                pytest.fail(f"no engine, and CI must have one: {error}")
            pytest.skip(f"no engine: {error}")
        yield session


@pytest.fixture(scope="session")
def engine(measuring: Session) -> Iterator[Engine]:
    """Give the engine, which runs."""
    with measuring.engine(measuring.plan.planned[0].engine) as engine:
        yield engine


@pytest.fixture(scope="session")
def base_archive(measuring: Session) -> Path:
    """Give the standard base image's archive."""
    return measuring.plan.base


@pytest.fixture(params=["legacy", "buildkit"])
def open_target(
    request: pytest.FixtureRequest, measuring: Session
) -> Iterator[OpenTarget]:
    """Give each of the engine's builders in turn, with the standard base."""
    target = next(
        each for each in measuring.targets if each.builder.name == request.param
    )
    with measuring.open(target) as found:
        # one base is enough for a test, and its name is known
        yield replace(found, bases=None)
