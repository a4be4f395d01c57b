"""Streams unpacked: gzip and zstd, told by their first bytes.

What is cut off or followed by something else is an error, as with the engines; what
unpacks to more than an archive may have ends at the account's budget.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import BinaryIO, Final, cast

import zstandard

from harness.errors import ArchiveError
from harness.tar.budget import Account
from harness.tar.byte_stream import CHUNK, ByteSource, Piece, pieces

_GZIP: Final = b"\x1f\x8b"
_GZIP_WINDOW: Final = 16 + zlib.MAX_WBITS
_ZSTD: Final = b"\x28\xb5\x2f\xfd"
# The first byte of a skippable frame is one of sixteen.
_SKIPPABLE: Final = b"\x2a\x4d\x18"
# zstd asks for windows up to this without `--ultra --long`.
_ZSTD_WINDOW: Final = 1 << 27
_RUN: Final = 1
_INPUT: Final = 1 << 16


def is_compressed(head: bytes) -> bool:
    """Tell by its first bytes whether a stream is gzip or zstd."""
    return head.startswith(_GZIP) or _is_zstd(head[:4])


def opened(stream: BinaryIO | Iterable[bytes], account: Account) -> ByteSource:
    """Open an archive, or a layer alone, whose bytes buy time as they arrive."""
    return ByteSource(unpacked(ByteSource(account.arriving(pieces(stream))), account))


def unpacked(source: ByteSource, account: Account) -> Iterator[Piece]:
    """Give the plain bytes of a gzip, zstd or plain stream."""
    head = source.peek(4)
    if head.startswith(_GZIP):
        return account.unpacking(_gunzip(source))
    if _is_zstd(head):
        return account.unpacking(_unzstd(source))
    return account.unpacking(source.rest())


def _is_zstd(magic: bytes) -> bool:
    return magic == _ZSTD or _is_skippable(magic)


def _is_skippable(magic: bytes) -> bool:
    return magic[1:] == _SKIPPABLE and magic[0] & 0xF0 == 0x50


def _gunzip(source: ByteSource) -> Iterator[bytes]:
    member = zlib.decompressobj(_GZIP_WINDOW)
    data = source.read(_INPUT)
    while data:
        try:
            part = member.decompress(data, CHUNK)
        except zlib.error as error:
            raise ArchiveError(f"not valid gzip: {error}") from None
        # Empty parts too, so that the account hears of members that have nothing.
        yield part
        if member.eof:
            data = member.unused_data or source.read(_INPUT)
            if not data.startswith(_GZIP[:1]):
                _only_padding(data, source)
                return
            member = zlib.decompressobj(_GZIP_WINDOW)
        else:
            data = member.unconsumed_tail or source.read(_INPUT)
    if not member.eof:
        raise ArchiveError("truncated in the middle of its gzip stream")


def _only_padding(data: bytes, source: ByteSource) -> None:
    """Let zeros follow a gzip stream, as gzip does."""
    for part in chain([data], source.rest()):
        if bytes(part).strip(b"\0"):
            raise ArchiveError("has something else after its gzip stream")


def _unzstd(source: ByteSource) -> Iterator[bytes]:
    context = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW)
    file = cast("BinaryIO", _Frames(source))
    plain = context.stream_reader(file, read_across_frames=True)
    try:
        while part := plain.read(CHUNK):
            yield part
    except zstandard.ZstdError as error:
        raise ArchiveError(f"not valid zstd: {error}") from None


class _Frames:
    """Whole zstd frames as the file object that zstandard reads from.

    zstandard takes a file's end for the stream's, even in the middle of a frame, so the
    frames are followed here: https://www.rfc-editor.org/rfc/rfc8878#section-3
    """

    def __init__(self, source: ByteSource) -> None:
        self._source = source
        self._parts = self._followed()
        self._held = memoryview(b"")

    def read(self, size: int) -> Piece:
        """Take at most so many bytes, none only at the end of a frame."""
        while not self._held:
            if (following := next(self._parts, None)) is None:
                return b""
            self._held = memoryview(following)
        part, self._held = self._held[:size], self._held[size:]
        return part

    def _followed(self) -> Iterator[Piece]:
        while magic := self._source.read(4):
            yield magic
            if _is_skippable(magic):
                size = self._take(4)
                yield size
                yield from self._source.take(int.from_bytes(size, "little"))
            elif magic == _ZSTD:
                yield from self._frame()
            elif len(magic) < 4:
                raise ArchiveError("truncated at the beginning of a zstd frame")
            else:
                raise ArchiveError("has something else after its zstd stream")

    def _frame(self) -> Iterator[Piece]:
        descriptor = self._take(1)
        bits = descriptor[0]
        single = bits >> 5 & 1
        window, dictionary = 1 - single, (0, 1, 2, 4)[bits & 3]
        content = (single, 2, 4, 8)[bits >> 6]
        yield descriptor + self._take(window + dictionary + content)
        last = 0
        while not last:
            header = self._take(3)
            yield header
            word = int.from_bytes(header, "little")
            last, kind, size = word & 1, word >> 1 & 3, word >> 3
            yield from self._source.take(1 if kind == _RUN else size)
        yield self._take(bits & 4)

    def _take(self, size: int) -> bytes:
        return b"".join(self._source.take(size))
