"""Bytes on their way: cut into pieces, taken in sizes, hashed by a second thread.

Everything that reads an archive stands on this; nothing here holds more than a few
chunks, whatever a stream claims about itself.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Executor, Future
from typing import BinaryIO, Final

from harness.errors import ArchiveError

CHUNK = 1 << 20

Piece = bytes | memoryview


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
