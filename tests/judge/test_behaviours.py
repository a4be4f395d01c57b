"""Answers along the versions of a builder, and questions found by words."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.builders.records import standard_builders
from harness.judge.answer_ranges import ranges
from harness.judge.behaviour import Behaviour
from harness.judge.questions import find

BUILDERS = standard_builders()


def told(answers: dict[str, str]) -> dict[str, str]:
    return ranges(answers, BUILDERS)


def test_one_answer_needs_no_version() -> None:
    found = told({"legacy@20.10.24": "kept", "legacy@28.5.2": "kept"})
    assert found == {"legacy": "kept"}


def test_a_change_is_told_with_the_measured_versions_on_both_sides() -> None:
    answers = {"legacy@20.10.5": "a", "legacy@20.10.24": "a", "legacy@26.1.5": "b"}
    assert told(answers) == {"legacy": "a until 20.10.24, b since 26.1.5"}


def test_an_answer_that_came_and_went_is_told_as_such() -> None:
    versions = ("20.10.5", "23.0.18", "25.0.17", "26.1.5", "27.5.1")
    answers = zip(versions, "abbca", strict=True)
    assert told({f"legacy@{version}": answer for version, answer in answers}) == {
        "legacy": "a until 20.10.5, b from 23.0.18 to 25.0.17, c in 26.1.5, "
        "a since 27.5.1"
    }


def test_targets_that_do_not_tell_are_left_out_where_others_do() -> None:
    answers = {"legacy@20.10.24": "a", "legacy@23.0.18": "not told"}
    assert told(answers) == {"legacy": "a"}
    assert told({"legacy@23.0.18": "not told"}) == {"legacy": "not told"}


def test_stores_are_told_apart_only_where_they_differ() -> None:
    answers = {"legacy@28.5.2": "kept", "legacy@28.5.2+containerd": "kept"}
    assert told(answers) == {"legacy": "kept"}
    answers |= {"legacy@28.5.2+vfs": "kept", "legacy@28.5.2+containerd": "lost"}
    assert told(answers) == {"legacy": "containerd: lost; overlay2 and vfs: kept"}


def test_clients_of_buildkit_are_told_apart_only_where_they_differ() -> None:
    answers = {"buildx-0.13@26.1.5": "refused", "buildx-0.29@26.1.5": "kept"}
    assert told({**answers, "buildkit@26.1.5": "kept"}) == {
        "BuildKit": "kept",
        "docker build": "buildx 0.13: refused; buildx 0.29: kept",
    }


_VERSIONS = ("20.10.5", "20.10.24", "23.0.18", "26.1.5", "28.5.2")


@given(
    st.lists(
        st.sampled_from(["kept", "lost"]),
        min_size=len(_VERSIONS),
        max_size=len(_VERSIONS),
    )
)
def test_a_range_says_the_answer_of_every_version(answers: list[str]) -> None:
    given_ = {
        f"legacy@{version}": answer
        for version, answer in zip(_VERSIONS, answers, strict=True)
    }
    text = ranges(given_, BUILDERS)["legacy"]
    runs = [(key, len(list(run))) for key, run in itertools.groupby(answers)]
    assert [part.split()[0] for part in text.split(", ")] == [key for key, _ in runs]


def asked(case: str, question: str, why: str = "") -> Behaviour:
    return Behaviour(case=case, title="t", question=question, why=why)


QUESTIONS = (
    asked("volume/run-after", "Does RUN keep what it changes in a declared VOLUME?"),
    asked(
        "copy/owner", "Which owner does COPY --chown give for a name that is missing?"
    ),
    asked("cache/touched", "Is COPY taken from the cache when only a time changed?"),
    asked("run/shell", "Which shell does RUN use?", why="A cache is not at stake."),
)


@pytest.mark.parametrize(
    ("words", "first"),
    [
        ("volume run", "volume/run-after"),
        ("running volumes", "volume/run-after"),
        ("chown name missing", "copy/owner"),
        ("missing names CHOWN", "copy/owner"),
        ("mtime cache", "cache/touched"),
        ("volume run legacy podman", "volume/run-after"),
        ("what does run use as a shell?", "run/shell"),
    ],
)
def test_questions_are_found_in_any_order_and_ending(words: str, first: str) -> None:
    assert find(QUESTIONS, words)[0].behaviour.case == first


def test_words_that_no_question_has_all_find_the_nearest_and_say_what_they_lack() -> (
    None
):
    (found,) = find(QUESTIONS, "volume windows")
    assert (found.behaviour.case, found.lacks) == ("volume/run-after", ("windows",))
    assert find(QUESTIONS, "kubernetes") == []
