"""A folder beside a case as a context: listed at once, read when it is sent."""

from __future__ import annotations

import hashlib
import os
import socket
from pathlib import Path

import pytest

from harness.cases.digest import canonical
from harness.dockerfile import folder
from harness.dockerfile.context import ContextFile, tar_bytes, tar_size
from harness.dockerfile.folder import FolderFile, read_folder
from harness.errors import CaseError


def test_folder_keeps_only_the_executable_bit(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir(mode=0o700)
    (tmp_path / "sub/run").write_text("x")
    (tmp_path / "sub/run").chmod(0o700)
    (tmp_path / "data").write_text("y")
    (tmp_path / "data").chmod(0o600)
    (tmp_path / "link").symlink_to("../elsewhere")
    os.utime(tmp_path / "data", (1, 1))
    expected = [
        ContextFile(path="data", content=b"y"),
        ContextFile(path="link", kind="symlink", link="../elsewhere"),
        ContextFile(path="sub", kind="dir"),
        ContextFile(path="sub/run", content=b"x", mode=0o755),
    ]
    assert tar_bytes(read_folder(tmp_path)) == tar_bytes(expected)


def test_a_digest_is_of_the_bytes_wherever_they_are(tmp_path: Path) -> None:
    # stored results have it: read from a folder or given inline, it is the same
    (tmp_path / "data").write_bytes(b"y")
    (tmp_path / "empty").touch()
    data, empty = map(canonical, read_folder(tmp_path))
    content = hashlib.sha256(b"y").hexdigest()
    assert data == {"path": "data", "mode": 0o644, "content": content}
    assert empty == {"path": "empty", "mode": 0o644}


def test_a_large_file_is_not_read_to_list_a_folder(tmp_path: Path) -> None:
    with (tmp_path / "large").open("wb") as file:
        file.truncate(20 << 30)
    (found,) = read_folder(tmp_path)
    assert found.size == 20 << 30
    # its header, a PAX header since ustar cannot say the size, the end
    assert tar_size([found]) == (20 << 30) + 3 * 512 + 1024
    with pytest.raises(ValueError, match="'large': is larger than 1 MiB"):
        found.text()


@pytest.mark.parametrize("size", [0, 3])
def test_a_file_that_changes_while_it_is_read_is_an_error(
    tmp_path: Path, size: int
) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"ab")
    with pytest.raises(CaseError, match=r"larger than|became shorter"):
        list(FolderFile(path=path, size=size).pieces())


def test_a_link_in_the_place_of_a_listed_file_is_no_way_to_a_device(
    tmp_path: Path,
) -> None:
    path = tmp_path / "x"
    path.symlink_to("/dev/zero")
    with pytest.raises(CaseError, match="is a device"):
        list(FolderFile(path=path, size=1).pieces())


def test_socket_in_a_folder_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A socket's address is short: bind it by a relative name.
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("s")
        with pytest.raises(CaseError, match="neither file"):
            read_folder(tmp_path)


def test_too_many_files_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder, "MAX_FILES", 2)
    for name in "abc":
        (tmp_path / name).touch()
    with pytest.raises(CaseError, match="has over 2 files"):
        read_folder(tmp_path)


def test_a_folder_deeper_than_a_path_can_be_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for _ in range(20):
        Path("d" * 250).mkdir()
        os.chdir("d" * 250)
    with pytest.raises(CaseError, match="cannot be read: File name too long"):
        read_folder(tmp_path)
