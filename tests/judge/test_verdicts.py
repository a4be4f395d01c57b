"""Verdicts, classes of agreement, results and the matrix, from made observations."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.builders.records import standard_builders
from harness.cases.case import Case, load_case
from harness.cases.model import Group
from harness.errors import ResultError
from harness.judge.agreement import classes, tell
from harness.judge.comparable import subjects
from harness.judge.divergence import divergences
from harness.judge.matrix import Matrix, tabulate_results
from harness.judge.properties import letters
from harness.judge.verdict import Check, Judged, judged
from harness.measure.observation import (
    BuildRecord,
    Change,
    HistoryEntry,
    LayerRecord,
    Observation,
    Relation,
    Step,
)
from harness.report.explain import explain
from harness.report.text import markdown, terminal
from harness.results import disk, record
from harness.results.record import Result
from harness.targets.group_names import group_name
from harness.targets.target import Target

LEGACY = standard_builders().target("legacy@20.10.24")
BUILDKIT = standard_builders().target("buildkit@20.10.24")
TEXT = """title: t
why: w
dockerfile: |
  ARG BASE
  FROM ${BASE}
  RUN echo a > /a
  RUN true
expect:
"""


def change(path: str = "/a", kind: str = "added", **rest: object) -> Change:
    given = {"type": "file", "mode": "0644", "owner": "0:0", "digest": "d", "size": 2}
    return Change(path=path, change=kind, **{**given, **rest})  # type: ignore[arg-type]


def build(*, empty_layer: bool, **rest: object) -> BuildRecord:
    layers = [LayerRecord(line=3, diff_id=None, size=2048, changes=(change(),))]
    if empty_layer:
        layers.append(LayerRecord(line=4, diff_id="sha256:0", size=1024, changes=()))
    record = BuildRecord(
        name="build",
        outcome="ok",
        below=1,
        layers=tuple(layers),
        steps=(
            Step(line=3, text="RUN echo a > /a", layer=1, cached=True),
            Step(
                line=4, text="RUN true", layer=2 if empty_layer else None, cached=False
            ),
        ),
        history=(
            HistoryEntry(created_by="echo"),
            HistoryEntry(created_by="true", empty_layer=not empty_layer),
        ),
        config={"Env": ["A=1", "B=2"], "ExposedPorts": {"80/tcp": {}}},
        relations=(Relation(build="before", leading=1, lines=(3,)),),
        reproducible=False,
    )
    return replace(record, **rest)  # type: ignore[arg-type]


def observed(record: BuildRecord, target: Target = LEGACY) -> Observation:
    return Observation(case="demo/case", target=target.id, builds=(record,))


def case(tmp_path: Path, expect: str) -> Case:
    path = tmp_path / "demo" / "case.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(TEXT + f"  - {expect}\n")
    return load_case(path, tmp_path, standard_builders())


def measured(made: Case, record: BuildRecord, target: Target) -> Judged:
    result = Result(
        case=made.id, case_digest=made.digest, target=target.id, builds=(record,)
    )
    base = {"/etc/motd": change("/etc/motd", owner="1:1")}
    bases = {target.id: base}
    return judged(made, {target.id: result}, bases, standard_builders())[target.id]


def only(tmp_path: Path, expect: str, record: BuildRecord) -> Check:
    (found,) = measured(case(tmp_path, expect), record, LEGACY).checks
    return found


def test_targets_that_share_builds_are_judged_each_on_its_own_base(
    tmp_path: Path,
) -> None:
    made = case(tmp_path, "{because: b, rootfs: {/etc/motd: {type: file}}}")
    names = ("legacy@20.10.24", "buildkit@20.10.24", "legacy@26.1.5")
    builds = (ONE,)
    results = {
        name: Result(case=made.id, case_digest=made.digest, target=name, builds=builds)
        for name in names
    }
    views = ({"/etc/motd": change("/etc/motd")}, {"/etc": change("/etc")}, None)
    bases = dict(zip(names, views, strict=True))
    found = judged(made, results, bases, standard_builders())
    assert [found[name].verdict for name in names] == ["pass", "fail", "unsupported"]


def test_a_builder_that_is_not_known_takes_no_verdict_from_the_others(
    tmp_path: Path,
) -> None:
    made = case(tmp_path, "{because: b, layers: 1}")
    results = {
        name: Result(case=made.id, case_digest=made.digest, target=name, builds=(ONE,))
        for name in ("another@1.0", LEGACY.id, "yetanother@2.0", BUILDKIT.id)
    }
    found = judged(made, results, {}, standard_builders())
    assert {name: each.verdict for name, each in found.items()} == {
        LEGACY.id: "pass",
        BUILDKIT.id: "pass",
    }


ONE = build(empty_layer=False)
TWO = build(empty_layer=True)
FAILED = BuildRecord(name="build", outcome="error", error="no a there", error_line=4)
HUNG = BuildRecord(name="build", outcome="timeout", error="not within the limit")


@pytest.mark.parametrize(
    ("expect", "holds", "breaks"),
    [
        ("layers: 1", ONE, TWO),
        ("pattern: A B", TWO, ONE),
        ("makes_layer: [3, 4]", TWO, ONE),
        ("empty_layer: [4]", TWO, ONE),
        ("no_layer: [4]", ONE, TWO),
        ("build: ok", ONE, FAILED),
        ("build: {error: 'no .', line: 4}", FAILED, ONE),
        ("build: {error: 'no .', line: 3}", None, FAILED),
        ("build: timeout", HUNG, ONE),
        ("build: crash", None, HUNG),
        ("build: panic", None, FAILED),
        ("build: {error: limit}", None, HUNG),
        ("changes: {3: {added: [/a], deleted: []}}", ONE, FAILED),
        ("changes: {3: {added: []}}", None, ONE),
        ("changes: {3: {added: {/a: {mode: '0600'}}}}", None, ONE),
        ("rootfs: {/a: {type: file}, /etc/motd: {owner: '1:1'}}", ONE, FAILED),
        ("rootfs: {/a: absent}", None, ONE),
        ("rootfs: {/b: {type: file}}", None, ONE),
        ("rootfs: {/a: {content: other}}", None, ONE),
        ("config: {Env: {A: '1'}, User: null}", ONE, None),
        ("config: {Env: [A=1]}", None, ONE),
        ("config: {ExposedPorts: {81/tcp: {}}}", None, ONE),
        ("history: [{}, {empty_layer: true}]", ONE, TWO),
        ("history: [{created_by: ec.o}, {}]", ONE, None),
        ("size: {at_most: 2048}", ONE, TWO),
        ("cached: [3]", ONE, None),
        ("cached: [4]", None, ONE),
        ("rebuilt: [4]", ONE, None),
        ("reproducible: false", ONE, None),
        ("reproducible: true", None, ONE),
    ],
)
def test_a_property_holds_or_breaks(
    tmp_path: Path, expect: str, holds: BuildRecord | None, breaks: BuildRecord | None
) -> None:
    text = f"{{because: b, {expect}}}"
    if holds is not None:
        assert only(tmp_path, text, holds).verdict == "pass"
    if breaks is not None:
        found = only(tmp_path, text, breaks)
        assert found.verdict == "fail"
        assert found.findings[0].startswith(expect.partition(":")[0])


def test_a_may_that_does_not_hold_is_no_failure(tmp_path: Path) -> None:
    found = only(tmp_path, "{because: b, level: may, layers: 1}", TWO)
    assert (found.verdict, found.held) == ("pass", False)


def test_known_is_strict(tmp_path: Path) -> None:
    text = "{because: b, layers: 1, known: [{on: legacy, note: n, issue: o/r#1}]}"
    found = only(tmp_path, text, TWO)
    assert found.verdict == "known"
    assert found.said == ("known: n (o/r#1)", *found.findings)
    found = only(tmp_path, text, ONE)
    assert found.verdict == "fail"
    assert found.said == ("holds now: take `known` (n) out of the case",)


def test_verdicts_follow_from_the_case_as_it_is(tmp_path: Path) -> None:
    """An expectation that is corrected takes no build."""
    plain = "{because: b, layers: 1}"
    noted = "{because: b, layers: 1, known: [{on: legacy, note: n, issue: o/r#1}]}"
    assert only(tmp_path, plain, TWO).verdict == "fail"
    assert only(tmp_path, noted, TWO).verdict == "known"
    assert case(tmp_path, plain).digest == case(tmp_path, noted).digest
    other = case(tmp_path, "{because: b, layers: 2}")
    assert other.digest == case(tmp_path, plain).digest
    assert measured(other, TWO, LEGACY).verdict == "pass"


def test_what_cannot_be_measured_is_unsupported(tmp_path: Path) -> None:
    text = "{because: b, on_disk: {equals_export: true}}"
    assert only(tmp_path, text, ONE).verdict == "unsupported"
    unmapped = build(empty_layer=False, steps=(), note="2 history entries")
    found = only(tmp_path, "{because: b, no_layer: [4]}", unmapped)
    assert (found.verdict, found.findings) == ("unsupported", ("2 history entries",))


def test_an_expectation_speaks_of_its_targets_only(tmp_path: Path) -> None:
    made = case(tmp_path, "{because: b, on: legacy, layers: 7}")
    assert measured(made, ONE, BUILDKIT).checks == ()


def test_letters_are_equal_by_content_whatever_was_there_before() -> None:
    layers = [
        LayerRecord(line=1, diff_id="x", size=1, changes=(change(mtime="build"),)),
        LayerRecord(line=2, diff_id=None, size=1, changes=(change(kind="touched"),)),
        LayerRecord(line=3, diff_id="x", size=1, changes=(change(mode="0600"),)),
    ]
    assert letters(layers, "content") == "A A B"
    assert letters(layers, "diff_id") == "A ? A"
    assert letters(layers, "shape") == "A B A"


def pair(one: BuildRecord, two: BuildRecord) -> dict[str, Observation]:
    return {
        LEGACY.id: observed(one, LEGACY),
        BUILDKIT.id: observed(two, BUILDKIT),
    }


def sentences(tmp_path: Path, one: BuildRecord, two: BuildRecord) -> list[str]:
    made = case(tmp_path, "{because: b, layers: 1}")
    return [
        each.sentence()
        for each in divergences(
            tell(pair(one, two)),
            subjects(made),
            name=partial(group_name, standard_builders()),
        )
    ]


def test_a_divergence_is_told_at_its_line(tmp_path: Path) -> None:
    assert sentences(tmp_path, ONE, TWO) == [
        "line 4, RUN true: BuildKit makes an empty layer, legacy none"
    ]
    table = tell(pair(ONE, TWO))
    assert classes(table, "image") == {LEGACY.id: "A", BUILDKIT.id: "A"}
    assert classes(table, "layering") == {LEGACY.id: "A", BUILDKIT.id: "B"}


def test_equal_observations_are_of_one_class_and_tell_nothing(tmp_path: Path) -> None:
    assert sentences(tmp_path, ONE, ONE) == []
    table = tell(pair(ONE, ONE))
    assert set(classes(table, "layering").values()) == {"A"}


def test_a_failure_is_told_and_nothing_that_follows_from_it(tmp_path: Path) -> None:
    assert sentences(tmp_path, ONE, FAILED) == [
        "outcome: legacy builds it, BuildKit fails at line 4 (no a there)"
    ]


def test_each_attribute_that_differs_is_told(tmp_path: Path) -> None:
    layer = replace(ONE.layers[0], changes=(change(mode="0600", owner="1:1"),))
    other = replace(ONE, layers=(layer,))
    text = "\n".join(sentences(tmp_path, ONE, other))
    assert "legacy gives it the mode 0644, BuildKit gives it the mode 0600" in text
    assert "the owner 0:0" in text


def test_a_path_that_one_has_is_told_once(tmp_path: Path) -> None:
    layer = replace(ONE.layers[0], changes=(change("/b"),))
    assert sentences(tmp_path, ONE, replace(ONE, layers=(layer,))) == [
        "line 3, /a: legacy has a file of 2 bytes, BuildKit has none",
        "line 3, /b: BuildKit has a file of 2 bytes, legacy has none",
    ]


def tabulated(made: Case, *results: Judged, **errors: str) -> Matrix:
    return tabulate_results(
        [made],
        {"demo": Group(title="Demo", claims={"C1": "one", "C2": "two"})},
        [BUILDKIT, LEGACY],
        {(each.case, each.target): each for each in results},
        {(made.id, name): text for name, text in errors.items()},
        builders=standard_builders(),
    )


def test_the_matrix_judges_claims_and_what_differs(tmp_path: Path) -> None:
    made = case(
        tmp_path,
        "{because: b, claim: C1, no_layer: [4]}\n"
        "  - {because: c, on: legacy, differs: {from: buildkit, in: [layers]}}",
    )
    matrix = tabulated(made, measured(made, ONE, LEGACY), measured(made, TWO, BUILDKIT))
    (row,) = matrix.rows
    assert [cell.verdict for cell in row.cells.values()] == ["pass", "fail"]
    assert matrix.targets == (LEGACY.id, BUILDKIT.id)
    one, two = matrix.claims["demo"]
    assert one.cells == {LEGACY.id: "holds", BUILDKIT.id: "broken"}
    assert set(two.cells.values()) == {"not measured"}
    same = tabulated(made, measured(made, ONE, LEGACY), measured(made, ONE, BUILDKIT))
    assert same.rows[0].cells[LEGACY.id].verdict == "fail"
    alone = tabulated(made, measured(made, ONE, LEGACY))
    assert alone.rows[0].cells[LEGACY.id].verdict == "unsupported"
    assert alone.rows[0].cells[BUILDKIT.id].verdict == "missing"


def test_an_error_of_this_run_and_a_stale_result_are_no_measurement(
    tmp_path: Path,
) -> None:
    made = case(tmp_path, "{because: b, layers: 1}")
    stale = replace(measured(made, ONE, BUILDKIT), case_digest="sha256:older")
    matrix = tabulated(
        made, measured(made, ONE, LEGACY), stale, **{LEGACY.id: "it broke"}
    )
    cells = matrix.rows[0].cells
    assert (cells[LEGACY.id].verdict, cells[LEGACY.id].reason) == ("error", "it broke")
    assert cells[BUILDKIT.id].verdict == "missing"
    assert "changed" in cells[BUILDKIT.id].reason


def test_reports_name_cases_targets_and_what_failed(tmp_path: Path) -> None:
    made = case(tmp_path, "{because: the article, claim: C1, no_layer: [4]}")
    results = [measured(made, ONE, LEGACY), measured(made, TWO, BUILDKIT)]
    matrix = tabulated(made, *results)
    groups = {"demo": Group(title="Demo", link="https://example.org/")}
    text = terminal(matrix, groups)
    assert "demo/case  layering    pass Aa          FAIL Ab" in text
    assert "demo/case on buildkit@20.10.24: fail: the article" in text
    assert "C1 on buildkit@20.10.24: demo/case: no_layer: line 4 makes an empty" in text
    assert (
        "1 case on 2 targets: 1 gives only other layers\nverdicts: 1 pass, 1 fail"
        in text
    )
    assert "## [Demo](https://example.org/)" in markdown(matrix, groups)
    told = explain(made, {each.target: each for each in results}, standard_builders())
    assert "Aa  legacy: 2 layers with the base: A B" in told
    assert "Ab  BuildKit: 3 layers with the base: A B C" in told


def test_explain_says_why_nothing_was_built_on_a_target(tmp_path: Path) -> None:
    """One of them in the results ended `explain` with a traceback."""
    made = case(tmp_path, "{because: the article, claim: C1, no_layer: [4]}")
    newer = standard_builders().target("buildkit@26.1.5+containerd")
    refused = replace(
        measured(made, ONE, newer),
        verdict="unsupported",
        builds=(),
        checks=(),
        reason="takes no context",
    )
    both = {LEGACY.id: measured(made, ONE, LEGACY), newer.id: refused}
    told = explain(made, both, standard_builders())
    assert "Aa  legacy: 2 layers with the base: A B" in told
    assert "Not built\n\n  BuildKit: takes no context" in told
    assert told.endswith("  the article\n    legacy: pass")
    alone = explain(made, {newer.id: refused}, standard_builders())
    assert "Not built\n\n  BuildKit: takes no context" in alone


def test_explain_tells_which_lines_of_another_stage_were_run(tmp_path: Path) -> None:
    path = tmp_path / "demo" / "case.yaml"
    path.parent.mkdir()
    path.write_text(
        "title: t\nwhy: w\ndockerfile: |\n"
        "  FROM x AS unused\n  RUN one\n  FROM x AS used\n  RUN two\n"
        "  FROM x\n  COPY --from=used /a /\n"
    )
    made = load_case(path, tmp_path, standard_builders())
    one = Step(line=2, text="RUN one", layer=None, cached=None, stage=0)
    two = Step(line=4, text="RUN two", layer=None, cached=None, stage=1)
    results = {
        target.id: measured(
            made,
            replace(ONE, other_steps=steps),
            target,
        )
        for target, steps in ((LEGACY, (one, two)), (BUILDKIT, (two,)))
    }

    def row(line: int, *targets: Target) -> list[str]:
        chosen = {each.id: results[each.id] for each in targets}
        told = explain(made, chosen, standard_builders()).splitlines()
        return next(each for each in told if each.startswith(f"{line} ")).split()

    assert row(2, LEGACY)[3:] == ["another", "stage"]
    assert row(2, BUILDKIT)[3:] == ["not", "run"]
    assert row(4, BUILDKIT)[3:] == ["another", "stage"]
    # of one class, whose layers are the same
    assert " ".join(row(2, LEGACY, BUILDKIT)[3:]) == "another stage, or not run"


texts = st.text(st.characters(exclude_categories=["Cs"]))


@given(texts, texts, st.dictionaries(texts, texts), st.integers(0))
def test_a_result_reads_back_as_it_was(
    path: str, text: str, xattrs: dict[str, str], size: int
) -> None:
    layer = LayerRecord(
        line=None,
        diff_id=text,
        size=size,
        changes=(change(path, xattrs=xattrs, size=size, link=text),),
    )
    stored = Result(
        case="demo/case",
        case_digest="sha256:1",
        target=LEGACY.id,
        builds=(replace(ONE, layers=(layer,), config={"Cmd": [text]}),),
    )
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        disk.save(folder, stored)
        assert disk.load(folder, stored.case) == {LEGACY.id: stored}
        assert not disk.save(folder, stored)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"format": 1}', b"\xff"])
def test_a_broken_result_is_named_with_what_to_do(tmp_path: Path, body: bytes) -> None:
    place = disk.path_of(tmp_path, "demo/case")
    place.parent.mkdir(parents=True)
    place.write_bytes(body)
    with pytest.raises(ResultError) as caught:
        disk.load(tmp_path, "demo/case")
    assert caught.value.where == str(place)
    assert "remove it and run again" in caught.value.hint


def test_what_is_unchanged_is_not_written_again(tmp_path: Path) -> None:
    place = tmp_path / "a" / "b.json"
    assert record.write(place, b"1")
    before = place.stat()
    assert not record.write(place, b"1")
    assert place.stat() == before
    assert [each.name for each in place.parent.iterdir()] == ["b.json"]


def test_where_the_client_makes_a_difference_the_engine_is_named(
    tmp_path: Path,
) -> None:
    made = case(tmp_path, "{because: the article, makes_layer: [4]}")
    client = standard_builders().target("buildx-0.29@20.10.24")
    elsewhere = standard_builders().target("buildx-0.29@28.5.2")
    results = [
        measured(made, record, target)
        for record, target in ((ONE, BUILDKIT), (TWO, client), (TWO, elsewhere))
    ]
    matrix = tabulate_results(
        [made],
        {"demo": Group(title="Demo")},
        [BUILDKIT, client, elsewhere],
        {(each.case, each.target): each for each in results},
        {},
        builders=standard_builders(),
    )
    assert matrix.rows[0].by_client(standard_builders()) == ("20.10.24",)
    assert "on 20.10.24 the client's way makes a difference" in terminal(matrix, {})
