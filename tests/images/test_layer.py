from __future__ import annotations

import gzip
import hashlib
import io
import struct
import tarfile
from typing import Any

import pytest
import zstandard
from saved import Member, member, tar

from harness.errors import ArchiveError
from harness.images import layer as layer_module
from harness.images.layer import Entry, Layer, bytes_of, read_layer, text_of
from harness.tar.write import END, Header, encode, padding, pax


def read(data: bytes) -> Layer:
    return read_layer(io.BytesIO(data))


def entries(*members: Member, **options: Any) -> tuple[Entry, ...]:
    return read(tar(*members, **options)).entries


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


FOLDER: dict[str, Any] = {"type": tarfile.DIRTYPE, "mode": 0o755}


def test_entry_has_what_the_tar_has() -> None:
    found = entries(
        member("./etc/", **FOLDER),
        member("etc/passwd", b"x", mode=0o640, uid=3, gid=4, uname="u", mtime=5),
        member("sh", type=tarfile.SYMTYPE, linkname="/bin/busybox"),
        member("same", type=tarfile.LNKTYPE, linkname="./etc/passwd"),
        member("null", type=tarfile.CHRTYPE, devmajor=1, devminor=3),
        member("pipe", type=tarfile.FIFOTYPE),
    )
    assert [(each.path, each.kind) for each in found] == [
        ("etc", "dir"),
        ("etc/passwd", "file"),
        ("sh", "symlink"),
        ("same", "hardlink"),
        ("null", "char"),
        ("pipe", "fifo"),
    ]
    assert found[1] == Entry(
        path="etc/passwd",
        kind="file",
        mode=0o640,
        uid=3,
        gid=4,
        uname="u",
        mtime=5,
        size=1,
        digest=sha(b"x"),
    )
    assert found[2].link == "/bin/busybox"
    assert found[3].link == "etc/passwd"
    assert found[4].device == (1, 3)
    assert found[5].digest is None


def test_file_type_in_the_mode_is_kept() -> None:
    # Engines up to 20.10 write it.
    assert read(encode(Header(path="x", mode=0o100644))).entries[0].mode == 0o100644


def test_root_directory_has_an_empty_path() -> None:
    assert [each.path for each in entries(member("./", **FOLDER))] == [""]


def test_whiteouts_and_opaque_markers_are_decoded() -> None:
    found = entries(
        member("etc/.wh.motd"),
        member("var/cache/.wh..wh..opq"),
        member(".wh..wh..opq"),
        member(".wh..wh.plnk", **FOLDER),
        member(".wh..wh.aufs"),
        member("a/.wh..wh.x"),
    )
    assert [(each.kind, each.path) for each in found] == [
        ("whiteout", "etc/motd"),
        ("opaque", "var/cache"),
        ("opaque", ""),
        ("whiteout", "a/.wh.x"),
    ]


@pytest.mark.parametrize("name", [".wh.", "a/.wh...", "a/.wh.."])
def test_whiteout_of_no_file_is_refused(name: str) -> None:
    with pytest.raises(ArchiveError, match="whiteout of no file"):
        entries(member(name))


@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
def test_names_of_any_length_and_script(form: int) -> None:
    name = "ä" * 60 + "/" + "b" * 200
    found = entries(
        member(name, b"x"),
        member("link", type=tarfile.SYMTYPE, linkname=name),
        format=form,
    )
    assert (found[0].path, found[1].link) == (name, name)


@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
def test_numbers_beyond_octal(form: int) -> None:
    (found,) = entries(member("x", uid=1 << 31, gid=1 << 30, mtime=-5), format=form)
    assert (found.uid, found.gid, found.mtime) == (1 << 31, 1 << 30, -5)


def test_name_that_is_no_utf8_has_a_reversible_text() -> None:
    raw = b"bad\xff\\\n\xe2\x80\xae\xc3\xa4"
    assert text_of(raw) == r"bad\xff\\\x0a\xe2\x80\xaeä"
    assert bytes_of(text_of(raw)) == raw
    (found,) = entries(member(raw.decode("utf-8", "surrogateescape")))
    assert bytes_of(found.path) == raw


@pytest.mark.parametrize("byte", range(256))
def test_any_byte_in_a_name_comes_back(byte: int) -> None:
    raw = bytes([97, byte, 92, byte])
    assert bytes_of(text_of(raw)) == raw
    assert text_of(raw).isprintable()


def test_extended_attributes_are_hex() -> None:
    value = b"\1\0\0\2".decode()
    found = entries(
        member("a", pax_headers={"SCHILY.xattr.security.capability": value}),
        member("b", pax_headers={"LIBARCHIVE.xattr.user%2Ex": "AQI"}),
    )
    assert found[0].xattrs == (("security.capability", "01000002"),)
    assert found[1].xattrs == (("user.x", "0102"),)


def test_fraction_of_a_second_is_kept() -> None:
    (found,) = entries(member("a", mtime=1.5))
    assert found.mtime == 1.5


def test_global_header_changes_the_diff_id_alone() -> None:
    plain = tar(member("a", b"x"))
    salted = pax({"comment": b"salt", "path": b"evil"}, flag=b"g") + plain
    assert read(salted).entries == read(plain).entries
    assert read(salted).diff_id == f"sha256:{sha(salted)}"


def test_file_from_before_ustar_that_ends_in_a_slash_is_a_directory() -> None:
    assert entries(member("old/", type=tarfile.AREGTYPE))[0].kind == "dir"


def sparse_v1() -> bytes:
    data = b"1\n1048576\n3\n".ljust(512, b"\0") + b"abc"
    headers = {
        "GNU.sparse.major": "1",
        "GNU.sparse.minor": "0",
        "GNU.sparse.name": "sparse",
        "GNU.sparse.realsize": "2097152",
    }
    return tar(member("GNUSparseFile.0/sparse", data, pax_headers=headers))


def sparse_v0() -> bytes:
    headers = {
        "GNU.sparse.map": "1048576,3",
        "GNU.sparse.size": "2097152",
        "GNU.sparse.name": "sparse",
    }
    return tar(member("elsewhere", b"abc", pax_headers=headers))


def sparse_gnu() -> bytes:
    info = member("sparse", b"abc", type=tarfile.GNUTYPE_SPARSE)
    block = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    block[386:410] = b"%011o\0%011o\0" % (1 << 20, 3)
    block[483:495] = b"%011o\0" % (2 << 20)
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block) + b"abc" + padding(3) + END


@pytest.mark.parametrize("make", [sparse_v1, sparse_v0, sparse_gnu])
def test_sparse_file_is_read_with_its_holes(make: Any) -> None:
    (found,) = read(make()).entries
    content = bytes(1 << 20) + b"abc" + bytes((1 << 20) - 3)
    assert (found.path, found.size) == ("sparse", 2 << 20)
    assert found.digest == sha(content)


@pytest.mark.parametrize(
    "pack",
    [
        bytes,
        gzip.compress,
        zstandard.compress,
        lambda data: gzip.compress(data[:700]) + gzip.compress(data[700:]),
        lambda data: zstandard.compress(data[:700]) + zstandard.compress(data[700:]),
    ],
)
def test_compression_makes_no_difference(pack: Any) -> None:
    data = tar(member("a", b"x" * 5000), member("b", bytes(3 << 20)))
    assert read(pack(data)) == read(data)
    assert read(data).diff_id == f"sha256:{sha(data)}"
    assert read(data).size == len(data)


def test_empty_layers_have_no_entries() -> None:
    assert read(bytes(1024)).diff_id.startswith("sha256:5f70bf18a086")
    assert read(bytes(1024)).entries == read(b"").entries == ()


GOOD = tar(member("a", b"x" * 600, uid=1 << 30), member("b" * 150, b"y"))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (GOOD[:700], "truncated"),
        (GOOD[:-10240] + b"x" * 512, "not a tar header"),
        (gzip.compress(GOOD)[:-20], "truncated"),
        (gzip.compress(GOOD)[:-8] + bytes(8), "not valid gzip"),
        (b"\x28\xb5\x2f\xfd" + b"x" * 50, "not valid zstd"),
        (tar(member("../x")), "leaves the layer"),
        (tar(member("x", type=b"V")), "unknown type"),
        (pax({"a": b"b"}).replace(b"6 a=b", b"9 a=b") + GOOD, "malformed PAX"),
        (pax({"size": b"-1"}) + GOOD, "not a number"),
        (pax({"mtime": b"nan"}) + GOOD, "not a time"),
        (pax({"a": b"b" * (2 << 20)}) + GOOD, "extension header of"),
        (pax({"GNU.sparse.map": b"9,9"}) + GOOD, "does not fit"),
        (pax({"GNU.sparse.map": b"1"}) + GOOD, "does not fit"),
        (pax({"a": b"b"}), "no end"),
    ],
)
def test_broken_or_hostile_layer_says_what_is_wrong(data: bytes, message: str) -> None:
    with pytest.raises(ArchiveError, match=message):
        read(data)


def test_negative_size_is_refused() -> None:
    block = bytearray(member("x").tobuf(tarfile.GNU_FORMAT))
    block[124:136] = b"\xff" * 4 + struct.pack(">q", -512)
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    with pytest.raises(ArchiveError, match="impossible size"):
        read(bytes(block) + END)


def test_sparse_file_larger_than_any_image_is_refused_before_it_is_hashed() -> None:
    headers = {"GNU.sparse.map": "0,0", "GNU.sparse.size": str(1 << 60)}
    with pytest.raises(ArchiveError, match="than any image has"):
        entries(member("x", pax_headers=headers))


def test_more_entries_than_any_image_has_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(layer_module, "MAX_ENTRIES", 3)
    with pytest.raises(ArchiveError, match="than any image has"):
        entries(*(member(str(number)) for number in range(4)))


def test_more_text_than_any_image_has_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(layer_module, "MAX_TEXT", 40)
    assert entries(member("a" * 40))
    for each in (
        member("a" * 41),
        member("a", type=tarfile.SYMTYPE, linkname="b" * 40),
        member("a", pax_headers={"SCHILY.xattr.user.a": "b" * 40}),
    ):
        with pytest.raises(ArchiveError, match="than any image has"):
            entries(each)


@pytest.mark.parametrize("more", [-1, 0, 1, 3 << 20])
def test_a_file_of_any_size_has_the_digest_of_its_content(more: int) -> None:
    content = bytes(range(251)) * ((layer_module.SMALL + more) // 251 + 1)
    content = content[: layer_module.SMALL + more]
    found = entries(member("big", content), member("next", b"n"))
    assert [(each.size, each.digest) for each in found] == [
        (len(content), sha(content)),
        (1, sha(b"n")),
    ]


def test_a_layer_that_is_cut_within_a_file_names_it() -> None:
    data = tar(member("etc/first", b"x"), member("etc/cut", b"x" * 600))
    with pytest.raises(ArchiveError, match="truncated in 'etc/cut'"):
        read(data[: 1024 + 512 + 512])


@pytest.mark.parametrize(
    "name", ["a/b", "/a/b", "./a/b", "a//b", "a/./b", "a/b/.", "//a/b", "a/b/"]
)
def test_a_path_is_the_same_however_it_is_written(name: str) -> None:
    assert layer_module.plain_path(name.encode()) == b"a/b"


@pytest.mark.parametrize("name", [".a", "a.", "a/b.", "..a", "a../b", "a/.b"])
def test_a_dot_that_is_part_of_a_name_stays(name: str) -> None:
    assert layer_module.plain_path(name.encode()) == name.encode()


def test_what_has_no_content_has_no_size() -> None:
    found = entries(
        member("sh", type=tarfile.SYMTYPE, linkname="x"),
        member("d", **FOLDER),
        member("etc/.wh.x"),
    )
    assert [each.size for each in found] == [0, 0, 0]
