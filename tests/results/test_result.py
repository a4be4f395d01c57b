"""Results on disk: canonical, whole or not there, read back or named."""

from __future__ import annotations

import json
import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from harness.builders.records import standard_builders
from harness.results import record

from harness.results import disk
from harness.errors import ResultError
from harness.measure.observation import BuildRecord, Step
from harness.results.record import CaseRecord, OutcomeRecord, Result, TargetRecord

STORED = Result(
    case="g/c",
    case_digest="sha256:1",
    target="legacy@20.10.24",
    builds=(
        BuildRecord(
            name="build",
            outcome="ok",
            steps=(Step(line=3, text="RUN é", layer=None, cached=False),),
            config={"Labels": {"b": "2", "a": "1"}, "Env": []},
        ),
    ),
)
RECORD = CaseRecord(
    case=STORED.case,
    outcomes=(
        OutcomeRecord(
            targets=(STORED.target,),
            case_digest=STORED.case_digest,
            builds=STORED.builds,
        ),
    ),
)
TARGET = TargetRecord(
    target="legacy@20.10.24",
    builder="legacy",
    version="20.10.24",
    api="1.41",
    store="overlay2",
    architecture="amd64",
    components={"containerd": "1.6"},
)


def test_a_result_is_sorted_readable_and_without_what_is_by_default() -> None:
    text = record.encode(RECORD).decode()
    assert text.endswith("}\n")
    assert '"RUN é"' in text
    assert text.index('"a": "1"') < text.index('"b": "2"')
    assert '"format": 3' in text
    assert '"cached": false' in text
    assert "findings" not in text
    assert "reproducible" not in text


def test_records_read_back_as_they_were() -> None:
    assert record.decode(CaseRecord, record.encode(RECORD), where="x") == RECORD
    assert record.decode(TargetRecord, record.encode(TARGET), where="x") == TARGET


def test_the_order_of_a_mapping_changes_no_byte() -> None:
    (built,) = STORED.builds
    turned = replace(built, config=dict(reversed(list(built.config.items()))))
    (outcome,) = RECORD.outcomes
    again = replace(RECORD, outcomes=(replace(outcome, builds=(turned,)),))
    assert record.encode(again) == record.encode(RECORD)


def test_a_result_is_found_where_it_was_saved(tmp_path: Path) -> None:
    assert disk.load(tmp_path, STORED.case) == {}
    assert disk.save(tmp_path, STORED)
    assert (tmp_path / "g" / "c.json").is_file()
    assert disk.load(tmp_path, STORED.case) == {STORED.target: STORED}
    assert not disk.save(tmp_path, STORED)


def test_equal_results_are_stored_once_in_whatever_order_they_come(
    tmp_path: Path,
) -> None:
    names = ["legacy@28.5.2", "buildkit@20.10.5", "legacy@9.0", "mine@1.0"]
    results = [replace(STORED, target=each) for each in names]
    results.append(replace(STORED, target="podman@5.4.2+vfs", builds=()))
    for folder, order in (("a", results), ("b", results[::-1])):
        for each in order:
            disk.save(tmp_path / folder, each)
    one, other = (disk.path_of(tmp_path / each, STORED.case) for each in "ab")
    assert one.read_bytes() == other.read_bytes()
    read = record.decode(CaseRecord, one.read_bytes(), where="x")
    assert [each.targets for each in read.outcomes] == [
        ("buildkit@20.10.5", "legacy@9.0", "legacy@28.5.2", "mine@1.0"),
        ("podman@5.4.2+vfs",),
    ]
    assert disk.load(tmp_path / "a", STORED.case) == {
        each.target: each for each in results
    }


def test_a_result_that_changes_leaves_those_it_was_equal_to(tmp_path: Path) -> None:
    names = ["legacy@20.10.5", "legacy@28.5.2"]
    for each in names:
        disk.save(tmp_path, replace(STORED, target=each))
    changed = replace(STORED, target=names[0], reason="no room")
    assert disk.save(tmp_path, changed)
    assert disk.load(tmp_path, STORED.case) == {
        names[0]: changed,
        names[1]: replace(STORED, target=names[1]),
    }


def test_processes_that_save_at_a_time_lose_nothing(tmp_path: Path) -> None:
    names = [f"legacy@20.10.{number}" for number in range(24)]
    results = [replace(STORED, target=each) for each in names]
    with ProcessPoolExecutor(4) as pool:
        list(pool.map(disk.save, [tmp_path] * len(results), results))
    assert sorted(disk.load(tmp_path, STORED.case)) == sorted(names)


def test_a_result_of_what_is_no_target_is_named(tmp_path: Path) -> None:
    disk.save(tmp_path, STORED)
    path = disk.path_of(tmp_path, STORED.case)
    path.write_text(path.read_text().replace(STORED.target, "legacy"))
    with pytest.raises(ResultError, match="not a target: 'legacy'"):
        disk.load(tmp_path, STORED.case)


def test_a_broken_file_is_set_aside_for_a_new_result(tmp_path: Path) -> None:
    path = disk.path_of(tmp_path, STORED.case)
    path.parent.mkdir()
    path.write_bytes(b"<<<<<<< ours")
    assert disk.save(tmp_path, STORED)
    assert disk.load(tmp_path, STORED.case) == {STORED.target: STORED}
    assert (tmp_path / "g" / "c.json.broken").read_bytes() == b"<<<<<<< ours"


def test_a_write_that_fails_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    place = tmp_path / "a.json"
    record.write(place, b"old")
    with pytest.raises(TypeError):
        record.write(place, "no bytes")  # type: ignore[arg-type]
    assert place.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a.json"]  # noqa: PTH208  # hidden files too


def test_a_result_of_a_newer_format_is_refused(tmp_path: Path) -> None:
    body = record.encode(replace(RECORD, format=4))
    with pytest.raises(ResultError, match="has format 4, this version reads 3"):
        record.decode(CaseRecord, body, where=str(tmp_path))


def test_targets_are_listed_in_their_order(tmp_path: Path) -> None:
    (tmp_path / "targets").mkdir()
    for name in ("buildkit@20.10.24", "legacy@26.1.5", "legacy@9.0", "notes"):
        disk.target_path(tmp_path, name).write_text("{}")
    assert [each.id for each in disk.targets(tmp_path, standard_builders())] == [
        "legacy@9.0",
        "legacy@26.1.5",
        "buildkit@20.10.24",
    ]


@pytest.mark.parametrize("layer", [0, -1, 2])
def test_a_step_with_a_layer_that_is_not_there_is_a_broken_result(
    tmp_path: Path, layer: int
) -> None:
    step = {"line": 3, "text": "RUN x", "layer": layer, "cached": None}
    made: dict[str, object] = {"line": 3, "diff_id": None, "size": 0, "changes": []}
    build = {"name": "build", "outcome": "ok", "layers": [made], "steps": [step]}
    outcome = {"targets": ["legacy@20.10.24"], "case_digest": "x", "builds": [build]}
    path = disk.path_of(tmp_path, "demo/a")
    path.parent.mkdir()
    path.write_text(json.dumps({"format": 3, "case": "demo/a", "outcomes": [outcome]}))
    with pytest.raises(ResultError, match=f"line 3 has layer {layer} of 1"):
        disk.load(tmp_path, "demo/a")
