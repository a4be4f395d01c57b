"""Results on disk: canonical, whole or not there, read back or named."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from harness import result
from harness.check import Check
from harness.errors import ResultError
from harness.observation import BuildRecord, Step
from harness.result import Result, TargetRecord

STORED = Result(
    case="g/c",
    case_digest="sha256:1",
    target="legacy@20.10.24",
    verdict="pass",
    checks=(Check(expectation=0, because="b", verdict="pass", held=True),),
    builds=(
        BuildRecord(
            name="build",
            outcome="ok",
            steps=(Step(line=3, text="RUN é", layer=None, cached=False),),
            config={"Labels": {"b": "2", "a": "1"}, "Env": []},
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
    text = result.encode(STORED).decode()
    assert text.endswith("}\n")
    assert '"RUN é"' in text
    assert text.index('"a": "1"') < text.index('"b": "2"')
    assert '"format": 1' in text
    assert '"cached": false' in text
    assert "findings" not in text
    assert "reproducible" not in text


def test_records_read_back_as_they_were() -> None:
    assert result.decode(Result, result.encode(STORED), where="x") == STORED
    assert result.decode(TargetRecord, result.encode(TARGET), where="x") == TARGET


def test_the_order_of_a_mapping_changes_no_byte() -> None:
    (built,) = STORED.builds
    turned = replace(built, config=dict(reversed(list(built.config.items()))))
    assert result.encode(replace(STORED, builds=(turned,))) == result.encode(STORED)


def test_a_result_is_found_where_it_was_saved(tmp_path: Path) -> None:
    assert result.load(tmp_path, STORED.target, STORED.case) is None
    assert result.save(tmp_path, STORED)
    assert (tmp_path / "legacy@20.10.24" / "g" / "c.json").is_file()
    assert result.load(tmp_path, STORED.target, STORED.case) == STORED
    assert not result.save(tmp_path, STORED)


def test_a_write_that_fails_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    place = tmp_path / "a.json"
    result.write(place, b"old")
    with pytest.raises(TypeError):
        result.write(place, "no bytes")  # type: ignore[arg-type]
    assert place.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a.json"]  # noqa: PTH208  # hidden files too


def test_a_result_of_a_newer_format_is_refused(tmp_path: Path) -> None:
    body = result.encode(replace(STORED, format=2))
    with pytest.raises(ResultError, match="has format 2, this version reads 1"):
        result.decode(Result, body, where=str(tmp_path))


def test_targets_are_listed_in_their_order(tmp_path: Path) -> None:
    for name in ("buildkit@20.10.24", "legacy@26.1.5", "legacy@9.0", "notes"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "target.json").write_text("{}")
    (tmp_path / "legacy@20.10.24").mkdir()
    assert [each.id for each in result.targets(tmp_path)] == [
        "legacy@9.0",
        "legacy@26.1.5",
        "buildkit@20.10.24",
    ]
