"""What each property of an expectation finds, in the words a report shows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.builders.records import standard_builders
from harness.cases.case import Case
from harness.cases.expectation import Expectation
from harness.cases.model import Build
from harness.judge.verdict import judged
from harness.measure.observation import (
    BuildRecord,
    Change,
    ContainerRecord,
    HistoryEntry,
    LayerRecord,
    OnDiskRecord,
    Relation,
    Step,
)
from harness.results.record import Result

TARGET = standard_builders().target("legacy@20.10.24")


def change(path: str, kind: str, **rest: object) -> Change:
    return Change(path=path, change=kind, **rest)  # type: ignore[arg-type]


FILE = change(
    "/new",
    "added",
    type="file",
    mode="0644",
    owner="0:0",
    mtime="build",
    size=2,
    digest="87428fc522803d31065e7bce3cf03fe475096631e5e07bbd7a0fde60c4cf25c7",
    xattrs={"user.a": "00"},
)
BUILD = BuildRecord(
    name="second",
    outcome="ok",
    layers=(
        LayerRecord(
            line=3,
            diff_id="sha256:1",
            size=2048,
            changes=(FILE, change("/old", "modified"), change("/gone", "deleted")),
        ),
        LayerRecord(line=5, diff_id="sha256:2", size=1024, changes=()),
    ),
    steps=(
        Step(line=3, text="RUN a", layer=1, cached=True),
        Step(line=4, text="RUN b", layer=None, cached=False),
        Step(line=5, text="RUN c", layer=2, cached=None),
    ),
    other_steps=(
        Step(line=7, text="RUN d", layer=None, cached=True, stage=0),
        Step(line=8, text="RUN e", layer=None, cached=False, stage=0),
    ),
    history=(HistoryEntry(created_by="RUN a", comment="c", author="me"),),
    config={"Cmd": ["a"], "Env": ["A=1", "B=x=y"], "Labels": {"l": "1"}},
    relations=(Relation(build="first", leading=1, lines=(3,)),),
    container=ContainerRecord(
        exit_code=0, writes=("/w",), image_unchanged=True, removed=True
    ),
    on_disk=OnDiskRecord(
        layers=2,
        lowest_has_no_lower=True,
        lower_gives_order=True,
        names_are_diff_ids=False,
        equals_export=True,
    ),
)
FIRST = BuildRecord(
    name="first", outcome="ok", layers=(replace(BUILD.layers[0], size=9000),)
)
BROKEN = BuildRecord(name="broken", outcome="error", error="\n no such file\nmore")


def findings(record: BuildRecord, **properties: Any) -> tuple[str, tuple[str, ...]]:
    expectation = Expectation.model_validate(
        {"because": "b", "of": record.name, **properties}
    )
    builds = {each.name: each for each in (FIRST, BROKEN, BUILD, record)}
    made = Case(
        id="g/c",
        path=Path("c.yaml"),
        title="t",
        why="w",
        refs=(),
        tags=(),
        on=(),
        builds={name: Build(dockerfile="FROM ${BASE}") for name in builds},
        expect=(expectation,),
    )
    result = Result(
        case="g/c",
        case_digest=made.digest,
        target=TARGET.id,
        builds=tuple(replace(each, below=1) for each in builds.values()),
    )
    base = {"/old": change("/old", "added", type="file", mode="0600")}
    base |= {"/gone": change("/gone", "added", type="dir")}
    base |= {"/gone/in": change("/gone/in", "added", type="file")}
    bases = {TARGET.id: base}
    stored = judged(made, {TARGET.id: result}, bases, standard_builders())
    (found,) = stored[TARGET.id].checks
    return found.verdict, found.findings


@pytest.mark.parametrize(
    ("properties", "texts"),
    [
        ({"layers": 2}, []),
        ({"layers": 3}, ["2 above the base, not 3"]),
        ({"pattern": "X Y"}, []),
        ({"pattern": "A A"}, ["A B (by content), not A A"]),
        ({"pattern": {"letters": "A B", "by": "shape"}}, []),
        ({"makes_layer": [3, 5]}, []),
        ({"makes_layer": [4]}, ["line 4 makes none"]),
        ({"cached": [3, 7]}, []),
        ({"rebuilt": [4, 8]}, []),
        ({"cached": [8]}, ["line 8 was rebuilt"]),
        ({"empty_layer": [5]}, []),
        ({"empty_layer": [3]}, ["line 3 makes a layer with /new"]),
        ({"empty_layer": [4]}, ["line 4 makes no layer"]),
        ({"no_layer": [4]}, []),
        (
            {"no_layer": [3, 5]},
            ["line 3 makes a layer", "line 5 makes an empty layer"],
        ),
        (
            {
                "changes": {
                    3: {"added": ["/new"], "modified": ["/old"], "deleted": ["/gone"]}
                }
            },
            [],
        ),
        ({"changes": {3: {"added": []}}}, ["line 3: /new is added too"]),
        ({"changes": {3: {"deleted": ["/x", "/gone"]}}}, ["line 3: /x is not deleted"]),
        ({"changes": {5: {"added": [], "touched": []}}}, []),
        (
            {"changes": {3: {"added": {"/new": {"mode": "0755", "owner": "1:1"}}}}},
            [
                "line 3: /new has mode 0644, not 0755",
                "line 3: /new has owner 0:0, not 1:1",
            ],
        ),
        (
            {
                "rootfs": {
                    "/new": {
                        "type": "file",
                        "mode": "0644",
                        "owner": "0:0",
                        "content": "a\n",
                        "size": 2,
                        "mtime": "build",
                        "xattrs": {"user.a": "00"},
                    },
                    "/gone": "absent",
                    "/gone/in": "absent",
                }
            },
            [],
        ),
        ({"rootfs": {"/new": "absent"}}, ["/new is there"]),
        ({"rootfs": {"/nosuch": {"type": "dir"}}}, ["/nosuch is not there"]),
        (
            {"rootfs": {"/new": {"content": "b\n"}}},
            ["/new holds other bytes (2) than 'b\\n'"],
        ),
        ({"rootfs": {"/new": {"link": "a"}}}, ["/new has link none, not a"]),
        ({"rootfs": {"/old": {"size": 4}}}, ["/old has size 0, not 4"]),
        ({"config": {"Cmd": ["a"], "User": None, "Labels": {"l": "1"}}}, []),
        ({"config": {"Env": {"A": "1", "B": "x=y"}}}, []),
        ({"config": {"Env": {"A": "2"}}}, ["Env.A is '1', not '2'"]),
        ({"config": {"Cmd": None}}, ["Cmd is ['a'], not None"]),
        ({"config": {"Labels": {"l": None}}}, ["Labels.l is '1', not None"]),
        (
            {"history": [{"created_by": "^RUN", "author": "me", "empty_layer": False}]},
            [],
        ),
        ({"history": []}, ["1 entries above the base, not 0"]),
        (
            {"history": [{"comment": "x", "author": "you"}]},
            ["entry 1 has comment 'c'", "entry 1 has author 'me'"],
        ),
        ({"size": {"at_least": 3072, "at_most": 3072}}, []),
        ({"size": {"at_least": 4000}}, ["3072 bytes, less than 4000"]),
        ({"size": {"at_most": 3000}}, ["3072 bytes, more than 3000"]),
        ({"size": {"smaller_than": "first", "by": 5928}}, []),
        (
            {"size": {"smaller_than": "first", "by": 5929}},
            ["3072 bytes, first has 9000"],
        ),
        ({"size": {"not_smaller_than": "first"}}, ["3072 bytes, first has 9000"]),
        ({"cached": [3]}, []),
        ({"cached": [4]}, ["line 4 was rebuilt"]),
        ({"rebuilt": [4]}, []),
        ({"rebuilt": [3]}, ["line 3 was cached"]),
        ({"shares": {"with": "first", "layers": 1, "lines": [3]}}, []),
        (
            {"shares": {"with": "first", "layers": 2, "lines": [5]}},
            ["1 leading layers, not 2", "the layer of line 5 is not in first"],
        ),
        ({"container": {"writes": ["/w"], "image_unchanged": True}}, []),
        ({"container": {"removed": False}}, ["removed is True, not False"]),
        ({"on_disk": {"equals_export": True, "names_are_diff_ids": False}}, []),
        (
            {"on_disk": {"lower_gives_order": False}},
            ["lower_gives_order is True, not False"],
        ),
    ],
)
def test_a_property_finds_what_differs(
    properties: dict[str, Any], texts: list[str]
) -> None:
    (name,) = properties
    verdict, found = findings(BUILD, **properties)
    assert found == tuple(f"{name}: {text}" for text in texts)
    assert verdict == ("fail" if texts else "pass")


@pytest.mark.parametrize(
    ("properties", "reason"),
    [
        ({"cached": [5]}, "the builder does not say whether line 5 was cached"),
        ({"rebuilt": [9]}, "no step of line 9 was recorded"),
        ({"reproducible": True}, "the build was not repeated"),
        ({"shares": {"with": "broken", "layers": 0}}, "broken built no image before"),
        ({"size": {"smaller_than": "broken"}}, "broken has no image to look into"),
    ],
)
def test_what_is_not_measured_is_unsupported_with_its_reason(
    properties: dict[str, Any], reason: str
) -> None:
    assert findings(BUILD, **properties) == ("unsupported", (reason,))


@pytest.mark.parametrize(
    ("properties", "verdict", "texts"),
    [
        ({"build": {"error": "such"}}, "pass", []),
        ({"build": "ok"}, "fail", ["build: fails: no such file"]),
        (
            {"build": {"error": "denied"}},
            "fail",
            ["build: fails otherwise: no such file"],
        ),
        ({"build": {"line": 3}}, "fail", ["build: fails at no line it names, not 3"]),
        ({"layers": 0}, "fail", ["layers: the build failed: no such file"]),
    ],
)
def test_a_build_that_failed_has_only_its_failure(
    properties: dict[str, Any], verdict: str, texts: list[str]
) -> None:
    assert findings(BROKEN, **properties) == (verdict, tuple(texts))


def test_the_instruction_that_an_error_quotes_is_not_why_it_failed() -> None:
    """`ADD only supports the ...` passed for an error about the checksum."""
    said = (
        'building at STEP "ADD --checksum=md5:0 \\"a\\" /": ADD only supports --chown'
    )
    build = replace(BROKEN, error=said)
    verdict, texts = findings(build, build={"error": "checksum"})
    assert (verdict, texts) == ("fail", (f"build: fails otherwise: {said}",))
    assert findings(build, build={"error": "only supports"})[0] == "pass"


@pytest.mark.parametrize(
    ("properties", "verdict", "texts"),
    [
        (
            {"build": "ok"},
            "fail",
            ["build: makes an image that cannot be exported: no such file"],
        ),
        (
            {"build": {"error": "such"}},
            "fail",
            ["build: builds, though an error is expected"],
        ),
        ({"layers": 0}, "unsupported", ["the image cannot be exported"]),
    ],
)
def test_of_an_image_that_cannot_be_exported_no_more_is_known(
    properties: dict[str, Any], verdict: str, texts: list[str]
) -> None:
    build = replace(BROKEN, outcome="unexportable")
    assert findings(build, **properties) == (verdict, tuple(texts))


@pytest.mark.parametrize(
    ("outcome", "verb"), [("panic", "panics"), ("timeout", "fails")]
)
def test_an_end_without_an_error_is_not_the_error_that_is_expected(
    outcome: Any, verb: str
) -> None:
    build = replace(BROKEN, outcome=outcome)
    found = findings(build, build={"error": "such"})
    assert found == ("fail", (f"build: {verb}: no such file",))


def test_a_build_that_should_fail_and_does_not_is_a_failure() -> None:
    assert findings(BUILD, build={"error": "x"}) == (
        "fail",
        ("build: builds, though an error is expected",),
    )


def test_what_fails_is_not_hidden_by_what_is_not_measured() -> None:
    verdict, found = findings(BUILD, layers=7, cached=[5], reproducible=True)
    assert (verdict, found) == ("fail", ("layers: 2 above the base, not 7",))
