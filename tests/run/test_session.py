"""A case made in code, on two targets, through the session: what `try` will do."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.cases.case import Case
from harness.cases.model import Build
from harness.engines import Engine
from harness.provision.events import CaseMeasured, EngineReady, EngineStopped, Event
from harness.provision.settings import Settings
from harness.session import opened

pytestmark = pytest.mark.engine


def test_a_case_made_in_code_is_measured_on_two_targets(engine: Engine) -> None:
    case = Case(
        id="try/mine",
        path=Path("Dockerfile"),
        title="mine",
        why="",
        refs=(),
        tags=(),
        on=(),
        builds={"build": Build(dockerfile="ARG BASE\nFROM ${BASE}\nRUN true\n")},
        expect=(),
    )
    events: list[Event] = []
    with opened(Settings(engines=(engine.address.url,)), events.append) as session:
        done = list(session.run((case, each) for each in session.targets))
    layers = {
        each.target.builder.name: len(each.judged.builds[0].layers)
        for each in done
        if each.judged is not None
    }
    # legacy makes no layer of a RUN that changes nothing, BuildKit does
    assert layers == {"legacy": 0, "buildkit": 1}
    kinds = [type(each) for each in events]
    assert kinds.count(EngineReady) == kinds.count(EngineStopped) == 1
    assert kinds.count(CaseMeasured) == 2
