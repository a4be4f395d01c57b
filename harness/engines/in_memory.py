"""Folders in memory: how large one may be, and one for the time of a session."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from harness.engines import machine

# what is in memory gets half of what is available, if that is worth having
_LEAST_KIB = 2 * 1024 * 1024


def size_kib(most: int | None) -> int | None:
    """Give the size of a data root in memory, None when it has to be on disk.

    Half of what is available, and not above `most`, but only where a tmpfs takes user
    xattrs: layers have them, and a kernel before 6.6 keeps them on disk only.
    """
    release = os.uname().release.split(".")
    if (int(release[0]), int(release[1].split("-")[0])) < (6, 6):
        return None
    half = machine.available_kib() // 2
    if half < _LEAST_KIB:
        return None
    return half if most is None else min(half, most)


@contextmanager
def kept(folder: Path, kib: int | None) -> Iterator[None]:
    """Have a folder in memory for a time; on disk where it may not be, or has no size.

    What a killed process leaves is `release`d by the next.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if kib:
        _mount(folder, kib)
    try:
        yield
    finally:
        release(folder)


def release(folder: Path) -> None:
    """Give back the memory of a folder; harmless where it is on disk, or is not."""
    if os.path.ismount(folder):
        # whatever still has a file open there
        words = ["umount", "--lazy", str(folder)]
        subprocess.run(words, capture_output=True, check=False)


def kib_of(folder: Path) -> int:
    """Give the size of a folder that is `kept` in memory; 0 of one on disk."""
    if not os.path.ismount(folder):
        return 0
    found = os.statvfs(folder)
    return found.f_blocks * found.f_frsize // 1024


def _mount(folder: Path, kib: int) -> None:
    options = f"mode=700,size={kib}k,nr_inodes=0"
    words = ["mount", "-t", "tmpfs", "-o", options, "layer-harness", str(folder)]
    with suppress(OSError):
        subprocess.run(words, capture_output=True, check=False)
