"""`check` as its user sees it: what it prints, its exit code, its JSON."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from called import harness

from harness.report import schemas

ROOT = Path(__file__).parents[2]
WHERE = ("--cases", str(ROOT / "cases"))


def checked(folder: Path, text: str, *words: str) -> tuple[int, str, str]:
    (folder / "Dockerfile").write_text(text)
    return harness(folder, "check", *words, *WHERE)


def test_a_finding_shows_its_lines_and_both_answers(tmp_path: Path) -> None:
    code, out, _ = checked(tmp_path, "FROM debian\nVOLUME /d\nRUN touch /d/x\n")
    assert code == 1
    assert out.startswith("From legacy@20.10.24 to buildkit@29.7.2\n")
    assert "Dockerfile:3  gives another image\n    2 | VOLUME /d\n  > 3 | RUN" in out
    assert "discarded -> kept (buildkit@29.7.2)" in out
    assert "layer-harness explain volume/run-after" in out
    assert "1 finding: 1 gives another image." in out


def test_a_range_says_since_when(tmp_path: Path) -> None:
    text = "FROM debian\nVOLUME /d\nRUN touch /d/x\n"
    words = ("--from", "buildah@1.28", "--to", "buildah@1.39", "--to", "docker@28")
    _, out, _ = checked(tmp_path, text, *words)
    assert "buildah: discarded until 1.28.2, kept since 1.39.3" in out
    assert "kept (buildah@1.39.3+overlay), kept (buildx-0.29@28.5.2)" in out


def test_what_does_not_differ_is_no_finding(tmp_path: Path) -> None:
    text = "FROM debian\nVOLUME /d\nRUN touch /d/x\n"
    code, out, _ = checked(tmp_path, text, "--from", "docker@28", "--to", "docker@29")
    assert code == 0
    assert "No difference is known. 1 pattern was measured to be the same." in out


def test_a_guess_is_told_as_one_and_does_not_fail(tmp_path: Path) -> None:
    text = "FROM debian\nVOLUME /d\nRUN ./setup --data /d\n"
    code, out, _ = checked(tmp_path, text)
    assert code == 0
    assert "may be: gives another image, depending on whether it writes below /d" in out


@pytest.mark.parametrize(
    ("level", "code"), [("outcome", 0), ("image", 1), ("never", 0)]
)
def test_the_exit_code_is_by_impact(tmp_path: Path, level: str, code: int) -> None:
    text = "FROM debian\nVOLUME /d\nRUN touch /d/x\n"
    assert checked(tmp_path, text, "--fail-on", level)[0] == code


def test_json_is_what_its_schema_says(tmp_path: Path) -> None:
    text = "FROM debian\nVOLUME /d\nRUN touch /d/x\nRUN <<E\nE\n"
    jsonschema = pytest.importorskip("jsonschema", reason="jsonschema is not installed")
    _, out, _ = checked(tmp_path, text, "--format", "json")
    told = json.loads(out)
    jsonschema.validate(told, json.loads(schemas.text("check.schema.json")))
    rules = {each["rule"]: each for each in told["files"][0]["findings"]}
    assert rules["run-writes-a-volume"]["line"] == 3
    assert rules["run-heredoc"]["impact"] == "outcome"
    assert told["files"][0]["context"] is True


def test_a_dockerfile_is_read_from_standard_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = io.TextIOWrapper(io.BytesIO(b"FROM a\nRUN <<E\ntrue\nE\n"))
    monkeypatch.setattr("sys.stdin", given)
    code, out, _ = harness(tmp_path, "check", "-", *WHERE)
    assert code == 1
    assert "-:2  builds on one side only" in out
    assert "context unknown" in out


def test_several_files_are_checked(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "Containerfile").write_text("FROM a\n")
    text = "FROM a\nHEALTHCHECK CMD true\n"
    _, out, _ = checked(tmp_path, text, "Dockerfile", "b", "--to", "podman")
    assert "Dockerfile:2  gives another image" in out
    assert "b/Containerfile: 1 instruction, 1 stage, context b" in out


def test_what_is_not_measured_is_said(tmp_path: Path) -> None:
    text = "FROM a\nCOPY --chmod=u+x a /\n"
    _, out, _ = checked(tmp_path, text, "--to", "buildkit@28.5.2")
    assert "COPY or ADD has --chmod in letters. Not measured on legacy@20.10.24" in out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["nosuch"], "nosuch: is no file"),
        (["."], "has no Dockerfile"),
        (["--to", "docker@99", "x"], "`docker` is known in 20.10.5"),
        (["--build-arg", "A", "x"], "`A` is no build argument"),
        (["--results", "nowhere", "x"], "`layer-harness matrix --write` writes it"),
    ],
)
def test_mistakes_are_told(tmp_path: Path, words: list[str], told: str) -> None:
    (tmp_path / "x").write_text("FROM a\n")
    code, _, said = harness(tmp_path, "check", *words, *WHERE)
    assert code == 2
    assert told in said
