from __future__ import annotations

import io
import json
import struct
import subprocess
import tarfile
from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.images.base import (
    Base,
    architecture,
    busybox_root,
    from_archive,
    standard_base,
)
from harness.images.image import read_archive
from harness.images.write_archive import write_archive

# What a container's start mounts over or makes.
TRACES = {
    "dev": "dir",
    "dev/pts": "dir",
    "dev/shm": "dir",
    "etc/hostname": "file",
    "etc/hosts": "file",
    "etc/mtab": "symlink",
    "etc/resolv.conf": "file",
    "proc": "dir",
    "sys": "dir",
}


def elf(machine: int = 62, *kinds: int) -> bytes:
    head = b"\x7fELF\2\1\1".ljust(16, b"\0")
    head += struct.pack(
        "<HHIQQQIHHHHHH", 2, machine, 1, 0, 64, 0, 0, 64, 56, len(kinds), 0, 0, 0
    )
    return head + b"".join(struct.pack("<I52x", kind) for kind in kinds)


@pytest.fixture
def busybox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A busybox of three applets; running it is what a foreign machine cannot do."""
    path = tmp_path / "busybox"
    path.write_bytes(elf(62, 1))
    listed = "usr/bin/env\nbin/sh\nbin/busybox\nlinuxrc\nelse/where/x\n"
    answer = subprocess.CompletedProcess([], 0, stdout=listed)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: answer)
    return path


@pytest.fixture
def base(busybox: Path) -> Base:
    return standard_base(busybox)


def test_bytes_depend_on_the_busybox_alone(busybox: Path, base: Base) -> None:
    assert standard_base(busybox) == base
    digest = "1a9294c12cdb1dd33ea458aeca618759ef52a06b9025f66aab21e0ee2528f504"
    assert base.image.config_digest == f"sha256:{digest}"


def test_base_is_what_its_archive_says(base: Base) -> None:
    assert read_archive(base.open()) == [base.image]
    assert base.diff_ids == (base.layers[0].diff_id,)
    assert base.history == 2
    assert base.config["architecture"] == "amd64"
    assert base.config["config"]["Cmd"] == ["/bin/sh"]


def test_base_has_all_that_a_container_start_would_leave(base: Base) -> None:
    view = {each.path: each for each in base.layers[0].entries}
    assert {path: view[path].kind for path in TRACES} == TRACES


def test_base_has_users_and_sticky_folders(base: Base) -> None:
    view = {each.path: each for each in base.layers[0].entries}
    assert view["tmp"].mode == view["var/tmp"].mode == 0o1777
    assert view["etc/shadow"].mode == 0o640
    with tarfile.open(fileobj=base.open()) as archive:
        root = archive.extractfile("l0/layer.tar")
        assert root is not None
        assert b"app:x:1000:1001:app:/home/app:/bin/sh\n" in root.read()


def test_applets_are_links_where_the_root_has_a_folder(base: Base) -> None:
    view = {each.path: each for each in base.layers[0].entries}
    assert view["bin/sh"].link == view["usr/bin/env"].link == "/bin/busybox"
    assert view["bin/busybox"].kind == "file"
    assert "linuxrc" not in view
    assert "else/where/x" not in view


def test_every_entry_has_the_fixed_time_and_owner(base: Base) -> None:
    found = {(each.mtime, each.uid, each.gid) for each in base.layers[0].entries}
    assert found == {(1_600_000_000, 0, 0)}


def test_archive_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match="No such file") as caught:
        from_archive(tmp_path / "none.tar")
    assert caught.value.where.endswith("none.tar")


def test_written_archive_has_all_its_names() -> None:
    out = io.BytesIO()
    diff_ids = write_archive([bytes(1024)], {"os": "linux"}, ["x:1", "y:2"], out)
    images = read_archive(io.BytesIO(out.getvalue()))
    assert [each.reference for each in images] == ["x:1", "y:2"]
    assert [each.diff_id for each in images[0].layers] == list(diff_ids)
    with tarfile.open(fileobj=io.BytesIO(out.getvalue())) as archive:
        manifest = archive.extractfile("manifest.json")
        assert manifest is not None
        assert json.load(manifest)[0]["Layers"] == ["l0/layer.tar"]


@pytest.mark.parametrize(
    ("program", "message"),
    [
        (b"#!/bin/sh\n", "not a Linux program"),
        (elf(62, 1, 3), "shared libraries"),
        (elf(9999, 1), "unknown machine"),
        (elf(62, 1)[:50], "broken"),
    ],
)
def test_program_that_cannot_be_the_base_is_refused(
    tmp_path: Path, program: bytes, message: str
) -> None:
    path = tmp_path / "busybox"
    path.write_bytes(program)
    with pytest.raises(HarnessError, match=message) as caught:
        architecture(path)
    assert caught.value.where == str(path)


def other_elf(machine: int, *kinds: int, wide: bool, order: str) -> bytes:
    head = bytes([*b"\x7fELF", 2 if wide else 1, 1 if order == "<" else 2, 1])
    head = head.ljust(16, b"\0")
    form, size, entry = ("HHIQQQIHHHHHH", 64, 56) if wide else ("HHIIIIIHHHHHH", 52, 32)
    head += struct.pack(
        order + form, 2, machine, 1, 0, size, 0, 0, size, entry, len(kinds), 0, 0, 0
    )
    assert len(head) == size
    programs = (struct.pack(f"{order}I", kind).ljust(entry, b"\0") for kind in kinds)
    return head + b"".join(programs)


@pytest.mark.parametrize(
    ("name", "machine", "wide", "order"),
    [
        ("386", 3, False, "<"),
        ("amd64", 62, True, "<"),
        ("arm", 40, False, "<"),
        ("arm64", 183, True, "<"),
        ("loong64", 258, True, "<"),
        ("ppc64le", 21, True, "<"),
        ("riscv64", 243, True, "<"),
        ("s390x", 22, True, ">"),
    ],
)
def test_a_program_of_any_machine_is_known_by_its_header(
    tmp_path: Path, name: str, machine: int, wide: bool, order: str
) -> None:
    path = tmp_path / "busybox"
    path.write_bytes(other_elf(machine, 1, 2, wide=wide, order=order))
    assert architecture(path) == name
    path.write_bytes(other_elf(machine, 1, 3, wide=wide, order=order))
    with pytest.raises(HarnessError, match="shared libraries"):
        architecture(path)


def test_busybox_that_does_not_run_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "busybox"
    path.write_bytes(elf(183, 1))
    with pytest.raises(HarnessError, match="does not run here") as caught:
        busybox_root(path)
    assert caught.value.where == str(path)
