"""`ask`: words in, a question with its answers out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from called import harness

from harness.judge.behaviours_file import read_all
from harness.report import schemas
from harness.report.behaviours_record import behaviours_json

ROOT = Path(__file__).parents[2]
jsonschema = pytest.importorskip("jsonschema", reason="jsonschema is not installed")


def test_a_question_is_answered_by_builder_and_version() -> None:
    code, said, _ = harness(ROOT, "ask", "volume", "run")
    assert code == 0
    lines = said.splitlines()
    assert lines[0].startswith("Does RUN keep what it changes")
    assert "  legacy                     discarded" in lines
    assert "discarded until 1.28.2, kept since 1.39.3" in said
    assert "layer-harness explain volume/run-after" in said


def test_words_that_nothing_has_are_an_error_with_the_nearest_word() -> None:
    code, _, said = harness(ROOT, "ask", "voluume")
    assert code == 2
    assert "did you mean `volume`?" in said


def test_json_is_what_its_schema_says() -> None:
    told = json.loads(harness(ROOT, "ask", "volume", "run", "--json")[1])
    jsonschema.validate(told, json.loads(schemas.text("behaviours.schema.json")))
    first = told["behaviours"][0]
    assert first["ranges"]["legacy"] == "discarded"
    assert "legacy@20.10.24" in first["answers"]["discarded"]


def test_what_was_written_is_read_again_as_it_was() -> None:
    text = (ROOT / "results" / "behaviours.json").read_bytes()
    read = read_all(text)
    assert behaviours_json(read.by_case.values(), read.builders.values()) == text


def test_the_committed_behaviours_are_what_their_schema_says() -> None:
    told = json.loads((ROOT / "results" / "behaviours.json").read_text())
    jsonschema.validate(told, json.loads(schemas.text("behaviours.schema.json")))
    assert told["behaviours"]
