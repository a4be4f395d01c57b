"""Tables and paragraphs that fit a screen."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.terminal.layout import PROSE, fitted, indented, paragraph, table
from harness.terminal.screen import PLAIN, Screen

LONG = "Is a file that RUN writes into a volume still there for COPY --from?"
ROWS = [
    [LONG, "kept", "3"],
    ["short", "discarded until 1.28.2, kept since 1.39.3", "12"],
]
HEADS = ["question", "answer", "n"]


def uncoloured(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def test_a_row_is_a_line_in_a_pipe() -> None:
    lines = table(PLAIN, HEADS, ROWS, right=[2]).splitlines()
    assert len(lines) == 4
    assert lines[2].startswith(f"{LONG}  kept  ")
    assert lines[2].endswith("   3")


@pytest.mark.parametrize("width", [40, 80, 120, 200])
def test_a_table_fits_the_screen_and_loses_nothing(width: int) -> None:
    text = table(Screen(width=width), HEADS, ROWS)
    assert max(map(len, text.splitlines())) <= width
    words = sorted(" ".join(cell for row in [HEADS, *ROWS] for cell in row).split())
    assert sorted(re.sub("-{3,}", "", text).split()) == words


def test_a_column_keeps_the_width_that_it_needs() -> None:
    head, rule, *_ = table(Screen(width=60), HEADS, ROWS, least=[30]).splitlines()
    assert head.index("answer") == 32
    assert set(rule) == {"-"}


def test_a_whole_column_is_not_broken() -> None:
    said = ROWS[1][1]
    assert said in table(Screen(width=60), HEADS, ROWS, whole=[1])


def test_a_table_without_heads_has_no_rule() -> None:
    assert table(PLAIN, [], [["a", "b"], ["cc", "d"]], indent=2) == "  a   b\n  cc  d"


def test_colour_changes_no_letter() -> None:
    screen = Screen(width=50, colour=True)
    rows = [[screen.ink("doubtful", each) for each in row] for row in ROWS]
    assert "\x1b[33m" in table(screen, HEADS, rows)
    plain = table(Screen(width=50), HEADS, ROWS)
    told = [
        line.rstrip() for line in uncoloured(table(screen, HEADS, rows)).split("\n")
    ]
    assert "\n".join(told) == plain


@given(st.lists(st.tuples(st.integers(1, 90), st.integers(0, 40))), st.integers(1, 200))
def test_columns_fit_where_they_can(columns: list[tuple[int, int]], room: int) -> None:
    natural, needed = [a for a, _ in columns], [b for _, b in columns]
    found = fitted(natural, needed, room)
    assert len(found) == len(natural)
    assert all(1 <= a <= b for a, b in zip(found, natural, strict=True))
    assert sum(found) <= max(room, len(natural))
    if sum(min(own, max(need, 1)) for own, need in columns) <= room:
        pairs = zip(found, natural, needed, strict=True)
        assert all(width >= min(own, need) for width, own, need in pairs)


def test_a_paragraph_is_a_line_in_a_pipe() -> None:
    assert paragraph(PLAIN, LONG * 9, "  ", "    ") == f"  {LONG * 9}"


def test_a_paragraph_is_broken_at_words_and_no_wider_than_prose() -> None:
    text = " ".join([LONG] * 9)
    for width, most in ((80, 80), (200, PROSE)):
        lines = paragraph(Screen(width=width), text, "  ", "    ").splitlines()
        assert max(map(len, lines)) <= most
        assert lines[0].startswith("  Is a file")
        assert all(each.startswith("    ") for each in lines[1:])
        assert " ".join(map(str.strip, lines)) == text


def test_each_line_of_a_text_stays_one() -> None:
    assert paragraph(Screen(width=80), "a\nb", "- ", "  ") == "- a\n- b"


def test_what_is_broken_off_a_line_stands_further_in_than_the_line() -> None:
    lines = indented(Screen(width=30), [f"a\n  {LONG}"]).splitlines()
    assert lines[:2] == ["a", "  Is a file that RUN writes"]
    assert all(each.startswith("    ") for each in lines[2:])
