"""A result is fresh while nothing that it goes by has changed; each thing counts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.builders.records import standard_builders
from harness.cases.case import Case, load_case
from harness.measure.observation import BuildRecord
from harness.results import disk
from harness.results.fresh import changes, fresh
from harness.results.record import Result, TargetRecord

TARGET = TargetRecord(
    target="buildx-0.29@28.5.2",
    builder="buildx-0.29",
    version="28.5.2+dfsg1",
    api="1.51",
    store="overlay2",
    architecture="amd64",
    how="packages of Debian forky",
    components={"containerd": "1.7.24", "runc": "1.1.15", "buildkit": "0.25"},
    tool={"buildx-0.29": "0.29.1"},
    base={"diff_ids": ["sha256:1"]},
    rules={"registry": "a reason", "copier": "another"},
)
#: What a target's results go by, each changed.
COUNTS: Mapping[str, tuple[Any, ...]] = {
    "version": ("28.5.2+dfsg2", ""),
    "api": ("1.52",),
    "store": ("containerd",),
    "architecture": ("arm64",),
    "components": (
        {**TARGET.components, "containerd": "1.7.25"},
        {**TARGET.components, "buildkit": "0.26"},
        {"containerd": "1.7.24", "runc": "1.1.15"},
        {**TARGET.components, "new": "1"},
    ),
    "tool": ({"buildx-0.29": "0.29.2"}, {}),
    "base": ({"diff_ids": ["sha256:2"]}, {**TARGET.base, "config": "sha256:3"}),
    "rules": ({**TARGET.rules, "new": "a reason"}, {"registry": "a reason"}),
    "record": (next(iter(standard_builders().values())),),
    "command": ("sha256:4",),
    "measuring": (2,),
}
#: What says the same in other words, or is part of the ID.
DOES_NOT_COUNT: Mapping[str, tuple[Any, ...]] = {
    "format": (),
    "target": (),
    "builder": (),
    "how": ("by its address",),
}
CASE = """
title: t
why: w
limit: 5
dockerfile: |
  ARG BASE
  FROM ${BASE}
  COPY a /a
context: {a: {content: "1", mode: "0600"}}
args: {A: "1"}
"""


def case_of(folder: Path, text: str) -> Case:
    path = folder / "demo" / "case.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return load_case(path, folder, standard_builders())


@pytest.fixture
def case(tmp_path: Path) -> Case:
    return case_of(tmp_path, CASE)


def result_of(case: Case, outcome: Any = "ok", **rest: Any) -> Result:
    return Result(
        case=case.id,
        case_digest=case.digest,
        target=TARGET.target,
        builds=(BuildRecord(name="build", outcome=outcome),),
        **rest,
    )


def is_fresh(case: Case, result: Result, limit: float = 300.0) -> bool:
    return bool(fresh(case, {result.target: result}, {result.target}, limit))


def test_every_field_of_a_target_counts_or_is_said_not_to() -> None:
    named = {each.name for each in fields(TargetRecord)}
    assert named == COUNTS.keys() | DOES_NOT_COUNT.keys()


@pytest.mark.parametrize(
    ("name", "value"),
    [(name, value) for name, values in COUNTS.items() for value in values],
)
def test_each_thing_that_a_target_is_counts(name: str, value: object) -> None:
    now = replace(TARGET, **{name: value})  # type: ignore[arg-type]
    assert len(changes(TARGET, now)) == len(changes(now, TARGET)) == 1


@given(st.sets(st.sampled_from(sorted(COUNTS))), st.sets(st.sampled_from(["how"])))
def test_a_target_has_changed_when_any_of_it_has(
    counts: set[str], others: set[str]
) -> None:
    every = {**COUNTS, **DOES_NOT_COUNT}
    now = replace(TARGET, **{name: every[name][0] for name in counts | others})
    assert bool(changes(TARGET, now)) == bool(counts)


def test_a_change_is_told_with_both_versions() -> None:
    now = replace(
        TARGET,
        components={**TARGET.components, "runc": "1.2"},
        base={"diff_ids": []},
    )
    assert changes(TARGET, now) == ("runc 1.1.15, now 1.2", "another base")


def test_the_reasons_of_rules_do_not_count() -> None:
    assert not changes(
        TARGET, replace(TARGET, rules=dict.fromkeys(TARGET.rules, "in other words"))
    )


@pytest.mark.parametrize(
    "edit",
    [
        lambda text: text.replace("COPY a /a", "COPY a /b"),
        lambda text: text.replace('content: "1"', 'content: "2"'),
        lambda text: text.replace("0600", "0644"),
        lambda text: text.replace('A: "1"', 'A: "2"'),
        lambda text: text + "target: other\n",
        lambda text: text + "labels: {a: b}\n",
        lambda text: text + "cold: false\n",
        lambda text: text + "raw: true\n",
        lambda text: text + "run: ['true']\n",
        lambda text: text + "options: {squash: true}\n",
        lambda text: text + "expect: [{because: b, reproducible: true}]\n",
    ],
)
def test_each_thing_that_a_case_builds_counts(
    case: Case, tmp_path: Path, edit: Callable[[str], str]
) -> None:
    result = result_of(case)
    assert is_fresh(case, result)
    assert not is_fresh(case_of(tmp_path, edit(CASE)), result)


@pytest.mark.parametrize(
    "more", ["refs: [https://x.org/]", "expect: [{because: b, layers: 1}]"]
)
def test_what_is_said_and_expected_of_a_case_does_not_count(
    case: Case, tmp_path: Path, more: str
) -> None:
    assert is_fresh(case_of(tmp_path, f"{CASE}{more}\n"), result_of(case))


def test_what_is_not_stable_or_not_supported_is_fresh_too(case: Case) -> None:
    assert is_fresh(case, result_of(case, unstable=("layers",)))
    assert is_fresh(case, replace(result_of(case), builds=(), reason="no --ssh"))


def test_a_target_that_is_another_now_has_nothing_fresh(case: Case) -> None:
    result = result_of(case)
    assert not fresh(case, {result.target: result}, set(), 300.0)
    assert not is_fresh(case, replace(result, earlier=True))


def test_a_build_that_met_the_limit_is_fresh_under_the_same_limit(
    tmp_path: Path,
) -> None:
    case = case_of(tmp_path, CASE.replace("limit: 5\n", ""))
    assert is_fresh(case, result_of(case, "timeout", limit=300.0))
    assert not is_fresh(case, result_of(case, "timeout", limit=20.0))
    assert not is_fresh(case, result_of(case, "timeout"))
    # what was done in time did not go by it
    assert is_fresh(case, result_of(case), limit=20.0)
    # and what had more time would have met a lower limit as well
    assert is_fresh(case, result_of(case, "timeout", limit=400.0))


def test_a_build_that_met_a_case_s_own_limit_is_built_again_when_that_is_raised(
    tmp_path: Path,
) -> None:
    case = case_of(tmp_path, CASE)
    met = result_of(case, "timeout", limit=5.0)
    # whatever the run's own limit is
    assert is_fresh(case, met, limit=300.0)
    assert is_fresh(case_of(tmp_path, CASE.replace("limit: 5", "limit: 4")), met)
    assert not is_fresh(case_of(tmp_path, CASE.replace("limit: 5", "limit: 6")), met)
    assert is_fresh(
        case_of(tmp_path, CASE.replace("limit: 5", "limit: 6")), result_of(case)
    )


def test_results_of_a_target_that_changed_stay_until_they_are_measured(
    case: Case, tmp_path: Path
) -> None:
    other = replace(result_of(case), target="legacy@28.5.2")
    disk.save(tmp_path, other)
    disk.save(tmp_path, result_of(case))
    path = disk.path_of(tmp_path, case.id)
    before = path.read_bytes()
    disk.outdate(tmp_path, TARGET.target)
    marked = disk.load(tmp_path, case.id)
    assert marked[TARGET.target] == replace(result_of(case), earlier=True)
    assert marked[other.target] == other
    # the others of the file are saved meanwhile, and the mark stays
    disk.save(tmp_path, other)
    assert disk.load(tmp_path, case.id) == marked
    disk.save(tmp_path, result_of(case))
    assert path.read_bytes() == before


def test_a_case_that_a_target_has_no_result_of_is_not_touched(
    case: Case, tmp_path: Path
) -> None:
    disk.save(tmp_path, result_of(case))
    path = disk.path_of(tmp_path, case.id)
    before = path.stat()
    disk.outdate(tmp_path, "buildx-0.29@28.5.2+containerd")
    assert path.stat() == before
