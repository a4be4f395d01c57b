"""What a run builds where, as workers are told it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness.builders.command import Tool
from harness.builders.records import standard_builders, standard_records
from harness.engines import EngineSource
from harness.provision.plan import Plan, from_json, plan_targets, targets_of
from harness.provision.settings import Settings

BUILDERS = standard_builders()


def source(version: str, store: str = "overlay2", name: str = "one") -> EngineSource:
    return EngineSource(name=name, version=version, store=store)


OLD = source("20.10.24")
NEW = source("28.5.2", "containerd", "two")


def test_an_engine_offers_each_builder_inside_it() -> None:
    old = targets_of("20.10.24+dfsg1", "overlay2", BUILDERS)
    assert [each.id for each in old] == ["legacy@20.10.24", "buildkit@20.10.24"]
    new = targets_of("28.5.2", "containerd", BUILDERS)
    assert [each.id for each in new] == [
        "legacy@28.5.2+containerd",
        "buildkit@28.5.2+containerd",
    ]


def test_a_version_is_written_as_the_engine_writes_it() -> None:
    found = targets_of("18.09.1", "overlay2", BUILDERS)
    assert found[0].id == "legacy@18.09.1"


def test_a_worker_reads_the_plan_that_the_controller_wrote(tmp_path: Path) -> None:
    plan = Plan(
        settings=Settings(limit=12.5, repeat=2, results=tmp_path / "results"),
        builders=BUILDERS,
        planned=tuple(plan_targets([NEW, OLD], [], BUILDERS)),
        folder=tmp_path,
        base=tmp_path / "base.tar",
        shared="layer-harness/base:1",
        tools={
            "podman of Debian experimental": Tool(
                record=standard_records()["podman"],
                root=tmp_path / "root",
                version="6.1.1",
                suite="experimental",
                cgroup2=True,
            ),
            "buildx": Tool(
                record=standard_records()["buildx"], root=None, version="0.30.1"
            ),
        },
    )
    assert from_json(plan.to_json()) == plan
    assert [each.id for each in plan.targets] == [
        "legacy@20.10.24",
        "legacy@28.5.2+containerd",
        "buildkit@20.10.24",
        "buildkit@28.5.2+containerd",
    ]
    assert plan.bases == 8
    assert replace(plan, settings=replace(plan.settings, jobs=8)).bases == 2


@pytest.mark.parametrize(
    ("jobs", "workers"), [(1, 1), (2, 3), (3, 4), (4, 5), (5, 7), (8, 10)]
)
def test_more_workers_than_builds_at_a_time(jobs: int, workers: int) -> None:
    assert Settings(jobs=jobs).workers == workers


def test_targets_of_one_engine_come_together(tmp_path: Path) -> None:
    plan = Plan(
        settings=Settings(),
        builders=BUILDERS,
        planned=tuple(plan_targets([NEW, OLD], [], BUILDERS)),
        folder=tmp_path,
        base=tmp_path,
        shared="",
    )
    assert [each.id for each in sorted(plan.targets, key=plan.turn)] == [
        "legacy@28.5.2+containerd",
        "buildkit@28.5.2+containerd",
        "legacy@20.10.24",
        "buildkit@20.10.24",
    ]
