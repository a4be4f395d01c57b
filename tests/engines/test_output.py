"""However much is printed, its two ends are kept, and memory stays bounded."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.engines import process
from harness.engines.output import Lines, Output, ends_of, shortened
from harness.errors import EngineError


@given(st.lists(st.text(max_size=30), max_size=20))
def test_what_is_not_much_is_kept_as_it_is(pieces: list[str]) -> None:
    output = Output(2000)
    for each in pieces:
        output.add(each)
    assert str(output) == "".join(pieces)


@given(st.lists(st.binary(min_size=1, max_size=30), min_size=1), st.integers(1, 40))
def test_of_more_the_ends_are_kept_and_the_rest_is_counted(
    pieces: list[bytes], kept: int
) -> None:
    pieces = [each.replace(b"\n", b"x").hex().encode() for each in pieces]
    output = Output(kept)
    for each in pieces:
        output.add_bytes(each)
    whole = b"".join(pieces).decode()
    if len(whole) <= 2 * kept:
        assert str(output) == whole
        return
    head, said, tail = str(output).split("\n")
    assert (head, tail) == (whole[:kept], whole[-kept:])
    assert said == f"({len(whole) - 2 * kept:,} bytes are left out here)"


def test_what_is_kept_can_be_asked_for_at_any_time() -> None:
    output = Output(2)
    for each, whole in (
        ("abc", "abc"),
        ("def", "ab\n(2 bytes are left out here)\nef"),
        ("g", "ab\n(3 bytes are left out here)\nfg"),
    ):
        output.add(each)
        assert str(output) == whole


def test_half_a_surrogate_pair_and_half_a_letter_are_no_error() -> None:
    output = Output(4)
    output.add("\ud800")
    output.add("äääää")
    assert str(output).endswith("\nää")
    assert shortened("x" * 10, 2) == "xx\n(6 bytes are left out here)\nxx"


def test_a_log_is_read_from_a_place_on(tmp_path: Path) -> None:
    place = tmp_path / "log"
    place.write_bytes(b"before" + b"a" * 10 + b"b" * 3_000_000 + b"c" * 10)
    said = ends_of(place, since=6, kept=10)
    assert said == "aaaaaaaaaa\n(3,000,000 bytes are left out here)\ncccccccccc"


@given(st.lists(st.binary(max_size=20)))
def test_lines_are_those_of_the_whole(chunks: list[bytes]) -> None:
    lines = Lines(1000)
    found = [line for chunk in chunks for line in lines.cut(chunk)]
    found += lines.rest()
    whole = b"".join(chunks)
    assert found == whole.removesuffix(b"\n").split(b"\n") if whole else found == []


def test_a_line_without_an_end_comes_in_pieces() -> None:
    lines = Lines(10)
    found = [each for _ in range(5) for each in lines.cut(b"xxxx")]
    assert [*found, *lines.rest()] == [b"x" * 12, b"x" * 8]


def test_a_command_that_fails_after_much_output_is_told_by_its_last_lines() -> None:
    script = "import sys; print('y' * 79 * 100_000); print('the end'); sys.exit(3)"
    with pytest.raises(EngineError, match=r"ended with 3\):\n(.|\n)*\n  the end\n"):
        process.run([sys.executable, "-c", script], what="printing")
