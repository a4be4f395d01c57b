"""What text is laid out for, by stream and environment."""

from __future__ import annotations

import io
import os
import pty
from collections.abc import Iterator
from typing import TextIO

import pytest

from harness.terminal.screen import Screen, screen_of


@pytest.fixture
def terminal() -> Iterator[TextIO]:
    upper, lower = pty.openpty()
    with os.fdopen(lower, "w") as stream:
        yield stream
    os.close(upper)


def test_a_pipe_has_no_width_and_no_colour() -> None:
    assert screen_of(io.StringIO(), {"TERM": "xterm"}) == Screen()


def test_a_terminal_has_colour_and_lines_drawn_in_place(terminal: TextIO) -> None:
    found = screen_of(terminal, {"TERM": "xterm"})
    assert (found.colour, found.moving) == (True, True)


def test_a_terminal_that_does_not_say_its_width_has_80_columns(
    terminal: TextIO,
) -> None:
    assert screen_of(terminal, {"TERM": "xterm"}).width == 80


@pytest.mark.parametrize(
    ("environment", "colour"),
    [
        ({"NO_COLOR": "1"}, False),
        ({"NO_COLOR": ""}, True),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, False),
        ({"FORCE_COLOR": "0"}, False),
        ({"TERM": "dumb"}, False),
        ({"TERM": "dumb", "FORCE_COLOR": "1"}, True),
    ],
)
def test_the_environment_says_whether_there_is_colour(
    terminal: TextIO, environment: dict[str, str], colour: bool
) -> None:
    assert screen_of(terminal, environment).colour is colour


def test_colour_can_be_forced_into_a_pipe() -> None:
    assert screen_of(io.StringIO(), {"FORCE_COLOR": "1"}).colour


@pytest.mark.parametrize("name", ["TERM", "CI"])
def test_nothing_is_drawn_in_place_where_nobody_looks(
    terminal: TextIO, name: str
) -> None:
    assert not screen_of(terminal, {"TERM": "xterm", name: "dumb"}).moving


@pytest.mark.parametrize(
    ("columns", "width"), [("100", 100), ("0", None), ("-3", None), ("wide", None)]
)
def test_columns_are_the_width_of_a_pipe_too(columns: str, width: int | None) -> None:
    assert screen_of(io.StringIO(), {"COLUMNS": columns}).width == width


def test_a_closed_stream_is_a_pipe() -> None:
    stream = io.StringIO()
    stream.close()
    assert screen_of(stream, {}) == Screen()


def test_text_is_as_it_was_without_colour() -> None:
    assert Screen().ink("bad", "x") == "x"
    assert Screen(colour=True).ink("bad", "x") == "\x1b[1;31mx\x1b[0m"
