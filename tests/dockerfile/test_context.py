from __future__ import annotations

import hashlib
import io
import tarfile
from typing import Any

import pytest

from harness.dockerfile.context import (
    ContextFile,
    packed,
    tar_bytes,
    tar_file,
    tar_size,
)


def listed(data: bytes) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(data)) as reader:
        return {each.name: each for each in reader}


EVERYTHING = [
    ContextFile(path="run.sh", content=b"#!/bin/sh\n", mode=0o755, uid=1000, gid=7),
    ContextFile(path="a/deep/file.txt", content=b"x", mtime=-1.5),
    ContextFile(path="b" * 200, content=b"y", xattrs={"user.name": b"\0\xff"}),
    ContextFile(path="ä.txt", uname="jörg", uid=3_000_000, mtime=1.25),
    ContextFile(path="link", kind="symlink", link="/etc/passwd"),
    ContextFile(path="0-same", kind="hardlink", link="run.sh"),
    ContextFile(path="null", kind="char", device=(1, 3)),
    ContextFile(path="disk", kind="block", device=(8, 0)),
    ContextFile(path="pipe", kind="fifo"),
    ContextFile(path="noise", random=((1 << 20) + 5, 7)),
]


RECORDED = "d99779817acb522aaa36159348f5c82d8205b67e946cd57ea24e33fd69b9288a"


def test_bytes_never_change() -> None:
    # Recorded once. Another digest means every context changed: results get stale.
    assert hashlib.sha256(tar_bytes(EVERYTHING)).hexdigest() == RECORDED


def test_order_given_makes_no_difference() -> None:
    assert tar_bytes(EVERYTHING) == tar_bytes(reversed(EVERYTHING))


def test_every_attribute_arrives() -> None:
    found = listed(tar_bytes(EVERYTHING))
    run = found["run.sh"]
    assert (run.mode, run.uid, run.gid, run.mtime) == (0o755, 1000, 7, 1_700_000_000)
    assert found["a/deep/file.txt"].mtime == -1.5
    assert found["ä.txt"].uid == 3_000_000
    assert found["ä.txt"].uname == "jörg"
    assert found["ä.txt"].mtime == 1.25
    value = found["b" * 200].pax_headers["SCHILY.xattr.user.name"]
    assert value.encode("utf-8", "surrogateescape") == b"\0\xff"
    assert found["link"].linkname == "/etc/passwd"
    assert found["0-same"].islnk()
    assert (found["null"].devmajor, found["null"].devminor) == (1, 3)
    assert found["disk"].isblk()
    assert found["pipe"].isfifo()
    assert found["noise"].size == (1 << 20) + 5


def test_defaults_are_fixed() -> None:
    found = listed(tar_bytes([ContextFile(path="a/b")]))
    assert [(each.mode, each.uid, each.gid, each.mtime) for each in found.values()] == [
        (0o755, 0, 0, 1_700_000_000),
        (0o644, 0, 0, 1_700_000_000),
    ]


def test_plain_files_need_no_pax_header() -> None:
    assert b"PaxHeader" not in tar_bytes([ContextFile(path="a/b", content=b"x")])


def test_hardlink_comes_after_its_file() -> None:
    names = list(listed(tar_bytes(EVERYTHING)))
    assert names.index("0-same") > names.index("run.sh")


def test_smaller_random_file_begins_a_larger_one() -> None:
    small = tar_bytes([ContextFile(path="x", random=(1000, 3))])
    large = tar_bytes([ContextFile(path="x", random=(3 << 20, 3))])
    assert large[512:1512] == small[512:1512]


def test_large_context_is_an_open_file_at_its_start() -> None:
    files = [ContextFile(path="x", random=(9 << 20, 3))]
    with tar_file(files) as file:
        assert file.read() == tar_bytes(files)


@pytest.mark.parametrize(
    "path", ["/etc/x", "../x", "a/../x", "./x", "a//b", "a/", "", ".", "a\0b"]
)
def test_path_out_of_the_context_or_unclean_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        ContextFile(path=path)


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "symlink"},
        {"link": "x"},
        {"kind": "hardlink", "link": "../x"},
        {"kind": "char"},
        {"device": (1, 2)},
        {"kind": "dir", "content": b"x"},
        {"content": b"x", "random": (1, 1)},
        {"random": (-1, 1)},
        {"mode": 0o10000},
        {"uid": -1},
        {"mtime": float("nan")},
        {"xattrs": {"": b""}},
    ],
)
def test_attribute_no_tar_can_carry_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        ContextFile(path="a", **wrong)


@pytest.mark.parametrize(
    "files",
    [
        [ContextFile(path="a"), ContextFile(path="a")],
        [ContextFile(path="a"), ContextFile(path="a/b")],
        [ContextFile(path="a", kind="hardlink", link="b")],
        [
            ContextFile(path="a", kind="dir"),
            ContextFile(path="b", kind="hardlink", link="a"),
        ],
    ],
)
def test_files_that_cannot_be_together_are_refused(files: list[ContextFile]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        tar_bytes(files)


def test_a_tar_as_content_is_added_up_and_made_only_when_it_is_written() -> None:
    inner = [ContextFile(path="b", random=(1 << 40, 0)), ContextFile(path="c")]
    content = packed(inner)
    # headers, two more for a size that ustar cannot say, the end
    assert content.size == (1 << 40) + 4 * 512 + 1024
    outer = packed([ContextFile(path="a", content=content)])
    assert outer.size == content.size + 3 * 512 + 1024


def test_a_tar_as_content_has_the_bytes_of_the_tar() -> None:
    file = ContextFile(path="a", content=packed(EVERYTHING))
    assert file.size == len(tar_bytes(EVERYTHING))
    assert b"".join(file.pieces()) == tar_bytes(EVERYTHING)


@pytest.mark.parametrize("files", [EVERYTHING, [], [ContextFile(path="a/b/c")]])
def test_the_size_of_a_tar_is_known_without_it(files: list[ContextFile]) -> None:
    assert tar_size(files) == len(tar_bytes(files))


@pytest.mark.parametrize(
    ("path", "words"),
    [("a" * 256, "a name of more than 255"), ("a/" * 2048 + "b", "more than 4095")],
)
def test_a_path_that_no_linux_has_is_refused(path: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        ContextFile(path=path)
    with pytest.raises(ValueError, match=words):
        ContextFile(path="x", kind="symlink", link=path)
