"""What a process prints, however much that is: its head and its tail are kept."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

#: Bytes kept of each end.
KEPT: Final = 1 << 20
#: Bytes of a line that is taken whole; a longer one comes in pieces.
PIECE: Final = 1 << 20
#: Characters of texts that are taken in together.
_TOGETHER: Final = 1 << 16


class Output:
    """Text that grows without end, in bounded memory.

    `str` gives it, or its two ends with a line between them that says how much is left
    out.
    """

    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        self._head = bytearray()
        self._tail = bytearray()
        self._left_out = 0
        # short texts, which are taken in together: a build can print millions
        self._waiting: list[str] = []
        self._length = 0

    def add(self, text: str) -> None:
        """Take in what comes next."""
        self._waiting.append(text)
        self._length += len(text) + 1
        if self._length > _TOGETHER:
            self._take_in()

    def add_bytes(self, piece: bytes) -> None:
        """Take in what comes next, as it was printed."""
        self._take_in()
        self._keep(piece)

    def _take_in(self) -> None:
        if self._waiting:
            text = "".join(self._waiting)
            self._waiting.clear()
            self._length = 0
            self._keep(text.encode("utf-8", errors="surrogatepass"))

    def _keep(self, piece: bytes) -> None:
        room = self._kept - len(self._head)
        if room > 0:
            self._head += piece[:room]
            piece = piece[room:]
        self._tail += piece
        # not at each piece, since what is kept has to be moved for it
        if len(self._tail) > 2 * self._kept:
            self._cut()

    def _cut(self) -> None:
        over = max(0, len(self._tail) - self._kept)
        del self._tail[:over]
        self._left_out += over

    def __str__(self) -> str:
        self._take_in()
        self._cut()
        if not self._left_out:
            return (self._head + self._tail).decode(errors="replace")
        head, tail = (
            each.decode(errors="replace") for each in (self._head, self._tail)
        )
        return f"{head}\n({self._left_out:,} bytes are left out here)\n{tail}"


def shortened(text: str, kept: int = 1 << 15) -> str:
    """Give a text with no more than its two ends, as `Output` does."""
    output = Output(kept)
    output.add(text)
    return str(output)


def ends_of(place: Path, since: int = 0, kept: int = 8 * KEPT) -> str:
    """Read a log from the byte `since` on: all of it, or its two ends."""
    output = Output(kept)
    with place.open("rb") as file:
        file.seek(since)
        while piece := file.read(PIECE):
            output.add_bytes(piece)
    return str(output)


class Lines:
    """Cuts a stream of bytes into lines; one without an end comes in pieces."""

    def __init__(self, longest: int = PIECE) -> None:
        self._longest = longest
        self._rest = bytearray()

    def cut(self, chunk: bytes) -> Iterator[bytes]:
        """Give the lines that have come to their end, without the line feed."""
        *lines, rest = chunk.split(b"\n")
        if lines and self._rest:
            lines[0] = bytes(self._rest) + lines[0]
            self._rest.clear()
        yield from lines
        self._rest += rest
        if len(self._rest) >= self._longest:
            yield from self.rest()

    def rest(self) -> Iterator[bytes]:
        """Give what had no line feed behind it."""
        if self._rest:
            yield bytes(self._rest)
            self._rest.clear()
