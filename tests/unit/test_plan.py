"""What a run builds where, as workers are told it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness.engines import Address, Engine
from harness.errors import UsageError
from harness.plan import Plan, choose, engine_of, from_json, targets_of


def engine(version: str, storage: str = "overlay2", name: str = "one") -> Engine:
    return Engine(
        name=name,
        address=Address(url=f"unix:///{name}"),
        version=version,
        api="1.41",
        storage=storage,
        components=(("containerd", "1.6"),),
        architecture="amd64",
        data_root=None,
        clock_offset=0.0,
    )


OLD = engine("20.10.24+dfsg1")
NEW = engine("28.5.2", "containerd", name="two")


def test_an_engine_offers_each_builder_inside_it() -> None:
    assert [each.id for each in targets_of(OLD)] == [
        "legacy@20.10.24",
        "buildkit@20.10.24",
    ]
    assert [each.id for each in targets_of(NEW)] == [
        "legacy@28.5.2+containerd",
        "buildkit@28.5.2+containerd",
    ]


def test_a_version_is_written_as_the_engine_writes_it() -> None:
    assert targets_of(engine("18.09.1"))[0].id == "legacy@18.09.1"


def test_targets_are_chosen_by_selector_in_their_order() -> None:
    assert [each.id for each in choose([NEW, OLD], ["buildkit", "legacy@20.10"])] == [
        "legacy@20.10.24",
        "buildkit@20.10.24",
        "buildkit@28.5.2+containerd",
    ]
    assert len(choose([OLD, NEW], [])) == 4


def test_a_selector_that_leaves_nothing_says_what_there_is() -> None:
    with pytest.raises(UsageError, match="no target is left") as caught:
        choose([OLD], ["buildkit@>=23"])
    assert caught.value.hint == "the engines offer legacy@20.10.24, buildkit@20.10.24"


def test_two_engines_of_one_version_and_store_are_refused() -> None:
    with pytest.raises(UsageError, match="same version and store"):
        choose([OLD, replace(OLD, name="again")], [])


def test_a_worker_reads_the_plan_that_the_controller_wrote(tmp_path: Path) -> None:
    plan = Plan(
        engines=(OLD, NEW),
        targets=choose([OLD, NEW], ["legacy"]),
        base=tmp_path / "base.tar",
        shared="layer-harness/base:1",
        results=tmp_path / "results",
        logs=tmp_path / "logs",
        limit=12.5,
        repeat=2,
    )
    assert from_json(plan.to_json()) == plan
    assert [plan.engine(each) for each in plan.targets] == [OLD, NEW]


def test_a_target_of_no_engine_has_none() -> None:
    with pytest.raises(KeyError):
        engine_of([NEW], targets_of(OLD)[0])
