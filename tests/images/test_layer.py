from __future__ import annotations

import gzip
import hashlib
import io
import random
import struct
import tarfile
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import zstandard
from saved import Member, member, tar

from harness.errors import ArchiveError
from harness.images import layer as layer_module
from harness.images.layer import (
    Entry,
    Layer,
    bytes_of,
    read_layer,
    scan_layer,
    text_of,
)
from harness.tar.budget import Account, Budget
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
PLAIN = tar(member("a", b"x"))
ZSTD = zstandard.compress(tar(member("a", random.Random(1).randbytes(1 << 20))))


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
        (gzip.compress(PLAIN, mtime=0) + b"more", "something else after its gzip"),
        (gzip.compress(PLAIN) + bytes(70_000) + b"more", "something else after"),
        (ZSTD[: len(ZSTD) // 2], "truncated"),
        (ZSTD[:-1], "truncated"),
        (ZSTD + ZSTD[:2], "truncated"),
        (ZSTD + b"more", "Unknown frame"),
        (pax({"size": b"-1"}) + PLAIN, "not a number"),
        (pax({"mtime": b"nan"}) + PLAIN, "not a time"),
        (pax({"a": b"b" * (2 << 20)}) + PLAIN, "headers of more than 1048576"),
        (pax({"a": b"b" * 2000}) * 600 + PLAIN, "headers of more than 1048576"),
        (pax({"path": b"x" * 4097}) + PLAIN, "a name of 4097 bytes"),
        (pax({"linkpath": b"x" * 4097}) + PLAIN, "a name of 4097 bytes"),
        (pax({"uname": b"x" * 4097}) + PLAIN, "a name of 4097 bytes"),
        (pax({"GNU.sparse.name": b"a\0b", "GNU.sparse.map": b"0,1"}) + PLAIN, "NUL"),
        (pax({"GNU.sparse.map": b"9,9"}) + PLAIN, "does not fit"),
        (pax({"GNU.sparse.map": b"1"}) + PLAIN, "does not fit"),
        (pax({"GNU.sparse.map": b"0,0," * 65537 + b"0"}) + PLAIN, "65536 extents"),
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


def repeated(record: bytes, times: int) -> bytes:
    """Give a PAX header of one record so many times."""
    body = record * times
    block = bytearray(pax({})[:512])
    block[124:136] = b"%011o\0" % len(body)
    return checked(block) + body + padding(len(body))


def checked(block: bytearray) -> bytes:
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def test_offsets_of_a_sparse_file_without_end_are_refused() -> None:
    one = repeated(b"23 GNU.sparse.offset=0\n", 40_000)
    with pytest.raises(ArchiveError, match="does not fit its size"):
        read(one + PLAIN)
    with pytest.raises(ArchiveError, match="headers of more than 1048576"):
        read(one * 2 + PLAIN)


def test_only_the_last_of_several_pax_headers_counts() -> None:
    data = pax({"uname": b"first", "gname": b"first"}) + pax({"uname": b"last"})
    (found,) = read(data + PLAIN).entries
    assert (found.uname, found.gname) == ("last", "")


@pytest.mark.parametrize("digits", [b"1_0_0", b"+7", b"-7", b"0o7", b"8", b"1\t"])
def test_a_number_that_is_not_octal_is_refused(digits: bytes) -> None:
    block = bytearray(encode(Header(path="x")))
    block[108:116] = digits.ljust(8, b"\0")
    with pytest.raises(ArchiveError, match="not a number of a tar header"):
        read(checked(block) + END)


@pytest.mark.parametrize("digits", [b"", b"7", b"  7 ", b"0000007", b"7 \0009", b"7\0"])
def test_an_octal_number_may_be_padded(digits: bytes) -> None:
    block = bytearray(encode(Header(path="x")))
    block[108:116] = digits.ljust(8, b"\0")
    (found,) = read(checked(block) + END).entries
    assert found.uid == (7 if digits else 0)


def test_a_number_of_more_than_64_bits_is_refused() -> None:
    block = bytearray(encode(Header(path="x")))
    block[136:148] = b"\x80\0\0\1" + bytes(8)
    with pytest.raises(ArchiveError, match="impossible number"):
        read(checked(block) + END)


def sparse(size: int) -> bytes:
    return tar(
        member("x", pax_headers={"GNU.sparse.map": "0,0", "GNU.sparse.size": str(size)})
    )


def test_holes_are_refused_before_they_are_hashed() -> None:
    for size in (60 << 30, 1 << 60):
        with pytest.raises(ArchiveError, match="4,294,967,296 bytes in holes"):
            read(sparse(size))


def test_the_budget_of_holes_is_for_all_sparse_files_together() -> None:
    one = sparse(4000)[: 3 * 512]
    assert len(read_layer(io.BytesIO(one * 2), budget=Budget(holes=8000)).entries) == 2
    with pytest.raises(ArchiveError, match="8,000 bytes in holes"):
        read_layer(io.BytesIO(one * 3), budget=Budget(holes=8000))


def test_more_entries_than_the_budget_are_refused() -> None:
    data = tar(*(member(str(number)) for number in range(4)))
    assert read_layer(io.BytesIO(data), budget=Budget(entries=4))
    with pytest.raises(ArchiveError, match="more than 3 entries"):
        read_layer(io.BytesIO(data), budget=Budget(entries=3))


def xattr(value: str) -> Member:
    return member("a", pax_headers={"SCHILY.xattr.user.a": value})


@pytest.mark.parametrize(
    ("less", "more", "letters"),
    [
        (member("a" * 100), member("a" * 1100), 1000),
        # one letter of four bytes makes each of a name take four
        (member("a" * 1000), member("a" * 999 + "\U0001f600"), 3000),
        (
            member("a", type=tarfile.SYMTYPE, linkname="b"),
            member("a", type=tarfile.SYMTYPE, linkname="b" * 1001),
            1000,
        ),
        # extended attributes are kept as hex
        (xattr("b"), xattr("b" * 1001), 2000),
        (member("a", uname="b"), member("a", uname="b" * 1001), 2000),
    ],
)
def test_memory_is_that_of_the_names(less: Member, more: Member, letters: int) -> None:
    def taken(each: Member) -> int:
        account = Account()
        with ThreadPoolExecutor(1) as executor:
            scan_layer([tar(each)], executor, account)
        return account.budget.memory - account._left["memory"]

    assert letters <= taken(more) - taken(less) <= letters + 100
    with pytest.raises(ArchiveError, match="bytes of memory"):
        read_layer(io.BytesIO(tar(more)), budget=Budget(memory=taken(more) - 1))


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
