"""What one layer's tar says, read as it streams by.

Nothing is unpacked to disk. Whiteouts and opaque markers are decoded, names and
numbers kept as the tar has them: what of them is noise is decided further down.
"""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from typing import BinaryIO, Final, Literal

from harness.errors import ArchiveError
from harness.tar.budget import STANDARD, Account, Budget
from harness.tar.byte_stream import ByteSource, Digest, Piece
from harness.tar.compression import opened
from harness.tar.read import Member, content, members
from harness.tar.write import FileKind

Kind = FileKind | Literal["whiteout", "opaque"]

SMALL: Final = 1 << 16
_ZEROS: Final = bytes(1 << 20)
# What an entry takes in memory without its names, and one of its xattrs (measured).
_ENTRY: Final = 384
_XATTR: Final = 128
_KINDS: Final[dict[int, FileKind]] = {
    0: "file",
    ord("0"): "file",
    ord("1"): "hardlink",
    ord("2"): "symlink",
    ord("3"): "char",
    ord("4"): "block",
    ord("5"): "dir",
    ord("6"): "fifo",
    ord("7"): "file",
    ord("S"): "file",
}
# Control characters, the backslash itself, marks that reorder or hide text, and the
# bytes that are no UTF-8. A fixed list: Python's own grows with Unicode's versions.
_UNPLAIN = re.compile(
    "[\x00-\x1f\x7f-\x9f\\\\\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff"
    "\ud800-\udfff]"
)
_ESCAPED = re.compile(rb"\\(?:x([0-9a-f]{2})|\\)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One path of a layer, or of the merged view.

    `path` has no slash at either end; the root directory's is empty. A whiteout's is
    that of the deleted file, an opaque marker's that of its directory. Names are in the
    form that `text_of` gives. `size` and `digest` are those of the content, holes of a
    sparse file included; of a hardlink only in the merged view.
    """

    path: str
    kind: Kind
    mode: int = 0
    uid: int = 0
    gid: int = 0
    uname: str = ""
    gname: str = ""
    mtime: int | float = 0
    size: int = 0
    link: str = ""
    device: tuple[int, int] | None = None
    digest: str | None = None
    xattrs: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """A layer: its diff ID, the bytes of its plain tar, and what the tar says."""

    diff_id: str
    size: int
    entries: tuple[Entry, ...]


def read_layer(
    stream: BinaryIO | Iterable[bytes], *, budget: Budget = STANDARD
) -> Layer:
    """Read one layer, plain or compressed; an ArchiveError says what is wrong."""
    account = Account(budget)
    with ThreadPoolExecutor(1) as executor:
        return scan_layer(opened(stream, account).rest(), executor, account)


def scan_layer(parts: Iterable[Piece], executor: Executor, account: Account) -> Layer:
    """Read a layer from the pieces of its plain tar, hashing them on the way."""
    digest = Digest(executor)
    source = ByteSource(digest.through(parts))
    entries = tuple(_entries(source, account))
    for _ in source.rest():
        pass
    diff_id = f"sha256:{digest.hex()}"
    return Layer(diff_id=diff_id, size=digest.size, entries=entries)


def text_of(raw: bytes) -> str:
    r"""Give a name as printable text from which `bytes_of` gives it back.

    What is not UTF-8, not printable or a backslash is written `\xNN` or `\\`.
    """
    text = raw.decode("utf-8", "surrogateescape")
    return _UNPLAIN.sub(_escape, text) if _UNPLAIN.search(text) else text


def bytes_of(text: str) -> bytes:
    """Give the bytes of a name that `text_of` wrote."""
    return _ESCAPED.sub(
        lambda found: bytes.fromhex(found[1].decode()) if found[1] else b"\\",
        text.encode(),
    )


def _entries(source: ByteSource, account: Account) -> Iterator[Entry]:
    texts: dict[bytes, str] = {}
    for member in members(source):
        account.spend("entries", 1)
        path = plain_path(member.name)
        kind: Kind = _KINDS[member.flag]
        name = path.rpartition(b"/")[2]
        if name.startswith(b".wh."):
            if path.startswith(b".wh..wh.") and path != b".wh..wh..opq":
                # What the aufs driver keeps for itself; engines skip it when loading.
                continue
            kind, path = _marker(path, name)
        digest = _digest(member, source, account) if kind == "file" else None
        link = member.link
        if kind == "hardlink":
            link = plain_path(link)
        for raw in (member.uname, member.gname):
            if raw not in texts:
                texts[raw] = text_of(raw)
                account.spend("memory", len(raw) + sys.getsizeof(texts[raw]))
        entry = Entry(
            path=text_of(path),
            kind=kind,
            mode=member.mode,
            uid=member.uid,
            gid=member.gid,
            uname=texts[member.uname],
            gname=texts[member.gname],
            mtime=member.mtime,
            size=member.size if kind == "file" else 0,
            link=text_of(link) if link else "",
            device=member.device if kind in {"char", "block"} else None,
            digest=digest,
            xattrs=tuple((text_of(key), value.hex()) for key, value in member.xattrs),
        )
        account.spend("memory", _memory(entry))
        yield entry


def _memory(entry: Entry) -> int:
    """Estimate what an entry takes; a name may take four bytes for each letter."""
    size = _ENTRY + sys.getsizeof(entry.path)
    if entry.link:
        size += sys.getsizeof(entry.link)
    for key, value in entry.xattrs:
        size += _XATTR + sys.getsizeof(key) + len(value)
    return size


def plain_path(name: bytes) -> bytes:
    """Give a member's name without slashes at its ends, `.` and doubled slashes."""
    if b"./" in name or b"//" in name or name[:1] == b"/" or name[-1:] == b".":
        parts = [part for part in name.split(b"/") if part not in {b"", b"."}]
        if b".." in parts:
            raise ArchiveError(f"{_shown(name)} leaves the layer")
        return b"/".join(parts)
    return name.rstrip(b"/")


def _marker(path: bytes, name: bytes) -> tuple[Kind, bytes]:
    folder = path[: len(path) - len(name)]
    if name == b".wh..wh..opq":
        return "opaque", folder.rstrip(b"/")
    hidden = name[4:]
    if hidden in {b"", b".", b".."}:
        raise ArchiveError(f"{_shown(path)} is a whiteout of no file")
    return "whiteout", folder + hidden


def _digest(member: Member, source: ByteSource, account: Account) -> str:
    if member.extents is None:
        if member.size <= SMALL:
            data = source.read(member.size)
            if len(data) < member.size:
                raise ArchiveError(f"truncated in {_shown(member.name)}")
            return hashlib.sha256(data).hexdigest()
        sha = hashlib.sha256()
        for part in content(member, source):
            sha.update(part)
        return sha.hexdigest()
    account.spend("holes", member.size - member.stored)
    sha = hashlib.sha256()
    at = 0
    for offset, length in (*member.extents, (member.size, 0)):
        for start in range(at, offset, len(_ZEROS)):
            sha.update(_ZEROS[: offset - start])
            account.check_time()
        for part in source.take(length):
            sha.update(part)
        at = offset + length
    return sha.hexdigest()


def _shown(name: bytes) -> str:
    return repr(text_of(name[:200]))


def _escape(found: re.Match[str]) -> str:
    if found[0] == "\\":
        return "\\\\"
    raw = found[0].encode("utf-8", "surrogateescape")
    return "".join(f"\\x{byte:02x}" for byte in raw)
