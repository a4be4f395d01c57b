"""What a second run builds, chooses and says; with made builds, and no engine."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

import pytest

from benchmarks import scripted
from harness.cases.case import Case
from harness.errors import EngineError
from harness.measure_case import MeasuredCase
from harness.targets.target import Target

ALL_FRESH = "all fresh, nothing built (--fresh measures again)"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    scripted.write_cases(tmp_path / "cases", 3)
    return tmp_path / "cases"


def run(root: Path, *words: str) -> tuple[int, str]:
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        return scripted.run(root, 2, *words), said.getvalue()


def edit(root: Path, old: str, new: str) -> None:
    path = root / "group-000" / "case-00001.yaml"
    path.write_text(path.read_text().replace(old, new))


def test_a_second_run_builds_nothing_and_a_change_is_built(root: Path) -> None:
    assert "6 passed" in run(root)[1]
    code, said = run(root)
    assert (code, f"3 cases on 2 targets: {ALL_FRESH}" in said) == (0, True)
    edit(root, "/d/file", "/d/other")
    code, said = run(root)
    assert (code, "4 results are fresh, 2 to build" in said) == (0, True)
    assert "2 passed" in said
    assert "6 passed" in run(root, "--layer-fresh")[1]


def test_what_is_expected_is_judged_anew_of_what_was_asked_for(root: Path) -> None:
    run(root)
    edit(root, "layers: 3", "layers: 4")
    code, said = run(root)
    assert (code, ALL_FRESH in said, "case-00001" in said) == (1, True, True)
    code, said = run(root, "-k", "case-00002")
    assert (code, "1 case on 2 targets" in said) == (0, True)
    assert "case-00001" not in said
    code, said = run(root, "--layer-fresh", "-x")
    assert (code, "1 failed, 1 passed" in said) == (1, True)


def test_what_could_not_be_measured_is_built_again(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(root)

    def broken(_: object, case: Case, target: Target) -> MeasuredCase:
        raise EngineError(f"{target.id} is gone", where=case.id)

    with monkeypatch.context() as patch:
        patch.setattr(scripted.ScriptedWorker, "measure", broken)
        assert run(root, "--layer-fresh", "-k", "case-00001 and legacy")[0] == 3
    code, said = run(root)
    assert (code, "5 results are fresh, 1 to build" in said) == (0, True)
    assert ALL_FRESH in run(root)[1]


def test_fresh_and_missing_exclude_each_other(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (
        run(root, "--layer-fresh", "--layer-missing")[0] == pytest.ExitCode.USAGE_ERROR
    )
    assert "give one of them" in capsys.readouterr().err
