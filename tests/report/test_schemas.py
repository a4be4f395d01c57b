"""The published schemas take what the harness takes, short forms included."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.cases.find import find_cases
from harness.documents.document import load
from harness.report import schemas
from harness.results import disk

ROOT = Path(__file__).parents[2]

jsonschema = pytest.importorskip("jsonschema", reason="jsonschema is not installed")


def validator(name: str) -> Any:
    kind = jsonschema.Draft202012Validator
    schema = json.loads(schemas.text(name))
    kind.check_schema(schema)
    return kind(schema)


def plain(value: Any) -> Any:
    """Give what an editor's YAML 1.2 makes of a file: no value but those of JSON."""
    return json.loads(json.dumps(value, default=str))


@pytest.mark.parametrize("name", schemas.SCHEMAS)
def test_a_schema_is_one(name: str) -> None:
    validator(name)


@pytest.mark.skipif(not (ROOT / "cases").is_dir(), reason="no cases beside the tests")
def test_every_case_is_what_the_schema_of_cases_says() -> None:
    check = validator("case.schema.json")
    paths = find_cases(ROOT / "cases")
    assert paths
    wrong = [
        f"{path}: {error.json_path}: {error.message}"
        for path in paths
        for error in check.iter_errors(plain(load(path).value))
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("expect", "valid"),
    [
        ("build: ok", True),
        ("build: {error: x, line: 3}", True),
        ("build: okay", False),
        ("build: timeout", True),
        ("pattern: A B", True),
        ("pattern: {letters: A B, by: shape}", True),
        ("pattern: 3", False),
        ("layers: 3", True),
        ('layers: "3"', False),
        ("nolayer: [3]", False),
        ("rootfs: {/a: absent, /b: {mode: '0644'}}", True),
        ("changes: {3: {added: [/a], modified: {/b: {type: file}}}}", True),
        ("claim: C1", True),
        ("claim: [C1, C2]", True),
        ("'on': legacy", True),
        ("'on': [legacy, '!@20.10']", True),
        ("level: perhaps", False),
        ("differs: {from: legacy, in: [layers]}", True),
        ("differs: {from: legacy, in: [layer]}", False),
    ],
)
def test_an_editor_takes_the_short_forms(expect: str, valid: bool) -> None:
    text = f"{{title: t, why: w, dockerfile: x, expect: [{{because: b, {expect}}}]}}"
    document = plain(yaml.safe_load(text))
    assert validator("case.schema.json").is_valid(document) is valid


@pytest.mark.parametrize(
    ("source", "valid"),
    [
        ("text", True),
        ({"content": "x", "mode": "0644", "mtime": "2020-01-01T00:00:00Z"}, True),
        ({"size": "1MiB", "seed": 7}, True),
        ({"size": 1024}, True),
        ({"tar": {"a": "x", "b": {"symlink": "a"}}}, True),
        ({"contents": "x"}, False),
        (3, False),
    ],
)
def test_an_editor_takes_the_forms_of_a_context(source: Any, valid: bool) -> None:
    document = {"title": "t", "why": "w", "dockerfile": "x", "context": {"a": source}}
    assert validator("case.schema.json").is_valid(document) is valid


def stored(pattern: str) -> list[Path]:
    """Find the committed results of one kind: there are some, or it is a mistake."""
    paths = [
        path
        for path in sorted((ROOT / "results").glob(pattern))
        if pattern != CASES or path.parent.name != disk.TARGETS
    ]
    assert paths, f"no results/{pattern}"
    return paths


CASES = "*/*.json"
KINDS = pytest.mark.parametrize(
    ("pattern", "name"),
    [
        (CASES, "result.schema.json"),
        (f"{disk.TARGETS}/*.json", "target.schema.json"),
        ("matrix.json", "matrix.schema.json"),
    ],
)
with_results = pytest.mark.skipif(
    not (ROOT / "results").is_dir(), reason="no results beside the tests"
)


@with_results
@KINDS
def test_every_stored_result_is_what_its_schema_says(pattern: str, name: str) -> None:
    check = validator(name)
    wrong = [
        f"{path}: {error.json_path}: {error.message}"
        for path in stored(pattern)
        for error in check.iter_errors(json.loads(path.read_text()))
    ]
    assert wrong == []


@with_results
@KINDS
def test_a_result_that_lacks_what_it_must_have_is_refused(
    pattern: str, name: str
) -> None:
    check = validator(name)
    whole = json.loads(stored(pattern)[0].read_text())
    needed = check.schema["required"]
    assert needed
    for key in needed:
        rest = {other: value for other, value in whole.items() if other != key}
        assert not check.is_valid(rest), key
