"""A pattern of a file is compiled, held to an end, or refused with what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.builders.records import standard_builders
from harness.cases.case import load_case
from harness.documents.pattern import MAX_TEXT, check_ways, compiled, searched
from harness.errors import CaseError

CASE = """\
title: T
why: W
dockerfile: |
  ARG BASE
  FROM ${BASE}
expect:
  - because: it is
    build:
      error: '%s'
"""


@pytest.mark.parametrize(
    "pattern",
    [
        "(a+)+$",
        "(a|a)*b",
        "(a?){40}a{40}",
        "a?" * 40 + "a" * 40,
        "(x|y)(x|y)" * 20,
        ".*.*.*b",
        r"\d+\.\d+",
        "a{0,3000}a{0,3000}b",
        "((a{50}){50}|b){50}",
        "((?:a|b){2,}?)",
        "(?P<name>a*)*",
        "(?=(a+)+b)",
        "[ab]*[ab]*c",
        "(?i)(?:(?s:a*)b?)*",
        "^.*a|.*b.*c",
    ],
)
def test_what_could_match_in_too_many_ways_is_refused(pattern: str) -> None:
    compiled(pattern)
    with pytest.raises(ValueError, match="too many ways"):
        check_ways(pattern)


@pytest.mark.parametrize(
    ("pattern", "what"),
    [
        (r"(a*)\1", "refers back"),
        ("(?P<x>a*)(?P=x)", r"`\(\?P=` is not taken"),
        ("(?x) a # (", r"`\(\?x\)` is not taken"),
        ("(?#a)b", r"`\(\?#a` is not taken"),
        ("(a)?(?(1)b|c)", r"`\(\?\(1` is not taken"),
    ],
)
def test_what_is_not_counted_is_refused(pattern: str, what: str) -> None:
    compiled(pattern)
    with pytest.raises(ValueError, match=what):
        check_ways(pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        "exit status 1|non-zero code",
        r"(code:|status) 1$",
        "(?i)secret.*(not found|no such file)|file not found in build context",
        "^(?!.*proxy.invalid)",
        r"^\d+\.\d+",
        "(ab)*c",
        "[]*]+",
        r"\[a{2}\]{,3}",
        "a{b}|(?<!c)d(?>e)|(?s:f)",
        "",
    ],
)
def test_usual_patterns_are_taken(pattern: str) -> None:
    compiled(pattern)
    check_ways(pattern)


def test_a_slow_pattern_of_a_case_is_told_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "group" / "case.yaml"
    path.parent.mkdir()
    path.write_text(CASE % "(a+)+$")
    with pytest.raises(CaseError) as caught:
        load_case(path, tmp_path, standard_builders())
    assert caught.value.where == f"{path}:9:7"
    assert "may take too long" in caught.value.message
    path.write_text(CASE % "a+$")
    assert load_case(path, tmp_path, standard_builders()).expect


def test_a_long_text_is_searched_at_its_beginning_only() -> None:
    assert searched("b", "a" * (MAX_TEXT - 1) + "b")
    assert not searched("b", "a" * MAX_TEXT + "b")
