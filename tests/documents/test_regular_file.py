"""Only a regular file within its size is read; all else is refused by name."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.documents import regular_file
from harness.errors import CaseError, ResultError


def listen(path: Path) -> None:
    # a socket's address is short
    with socket.socket(socket.AF_UNIX) as listening:
        there = os.open(path.parent, os.O_RDONLY)
        listening.bind(f"/proc/self/fd/{there}/{path.name}")
        os.close(there)


SPECIAL: dict[str, tuple[Callable[[Path], object], str]] = {
    "fifo": (os.mkfifo, "is a fifo"),
    "directory": (Path.mkdir, "is a directory"),
    "device": (lambda path: path.symlink_to("/dev/zero"), "is a device"),
    "socket": (listen, "is a socket"),
    "loop": (lambda path: path.symlink_to(path), "cannot be read"),
    "nothing": (lambda path: path.symlink_to("nosuch"), "cannot be read"),
}


def sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(20 << 30)


@pytest.mark.parametrize("kind", SPECIAL)
def test_what_is_no_file_is_refused_by_name(tmp_path: Path, kind: str) -> None:
    make, words = SPECIAL[kind]
    path = tmp_path / "x"
    make(path)
    with pytest.raises(ResultError) as caught:
        regular_file.read(path, error=ResultError)
    assert caught.value.where == str(path)
    assert words in caught.value.message


def test_a_large_file_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x"
    sparse(path)
    monkeypatch.setattr(os, "open", None)
    with pytest.raises(CaseError, match="is larger than 1 MiB"):
        regular_file.read(path)


def test_a_file_that_grows_is_read_to_its_limit_and_no_further(tmp_path: Path) -> None:
    # what /proc gives has the size 0
    with pytest.raises(CaseError, match="is larger than 2 bytes"):
        regular_file.read(Path("/proc/self/status"), most=2)
    path = tmp_path / "x"
    path.write_bytes(b"ab")
    assert regular_file.read(path, most=2) == b"ab"


def test_a_file_that_may_not_be_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"")

    def closed(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", closed)
    with pytest.raises(CaseError, match="cannot be read: Permission denied") as caught:
        regular_file.read(path)
    assert caught.value.where == str(path)


def test_sizes_are_written_as_cases_have_them() -> None:
    assert regular_file.size_text(1 << 30) == "1 GiB"
    assert regular_file.size_text(64 << 20) == "64 MiB"
    assert regular_file.size_text(3 << 10) == "3 KiB"
    assert regular_file.size_text(1000) == "1000 bytes"
    assert regular_file.size_text(0) == "0 bytes"
