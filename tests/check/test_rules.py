"""The rules: each finds its own cases, and stands on cases that there are."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.builders.records import standard_builders
from harness.cases.case import Case, load_case
from harness.check.context import of_files
from harness.check.findings import check
from harness.check.rule import Rule
from harness.check.rules import RULES
from harness.check.source import Source
from harness.judge.behaviours_file import Behaviours, read_all

ROOT = Path(__file__).parents[2]
#: What Dockerfiles are made of, and what breaks them.
PIECES = [
    *("FROM", "RUN", "COPY", "ADD", "ARG", "ENV", "USER", "WORKDIR", "VOLUME"),
    *("ONBUILD", "SHELL", "EXPOSE", "LABEL", "HEALTHCHECK", "scratch", "AS", "a"),
    *("--from=0", "--from=", "--chown=x:y", "--link", "--chmod=u+x", "--parents"),
    *("--mount=type=cache,from=a", "${A", "${A:-$B}", "$", "[", "]", '["x"]', '"'),
    *("'", "\\", "<<EOF", "EOF", "#", "# escape=`", "..", "/", "*", "**", "=", "A=1"),
    *("&", "|", ";", ">", "(", "\n", "\n", "\n", "\n", "\r\n", "\ufeff", "\0", "é"),
]


@cache
def known() -> Behaviours:
    return read_all((ROOT / "results" / "behaviours.json").read_bytes())


@cache
def case(name: str) -> Case:
    return load_case(
        ROOT / "cases" / f"{name}.yaml", ROOT / "cases", standard_builders()
    )


def sources(name: str) -> list[Source]:
    """Give the builds of a case as `check` would see them."""
    own = case(name)
    return [
        Source(
            path="Dockerfile",
            text=each.dockerfile,
            name=each.file,
            args=each.args,
            target=each.target,
            context=of_files(own.context(build)),
        )
        for build, each in own.builds.items()
    ]


@pytest.mark.parametrize("rule", RULES, ids=lambda each: each.id)
def test_a_rule_finds_the_cases_that_it_stands_on(rule: Rule) -> None:
    for name in rule.behaviours:
        found = [each for source in sources(name) for each in rule.match(source)]
        assert found, name


@pytest.mark.parametrize("rule", RULES, ids=lambda each: each.id)
def test_a_rule_says_what_depends_where_it_is_not_certain(rule: Rule) -> None:
    for name in rule.behaviours:
        for source in sources(name):
            for each in rule.match(source):
                assert each.certain or each.depends
                assert each.file or 0 < each.line <= len(source.lines)
    assert rule.says.endswith(".")


def test_ids_are_given_once() -> None:
    assert len({each.id for each in RULES}) == len(RULES)


@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=5), max_size=40))
def test_no_text_makes_a_traceback(pieces: list[str]) -> None:
    source = Source(path="-", text=" ".join(pieces), context=of_files([]))
    before, after = known().targets[0], known().targets[-1:]
    for each in check(source, RULES, known().by_case, before, after).findings:
        assert each.before != next(iter(each.after.values()))
