"""What a run builds where, as workers are told it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness.builders.records import standard_builders
from harness.engines import Source
from harness.errors import UsageError
from harness.provision.plan import Plan, choose, from_json, targets_of

BUILDERS = standard_builders()


def source(version: str, store: str = "overlay2", name: str = "one") -> Source:
    return Source(name=name, version=version, store=store)


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


def test_selectors_choose_among_what_the_engines_offer() -> None:
    chosen = choose([NEW, OLD], ["buildkit", "legacy@20.10"], BUILDERS)
    assert [(each.target.id, each.engine) for each in chosen] == [
        ("buildkit@28.5.2+containerd", "two"),
        ("legacy@20.10.24", "one"),
        ("buildkit@20.10.24", "one"),
    ]


def test_without_selectors_all_is_built() -> None:
    assert len(choose([OLD, NEW], [], BUILDERS)) == 4


def test_when_no_target_is_left_what_there_is_is_said() -> None:
    with pytest.raises(UsageError, match="no target is left") as caught:
        choose([OLD], ["buildkit@>=23"], BUILDERS)
    assert caught.value.hint == "the engines offer legacy@20.10.24, buildkit@20.10.24"


def test_two_engines_of_one_version_and_store_are_refused() -> None:
    with pytest.raises(UsageError, match="same version and store"):
        choose([OLD, replace(OLD, name="again")], [], BUILDERS)


def test_a_worker_reads_the_plan_that_the_controller_wrote(tmp_path: Path) -> None:
    plan = Plan(
        builders=BUILDERS,
        seats=choose([NEW, OLD], ["legacy"], BUILDERS),
        folder=tmp_path,
        base=tmp_path / "base.tar",
        shared="layer-harness/base:1",
        results=tmp_path / "results",
        logs=tmp_path / "logs",
        limit=12.5,
        repeat=2,
    )
    assert from_json(plan.to_json()) == plan
    assert [each.id for each in plan.targets] == [
        "legacy@20.10.24",
        "legacy@28.5.2+containerd",
    ]
    assert (plan.bases, replace(plan, workers=8).bases) == (8, 2)
