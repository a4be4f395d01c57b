"""What reading one archive may take, and the account of what it has taken.

A few kilobytes can stand for terabytes, and an archive is made by whoever made it. An
account stays with an archive from its first byte to its last image, so that many blobs
get no more than one. Whatever goes over a budget is refused with the blob's name.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Literal

from harness.errors import ArchiveError
from harness.tar.byte_stream import Piece


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What one archive may take; images of ten gigabytes take a fraction of it.

    `unpacked` counts the bytes of the archive and those that its compressed layers
    unpack to, `holes` the bytes in holes of sparse files, which have to be hashed too.
    `names` counts what manifests, indexes and configs list. `memory` is an estimate of
    the bytes that are kept. `seconds` are of the processor, so that a slow engine costs
    none; each `pace` bytes of the archive as it arrives add one.
    """

    unpacked: int = 64 << 30
    holes: int = 4 << 30
    files: int = 1 << 16
    entries: int = 1 << 21
    json: int = 32 << 20
    names: int = 1 << 18
    memory: int = 2 << 30
    seconds: int = 60
    pace: int = 4 << 20


Item = Literal["unpacked", "holes", "files", "entries", "json", "names", "memory"]
_UNITS: Final[dict[str, str]] = {
    "unpacked": "bytes, unpacked",
    "holes": "bytes in holes of sparse files",
    "files": "files",
    "entries": "entries in its layers",
    "json": "bytes of JSON",
    "names": "names in manifests, indexes and configs",
    "memory": "bytes of memory",
    "seconds": "seconds of work",
}
STANDARD: Final = Budget()


class Account:
    """What one archive has taken so far; an ArchiveError where it takes too much.

    `blob` is what is being read at the moment, for the message.
    """

    __slots__ = ("_began", "_clock", "_left", "_stored", "blob", "budget")

    def __init__(
        self,
        budget: Budget = STANDARD,
        *,
        clock: Callable[[], float] = time.thread_time,
    ) -> None:
        self.blob = "the archive"
        self.budget = budget
        self._left: dict[Item, int] = {
            "unpacked": budget.unpacked,
            "holes": budget.holes,
            "files": budget.files,
            "entries": budget.entries,
            "json": budget.json,
            "names": budget.names,
            "memory": budget.memory,
        }
        self._clock = clock
        self._began = clock()
        self._stored = 0

    def spend(self, item: Item, amount: int) -> None:
        """Take so much of a budget."""
        self._left[item] -= amount
        if self._left[item] < 0:
            raise self._over(item, getattr(self.budget, item))

    def arriving(self, parts: Iterable[bytes]) -> Iterator[bytes]:
        """Pass on what arrives of the archive, which buys time."""
        for part in parts:
            self._stored += len(part)
            yield part

    def unpacking(self, parts: Iterable[Piece]) -> Iterator[Piece]:
        """Pass on unpacked bytes, of which many can come from few."""
        for part in parts:
            self.spend("unpacked", len(part))
            self.check_time()
            if part:
                yield part

    def check_time(self) -> None:
        """Look at the clock."""
        seconds = self.budget.seconds + self._stored // self.budget.pace
        if self._clock() - self._began > seconds:
            raise self._over("seconds", seconds)

    def _over(self, item: str, limit: int) -> ArchiveError:
        return ArchiveError(
            f"the archive takes more than {limit:,} {_UNITS[item]}",
            where=self.blob,
            hint=f"no image needs that; the budget is `{item}` in harness.tar.budget",
        )
