"""A folder of the user's, listed as it is."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from harness.dockerfile.user_folder import UserFolder, read_user_folder
from harness.errors import UsageError


def listed(folder: Path) -> dict[str, object]:
    return {each.path: each for each in read_user_folder(folder).files}


def test_modes_times_links_and_owners_are_those_of_the_files(tmp_path: Path) -> None:
    folder = tmp_path / "a"
    folder.mkdir(mode=0o750)
    script = folder / "run.sh"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o4711)
    os.utime(script, ns=(0, 1_600_000_000_500_000_000))
    (folder / "link").symlink_to("./run.sh")
    (folder / "twin").hardlink_to(script)
    os.mkfifo(folder / "pipe", 0o600)
    found = {each.path: each for each in read_user_folder(tmp_path).files}
    assert list(found) == ["a", "a/link", "a/pipe", "a/run.sh", "a/twin"]
    assert (found["a"].kind, found["a"].permissions) == ("dir", 0o750)
    assert found["a/run.sh"].permissions == 0o4711
    assert found["a/run.sh"].mtime == 1_600_000_000.5
    assert b"".join(found["a/run.sh"].pieces()) == b"#!/bin/sh\n"
    assert found["a/run.sh"].uid == os.getuid()
    # as it is written, not shortened
    assert found["a/link"].link == "./run.sh"
    assert (found["a/twin"].kind, found["a/twin"].link) == ("hardlink", "a/run.sh")
    assert found["a/pipe"].kind == "fifo"


def test_a_socket_is_left_out_and_named(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("")
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(tmp_path / "s.sock"))
        found = read_user_folder(tmp_path)
    assert [each.path for each in found.files] == ["kept"]
    assert found.sockets == ("s.sock",)


def test_names_that_are_not_utf8_are_kept(tmp_path: Path) -> None:
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9")).write_text("x")
    (found,) = read_user_folder(tmp_path).files
    assert os.fsencode(found.path) == b"caf\xe9"


def test_a_large_file_is_listed_without_being_read(tmp_path: Path) -> None:
    with (tmp_path / "big").open("wb") as file:
        file.truncate(3 << 30)
    found: UserFolder = read_user_folder(tmp_path)
    assert found.size == 3 << 30


def test_a_folder_that_may_not_be_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    real = os.scandir

    def refusing(path: object) -> object:
        # root reads everything, so it cannot be made to happen here
        if str(path) == str(secret):
            raise PermissionError(13, "Permission denied", str(secret))
        return real(path)  # type: ignore[call-overload]  # as it was called

    monkeypatch.setattr(os, "scandir", refusing)
    with pytest.raises(UsageError, match="Permission denied") as refused:
        read_user_folder(tmp_path)
    assert refused.value.where == str(secret)
    assert ".dockerignore" in refused.value.hint
