"""Dockerfiles cut into instructions with their lines."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.dockerfile.parser import parse


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
        ("RUN echo a\u2028b\x0cc\nRUN d", [(1, 1, "RUN echo a b c"), (2, 2, "RUN d")]),
        (
            "RUN a <<'E-1'\nRUN no\nE-1\nRUN b",
            [(1, 3, "RUN a <<'E-1'"), (4, 4, "RUN b")],
        ),
        ("ONBUILD RUN <<E\nRUN no\nE\n", [(1, 3, "ONBUILD RUN <<E")]),
        ("COPY <<A /a\r\nx\r\nA\r\nRUN b", [(1, 3, "COPY <<A /a"), (4, 4, "RUN b")]),
        ("RUN x<<E\nE\n", [(1, 1, "RUN x<<E"), (2, 2, "E")]),
        ("RUN <<E\nRUN b", [(1, 1, "RUN <<E"), (2, 2, "RUN b")]),
        ("RUN <<-E\n\tE\nRUN <<F\n\tF\nF", [(1, 2, "RUN <<-E"), (3, 5, "RUN <<F")]),
        ("# escape=`\nRUN a\\\nRUN b", [(2, 2, "RUN a\\"), (3, 3, "RUN b")]),
        ("# x\n# escape=`\nRUN a `\nRUN b", [(3, 3, "RUN a `"), (4, 4, "RUN b")]),
        ("  # note\n\n", []),
        ("RUN a \\", [(1, 1, "RUN a")]),
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


def test_flags_are_no_arguments() -> None:
    parsed = parse("COPY --from=a --chown=1:1 x /y\nRUN --network=none true\n")
    assert [each.arguments for each in parsed.instructions] == ["x /y", "true"]


def test_a_line_inside_an_instruction_finds_it() -> None:
    parsed = parse("FROM a\nRUN b \\\n  c\n\nRUN d\n")
    found = [parsed.at(line) for line in (1, 2, 3, 4, 5, 6)]
    assert [each.line if each else None for each in found] == [1, 2, 2, None, 5, None]


def test_a_name_that_is_no_stage_is_none() -> None:
    parsed = parse(STAGES)
    assert parsed.stage("nosuch") is None
    assert parsed.stage("7") is None
    assert parsed.chain("nosuch") == ()
    assert parse("RUN x").stage("") is None


def test_a_stage_named_like_its_source_is_not_its_own_parent() -> None:
    parsed = parse("FROM base AS base\nRUN a\nFROM BASE as two\nRUN b\n")
    assert [each.text for each in parsed.chain("two")] == ["RUN a", "RUN b"]


def test_a_stage_is_found_by_a_build_argument_that_names_it() -> None:
    text = "ARG KIND=b\nFROM x AS made-a\nFROM x AS made-b\nFROM made-${KIND}\n"
    assert parse(text).stages[-1].parent == 1
    assert parse(text, {"KIND": "a"}).stages[-1].parent == 0


def test_declared_arguments_are_found_behind_a_byte_order_mark_too() -> None:
    assert parse("\ufeffARG BASE\nFROM ${BASE}\narg A=1 B\n").declared == {
        "BASE",
        "A",
        "B",
    }


#: Each took a time that grows with the square of its length, or broke.
@pytest.mark.parametrize(
    "text",
    [
        "# escape" + " " * 100_000 + "x\nFROM a\n",
        "# escape=x" + " " * 100_000 + "y\nFROM a\n",
        "FROM scratch\nARG " + "--a=b " * 50_000 + "\n",
        "FROM scratch\nRUN "
        + " ".join(f"<<E{n}" for n in range(5000))
        + "\nx" * 50_000,
        "FROM scratch\n" + "RUN <<E\n" * 50_000,
        "".join(f"FROM s{n} AS s{n + 1}\n" for n in range(20_000)),
        f"ARG A={'a' * 100_000}\nFROM {'${A}' * 20_000}\n",
    ],
    ids=range(7),
)
def test_long_dockerfiles_are_read_in_a_time_that_grows_with_them(text: str) -> None:
    parsed = parse(text)
    for target in ("", "s1", "9" * 5000):
        parsed.stages_of(target)
        parsed.chain(target)
        parsed.outside(target)
    assert parsed.declared is not None


def test_heredocs_end_one_after_the_other() -> None:
    text = "FROM a\nRUN <<A <<-B <<C\nx\nA\nA\n\tB\nRUN y\n"
    # C ends nowhere, and opens nothing
    assert [each.line for each in parse(text).instructions] == [1, 2, 7]
