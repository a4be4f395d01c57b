"""What verbs print as JSON is what their schemas say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from called import harness

from harness.report import schemas
from harness.report.verb_records import SmokedTarget, SmokeRecord
from harness.results.record import encode

ROOT = Path(__file__).parents[2]
jsonschema = pytest.importorskip("jsonschema", reason="jsonschema is not installed")


def valid(text: str, schema: str) -> Any:
    told = json.loads(text)
    jsonschema.validate(told, json.loads(schemas.text(f"{schema}.schema.json")))
    return told


@pytest.mark.parametrize(
    ("words", "schema"),
    [
        (["ask", "volume", "run"], "behaviours"),
        (["explain", "volume/run-after"], "explain"),
        (["explain", "heredoc/run"], "explain"),
        (["matrix", "volume"], "matrix"),
        (["diff", "legacy@20.10.24", "buildkit@28.5.2", "volume"], "diff"),
        (["list", "-g", "volume"], "list"),
        (["list", "groups"], "list"),
        (["list", "targets"], "list"),
        (["engines", "status"], "engines"),
        (["doctor"], "doctor"),
    ],
)
def test_json_is_what_its_schema_says(words: list[str], schema: str) -> None:
    code, said, _ = harness(ROOT, *words, "--format", "json")
    # doctor ends with 3 where nothing can run
    assert code == 0 or words == ["doctor"]
    assert valid(said, schema)


def test_lint_tells_mistakes_as_json(tmp_path: Path) -> None:
    (tmp_path / "cases" / "demo").mkdir(parents=True)
    (tmp_path / "cases" / "groups.toml").write_text('[demo]\ntitle = "Demo"\n')
    (tmp_path / "cases" / "demo" / "a.yaml").write_text("titel: x\n")
    code, said, _ = harness(tmp_path, "lint", "--format", "json")
    told = valid(said, "lint")
    assert (code, told["cases"]) == (2, 1)
    assert any("unknown key `titel`" in each for each in told["mistakes"])


def test_what_smoke_tells_is_what_its_schema_says() -> None:
    found = SmokedTarget(target="t", usable=False, builds=5, failing=1, reason="no")
    told = valid(encode(SmokeRecord(targets=(found,))).decode(), "smoke")
    assert told["targets"][0]["failing"] == 1


def test_numbers_are_numbers() -> None:
    _, said, _ = harness(ROOT, "list", "groups", "--format", "json")
    assert all(isinstance(each["cases"], int) for each in json.loads(said))


def test_explain_has_classes_layers_and_verdicts() -> None:
    words = ["-t", "legacy@20.10.24", "-t", "buildkit@28.5.2", "--format", "json"]
    told = json.loads(harness(ROOT, "explain", "volume/run-after", *words)[1])
    assert told["answers"] == {
        "discarded": ["legacy@20.10.24"],
        "kept": ["buildkit@28.5.2"],
    }
    (build,) = told["builds"]
    assert [each["targets"] for each in build["classes"]] == [
        ["legacy@20.10.24"],
        ["buildkit@28.5.2"],
    ]
    assert [len(each["layers"]) for each in build["classes"]] == [1, 2]
    assert told["expectations"][0]["verdicts"][0]["verdict"] == "pass"
