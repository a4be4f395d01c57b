"""What a target is, told without its engine: by what is unpacked, and by the base."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from saved import config, old, packed

from harness.builders.command import Tool
from harness.builders.records import builders_of, known_records
from harness.engines import Address, Engine, EngineSource, roots
from harness.images.base import Base
from harness.images.image import read_archive
from harness.provision import sources
from harness.provision.known_state import keep, known_states
from harness.provision.plan import Plan, PlannedTarget
from harness.provision.settings import Settings
from harness.provision.target_record import Told, ask, described, record_target
from harness.results import disk
from harness.results.fresh import changes
from harness.results.record import Result

SUITE = roots.suite("bookworm")
ENGINE = Engine(
    name="here",
    address=Address(url="unix:///nowhere"),
    version="28.5.2",
    api="1.51",
    storage="overlay2",
    components=(("runc", "1.1"),),
    architecture="amd64",
    data_root=None,
    clock_offset=0.0,
)
OWN = EngineSource(name="one", version="20.10.24", store="overlay2", suite=SUITE)
IMAGE = EngineSource(name="one", version="27.5.1", store="overlay2", image="docker:x")
TOLD = Told(version="20.10.24+dfsg1", api="1.41", components={"runc": "1.1"})
RECORD = """
[mine]
like = "buildah"
title = "Mine"
stores = ["vfs"]
environment.A = "{value}"
note = "{note}"
"""


def base_of(text: bytes = b"") -> Base:
    archive = packed(old([b""], ["base:1"], text))
    return Base(archive=archive, image=read_archive(io.BytesIO(archive))[0])


BASE = base_of()


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    roots.place_of(SUITE, tmp_path).mkdir(parents=True)
    planned = PlannedTarget(target=LEGACY, engine="one")
    return plan_of(tmp_path, Settings(), planned)


LEGACY = builders_of(known_records(()).values()).target("legacy@20.10.24")
BUILDX = builders_of(known_records(()).values()).target("buildx-0.29@20.10.24")


def plan_of(folder: Path, settings: Settings, planned: PlannedTarget) -> Plan:
    return Plan(
        settings=settings,
        builders=builders_of(known_records(settings.builders).values()),
        planned=(planned,),
        folder=folder,
        base=folder / "base.tar",
        shared="base:1",
    )


def known(plan: Plan, source: EngineSource, cache: Path) -> str | None:
    (state,) = known_states(plan, BASE, [source], cache).values()
    return state.version if state else None


def test_an_engine_of_ours_is_known_once_it_has_run(plan: Plan, tmp_path: Path) -> None:
    (planned,) = plan.planned
    assert known(plan, OWN, tmp_path) is None
    keep(plan, planned, OWN, TOLD, tmp_path)
    (state,) = known_states(plan, BASE, [OWN], tmp_path).values()
    assert state == described(plan, planned, BASE, TOLD)


def test_one_that_is_unpacked_again_is_not(plan: Plan, tmp_path: Path) -> None:
    keep(plan, plan.planned[0], OWN, TOLD, tmp_path)
    root = roots.place_of(SUITE, tmp_path)
    root.rename(tmp_path / "aside")
    root.mkdir()
    assert known(plan, OWN, tmp_path) is None


def test_what_is_broken_in_the_cache_is_not_known(plan: Plan, tmp_path: Path) -> None:
    keep(plan, plan.planned[0], OWN, TOLD, tmp_path)
    (file,) = (tmp_path / "targets").iterdir()
    for text in ("{", "[]", json.dumps({"other": 1})):
        file.write_text(text)
        assert known(plan, OWN, tmp_path) is None


def test_a_clients_engine_is_known_for_this_client_alone(
    plan: Plan, tmp_path: Path
) -> None:
    record = known_records(())["buildx-0.29"]
    planned = PlannedTarget(target=BUILDX, engine="one", tool="tool")
    root = tmp_path / "tool"
    root.mkdir()
    tool = Tool(record=record, root=root, version="0.29.1")
    plan = replace(plan, planned=(planned,), tools={"tool": tool})
    keep(plan, planned, OWN, TOLD, tmp_path)
    assert known(plan, OWN, tmp_path) == TOLD.version
    root.rename(tmp_path / "aside")
    root.mkdir()
    assert known(plan, OWN, tmp_path) is None


def test_an_engine_in_a_container_is_known_by_its_image(
    plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = {"docker:x": "sha256:1"}
    monkeypatch.setattr(
        sources, "image_id", lambda source, *_: images.get(source.image, "")
    )
    keep(plan, plan.planned[0], IMAGE, TOLD, tmp_path)
    assert known(plan, IMAGE, tmp_path) == TOLD.version
    images["docker:x"] = "sha256:2"
    assert known(plan, IMAGE, tmp_path) is None
    images.clear()
    assert known(plan, IMAGE, tmp_path) is None


def test_an_image_where_no_engine_answers_is_not_known(tmp_path: Path) -> None:
    assert sources.image_id(IMAGE, tmp_path, f"unix://{tmp_path}/none") == ""


def test_an_engine_that_runs_is_asked(plan: Plan, tmp_path: Path) -> None:
    there = replace(OWN, suite=None, engine=ENGINE)
    assert known(plan, there, tmp_path) == ENGINE.version
    keep(plan, plan.planned[0], there, TOLD, tmp_path)
    assert known(plan, there, tmp_path) == ENGINE.version
    assert ask(plan, plan.planned[0], ENGINE).components == {"runc": "1.1"}


def test_a_users_base_counts_with_its_config(plan: Plan) -> None:
    (planned,) = plan.planned
    theirs = replace(plan, settings=Settings(base="theirs"))
    before = described(theirs, planned, BASE, TOLD)
    other = base_of(config([b""], config={"Env": ["A=1"]}))
    assert changes(before, described(theirs, planned, other, TOLD)) == ("another base",)
    # of ours there is one config
    ours = described(plan, planned, BASE, TOLD)
    assert ours.base == {"diff_ids": before.base["diff_ids"]}


def test_how_a_users_builder_is_run_counts_and_what_is_said_of_it_does_not(
    tmp_path: Path,
) -> None:
    def state(value: str, note: str) -> object:
        file = tmp_path / "mine.toml"
        text = RECORD.replace("{value}", value).replace("{note}", note)
        file.write_text(text)
        settings = Settings(builders=(file,))
        builders = builders_of(known_records(settings.builders).values())
        planned = PlannedTarget(target=builders.target("mine@1.28.2+vfs"), tool="mine")
        return described(plan_of(tmp_path, settings, planned), planned, BASE, TOLD)

    assert state("1", "a") == state("1", "b") != state("2", "a")


def test_a_file_that_says_something_else_marks_what_was_measured(
    plan: Plan, tmp_path: Path
) -> None:
    results = tmp_path / "results"
    plan = replace(plan, settings=Settings(results=results))
    (planned,) = plan.planned
    result = Result(case="demo/a", case_digest="sha256:1", target=LEGACY.id, builds=())
    record_target(plan, planned, BASE, TOLD, OWN)
    disk.save(results, result)
    record_target(plan, planned, BASE, TOLD, replace(OWN, suite=None, image="docker:x"))
    assert disk.load(results, "demo/a")[LEGACY.id] == result
    record_target(plan, planned, BASE, replace(TOLD, version="20.10.24+dfsg2"), OWN)
    assert disk.load(results, "demo/a")[LEGACY.id] == replace(result, earlier=True)
