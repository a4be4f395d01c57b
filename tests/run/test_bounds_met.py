"""A build that takes all that it may is told as that, and the next one builds."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.cases.case import Case
from harness.cases.model import Build
from harness.engines import cgroups, roots
from harness.errors import BoundMet, EngineError
from harness.provision.settings import Settings
from harness.session import Session, opened

pytestmark = pytest.mark.engine

BOMB = "b() { b | b & }; b; sleep 1"
#: It ends well, and what it makes may still be another than without bounds.
FORKS = "i=0; while [ $i -lt 500 ]; do sleep 30 & i=$((i+1)); done; true"
HOG = "x=xxxxxxxxxxxxxxxx; while :; do x=$x$x; done"


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    settings = Settings(
        engines=("bookworm",),
        selectors=("legacy", "buildkit", "buildah-layers@1.28.2+overlay"),
        bounds="processes=400,memory=0.2",
        memory=1,
        jobs=2,
        limit=60,
    )
    try:
        roots.prepare(roots.suite("bookworm"), roots.cache_folder(), print)
    except EngineError as error:
        reason = str(error)
    else:
        reason = cgroups.unbounded()
    if reason and os.environ.get("CI") == "true":
        pytest.fail(reason)
    if reason:
        pytest.skip(reason)
    with (
        opened(settings, lambda event: print(event.text)) as session,
        session.engine("bookworm") as engine,
    ):
        yield session
    assert list(cgroups.CGROUPS.glob(f"*/{engine.cgroup}")) == []


def case(command: str) -> Case:
    return Case(
        id="try/mine",
        path=Path("Dockerfile"),
        title="mine",
        why="",
        refs=(),
        tags=(),
        on=(),
        builds={
            "build": Build(dockerfile=f"ARG BASE\nFROM ${{BASE}}\nRUN {command}\n")
        },
        expect=(),
    )


@pytest.mark.parametrize(
    ("command", "bound"),
    [
        (BOMB, "400 processes"),
        (FORKS, "400 processes"),
        (HOG, "0.2 GiB of memory"),
    ],
    ids=["bomb", "forks", "hog"],
)
def test_a_bound_that_is_met_is_no_outcome_and_the_next_build_does_well(
    session: Session, command: str, bound: str
) -> None:
    done = list(session.run((case(command), each) for each in session.targets))
    assert {type(each.error) for each in done} == {BoundMet}
    assert all(f"bound of {bound}" in str(each.error) for each in done)
    after = list(session.run((case("echo 1 > /a"), each) for each in session.targets))
    assert [each.error for each in after] == [None] * 3
    outcomes = {each.judged.builds[0].outcome for each in after if each.judged}
    assert outcomes == {"ok"}
