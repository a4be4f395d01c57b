"""Divergences in words, and the matrix where the results of all targets meet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from harness.builders.records import standard_builders
from harness.cases.case import Case, load_case
from harness.cases.model import Group
from harness.judge.agreement import classes, tell
from harness.judge.divergence import divergences
from harness.judge.facts import Question
from harness.judge.matrix import Matrix, tabulate_results
from harness.judge.properties import NotMeasured, letter
from harness.judge.verdict import SEVERITY, Check, Judged, Verdict, judge, worst
from harness.measure.observation import (
    ONE_FOR_A_STAGE,
    BuildRecord,
    Change,
    HistoryEntry,
    LayerRecord,
    Observation,
    Step,
)
from harness.report.counts import summary
from harness.report.text import terminal
from harness.targets.group_names import group_name

LEGACY, BUILDKIT, NEWER = (
    "legacy@20.10.24",
    "buildkit@20.10.24",
    "buildkit@28.5.2",
)
SUBJECTS = {("build", 3): "RUN a", ("build", 4): "RUN b"}


def change(path: str = "/a", kind: str = "added", **rest: object) -> Change:
    given = {"type": "file", "mode": "0644", "owner": "0:0", "digest": "d", "size": 2}
    return Change(path=path, change=kind, **{**given, **rest})  # type: ignore[arg-type]


def layer(*changes: Change, line: int | None = 3) -> LayerRecord:
    return LayerRecord(line=line, diff_id=None, size=2048, changes=changes)


def build(*layers: LayerRecord, name: str = "build", **rest: object) -> BuildRecord:
    steps = tuple(
        Step(line=each.line, text="RUN a", layer=number, cached=None)
        for number, each in enumerate(layers, 1)
        if each.line is not None
    )
    record = BuildRecord(name=name, outcome="ok", layers=layers, steps=steps)
    return replace(record, **rest)  # type: ignore[arg-type]


def told(
    subjects: Mapping[tuple[str, int], str] = SUBJECTS, **records: BuildRecord
) -> list[str]:
    names = {"legacy": LEGACY, "buildkit": BUILDKIT, "newer": NEWER}
    observations = {
        names[key]: Observation(case="g/c", target=names[key], builds=(record,))
        for key, record in records.items()
    }
    return [
        each.sentence()
        for each in divergences(
            tell(observations), subjects, name=partial(group_name, standard_builders())
        )
    ]


def without(line: int) -> BuildRecord:
    return build(steps=(Step(line=line, text="RUN a", layer=None, cached=None),))


@pytest.mark.parametrize(
    ("rest", "ours", "theirs"),
    [
        ({"mode": "0600"}, "the mode 0644", "the mode 0600"),
        ({"owner": "1:1"}, "the owner 0:0", "the owner 1:1"),
        ({"mtime": "build"}, "the time 2020", "the time of the build"),
        ({"xattrs": {"user.a": "31"}}, "no xattrs", "user.a=31"),
    ],
)
def test_what_a_layer_gives_a_file_is_told_though_a_later_one_replaces_it(
    rest: dict[str, Any], ours: str, theirs: str
) -> None:
    last = layer(change(kind="modified", digest="z"), line=4)
    one = build(layer(change(mtime="2020")), last)
    two = build(layer(replace(change(mtime="2020"), **rest)), last)
    assert told(legacy=one, buildkit=two) == [
        f"line 3, RUN a: legacy gives /a {ours}, BuildKit gives /a {theirs}"
    ]


def test_how_many_layers_there_are_is_told_where_one_has_none() -> None:
    sentences = told(legacy=build(layer(change())), buildkit=build())
    assert sentences[-1] == ("layers: legacy has the layers A, BuildKit has no layer")


def test_who_makes_a_layer_is_named_before_who_makes_none() -> None:
    assert told(legacy=without(3), buildkit=build(layer())) == [
        "line 3, RUN a: BuildKit makes an empty layer, legacy none"
    ]
    assert told(legacy=build(layer()), buildkit=without(3)) == [
        "line 3, RUN a: legacy makes an empty layer, BuildKit none"
    ]


def test_targets_of_one_builder_are_named_apart_when_they_differ() -> None:
    empty = build(layer())
    assert told(legacy=without(3), buildkit=empty, newer=without(3)) == [
        "line 3, RUN a: buildkit@20.10.24 makes an empty layer; "
        "legacy and buildkit@28.5.2 none"
    ]
    assert told(legacy=empty, buildkit=empty, newer=without(3)) == [
        "line 3, RUN a: legacy and buildkit@20.10.24 make an empty layer; "
        "buildkit@28.5.2 none"
    ]


def test_three_ways_are_three_groups() -> None:
    (_, first) = told(
        legacy=without(3), buildkit=build(layer()), newer=build(layer(change()))
    )
    assert first == (
        "line 3, RUN a: buildkit@20.10.24 makes an empty layer, "
        "buildkit@28.5.2 makes a layer, legacy none"
    )


def test_names_with_spaces_hide_no_other_path() -> None:
    one = build(layer(change("/a b"), change("/a c", size=3)))
    two = build(layer(change("/a b", digest="e"), change("/a c", digest="e")))
    assert [each.partition(": ")[2] for each in told(legacy=one, buildkit=two)] == [
        "legacy has a file of 2 bytes: d, BuildKit has a file of 2 bytes: e",
        "legacy has a file of 3 bytes, BuildKit has a file of 2 bytes",
    ]


def test_each_key_of_the_config_that_differs_is_told() -> None:
    one = build(config={"Cmd": ["a"], "Env": ["A=1"], "User": "u"})
    two = build(config={"Cmd": ["b"], "Env": ["A=1"]})
    assert told(legacy=one, buildkit=two) == [
        'config Cmd: legacy sets ["a"], BuildKit sets ["b"]',
        'config User: legacy sets "u", BuildKit sets none',
    ]


def test_who_built_an_image_is_no_difference_of_what_was_built() -> None:
    mark = {"io.buildah.version": "VERSION"}
    plain, signed = build(config={}), build(config={"Labels": mark})
    assert told(legacy=plain, buildkit=signed) == []
    labelled = build(config={"Labels": {**mark, "a": "1"}})
    same = build(config={"Labels": {"a": "1"}})
    assert told(legacy=same, buildkit=labelled) == []
    assert told(legacy=plain, buildkit=labelled) == [
        'config Labels: BuildKit sets {"a": "1"}, legacy sets none'
    ]


def test_where_lines_are_not_known_layers_are_told_by_their_height() -> None:
    one = build(layer(change(), line=None))
    two = build(layer(change(), change("/etc", "touched"), line=None))
    assert told(legacy=one, buildkit=two)[-1] == (
        "layer 1 above the base: BuildKit records /etc again, legacy does not"
    )


def test_history_and_cache_are_told() -> None:
    entry = HistoryEntry(created_by="x")
    step = Step(line=3, text="RUN a", layer=None, cached=True)
    one = build(history=(entry,), steps=(step,))
    two = build(history=(entry, entry), steps=(replace(step, cached=False),))
    assert told(legacy=one, buildkit=two) == [
        "line 3, RUN a: legacy takes it from cache, BuildKit runs it again",
        "history: legacy has 1 history entries, 1 with a layer, "
        "BuildKit has 2 history entries, 2 with a layer",
    ]


def test_of_several_builds_the_one_is_named() -> None:
    subjects = {**SUBJECTS, ("other", 3): "RUN c"}
    one, two = build(layer()), without(3)
    assert told(subjects, legacy=two, buildkit=one) == [
        "build `build`, line 3, RUN a: BuildKit makes an empty layer, legacy none"
    ]


def test_failures_are_equal_if_line_and_kind_are() -> None:
    failed = BuildRecord(name="build", outcome="error", error="one text")
    other = replace(failed, error="another text")
    assert told(legacy=failed, buildkit=replace(failed)) == []
    assert told(legacy=failed, buildkit=other) == [
        "outcome: legacy fails (one text), BuildKit fails (another text)"
    ]
    run = replace(failed, error="The command 'x' returned a non-zero code: 3")
    same = replace(failed, error='process "x" did not complete: exit code: 3')
    assert told(legacy=run, buildkit=same) == []
    assert told(
        legacy=replace(run, error_line=3), buildkit=replace(same, error_line=4)
    ) == [
        "outcome: legacy fails at line 3 (a command ends with exit code 3), "
        "BuildKit fails at line 4 (a command ends with exit code 3)"
    ]
    # a line that is not told is no other line
    assert told(legacy=replace(run, error_line=3), buildkit=same) == []
    assert told(legacy=failed, buildkit=build()) == [
        "outcome: legacy fails (one text), BuildKit builds it"
    ]


def test_classes_are_lettered_in_the_order_of_the_targets() -> None:
    records = {LEGACY: build(layer()), BUILDKIT: build(), NEWER: build(layer())}
    table = tell(
        {
            name: Observation(case="g/c", target=name, builds=(record,))
            for name, record in records.items()
        }
    )
    assert classes(table, "image") == {LEGACY: "A", BUILDKIT: "A", NEWER: "A"}
    found = classes(table, "layering")
    assert found == {LEGACY: "A", BUILDKIT: "B", NEWER: "A"}
    assert [letter(number) for number in (0, 25, 26, 53)] == ["A", "Z", "A1", "B2"]


def lettered(question: Question, *records: BuildRecord) -> str:
    names = [f"legacy@{number}.0.0" for number in range(len(records))]
    table = tell(
        {
            name: Observation(case="g/c", target=name, builds=(record,))
            for name, record in zip(names, records, strict=True)
        }
    )
    found = classes(table, question)
    return " ".join(found[name] or "-" for name in names)


def squashed(*changes: Change) -> BuildRecord:
    return build(layer(*changes, line=None), note=ONE_FOR_A_STAGE)


def test_one_layer_for_a_stage_is_compared_as_a_whole() -> None:
    plain = build(layer(change("/a")))
    two = build(layer(change("/a")), layer(change("/b"), line=4))
    assert lettered("layering", plain, squashed(change("/a"))) == "A A"
    assert lettered("layering", squashed(change("/a")), plain) == "A A"
    assert lettered("layering", plain, squashed(change("/a", digest="e"))) == "A B"
    assert lettered("layering", two, squashed(change("/a"), change("/b"))) == "A B"


def test_who_does_not_say_what_was_cached_is_of_the_class_it_agrees_with() -> None:
    def said(cached: bool | None, *, file: str = "/a") -> BuildRecord:
        step = Step(line=3, text="RUN a", layer=1, cached=cached)
        return build(layer(change(file)), steps=(step,))

    assert lettered("layering", said(True), said(None)) == "A A"
    assert lettered("layering", said(None), said(True)) == "A A"
    assert lettered("layering", said(True), said(False), said(None)) == "A B A"
    assert lettered("layering", said(True), said(None, file="/b")) == "A B"


def test_who_built_nothing_has_no_class_of_images_and_takes_none_from_others() -> None:
    failed = build(outcome="error", error="no", layers=())
    assert lettered("image", failed, squashed(change("/a"))) == "- A"
    assert lettered("layering", failed, squashed(change("/a"))) == "- A"
    assert lettered("outcome", failed, squashed(change("/a"))) == "A B"


@pytest.mark.parametrize("verdict", SEVERITY)
def test_a_cell_is_as_bad_as_its_worst_verdict(verdict: Verdict) -> None:
    behind = SEVERITY[SEVERITY.index(verdict) :]
    assert worst(reversed(behind)) == verdict
    assert worst([]) == "pass"


CASE = """title: t
why: w
on: "!buildkit@>=28"
dockerfile: |
  ARG BASE
  FROM ${BASE}
  RUN a
builds_: {}
expect:
"""


def case(tmp_path: Path, *expect: str) -> Case:
    path = tmp_path / "g" / "c.yaml"
    path.parent.mkdir(exist_ok=True)
    lines = "".join(f"  - {each}\n" for each in expect)
    path.write_text(CASE.replace("builds_: {}\n", "") + lines)
    return load_case(path, tmp_path, standard_builders())


def result(made: Case, target: str, record: BuildRecord, **rest: object) -> Judged:
    checks = tuple(
        judge(index, each, standard_builders().target(target), ())
        for index, each in enumerate(made.expect)
        if each.differs is None
    )
    stored = Judged(
        case=made.id,
        case_digest=made.digest,
        target=target,
        verdict="pass",
        checks=checks,
        builds=(record,),
    )
    return replace(stored, **rest)  # type: ignore[arg-type]


def matrix(made: Case, *results: Judged) -> Matrix:
    return tabulate_results(
        [made],
        {"g": Group(title="G", claims={"C1": "one"})},
        [standard_builders().target(each) for each in (NEWER, BUILDKIT, LEGACY)],
        {(each.case, each.target): each for each in results},
        {},
        builders=standard_builders(),
    )


def test_a_target_that_a_case_is_not_meant_for_is_unsupported(tmp_path: Path) -> None:
    made = case(tmp_path, "{because: b, layers: 1}")
    cells = matrix(made, result(made, LEGACY, build())).rows[0].cells
    assert {name: cell.verdict for name, cell in cells.items()} == {
        LEGACY: "pass",
        BUILDKIT: "missing",
        NEWER: "unsupported",
    }
    assert cells[BUILDKIT].reason == "not run"


def test_an_unstable_aspect_makes_no_divergence_and_no_class(tmp_path: Path) -> None:
    made = case(tmp_path, "{because: b, layers: 1}")
    one = result(made, LEGACY, build(config={"Cmd": ["a"]}), unstable=("config",))
    two = result(made, BUILDKIT, build(config={"Cmd": ["b"]}))
    made_of = matrix(made, one, two)
    (row,) = made_of.rows
    assert row.agrees
    assert row.divergences == ()
    assert row.cells[LEGACY].unstable == ("config",)
    assert "pass Aa unstable" in terminal(made_of, {})


def test_a_claim_that_holds_in_one_case_only_holds_partly(tmp_path: Path) -> None:
    made = case(
        tmp_path,
        "{because: b, claim: C1, layers: 1}",
        "{because: c, claim: C1, layers: 2}",
    )
    stored = result(made, LEGACY, build())
    broken = replace(stored.checks[1], held=False, findings=("layers: 1",))
    unknown = replace(stored.checks[1], held=False, verdict="unsupported")

    def claimed(*checks: Check) -> tuple[str, tuple[str, ...]]:
        made_of = matrix(made, replace(stored, checks=checks))
        (row,) = made_of.claims["g"]
        return row.cells[LEGACY], row.against.get(LEGACY, ())

    assert claimed(*stored.checks) == ("holds", ())
    assert claimed(stored.checks[0], broken) == ("partly", ("g/c: layers: 1",))
    assert claimed(broken) == ("broken", ("g/c: layers: 1",))
    assert claimed(stored.checks[0], unknown) == ("holds", ())
    assert claimed(unknown) == ("not measured", ())


def test_what_differs_is_judged_against_each_other_target(tmp_path: Path) -> None:
    made = case(
        tmp_path, "{because: b, on: legacy, differs: {from: buildkit, in: [config]}}"
    )
    own = result(made, LEGACY, build(config={"Cmd": ["a"]}))
    same = result(made, BUILDKIT, build(config={"Cmd": ["a"]}))
    other = result(made, BUILDKIT, build(config={"Cmd": ["b"]}))
    (check,) = matrix(made, own, same).rows[0].cells[LEGACY].checks
    assert (check.verdict, check.findings) == (
        "fail",
        (f"differs: config are those of {BUILDKIT}",),
    )
    assert matrix(made, own, other).rows[0].cells[LEGACY].verdict == "pass"


def test_the_summary_counts_what_was_measured(tmp_path: Path) -> None:
    made = case(tmp_path, "{because: b, layers: 1}")
    assert summary(matrix(made)) == (
        "1 case on 3 targets: 1 was measured on fewer than two targets\n"
        "verdicts: 1 unsupported, 2 missing"
    )
    whole = matrix(made, result(made, LEGACY, build()))
    assert whole.of([made.id]) == whole
    assert whole.of([]).rows == ()


def test_many_divergences_are_cut_on_a_terminal(tmp_path: Path) -> None:
    made = case(tmp_path, "{because: b, layers: 1}")
    config = {f"Key{number}": number for number in range(12)}
    text = terminal(
        matrix(made, result(made, LEGACY, build(config=config)),
               result(made, BUILDKIT, build())), {}
    )  # fmt: skip
    assert "and 4 more: layer-harness explain g/c" in text


def test_a_reason_for_not_measuring_is_what_the_check_says(tmp_path: Path) -> None:
    made = case(tmp_path, "{because: b, level: may, layers: 1}")
    target = standard_builders().target(LEGACY)
    found = judge(0, made.expect[0], target, NotMeasured("out of reach"))
    assert (found.verdict, found.findings) == ("unsupported", ("out of reach",))


SQUASHED = "one layer for all instructions of a stage"


def test_a_layer_for_a_stage_is_compared_with_no_line() -> None:
    one = build(layer(change("/a"), line=3), layer(change("/b"), line=4))
    whole = build(layer(change("/a"), change("/b"), line=None), note=SQUASHED)
    assert told(legacy=one, buildkit=whole) == [
        "layers: BuildKit puts all instructions of the stage into one layer"
    ]
    table = tell(
        {
            name: Observation(case="g/c", target=name, builds=(record,))
            for name, record in ((LEGACY, one), (BUILDKIT, whole))
        }
    )
    assert classes(table, "image") == {LEGACY: "A", BUILDKIT: "A"}
    assert classes(table, "layering") == {LEGACY: "A", BUILDKIT: "B"}


def test_a_builder_that_does_not_say_what_it_cached_is_of_no_other_class() -> None:
    step = Step(line=3, text="RUN a", layer=None, cached=True)
    hit, silent = build(steps=(step,)), build(steps=(replace(step, cached=None),))
    miss = build(steps=(replace(step, cached=False),))
    assert told(legacy=hit, buildkit=silent) == []
    assert told(legacy=hit, buildkit=silent, newer=miss) == [
        "line 3, RUN a: legacy takes it from cache, buildkit@28.5.2 runs it again"
    ]


def test_what_matters_most_is_told_first_and_what_builders_add_last() -> None:
    one = build(
        layer(
            change("/run/.containerenv"),
            change("/z", mode="0600"),
            change("/etc", "touched", type="dir", digest=""),
        )
    )
    two = build(layer(change("/z")), config={"Healthcheck": {"Test": ["x"]}})
    assert [each.partition(": ")[0] for each in told(legacy=one, buildkit=two)] == [
        "line 3, /z",
        "config Healthcheck",
        "line 3, /run/.containerenv",
        "line 3, RUN a",
    ]


def test_many_paths_below_a_folder_are_told_once() -> None:
    many = build(layer(*(change(f"/x/{number}") for number in range(49))))
    assert told(legacy=many, buildkit=build(layer())) == [
        "line 3, 49 paths below /x: legacy has them, BuildKit has none",
        "line 3, RUN a: legacy makes a layer, BuildKit makes an empty layer",
    ]
    folder = change("/x", type="dir", digest="", size=0)
    new = build(layer(folder, *(change(f"/x/{number}") for number in range(49))))
    assert told(legacy=new, buildkit=build(layer()))[0] == (
        "line 3, /x: legacy has a directory with 49 paths in it, BuildKit has none"
    )


def test_a_case_that_no_target_builds_is_not_built(tmp_path: Path) -> None:
    failed = BuildRecord(name="build", outcome="error", error="no")
    unasked = case(tmp_path, "{because: b, level: may, layers: 1}")
    unasked_results = [result(unasked, name, failed) for name in (LEGACY, BUILDKIT)]
    made_of = matrix(unasked, *unasked_results)
    (row,) = made_of.rows
    assert row.cells[LEGACY].verdict == "not built"
    assert row.standing == "not built"
    assert not made_of.is_as_expected
    assert summary(made_of).endswith(
        "1 of 1 case was never built: nothing was compared (g/c)"
    )
    # one target that builds it, or an expectation of a failure, is something else
    once = matrix(unasked, unasked_results[0], result(unasked, BUILDKIT, build()))
    assert once.rows[0].standing == "outcome"
    assert once.rows[0].cells[LEGACY].verdict == "pass"
    # though it is not among those that are tabulated
    results = (unasked_results[0], result(unasked, BUILDKIT, build()))
    part = tabulate_results(
        [unasked],
        {},
        [standard_builders().target(LEGACY)],
        {(each.case, each.target): each for each in results},
        {},
        builders=standard_builders(),
    )
    assert part.rows[0].cells[LEGACY].verdict == "pass"
    assert part.is_as_expected
    asked = case(tmp_path, "{because: b, build: {error: 'no'}}")
    failing = matrix(
        asked, *(result(asked, name, failed) for name in (LEGACY, BUILDKIT))
    )
    assert failing.rows[0].standing == "fails"
    assert failing.is_as_expected


def test_a_case_that_fails_by_intent_has_its_answer(tmp_path: Path) -> None:
    unasked = case(tmp_path, "{because: b, level: may, layers: 1}")
    path = tmp_path / "g" / "c.yaml"
    path.write_text("fails: true\n" + path.read_text())
    refused = load_case(path, tmp_path, standard_builders())
    assert refused.digest == unasked.digest
    failed = BuildRecord(name="build", outcome="error", error="no")
    other = replace(failed, error="never")
    refusals = result(refused, LEGACY, failed), result(refused, BUILDKIT, other)
    answered = matrix(refused, *refusals)
    (row,) = answered.rows
    assert row.standing == "fails"
    assert answered.is_as_expected
    assert {row.cells[name].verdict for name in (LEGACY, BUILDKIT)} == {"pass"}
    assert row.cells[LEGACY].outcome != row.cells[BUILDKIT].outcome
    # where a target builds it, that is a difference, and no failure
    once = matrix(refused, refusals[0], result(refused, BUILDKIT, build()))
    assert once.rows[0].standing == "outcome"
    assert once.is_as_expected


def test_a_target_whose_build_fails_says_nothing_of_the_image() -> None:
    failed = BuildRecord(name="build", outcome="error", error="no")
    one, two = build(layer(change())), build(layer(change(mode="0600")))
    assert told(legacy=failed, buildkit=one, newer=two) == [
        "outcome: legacy fails (no), BuildKit builds it",
        "line 3, /a: buildkit@20.10.24 gives it the mode 0644, "
        "buildkit@28.5.2 gives it the mode 0600",
    ]
