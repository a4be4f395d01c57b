"""Bytes on their way: cut into pieces, decompressed, hashed by a second thread.

Everything that reads an archive stands on this; nothing here holds more than a few
chunks, whatever a stream claims about itself.
"""

from __future__ import annotations

import hashlib
import zlib
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Executor, Future
from typing import BinaryIO, Final, cast

import zstandard

from harness.errors import ArchiveError

CHUNK = 1 << 20
GZIP_MAGIC = b"\x1f\x8b"
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
# A gzip member grows at most a thousandfold, a zstd frame far more: a bomb ends here.
MAX_UNPACKED = 1 << 36

Piece = bytes | memoryview
_INPUT = 1 << 16
_GZIP_WINDOW = 16 + zlib.MAX_WBITS
# zstd asks for windows up to this without `--ultra --long`.
_ZSTD_WINDOW = 1 << 27


def pieces(stream: BinaryIO | Iterable[bytes]) -> Iterator[bytes]:
    """Read a file, or regroup an HTTP body, in chunks worth handing to a thread."""
    if hasattr(stream, "read"):
        while chunk := stream.read(CHUNK):
            yield chunk
        return
    held: list[bytes] = []
    size = 0
    for part in stream:
        held.append(part)
        size += len(part)
        if size >= CHUNK // 4:
            yield b"".join(held)
            held, size = [], 0
    if held:
        yield b"".join(held)


# Handing a piece to a thread takes as long as hashing so many bytes.
_WORTH_A_THREAD: Final = 1 << 14


class ByteSource:
    """A run of bytes, taken in the sizes that a format asks for."""

    __slots__ = ("_at", "_pieces", "_start", "_view")

    def __init__(self, parts: Iterable[Piece]) -> None:
        self._pieces = iter(parts)
        self._view = memoryview(b"")
        self._at = 0
        self._start = 0

    @property
    def position(self) -> int:
        """How many bytes were taken so far."""
        return self._start + self._at

    def read(self, size: int) -> bytes:
        """Take so many bytes, fewer only at the end; for small sizes."""
        end = self._at + size
        if end > len(self._view):
            return b"".join(self._up_to(size))
        part = self._view[self._at : end]
        self._at = end
        return part.tobytes()

    def peek(self, size: int) -> bytes:
        """Look at the next bytes, fewer only at the end, without taking them."""
        head = self.read(size)
        rest = self._view[self._at :]
        self._start = self.position - len(head)
        self._view, self._at = memoryview(head + rest), 0
        return head

    def take(self, size: int) -> Iterator[memoryview]:
        """Take exactly so many bytes, piece by piece; an early end is an error."""
        for part in self._up_to(size):
            size -= len(part)
            yield part
        if size:
            raise ArchiveError(f"truncated: {size} bytes are missing")

    def skip(self, size: int) -> None:
        """Pass over exactly so many bytes."""
        end = self._at + size
        if end <= len(self._view):
            self._at = end
            return
        for _ in self.take(size):
            pass

    def rest(self) -> Iterator[memoryview]:
        """Take everything to the end."""
        while self._at < len(self._view) or self._next():
            part = self._view[self._at :]
            self._at = len(self._view)
            yield part

    def _up_to(self, size: int) -> Iterator[memoryview]:
        while size and (self._at < len(self._view) or self._next()):
            part = self._view[self._at : self._at + size]
            self._at += len(part)
            size -= len(part)
            yield part

    def _next(self) -> bool:
        for part in self._pieces:
            if part:
                self._start += self._at
                self._view, self._at = memoryview(part), 0
                return True
        return False


class Digest:
    """A SHA-256 that the executor's one thread computes while this one reads on."""

    __slots__ = ("_executor", "_pending", "_sha", "size")

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self._pending: deque[Future[None]] = deque()
        self._sha = hashlib.sha256()
        self.size = 0

    def through(self, parts: Iterable[Piece]) -> Iterator[Piece]:
        """Pass pieces on, hashing each."""
        for part in parts:
            self.size += len(part)
            if len(part) < _WORTH_A_THREAD and not self._pending:
                self._sha.update(part)
                yield part
                continue
            self._pending.append(self._executor.submit(self._sha.update, part))
            if len(self._pending) > 4:
                self._pending.popleft().result()
            yield part

    def hex(self) -> str:
        """Wait for what is under way and give the digest."""
        while self._pending:
            self._pending.popleft().result()
        return self._sha.hexdigest()


def is_compressed(head: bytes) -> bool:
    """Tell by its first bytes whether a stream is gzip or zstd."""
    return head.startswith((GZIP_MAGIC, ZSTD_MAGIC))


def unpacked(source: ByteSource) -> Iterator[Piece]:
    """Give the plain bytes of a gzip, zstd or plain stream, within the limit."""
    head = source.peek(4)
    if head.startswith(GZIP_MAGIC):
        return _within_limit(_gunzip(source))
    if head.startswith(ZSTD_MAGIC):
        return _within_limit(_unzstd(source))
    return source.rest()


def _within_limit(parts: Iterator[bytes]) -> Iterator[bytes]:
    size = 0
    for part in parts:
        size += len(part)
        if size > MAX_UNPACKED:
            raise ArchiveError(f"unpacks to more than {MAX_UNPACKED} bytes")
        yield part


def _gunzip(source: ByteSource) -> Iterator[bytes]:
    member = zlib.decompressobj(_GZIP_WINDOW)
    data = source.read(_INPUT)
    while data:
        try:
            part = member.decompress(data, CHUNK)
        except zlib.error as error:
            raise ArchiveError(f"not valid gzip: {error}") from None
        if part:
            yield part
        if member.eof:
            data = member.unused_data or source.read(_INPUT)
            # What follows a member is another one, or padding, which gzip ignores too.
            if not data.startswith(GZIP_MAGIC[:1]):
                return
            member = zlib.decompressobj(_GZIP_WINDOW)
        else:
            data = member.unconsumed_tail or source.read(_INPUT)
    if not member.eof:
        raise ArchiveError("truncated in the middle of its gzip stream")


class _Input:
    """A source as the file object that zstandard reads from."""

    def __init__(self, source: ByteSource) -> None:
        self._source = source

    def read(self, size: int = -1) -> bytes:
        """Take at most so many bytes."""
        return self._source.read(size if 0 <= size <= _INPUT else _INPUT)


def _unzstd(source: ByteSource) -> Iterator[bytes]:
    context = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW)
    file = cast("BinaryIO", _Input(source))
    plain = context.stream_reader(file, read_across_frames=True)
    try:
        while part := plain.read(CHUNK):
            yield part
    except zstandard.ZstdError as error:
        raise ArchiveError(f"not valid zstd: {error}") from None
