"""A program makes its calls in order, and ends at the first that fails."""

from __future__ import annotations

import errno
import platform
import subprocess
from pathlib import Path

import pytest

from escapes.plugin import table
from escapes.program import BUFFER, Call, Result, program

pytestmark = pytest.mark.skipif(
    platform.machine() != "x86_64", reason="programs are x86-64"
)
READ, WRITE, OPEN, EXECVE = 0, 1, 2, 59


def run(folder: Path, *calls: Call) -> tuple[int, bytes]:
    place = folder / "program"
    place.write_bytes(program(*calls))
    place.chmod(0o755)
    done = subprocess.run([place], stdout=subprocess.PIPE, check=False)
    return done.returncode, done.stdout


def test_a_call_is_given_what_an_earlier_one_gave(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("content")
    place = bytes(tmp_path / "file")
    copy = (READ, Result(-1), BUFFER, 4096), (WRITE, 1, BUFFER, Result(-1))
    assert run(tmp_path, (OPEN, place, 0, 0), *copy) == (0, b"content")


def test_it_ends_at_the_first_call_that_fails_with_its_error(tmp_path: Path) -> None:
    said = (WRITE, 1, b"before", 6)
    after = (WRITE, 1, b"after", 5)
    missing = (OPEN, bytes(tmp_path / "missing"), 0, 0)
    assert run(tmp_path, said, missing, after) == (errno.ENOENT, b"before")


def test_it_becomes_another_program(tmp_path: Path) -> None:
    words = (b"sh", b"-c", b"echo $0 $A", b"name")
    found = run(tmp_path, (EXECVE, b"/bin/sh", words, (b"A=1",)))
    assert found == (0, b"name 1\n")


def test_the_table_has_counts_and_what_was_not_held_everywhere() -> None:
    said = {
        "legacy@x": {"a": "held", "b": "refused", "c": "held"},
        "podman@x": {"a": "held", "b": "held", "c": "reached"},
    }
    counts, attempts, held = table(said).split("\n\n")
    assert [line.split() for line in counts.splitlines()[2:]] == [
        ["legacy@x", "0", "2", "1"],
        ["podman@x", "1", "2", "0"],
    ]
    assert [line.split() for line in attempts.splitlines()[2:]] == [
        ["b", "refused", "held"],
        ["c", "held", "reached"],
    ]
    assert held == "held everywhere: a"
