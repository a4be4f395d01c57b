"""Read the headers of a tar as it streams by: ustar, GNU, PAX, sparse files.

The standard tarfile module reads PAX headers of any length into memory and keeps every
member it saw; an archive is made by whoever made it, so here every length has a bound.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote_to_bytes

from harness.errors import ArchiveError
from harness.tar.byte_stream import ByteSource
from harness.tar.numbers import decimal, number, seconds

BLOCK: Final = 512
EMPTY: Final = bytes(BLOCK)
# For all extension headers of a member; Go's archive/tar, which the engines read with,
# takes as much for each.
MAX_HEADER: Final = 1 << 20
# Extents in the map of a sparse file.
MAX_MAP: Final = 1 << 16
# Linux takes no longer path, and no longer target of a link.
MAX_NAME: Final = 1 << 12

_WITH_CONTENT = frozenset(b"07S\0")
_KNOWN = frozenset(b"01234567S\0")

Extents = tuple[tuple[int, int], ...]


@dataclass(slots=True)
class Member:
    """One member as its headers have it; names are still bytes."""

    name: bytes
    flag: int
    mode: int
    uid: int
    gid: int
    uname: bytes
    gname: bytes
    mtime: int | float
    stored: int
    size: int
    link: bytes
    device: tuple[int, int]
    xattrs: tuple[tuple[bytes, bytes], ...] = ()
    extents: Extents | None = None


@dataclass(slots=True)
class _Pending:
    """What the extension headers said of the member that follows them."""

    records: dict[bytes, bytes]
    sparse: list[int]
    name: bytes | None = None
    link: bytes | None = None
    room: int = MAX_HEADER


def is_header(block: bytes) -> bool:
    """Tell by the checksum whether a block is a tar header."""
    if len(block) < BLOCK:
        return False
    try:
        claimed = number(block[148:156])
    except ArchiveError:
        return False
    # The low half of Adler-32 is one more than the sum of the bytes, modulo 65521:
    # many times faster than a sum in Python. The field itself counts as eight spaces.
    total = (zlib.adler32(block) & 0xFFFF) - 1 - sum(block[148:156]) + 8 * 32
    return (claimed - total) % 65521 == 0


def members(source: ByteSource, *, ended: bool = False) -> Iterator[Member]:
    """Give every member; what the caller leaves of its content is passed over.

    With `ended` a tar that stops without its end-of-archive blocks is truncated.
    """
    pending: _Pending | None = None
    while block := source.read(BLOCK):
        if block == EMPTY:
            if source.peek(BLOCK).strip(b"\0"):
                raise ArchiveError("an empty block in the middle of a tar")
            ended = False
            break
        if not is_header(block):
            raise ArchiveError(
                "truncated" if len(block) < BLOCK else "not a tar header"
            )
        flag = block[156]
        if flag in b"xgLK":
            pending = _extend(pending, source, flag, _size(block))
            continue
        member = _member(block, source, pending)
        pending = None
        end = source.position + member.stored + -member.stored % BLOCK
        yield member
        source.skip(end - source.position)
    if ended or pending:
        raise ArchiveError("truncated: the tar has no end")


def content(member: Member, source: ByteSource) -> Iterator[memoryview]:
    """Give a member's content; of a sparse file what is stored, without the holes."""
    return source.take(member.stored)


def _extend(
    pending: _Pending | None, source: ByteSource, flag: int, size: int
) -> _Pending | None:
    if flag in b"g":
        source.skip(size + -size % BLOCK)
        return pending
    pending = pending or _Pending({}, [])
    pending.room -= size
    if pending.room < 0:
        raise ArchiveError(f"tar extension headers of more than {MAX_HEADER} bytes")
    body = source.read(size)
    if len(body) < size:
        raise ArchiveError("truncated in a tar extension header")
    source.skip(-size % BLOCK)
    if flag in b"x":
        # As in Go's archive/tar, only the last of several PAX headers counts.
        pending.records, pending.sparse = {}, []
        _parse_pax(body, pending)
    elif flag in b"L":
        pending.name = _until_nul(body)
    else:
        pending.link = _until_nul(body)
    return pending


def _parse_pax(body: bytes, pending: _Pending) -> None:
    at = 0
    while at < len(body):
        space = body.find(b" ", at, at + 8)
        digits = body[at:space]
        end = at + int(digits) if space > at and digits.isdigit() else 0
        key, equals, value = body[space + 1 : end - 1].partition(b"=")
        if end > len(body) or not equals or body[end - 1 : end] != b"\n":
            raise ArchiveError("a malformed PAX header")
        at = end
        if key in {b"GNU.sparse.offset", b"GNU.sparse.numbytes"}:
            # Format 0.0 repeats these two keys, so their order is what counts.
            pending.sparse.append(decimal(value))
        elif value or b".xattr." in key:
            pending.records[key] = value


def _member(block: bytes, source: ByteSource, pending: _Pending | None) -> Member:
    flag = block[156]
    if flag not in _KNOWN:
        raise ArchiveError(f"a tar member of the unknown type {chr(flag)!r}")
    name = block[:100].split(b"\0", 1)[0]
    if block[257:263] == b"ustar\0" and block[345]:
        name = block[345:500].split(b"\0", 1)[0] + b"/" + name
    size = _size(block)
    member = Member(
        name,
        flag,
        number(block[100:108]),
        number(block[108:116]),
        number(block[116:124]),
        block[265:297].split(b"\0", 1)[0],
        block[297:329].split(b"\0", 1)[0],
        number(block[136:148]),
        size,
        size,
        block[157:257].split(b"\0", 1)[0],
        (number(block[329:337]), number(block[337:345])) if flag in b"34" else (0, 0),
    )
    if pending:
        _apply(pending, member)
    if flag in b"S":
        _old_sparse(block, source, member)
    elif pending:
        _pax_sparse(pending, source, member)
    for text in (member.name, member.link, member.uname, member.gname):
        if len(text) > MAX_NAME:
            raise ArchiveError(f"a name of {len(text)} bytes")
        if pending and b"\0" in text:
            raise ArchiveError("a name with a NUL in it")
    if flag not in _WITH_CONTENT:
        member.stored = member.size = 0
    elif flag == 0 and member.name.endswith(b"/"):
        # Tars from before ustar mark a directory by its name alone.
        member.flag, member.stored, member.size = ord("5"), 0, 0
    return member


def _apply(pending: _Pending, member: Member) -> None:
    records = pending.records
    member.name = records.get(b"path", pending.name or member.name)
    member.link = records.get(b"linkpath", pending.link or member.link)
    member.uname = records.get(b"uname", member.uname)
    member.gname = records.get(b"gname", member.gname)
    if b"uid" in records:
        member.uid = decimal(records[b"uid"])
    if b"gid" in records:
        member.gid = decimal(records[b"gid"])
    if b"size" in records:
        member.stored = member.size = decimal(records[b"size"])
    if b"mtime" in records:
        member.mtime = seconds(records[b"mtime"])
    xattrs = {}
    for key, value in records.items():
        if key.startswith(b"SCHILY.xattr."):
            xattrs[key[13:]] = value
        elif key.startswith(b"LIBARCHIVE.xattr."):
            xattrs.setdefault(unquote_to_bytes(key[17:]), _base64(value))
    member.xattrs = tuple(sorted(xattrs.items()))


def _old_sparse(block: bytes, source: ByteSource, member: Member) -> None:
    numbers = _sparse_fields(block[386:482])
    member.size = number(block[483:495])
    more = block[482]
    while more:
        block = source.read(BLOCK)
        if len(block) < BLOCK:
            raise ArchiveError("a sparse file's map is truncated")
        _bound(len(numbers) // 2)
        numbers += _sparse_fields(block[:504])
        more = block[504]
    _set_extents(member, numbers)


def _sparse_fields(fields: bytes) -> list[int]:
    numbers: list[int] = []
    for at in range(0, len(fields), 24):
        if not fields[at]:
            break
        numbers.append(number(fields[at : at + 12]))
        numbers.append(number(fields[at + 12 : at + 24]))
    return numbers


def _pax_sparse(pending: _Pending, source: ByteSource, member: Member) -> None:
    records = pending.records
    member.name = records.get(b"GNU.sparse.name", member.name)
    size = records.get(b"GNU.sparse.realsize") or records.get(b"GNU.sparse.size")
    if records.get(b"GNU.sparse.major") == b"1":
        numbers = _map_in_content(source, member)
    elif b"GNU.sparse.map" in records:
        _bound(records[b"GNU.sparse.map"].count(b",") // 2)
        numbers = [decimal(part) for part in records[b"GNU.sparse.map"].split(b",")]
    elif pending.sparse:
        numbers = pending.sparse
    else:
        return
    member.size = member.stored if size is None else decimal(size)
    _set_extents(member, numbers)


def _map_in_content(source: ByteSource, member: Member) -> list[int]:
    """Read the map of sparse format 1.0: decimal lines in front of the content."""
    numbers: list[int] = []
    wanted, text = 1, b""
    while len(numbers) < wanted:
        if b"\n" not in text:
            block = source.read(BLOCK)
            member.stored -= BLOCK
            if len(block) < BLOCK or member.stored < 0 or len(text) > BLOCK:
                raise ArchiveError("a sparse file's map is truncated")
            text += block
            continue
        line, _, text = text.partition(b"\n")
        numbers.append(decimal(line))
        wanted = 1 + 2 * numbers[0]
        _bound(numbers[0])
    return numbers[1:]


def _bound(extents: int) -> None:
    if extents > MAX_MAP:
        raise ArchiveError(f"a sparse file's map of more than {MAX_MAP} extents")


def _set_extents(member: Member, numbers: list[int]) -> None:
    extents = tuple(zip(numbers[::2], numbers[1::2], strict=False))
    end = 0
    for offset, length in extents:
        if offset < end or length < 0:
            raise ArchiveError("a sparse file's map goes backwards")
        end = offset + length
    stored = sum(length for _, length in extents)
    if len(numbers) % 2 or end > member.size or stored != member.stored:
        raise ArchiveError("a sparse file's map does not fit its size")
    member.extents = extents


def _size(block: bytes) -> int:
    size = number(block[124:136])
    if size < 0:
        raise ArchiveError(f"a member of the impossible size {size}")
    return size


def _base64(value: bytes) -> bytes:
    try:
        return base64.b64decode(value + b"=" * (-len(value) % 4))
    except binascii.Error:
        raise ArchiveError("an extended attribute is not valid base64") from None


def _until_nul(value: bytes) -> bytes:
    return value.split(b"\0", 1)[0]
