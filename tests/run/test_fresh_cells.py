"""What a run need not build, by stored results, its targets and its settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from harness.builders.records import standard_builders
from harness.cases.case import Case, load_case
from harness.measure.observation import BuildRecord
from harness.provision.settings import Settings
from harness.results import disk
from harness.results.record import Result, TargetRecord, encode, write
from harness.run import last_errors
from harness.run.fresh_cells import FreshCells, fresh_cells

OLD, NEW = "legacy@20.10.24", "legacy@28.5.2"


def state(target: str, **rest: str) -> TargetRecord:
    return TargetRecord(
        target=target,
        builder="legacy",
        version=target.partition("@")[2],
        api="1.41",
        store="overlay2",
        architecture="amd64",
        components={"runc": rest.get("runc", "1.1")},
    )


STATES: Mapping[str, TargetRecord | None] = {each: state(each) for each in (OLD, NEW)}


@pytest.fixture
def results(tmp_path: Path) -> Path:
    return tmp_path / "results"


@pytest.fixture
def case(tmp_path: Path, results: Path) -> Case:
    path = tmp_path / "cases" / "demo" / "a.yaml"
    path.parent.mkdir(parents=True)
    path.write_text("title: t\nwhy: w\ndockerfile: FROM scratch\n")
    case = load_case(path, tmp_path / "cases", standard_builders())
    for target in STATES:
        write(disk.target_path(results, target), encode(state(target)))
        build = BuildRecord(name="build", outcome="ok")
        disk.save(
            results,
            Result(
                case=case.id, case_digest=case.digest, target=target, builds=(build,)
            ),
        )
    return case


def found(
    results: Path,
    case: Case,
    states: Mapping[str, TargetRecord | None] = STATES,
    settings: Settings | None = None,
    errors: frozenset[tuple[str, str]] = frozenset(),
) -> FreshCells:
    return fresh_cells(results, [case], states, settings or Settings(), errors)


def test_where_nothing_has_changed_all_is_fresh(results: Path, case: Case) -> None:
    assert found(results, case) == FreshCells(cells={case.id: frozenset(STATES)})


def test_a_target_of_other_versions_is_measured_again_and_why(
    results: Path, case: Case
) -> None:
    now = {**STATES, OLD: state(OLD, runc="1.2")}
    assert found(results, case, now) == FreshCells(
        cells={case.id: frozenset({NEW})}, reasons={OLD: "runc 1.1, now 1.2"}
    )


def test_a_target_that_is_not_known_is_measured(results: Path, case: Case) -> None:
    now = {**STATES, OLD: None}
    told = found(results, case, now)
    assert told.cells == {case.id: frozenset({NEW})}
    assert list(told.lines()) == [
        f"to measure again: {OLD}: its engine has not run here yet"
    ]


def test_a_target_without_results_is_not_told_of(results: Path, case: Case) -> None:
    now = {**STATES, "legacy@9.0": None}
    assert found(results, case, now).reasons == {}


def test_targets_that_have_changed_alike_share_a_line(
    results: Path, case: Case
) -> None:
    assert list(found(results, case, dict.fromkeys(STATES)).lines()) == [
        f"to measure again: {OLD}, {NEW}: its engine has not run here yet"
    ]


def test_results_without_their_targets_file_are_measured_again(
    results: Path, case: Case
) -> None:
    disk.target_path(results, OLD).unlink()
    assert found(results, case).cells == {case.id: frozenset({NEW})}


def test_a_broken_result_is_measured_again(results: Path, case: Case) -> None:
    disk.path_of(results, case.id).write_text("{")
    assert found(results, case).cells == {case.id: frozenset()}


def test_targets_that_are_not_of_the_run_are_left_out(
    results: Path, case: Case
) -> None:
    assert found(results, case, {OLD: state(OLD)}).cells == {case.id: frozenset({OLD})}


@pytest.mark.parametrize("settings", [Settings(fresh=True), Settings(repeat=2)])
def test_what_is_asked_for_again_is_built(
    results: Path, case: Case, settings: Settings
) -> None:
    assert found(results, case, settings=settings) == FreshCells()


def test_missing_goes_by_the_case_alone(results: Path, case: Case) -> None:
    now = {OLD: state(OLD, runc="1.2"), NEW: None, "legacy@9.0": None}
    missing = Settings(missing=True)
    every = FreshCells(cells={case.id: frozenset(STATES)})
    assert found(results, case, now, missing) == every
    stored = disk.load(results, case.id)[OLD]
    disk.save(results, replace(stored, case_digest="sha256:1"))
    changed = found(results, case, now, missing)
    assert changed.cells == {case.id: frozenset({NEW})}


def test_what_the_last_run_could_not_measure_is_never_fresh(
    results: Path, case: Case, tmp_path: Path
) -> None:
    last_errors.save(tmp_path, results, [], [(case.id, OLD)])
    errors = last_errors.load(tmp_path, results)
    for settings in (Settings(), Settings(missing=True)):
        told = found(results, case, settings=settings, errors=errors)
        assert told.cells == {case.id: frozenset({NEW})}


def test_errors_are_kept_until_the_cell_is_measured(tmp_path: Path) -> None:
    here, other = tmp_path / "results", tmp_path / "again"
    last_errors.save(tmp_path, here, [], [("a", OLD), ("b", OLD)])
    last_errors.save(tmp_path, other, [], [("a", OLD)])
    last_errors.save(tmp_path, here, [("a", OLD), ("c", OLD)], [("c", OLD)])
    assert last_errors.load(tmp_path, here) == {("b", OLD), ("c", OLD)}
    assert last_errors.load(tmp_path, other) == {("a", OLD)}
    (tmp_path / "errors.json").write_text("[1")
    assert last_errors.load(tmp_path, here) == set()
