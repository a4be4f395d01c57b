"""Which answer to a case's question a target gives, and cells without one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.book.book import open_book
from harness.builders.records import standard_builders
from harness.cases.case import Case, load_case
from harness.errors import CaseError
from harness.judge import unanswered
from harness.judge.verdict import Judged, judged
from harness.measure.observation import (
    ONE_FOR_A_STAGE,
    BuildRecord,
    LayerRecord,
    Step,
)
from harness.report.explain import explain
from harness.results.record import Result

ROOT = Path(__file__).parents[2]
LEGACY, BUILDKIT, PODMAN = "legacy@20.10.24", "buildkit@20.10.24", "podman@4.3.1+vfs"
HEAD = """title: t
question: Does RUN make a layer?
why: w
dockerfile: |
  ARG BASE
  FROM ${BASE}
  RUN true
answers:
"""
ONE_OR_NONE = """  new layer: {makes_layer: [3]}
  no layer: {no_layer: [3]}
  refused: {build: {error: "not allowed"}}
"""


def case(folder: Path, answers: str = ONE_OR_NONE, rest: str = "") -> Case:
    path = folder / "demo" / "case.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(HEAD + answers + rest)
    return load_case(path, folder, standard_builders())


def built(*, layer: bool = True, cached: bool | None = None) -> BuildRecord:
    step = Step(line=3, text="RUN true", layer=1 if layer else None, cached=cached)
    made = LayerRecord(line=3, diff_id=None, size=1024, changes=())
    return BuildRecord(
        name="build", outcome="ok", layers=(made,) * layer, steps=(step,)
    )


REFUSED = BuildRecord(name="build", outcome="error", error="RUN is not allowed here")


def results(made: Case, **builds: BuildRecord) -> dict[str, Judged]:
    names = {"legacy": LEGACY, "buildkit": BUILDKIT, "podman": PODMAN}
    stored = {
        names[short]: Result(
            case=made.id,
            case_digest=made.digest,
            target=names[short],
            builds=(each,),
        )
        for short, each in builds.items()
    }
    return judged(made, stored, {}, standard_builders())


def names(found: dict[str, Judged]) -> list[str]:
    return [each.answered.name for each in found.values() if each.answered]


def mistakes(made: Case, found: dict[str, Judged]) -> list[str]:
    return list(unanswered.mistakes(made, found, standard_builders()))


def test_each_target_gives_the_answer_whose_properties_hold(tmp_path: Path) -> None:
    made = case(tmp_path)
    found = results(made, legacy=built(layer=False), buildkit=built(), podman=REFUSED)
    assert names(found) == ["no layer", "new layer", "refused"]
    assert mistakes(made, found) == []
    told = explain(made, found, standard_builders())
    assert "Does RUN make a layer?" in told
    assert "new layer  BuildKit" in told


def test_a_behaviour_without_a_name_is_told_with_what_speaks_against_each(
    tmp_path: Path,
) -> None:
    made = case(tmp_path)
    other = replace(REFUSED, error="disk is full")
    (found,) = mistakes(made, results(made, legacy=other, buildkit=built()))[:1]
    assert "case.yaml: on legacy: unanswered" in found
    assert "refused: build: fails otherwise: disk is full" in found
    assert "new layer: makes_layer: the build failed" in found


def test_answers_that_do_not_exclude_each_other_are_told(tmp_path: Path) -> None:
    made = case(tmp_path, "  built: {build: ok}\n  new layer: {makes_layer: [3]}\n")
    found = results(made, legacy=built())
    assert names(found) == [""]
    assert "`built` and `new layer` hold" in mistakes(made, found)[0]


def test_what_a_target_does_not_show_is_not_told_and_no_mistake(tmp_path: Path) -> None:
    answers = "  from cache: {cached: [3]}\n  built again: {rebuilt: [3]}\n"
    made = case(tmp_path, answers)
    untold, again = built(cached=None), built(cached=False)
    found = results(made, podman=untold, legacy=again, buildkit=built(cached=True))
    assert names(found) == ["", "built again", "from cache"]
    assert unanswered.states(found) == {"answered": 2, "not told": 1}
    assert mistakes(made, found) == []


def test_a_builder_that_panics_gives_an_answer_of_its_own(tmp_path: Path) -> None:
    made = case(tmp_path, ONE_OR_NONE + "  panics: {build: panic}\n")
    panics = BuildRecord(name="build", outcome="panic", error="index out of range")
    found = results(made, legacy=panics, buildkit=REFUSED)
    assert names(found) == ["panics", "refused"]


def test_an_answer_that_nothing_gives_is_a_mistake_unless_it_is_expected(
    tmp_path: Path,
) -> None:
    made = case(tmp_path)
    (found,) = mistakes(made, results(made, legacy=built(), buildkit=REFUSED))
    assert "no target gives the answer `no layer`" in found
    expected = "expect: [{because: the reference, answer: no layer}]\n"
    made = case(tmp_path, rest=expected)
    assert mistakes(made, results(made, legacy=built(), buildkit=REFUSED)) == []


def test_an_expectation_may_name_an_answer(tmp_path: Path) -> None:
    made = case(tmp_path, rest="expect: [{because: b, answer: no layer}]\n")
    found = results(made, legacy=built(layer=False), buildkit=built())
    assert [each.verdict for each in found.values()] == ["pass", "fail"]
    assert found[BUILDKIT].checks[0].findings == (
        "no_layer: line 3 makes an empty layer",
    )


def test_an_answer_of_several_builds_holds_where_all_its_parts_do(
    tmp_path: Path,
) -> None:
    path = tmp_path / "demo" / "case.yaml"
    path.parent.mkdir()
    path.write_text(
        "title: t\nquestion: Is it equal?\nwhy: w\nbuilds:\n"
        "  a: {dockerfile: &file FROM scratch}\n  b: {dockerfile: *file}\nanswers:\n"
        "  both: [{of: a, layers: 1}, {of: b, layers: 1}]\n"
        "  only the first: [{of: a, layers: 1}, {of: b, layers: 0}]\n"
    )
    made = load_case(path, tmp_path, standard_builders())
    builds = tuple(
        replace(built(layer=layer), name=name)
        for name, layer in (("a", True), ("b", False))
    )
    result = Result(case=made.id, case_digest=made.digest, target=LEGACY, builds=builds)
    found = judged(made, {LEGACY: result}, {}, standard_builders())
    assert names(found) == ["only the first"]


@given(st.lists(st.booleans(), max_size=4), st.sets(st.integers(0, 4), min_size=1))
def test_answers_that_exclude_each_other_are_never_ambiguous(
    tmp_path_factory: pytest.TempPathFactory, layers: list[bool], named: set[int]
) -> None:
    answers = "".join(f"  {each} layers: {{layers: {each}}}\n" for each in named)
    made = case(tmp_path_factory.mktemp("cases"), answers)
    layer = LayerRecord(line=3, diff_id=None, size=1024, changes=())
    record = replace(built(), layers=(layer,) * len(layers))
    expected = f"{len(layers)} layers" if len(layers) in named else ""
    assert names(results(made, legacy=record)) == [expected]


@pytest.mark.parametrize(
    ("answers", "rest", "words"),
    [
        (ONE_OR_NONE, "expect: [{because: b, answer: new}]\n", "no answer `new`"),
        (
            ONE_OR_NONE,
            "expect: [{because: b, answer: no layer, layers: 1}]\n",
            "`answer` cannot be combined with `layers`",
        ),
        ("  New: {layers: 1}\n", "", "`New` is not the name of an answer"),
        ("  a b c d: {layers: 1}\n", "", "one to three words"),
        ("  a: {}\n", "", "expects nothing"),
        ("  a: {makes_layer: [9]}\n", "", "no instruction begins on line 9"),
        ("  a: {layers: 1}\n", "impact: huge\n", "outcome"),
    ],
)
def test_mistakes_in_answers_are_told_with_their_place(
    tmp_path: Path, answers: str, rest: str, words: str
) -> None:
    with pytest.raises(CaseError, match=r"case\.yaml:\d+:\d+") as caught:
        case(tmp_path, answers, rest)
    assert words in str(caught.value)


@pytest.mark.parametrize("question", ["Does it", "Why?\n\n  And how?", "'?'"])
def test_a_question_is_one_sentence_with_a_question_mark(
    tmp_path: Path, question: str
) -> None:
    path = tmp_path / "demo" / "case.yaml"
    path.parent.mkdir()
    path.write_text(
        f"title: t\nquestion: {question}\nwhy: w\ndockerfile: FROM scratch\n"
        "answers: {none: {layers: 0}}\n"
    )
    with pytest.raises(CaseError, match="is not a question"):
        load_case(path, tmp_path, standard_builders())


def test_answers_make_no_result_stale(tmp_path: Path) -> None:
    before = case(tmp_path).digest
    assert case(tmp_path, "  other: {layers: 1}\n").digest == before
    # but one that asks for a second build does
    assert case(tmp_path, "  same: {reproducible: true}\n").digest != before


def test_every_case_of_this_repository_asks_and_every_cell_has_one_answer() -> None:
    book = open_book(ROOT / "cases", ROOT / "results")
    assert [each.id for each in book.files if not book.case(each.id).question] == []
    found = [
        text
        for path in book.files
        if (made := book.case(path.id)).answers
        for text in unanswered.mistakes(made, book.judged(made.id), book.builders)
    ]
    assert found == []


@pytest.mark.parametrize(
    ("answers", "told"),
    [
        (ONE_OR_NONE, "one layer"),
        ("  from cache: {cached: [3]}\n  built again: {rebuilt: [3]}\n", "not told"),
    ],
)
def test_one_layer_for_a_stage_answers_a_question_about_layers_only(
    answers: str, told: str, tmp_path: Path
) -> None:
    made = case(tmp_path, answers)
    one = replace(built(), steps=(), note=ONE_FOR_A_STAGE)
    answered = results(made, podman=one)[PODMAN].answered
    assert answered is not None
    assert answered.told == told
