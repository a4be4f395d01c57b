"""Dockerfiles cut into instructions with their lines."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.dockerfile import parse


def told(text: str) -> list[tuple[int, int, str]]:
    return [(each.line, each.last_line, each.text) for each in parse(text).instructions]


@pytest.mark.parametrize(
    ("text", "instructions"),
    [
        ("FROM a\n\n# note\nrun true\n", [(1, 1, "FROM a"), (4, 4, "run true")]),
        ("RUN a \\\n  && b\nRUN c", [(1, 2, "RUN a && b"), (3, 3, "RUN c")]),
        ("RUN a \\\n# note\n\n  b\nRUN c", [(1, 4, "RUN a b"), (5, 5, "RUN c")]),
        ("# escape=`\nRUN a `\n b\nRUN c\\", [(2, 3, "RUN a b"), (4, 4, "RUN c\\")]),
        ("RUN <<EOF\nRUN no\nEOF\nRUN yes", [(1, 3, "RUN <<EOF"), (4, 4, "RUN yes")]),
        (
            'COPY <<-"A" <<B /x/\n\tone\n\tA\ntwo\nB\nRUN c',
            [(1, 5, 'COPY <<-"A" <<B /x/'), (6, 6, "RUN c")],
        ),
        ("FROM a\r\nRUN b\r\n", [(1, 1, "FROM a"), (2, 2, "RUN b")]),
        ("\ufeffFROM a", [(1, 1, "FROM a")]),
        ("RUN echo 1 << 2\nRUN b", [(1, 1, "RUN echo 1 << 2"), (2, 2, "RUN b")]),
        ("", []),
    ],
)
def test_instructions_have_their_lines(
    text: str, instructions: list[tuple[int, int, str]]
) -> None:
    assert told(text) == instructions


STAGES = """ARG BASE
FROM --platform=linux/amd64 ${BASE} AS Build
RUN one
FROM scratch
RUN other
FROM build
RUN two
"""


def test_the_chain_of_a_stage_begins_with_the_stage_it_is_built_from() -> None:
    parsed = parse(STAGES)
    assert [each.text for each in parsed.chain()] == ["RUN one", "RUN two"]
    assert [each.text for each in parsed.chain("1")] == ["RUN other"]
    assert [each.text for each in parsed.chain("BUILD")] == ["RUN one"]
    assert parsed.instructions[0].stage == -1
    assert [stage.source for stage in parsed.stages] == ["${BASE}", "scratch", "build"]


@given(st.text())
def test_no_text_breaks_it(text: str) -> None:
    for each in parse(text).instructions:
        assert 1 <= each.line <= each.last_line
