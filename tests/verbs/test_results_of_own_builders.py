"""A user's own builder: its results are read without the file of its record."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from called import harness
from saved import old, packed

from harness.builders.command import Tool
from harness.builders.records import builders_of, known_records
from harness.cases.case import load_case
from harness.images.base import from_archive
from harness.measure.observation import BuildRecord
from harness.provision.plan import Plan, PlannedTarget
from harness.provision.settings import Settings
from harness.provision.target_record import ask, record_target
from harness.results import disk
from harness.results.record import Result

CASE = """\
title: T
why: w
on: [mine+stargz, buildah]
dockerfile: |
  FROM scratch
  COPY a /
"""
RECORD = """\
[mine]
like = "buildah-layers"
title = "My builder"
stores = ["stargz"]
"""
MINE, OTHER = "mine@1.2.3+stargz", "buildah@1.28.2+vfs"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Store what `run --builders mine.toml` leaves of a case on two targets."""
    case = tmp_path / "cases" / "demo" / "a.yaml"
    case.parent.mkdir(parents=True)
    case.write_text(CASE)
    (tmp_path / "cases" / "groups.toml").write_text('[demo]\ntitle = "Demo"\n')
    (tmp_path / "mine.toml").write_text(RECORD)
    base = tmp_path / "base.tar"
    base.write_bytes(packed(old([], ["base:1"])))
    records = known_records([tmp_path / "mine.toml"])
    builders = builders_of(records.values())
    planned = tuple(
        PlannedTarget(target=target, tool=target.builder.name)
        for target in map(builders.target, (MINE, OTHER))
    )
    results = tmp_path / "results"
    plan = Plan(
        settings=Settings(results=results),
        planned=planned,
        builders=builders,
        folder=tmp_path,
        base=base,
        shared="base:1",
        tools={
            name: Tool(record=records[name], root=None, version=version)
            for name, version in (("mine", "1.2.3"), ("buildah", "1.28.2"))
        },
    )
    loaded = load_case(case, tmp_path / "cases", builders)
    for each, user in zip(planned, ("one", "two"), strict=True):
        record_target(plan, each, from_archive(base), ask(plan, each, None))
        build = BuildRecord(name="build", outcome="ok", config={"User": user})
        result = Result(
            case="demo/a",
            case_digest=loaded.digest,
            target=each.target.id,
            builds=(build,),
        )
        disk.save(results, result)
    (tmp_path / "mine.toml").unlink()
    return tmp_path


def test_the_matrix_has_its_column(folder: Path) -> None:
    code, out, err = harness(folder, "matrix", "-t", "mine", "--format", "json")
    assert (code, err) == (0, "")
    assert json.loads(out)["targets"] == [MINE]
    _, out, _ = harness(folder, "matrix", "-t", "+stargz", "--format", "json")
    assert json.loads(out)["targets"] == [MINE]
    # it is of buildah's family, and stands behind the builders that ship
    _, out, _ = harness(folder, "matrix", "-t", "buildah", "--format", "json")
    assert json.loads(out)["targets"] == [OTHER, MINE]


def test_a_difference_names_it(folder: Path) -> None:
    code, out, _ = harness(folder, "diff", OTHER, MINE)
    assert code == 0
    assert "config User" in out
    assert "mine" in out


def test_explain_calls_it_by_its_title(folder: Path) -> None:
    code, out, _ = harness(folder, "explain", "demo/a", "-t", "mine")
    assert code == 0
    assert "Aa  My builder: " in out


def test_list_counts_its_results(folder: Path) -> None:
    _, out, _ = harness(folder, "list", "targets", "--format", "json")
    (row,) = [each for each in json.loads(out) if each["id"] == MINE]
    assert (row["state"], row["results"]) == ("results only", 1)
    code, out, _ = harness(folder, "list", "-q")
    assert (code, out) == (0, "demo/a\n")


def test_only_what_ships_needs_no_description(folder: Path) -> None:
    told = {
        name: json.loads(disk.target_path(folder / "results", name).read_bytes())
        for name in (MINE, OTHER)
    }
    assert told[MINE]["record"]["title"] == "My builder"
    assert told[MINE]["record"]["stores"] == ["stargz"]
    assert "record" not in told[OTHER]


def test_building_with_it_takes_its_record(folder: Path) -> None:
    code, _, err = harness(folder, "run", "-t", "mine")
    assert code == 2
    assert "`mine` has results here, and building takes its record" in err
    assert "--builders FILE" in err


def test_without_its_results_it_is_unknown(folder: Path) -> None:
    for each in (folder / "results" / "targets").iterdir():
        each.unlink()
    code, _, err = harness(folder, "matrix", "-t", "mine")
    assert code == 2
    assert "`mine` does not name a known builder" in err
