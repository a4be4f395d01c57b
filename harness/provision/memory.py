"""How much memory the engines of our own may have, and so how many run at a time."""

from __future__ import annotations

from dataclasses import dataclass

#: An engine is worth starting beside another if each gets so much, in KiB.
_WORTH = 3 << 20
#: What a daemon with its containerd and a few containers takes beside its data
#: (measured: 200 to 500 MB with four builds at a time).
_DAEMON = 768 << 10


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryShare:
    """`total_kib` of memory for a number of engines that a run needs in all."""

    total_kib: int
    engines: int

    @property
    def at_once(self) -> int:
        """Say how many run at the same time: the next is up when one ends."""
        return max(1, min(self.engines, 2, self.total_kib // _WORTH))

    @property
    def each_kib(self) -> int:
        """Say what one engine's data may take."""
        return max(0, self.total_kib // self.at_once - _DAEMON)
