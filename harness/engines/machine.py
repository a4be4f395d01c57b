"""How much memory this machine has, and what a limit on all of our processes leaves."""

from __future__ import annotations

from pathlib import Path

#: Limits and usage as a container sees its own, on cgroup v2 and v1.
_LIMITS = (
    ("memory.max", "memory.current"),
    ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"),
)


def memory_kib() -> int:
    """Give the machine's memory, or the limit on us where that is less."""
    return min(_told("MemTotal"), *(limit for limit, _ in _limits()))


def available_kib() -> int:
    """Give the memory that is free to be used."""
    left = (max(0, limit - used) for limit, used in _limits())
    return min(_told("MemAvailable"), *left)


def _told(name: str) -> int:
    for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1])
    return 0


def _limits() -> list[tuple[int, int]]:
    """Give limit and usage in KiB; a huge limit where there is none."""
    found = [(1 << 60, 0)]
    for names in _LIMITS:
        try:
            limit, used = (
                int(Path("/sys/fs/cgroup", name).read_text()) for name in names
            )
        except (OSError, ValueError):
            continue
        found.append((limit // 1024, used // 1024))
    return found
