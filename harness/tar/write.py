"""Write tar headers whose bytes depend on nothing but their values.

ustar, with a PAX header only where ustar cannot say it, so contexts and base images
are the same bytes on every Python. The standard tarfile module promises no such thing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

BLOCK = 512
END = bytes(2 * BLOCK)
FileKind = Literal["file", "dir", "symlink", "hardlink", "char", "block", "fifo"]

_FLAGS: Mapping[FileKind, bytes] = {
    "file": b"0",
    "hardlink": b"1",
    "symlink": b"2",
    "char": b"3",
    "block": b"4",
    "dir": b"5",
    "fifo": b"6",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What a tar says of one file; `path` and `link` without a trailing slash."""

    path: str
    kind: FileKind = "file"
    mode: int = 0o644
    uid: int = 0
    gid: int = 0
    uname: str = ""
    gname: str = ""
    mtime: int | float = 0
    size: int = 0
    link: str = ""
    device: tuple[int, int] = (0, 0)
    xattrs: Mapping[str, bytes] = field(default_factory=dict)


def encode(header: Header) -> bytes:
    """Give the blocks in front of the content, a PAX header among them if needed."""
    name = _bytes(header.path) + (b"/" if header.kind == "dir" else b"")
    records: dict[str, bytes] = {}
    block = b"".join(
        (
            _text("path", name, 100, records),
            b"%07o\0" % header.mode,
            _number("uid", header.uid, 8, records),
            _number("gid", header.gid, 8, records),
            _number("size", header.size, 12, records),
            _time(header.mtime, records),
            b" " * 8,
            _FLAGS[header.kind],
            _text("linkpath", _bytes(header.link), 100, records),
            b"ustar\x0000",
            _text("uname", _bytes(header.uname), 32, records),
            _text("gname", _bytes(header.gname), 32, records),
            b"%07o\0%07o\0" % header.device,
        )
    )
    for key, value in header.xattrs.items():
        records[f"SCHILY.xattr.{key}"] = value
    return (pax(records) if records else b"") + _with_checksum(block)


def pax(
    records: Mapping[str, bytes], *, flag: bytes = b"x", name: bytes = b"PaxHeader"
) -> bytes:
    """Give a PAX header; with the flag `g` a global one, which describes no file.

    Engines refuse a layer with two global ones of one `name` (measured on 20.10.24).
    """
    body = b"".join(_record(key, records[key]) for key in sorted(records))
    block = b"".join(
        (
            name.ljust(100, b"\0"),
            b"0000644\x000000000\x000000000\0",
            b"%011o\0%011o\0" % (len(body), 0),
            b" " * 8,
            flag,
            bytes(100),
            b"ustar\x0000",
        )
    )
    return _with_checksum(block) + body + padding(len(body))


def padding(size: int) -> bytes:
    """Give the zero bytes that fill the last block of a content of this size."""
    return bytes(-size % BLOCK)


def _with_checksum(block: bytes) -> bytes:
    block = block.ljust(BLOCK, b"\0")
    return block[:148] + b"%06o\0 " % sum(block) + block[156:]


def _record(key: str, value: bytes) -> bytes:
    rest = b" %s=%s\n" % (_bytes(key), value)
    length = len(rest) + 1
    # The length counts its own digits.
    while len(str(length)) + len(rest) != length:
        length = len(str(length)) + len(rest)
    return str(length).encode() + rest


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _text(key: str, value: bytes, width: int, records: dict[str, bytes]) -> bytes:
    if len(value) > width or not value.isascii():
        records[key] = value
        value = value.decode("ascii", "replace").replace("\ufffd", "_").encode()
    return value[:width].ljust(width, b"\0")


def _number(key: str, value: int, width: int, records: dict[str, bytes]) -> bytes:
    if value >= 8 ** (width - 1):
        records[key] = str(value).encode()
        value = 0
    return b"%0*o\0" % (width - 1, value)


def _time(value: float, records: dict[str, bytes]) -> bytes:
    if value < 0 or value != int(value) or value >= 8**11:
        records["mtime"] = format(Decimal(repr(value)), "f").encode()
    return b"%011o\0" % (int(value) if 0 <= value < 8**11 else 0)
