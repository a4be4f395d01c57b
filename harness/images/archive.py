"""The files of an image archive, in one pass over a stream that cannot seek.

What names the layers may come last, so a layer is known by its content: what looks like
a tar is read as one, small JSON is kept, and everything else is only hashed.
"""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from posixpath import dirname
from typing import Any, BinaryIO, Final

from harness.errors import ArchiveError
from harness.images import json_text
from harness.images.layer import Layer, plain_path, scan_layer, text_of
from harness.tar.budget import STANDARD, Account, Budget
from harness.tar.byte_stream import ByteSource, Digest, Piece
from harness.tar.compression import is_compressed, opened, unpacked
from harness.tar.read import BLOCK, EMPTY, Member, is_header, members

# Registries and engines refuse manifests and configs larger than this.
MAX_JSON: Final = 4 << 20
# A layer up to this size is hashed in memory to see whether it is known.
MAX_AHEAD: Final = 8 << 20
_MAX_HOPS: Final = 40
# What a file takes in memory without its name, and JSON for each byte once it is
# parsed: objects in objects are the worst (measured).
_FILE: Final = 1024
_PARSED: Final = 40
_BLOB = re.compile(r"blobs/sha256/([0-9a-f]{64})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Blob:
    """One file of the archive: the SHA-256 of its bytes, and what it was read as.

    `problem` says why what looked like a layer, or like JSON, could not be read.
    """

    name: str
    digest: str
    size: int
    layer: Layer | None = None
    text: bytes | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """The files of an image archive by name, and its links.

    `parsed` has the JSON that was asked for, by digest, and `account` what all took.
    """

    blobs: Mapping[str, Blob]
    links: Mapping[str, str]
    account: Account
    parsed: dict[str, Any] = field(default_factory=dict)

    def __contains__(self, name: str) -> bool:
        return name in self.blobs or name in self.links

    def blob(self, name: str) -> Blob:
        """Find a file, following links as old engines write them for equal layers."""
        if not name:
            raise ArchiveError("a file without a name", where="the archive's manifest")
        at = name
        for _ in range(_MAX_HOPS):
            if at in self.blobs:
                return self.blobs[at]
            if at not in self.links:
                raise ArchiveError("named, but not in the archive", where=name)
            at = self.links[at]
        raise ArchiveError("its links lead in a circle", where=name)

    def layer(self, name: str) -> Layer:
        """Find a layer that was read."""
        blob = self.blob(name)
        if blob.layer is None:
            raise ArchiveError(blob.problem or "is not a layer", where=name)
        return blob.layer

    def json(self, name: str) -> Any:
        """Find a JSON file's content, parsed once for all that ask."""
        blob = self.blob(name)
        if blob.text is None:
            raise ArchiveError(blob.problem or "is not JSON", where=name)
        self.account.blob = name
        self.account.check_time()
        if blob.digest not in self.parsed:
            self.account.spend("memory", _PARSED * len(blob.text))
            try:
                self.parsed[blob.digest] = json_text.parse(blob.text)
            except (ValueError, RecursionError) as error:
                reason = str(error)[:200]
                raise ArchiveError(f"is not valid JSON: {reason}", where=name) from None
        return self.parsed[blob.digest]


def read_files(
    stream: BinaryIO | Iterable[bytes],
    *,
    known: Mapping[str, Layer],
    budget: Budget = STANDARD,
) -> Archive:
    """Read an archive to its end; digests in names are checked on the way."""
    blobs: dict[str, Blob] = {}
    links: dict[str, str] = {}
    layers: dict[str, Layer] = {}
    account = Account(budget)
    with ThreadPoolExecutor(1) as executor:
        source = opened(stream, account)
        for name, member in _named(source, account):
            account.spend("files", 1)
            account.spend("memory", _FILE + sys.getsizeof(name))
            if member.flag in b"12":
                links[name] = _target(name, member)
                account.spend("memory", sys.getsizeof(links[name]))
            elif member.flag in b"\x0007":
                with _named_in_errors(name):
                    blob = _read(
                        name, member, source, known, executor=executor, account=account
                    )
                if blob.layer:
                    # One object per diff ID: the same layer may be there twice, even
                    # plain and compressed.
                    same = layers.setdefault(blob.layer.diff_id, blob.layer)
                    blob = replace(blob, layer=same)
                account.spend("json", len(blob.text or b""))
                if name in blobs and blobs[name].digest != blob.digest:
                    raise ArchiveError("there twice, and different", where=name)
                blobs[name] = blob
    return Archive(blobs=blobs, links=links, account=account)


def copy_layers(
    stream: BinaryIO, names: Collection[str]
) -> Iterator[tuple[str, Iterator[Piece]]]:
    """Give the plain tars of some files of an archive, in the archive's order."""
    left = set(names)
    account = Account()
    source = opened(stream, account)
    for name, member in _named(source, account):
        if name in left:
            left.remove(name)
            yield name, unpacked(ByteSource(source.take(member.size)), account)
        if not left:
            return


@contextmanager
def _named_in_errors(name: str) -> Iterator[None]:
    try:
        yield
    except ArchiveError as error:
        if error.where:
            raise
        raise ArchiveError(error.message, where=name) from None


def _named(source: ByteSource, account: Account) -> Iterator[tuple[str, Member]]:
    """Give the archive's members by name; an error says after which one it came."""
    name = "the archive's beginning"
    try:
        for member in members(source, ended=True):
            account.blob = path = _path(member)
            yield path, member
            account.blob = name = "after " + text_of(member.name[:200])
        account.blob = name = "after the archive's end"
        for _ in source.rest():
            pass
    except ArchiveError as error:
        if error.where:
            raise
        raise ArchiveError(error.message, where=name) from None


def _path(member: Member) -> str:
    path = text_of(plain_path(member.name))
    if member.extents is not None:
        raise ArchiveError("a sparse file, which no image archive has", where=path)
    return path


def _target(name: str, member: Member) -> str:
    link = text_of(member.link)
    parts = [] if member.flag in b"1" else dirname(name).split("/")
    for part in link.split("/"):
        if part == ".." and parts:
            parts.pop()
        elif part == ".." or link.startswith("/"):
            raise ArchiveError(f"a link out of the archive: {link[:200]}", where=name)
        elif part not in {"", "."}:
            parts.append(part)
    return "/".join(parts)


def _read(
    name: str,
    member: Member,
    source: ByteSource,
    known: Mapping[str, Layer],
    *,
    executor: Executor,
    account: Account,
) -> Blob:
    start = source.position
    file = ByteSource(source.take(member.size))
    if recognised := _recognised(name, file, member.size, known):
        return recognised
    digest = Digest(executor)
    stored = ByteSource(digest.through(file.rest()))
    named = _BLOB.fullmatch(name)
    layer, text, problem = None, None, ""
    try:
        if named and f"sha256:{named[1]}" in known:
            layer = known[f"sha256:{named[1]}"]
        else:
            layer, text, problem = _understood(stored, member.size, executor, account)
        for _ in stored.rest():
            pass
    except ArchiveError as error:
        if error.where:
            # A budget is used up; other faults matter only if the file is a layer.
            raise
        problem = error.message
        for _ in stored.rest():
            pass
    if source.position - start < member.size:
        raise ArchiveError(problem or "truncated", where=name)
    if named and digest.hex() != named[1]:
        raise ArchiveError(
            f"{problem}{problem and '; '}its bytes have the digest {digest.hex()}",
            where=name,
        )
    return Blob(
        name=name,
        digest=digest.hex(),
        size=member.size,
        layer=layer,
        text=text,
        problem=problem,
    )


def _recognised(
    name: str, file: ByteSource, size: int, known: Mapping[str, Layer]
) -> Blob | None:
    """Find a known layer by its bytes, where the file's name does not tell.

    Old archives name layers by an ID of their own. Only what has a known size is
    hashed ahead of being read, so that a base is not read again for each image.
    """
    if size > MAX_AHEAD or all(size != layer.size for layer in known.values()):
        return None
    digest = hashlib.sha256(file.peek(size)).hexdigest()
    layer = known.get(f"sha256:{digest}")
    named = _BLOB.fullmatch(name)
    if layer is None or (named and named[1] != digest):
        return None
    file.skip(size)
    return Blob(name=name, digest=digest, size=size, layer=layer)


def _understood(
    stored: ByteSource, size: int, executor: Executor, account: Account
) -> tuple[Layer | None, bytes | None, str]:
    head = stored.peek(BLOCK)
    if not head or head == EMPTY or is_header(head):
        return scan_layer(stored.rest(), executor, account), None, ""
    if is_compressed(head):
        plain = unpacked(stored, account)
        return scan_layer(plain, executor, account), None, ""
    if head.lstrip()[:1] not in {b"{", b"["}:
        return None, None, "neither a tar nor JSON"
    if size > MAX_JSON:
        return None, None, f"JSON of {size} bytes"
    return None, stored.read(size), ""
