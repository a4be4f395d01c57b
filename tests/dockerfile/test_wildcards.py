"""Patterns of many wildcards match what Python's `re` says, and come to an end."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.dockerfile import dockerignore, wildcards

#: What `dockerignore` makes expressions of.
PARTS = (
    "a", "b", "/", "-", "[^/]", "[^/]*", ".*", "(?:.*/)?", "[ab]", "[^a]", "[]a]",
    r"[a\[^/]*", r"\.", r"\d", r"\w", r"\x61", r"\141", r"\u0062", "]", "^", r"\b",
    r"\B", r"\A", r"\Z", r"\*", r"[a(?:.*/)?]",
)  # fmt: skip
PATHS = st.text("ab/.-*\n2é", max_size=12)


@given(st.lists(st.sampled_from(PARTS), max_size=9), PATHS)
def test_an_automaton_matches_what_the_expression_does(
    parts: list[str], path: str
) -> None:
    expression = "".join(parts)
    automaton = wildcards._automaton(expression, re.ASCII)
    expected = re.fullmatch(expression, path, re.ASCII) is not None
    assert automaton.fullmatch(path) is expected


@pytest.mark.parametrize(
    "pattern",
    [
        "*a" * 40 + "b",
        "**/" * 40 + "b",
        "**/a/" * 40 + "b",
        "**a" * 40 + "b",
        "[ab]" + "*a" * 40 + "b",
        "?" + "*?" * 100 + "b",
    ],
)
@pytest.mark.parametrize("path", ["a" * 250, "a/" * 250 + "c"])
def test_no_pattern_goes_back_for_ever(pattern: str, path: str) -> None:
    (parsed,) = dockerignore.parse(pattern)
    assert not parsed.matches(path)


def test_many_wildcards_match_as_few_do() -> None:
    (pattern,) = dockerignore.parse("**/x*/*.min.*")
    assert pattern.matches("src/lib/x1/a.min.js")
    assert not pattern.matches("src/lib/x1/y/a.min.js")


def test_a_group_cannot_be_referred_back_to() -> None:
    (pattern,) = dockerignore.parse(r"**/\1*")
    with pytest.raises(dockerignore.IgnoreError):
        pattern.matches("a")
