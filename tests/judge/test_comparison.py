"""What differs between two runs, and between two targets, through the command."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from called import harness

from harness.builders.records import standard_builders
from harness.cases.case import load_case
from harness.measure.observation import (
    BuildRecord,
    Change,
    HistoryEntry,
    LayerRecord,
    Step,
)
from harness.report import schemas
from harness.results import disk
from harness.results.record import Result, TargetRecord, encode, write

CASE = """title: t
why: w
dockerfile: |
  FROM scratch
  COPY a /
expect:
  - because: b
    changes: {2: {added: {/a: {type: file}}}}
"""
TARGETS = ("legacy@20.10.24", "legacy@28.5.2", "buildkit@28.5.2")
STEP = Step(line=2, text="COPY a /", layer=1, cached=None)


def build(mode: str = "0644", said: str = "COPY a /") -> BuildRecord:
    change = Change(path="/a", change="added", type="file", mode=mode, size=1)
    return BuildRecord(
        name="build",
        outcome="ok",
        layers=(LayerRecord(line=2, diff_id=None, size=1024, changes=(change,)),),
        steps=(STEP,),
        history=(HistoryEntry(created_by=said),),
    )


def store(
    folder: Path, name: str, builds: Mapping[str, BuildRecord | None], **other: Any
) -> None:
    """Store a case of one Dockerfile, and what came of it on some targets."""
    place = folder / "cases" / "demo" / "case.yaml"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(CASE)
    (place.parents[1] / "groups.toml").write_text('[demo]\ntitle = "Demo"\n')
    case = load_case(place, folder / "cases", standard_builders())
    for target, one in builds.items():
        builder, version = target.split("@")
        record = TargetRecord(
            target=target, builder=builder, version=version, api="", store="",
            architecture="",
        )  # fmt: skip
        write(disk.target_path(folder / name, target), encode(record))
        result = Result(
            case=case.id, case_digest=case.digest, target=target,
            builds=(one,) if one else (),
        )  # fmt: skip
        disk.save(folder / name, replace(result, **other))


def test_two_equal_runs_differ_in_nothing(tmp_path: Path) -> None:
    for name in ("one", "other"):
        store(tmp_path, name, dict.fromkeys(TARGETS, build()))
    code, out, _ = harness(tmp_path, "diff", "one", "other", "--exit-code")
    assert code == 0
    assert out == "3 results in both: 3 equal byte for byte, 0 different\n"


def test_a_difference_is_told_in_words_once_for_its_targets(tmp_path: Path) -> None:
    store(tmp_path, "one", dict.fromkeys(TARGETS, build()))
    now = {TARGETS[0]: build("0600"), TARGETS[1]: build("0600"), TARGETS[2]: build()}
    store(tmp_path, "other", now)
    code, out, _ = harness(tmp_path, "diff", "one", "other", "--exit-code")
    assert code == 1
    assert out.splitlines() == [
        "demo/case on legacy",
        "  line 2, /a: before gives it the mode 0644, after gives it the mode 0600",
        "",
        "3 results in both: 1 equal byte for byte, 2 different",
    ]
    assert harness(tmp_path, "diff", "one", "other")[0] == 0


def test_what_no_words_are_for_is_told_by_its_place(tmp_path: Path) -> None:
    store(tmp_path, "one", {TARGETS[0]: build()})
    store(tmp_path, "other", {TARGETS[0]: build(said="other"), TARGETS[1]: build()})
    _, out, _ = harness(tmp_path, "diff", "one", "other")
    assert out.splitlines() == [
        "demo/case on legacy@20.10.24",
        '  builds.0.history.0.created_by: "COPY a /" before, "other" after',
        "",
        "1 result in both: 0 equal byte for byte, 1 different",
        "1 result only in other",
    ]


def test_a_changed_case_and_a_changed_verdict_are_said(tmp_path: Path) -> None:
    store(tmp_path, "one", {TARGETS[0]: build()})
    store(tmp_path, "other", {TARGETS[0]: build()}, case_digest="x")
    _, out, _ = harness(tmp_path, "diff", "one", "other")
    assert out.splitlines()[1] == "  the case has changed in between"
    empty = replace(build(), layers=(replace(build().layers[0], changes=()),))
    store(tmp_path, "other", {TARGETS[0]: empty})
    _, out, _ = harness(tmp_path, "diff", "one", "other")
    assert out.splitlines()[1] == "  pass before, fail after"


def test_two_targets_differ_in_what_they_build_not_in_what_they_say(
    tmp_path: Path,
) -> None:
    builds = {
        TARGETS[0]: build(),
        TARGETS[1]: build(said="otherwise"),
        TARGETS[2]: build("0600"),
    }
    store(tmp_path, "results", builds)
    _, out, _ = harness(tmp_path, "diff", *TARGETS[:2])
    assert out == "1 case measured on both: 1 the same, 0 different\n"
    code, out, _ = harness(tmp_path, "diff", *TARGETS[1:], "--exit-code")
    assert code == 1
    assert "legacy gives it the mode 0644, BuildKit gives it the mode 0600" in out


def test_a_target_that_does_not_support_a_case_differs(tmp_path: Path) -> None:
    store(tmp_path, "results", {TARGETS[0]: build()})
    store(tmp_path, "results", {TARGETS[1]: None}, reason="why")
    _, out, _ = harness(tmp_path, "diff", *TARGETS[:2])
    assert "legacy@28.5.2 does not support it: why" in out


def test_a_program_reads_it_by_its_schema(tmp_path: Path) -> None:
    store(tmp_path, "one", dict.fromkeys(TARGETS, build()))
    store(tmp_path, "other", dict.fromkeys(TARGETS[:2], build("0600")))
    jsonschema = pytest.importorskip("jsonschema", reason="jsonschema is not installed")
    _, out, _ = harness(tmp_path, "diff", "one", "other", "--format", "json")
    found = json.loads(out)
    jsonschema.validate(found, json.loads(schemas.text("diff.schema.json")))
    assert (found["equal"], found["only_before"]) == (0, 1)
    assert found["differences"][0]["targets"] == list(TARGETS[:2])


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["results", TARGETS[0]], "`results` is a folder of results, but `legacy@"),
        (["nowhere", "results"], "but `nowhere` is not"),
        (["legacy@20.10.24", "legacy@28.5.3"], "`legacy` is known in 20.10.24"),
        ([*TARGETS[:2], "-t", "legacy"], "leave -t out"),
        (["results", "results", "nosuch"], "no case or group `nosuch`"),
    ],
)
def test_what_cannot_be_compared_is_refused(
    tmp_path: Path, words: list[str], told: str
) -> None:
    store(tmp_path, "results", dict.fromkeys(TARGETS, build()))
    code, _, err = harness(tmp_path, "diff", *words)
    assert code == 2
    assert told in err
