"""Results where nothing can be written: told as that, nothing lost, nothing half."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from called import harness
from faulty_folders import FAULTS, files

from harness.documents.whole_file import remove_parts
from harness.errors import ResultError, WriteError
from harness.measure.observation import BuildRecord
from harness.results import disk
from harness.results.record import Result

ROOT = Path(__file__).parents[2]
BUILD = BuildRecord(name="build", outcome="ok")
STORED = Result(
    case="volume/c", case_digest="1", target="legacy@20.10.24", builds=(BUILD,)
)
NEW = replace(STORED, target="buildkit@20.10.24", reason="x" * 8192)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_result_that_cannot_be_written_leaves_what_was_there(
    tmp_path: Path, fault: str
) -> None:
    disk.save(tmp_path, STORED)
    group = tmp_path / "volume"
    before = files(tmp_path)
    with FAULTS[fault](group) as words:
        with pytest.raises(WriteError, match=words) as caught:
            disk.save(tmp_path, NEW)
        assert caught.value.where == str(group / "c.json")
        assert caught.value.hint
        assert files(tmp_path) == before
    disk.save(tmp_path, NEW)
    assert set(disk.load(tmp_path, "volume/c")) == {STORED.target, NEW.target}


def test_a_group_without_a_folder_that_can_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "volume").write_text("a file in the place of the folder")
    with pytest.raises(WriteError, match="File exists|Not a directory"):
        disk.save(tmp_path, STORED)


def test_a_folder_in_the_place_of_a_result_is_told_and_kept(tmp_path: Path) -> None:
    place = tmp_path / "volume" / "c.json"
    place.mkdir(parents=True)
    (place / "mine").write_text("kept")
    for act in (disk.load, disk.save):
        with pytest.raises(ResultError, match="is a directory, not a file") as caught:
            act(tmp_path, STORED if act is disk.save else "volume/c")  # type: ignore[arg-type]
        assert caught.value.where == str(place)
    assert files(tmp_path) == {"volume/c.json/mine": b"kept"}


@pytest.mark.parametrize("fault", ["read-only", "immutable"])
@pytest.mark.parametrize("place", [".", "volume"])
def test_before_a_run_it_is_seen_whether_results_can_be_written(
    tmp_path: Path, fault: str, place: str
) -> None:
    disk.save(tmp_path, STORED)
    with (
        FAULTS[fault](tmp_path / place) as words,
        pytest.raises(WriteError, match=words) as caught,
    ):
        disk.prepare(tmp_path)
    assert caught.value.where == str(tmp_path / place)
    before = files(tmp_path)
    disk.prepare(tmp_path)
    assert files(tmp_path) == before


def test_what_a_killed_run_has_half_written_goes_with_the_next(tmp_path: Path) -> None:
    disk.save(tmp_path, STORED)
    before = files(tmp_path)
    (tmp_path / "volume" / ".4194305-abc.part").write_text("half")
    (tmp_path / "volume" / ".1-abc.part").write_text("of a process that lives")
    remove_parts(tmp_path)
    assert files(tmp_path) == {
        **before,
        "volume/.1-abc.part": b"of a process that lives",
    }


@pytest.mark.parametrize("fault", FAULTS)
def test_a_matrix_that_cannot_be_written_is_told_and_what_was_there_is_kept(
    tmp_path: Path, fault: str
) -> None:
    shutil.copytree(ROOT / "cases" / "volume", tmp_path / "cases" / "volume")
    for name in ("groups.toml", "answers.toml"):
        shutil.copy(ROOT / "cases" / name, tmp_path / "cases" / name)
    results = tmp_path / "results"
    (results / "targets").mkdir(parents=True)
    target = "targets/legacy@20.10.24.json"
    shutil.copy(ROOT / "results" / target, results / target)
    (results / "matrix.md").write_text("the matrix of before")
    before = files(results)
    with FAULTS[fault](results) as words:
        code, out, err = harness(tmp_path, "matrix", "--write")
        assert files(results) == before
    assert code == 3, out + err
    assert f".json: cannot be written: {words}" in err
    assert "Traceback" not in out + err
