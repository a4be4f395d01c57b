"""Open a file that others may have put there: a regular one within a size, or none.

A fifo would be waited for, `/dev/zero` never ends, and a file of 20 GiB fills the
memory: each is refused by its name before a byte of it is read.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import BinaryIO, Final

from harness.errors import CaseError, HarnessError

#: Bytes that a file which people write may have: the largest case has 3,246.
DOCUMENT: Final = 1 << 20
#: Bytes that a file which the harness writes may have: its largest has 3.3 MB.
WRITTEN: Final = 64 << 20

_KINDS: Final = {
    stat.S_IFDIR: "a directory",
    stat.S_IFIFO: "a fifo",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def read(
    path: Path, *, most: int = DOCUMENT, error: type[HarnessError] = CaseError
) -> bytes:
    """Read a regular file whole; `error` for what is none, or has over `most` bytes."""
    with opened(path, most=most, error=error) as file:
        try:
            # None from what would have to be waited for, such as /proc/kmsg
            body = file.read(most + 1) or b""
        except OSError as failed:
            raise _unreadable(path, failed, error) from failed
    if len(body) > most:
        raise _too_large(path, most, error)
    return body


def opened(path: Path, *, most: int, error: type[HarnessError] = CaseError) -> BinaryIO:
    """Open a regular file of `most` bytes; `error` names what is none, or too large.

    Links are followed. What is no regular file is not even opened.
    """
    try:
        told = path.stat()
        if not stat.S_ISREG(told.st_mode):
            kind = _KINDS.get(stat.S_IFMT(told.st_mode), "something else")
            raise error(
                f"is {kind}, not a file",
                where=str(path),
                hint="put a regular file in its place, or remove it",
            )
        if told.st_size > most:
            raise _too_large(path, most, error)
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as failed:
        raise _unreadable(path, failed, error) from failed
    return os.fdopen(descriptor, "rb")


def size_text(size: int) -> str:
    """Write a number of bytes as a case does: `1 MiB`, or the bytes."""
    for power, unit in ((30, "GiB"), (20, "MiB"), (10, "KiB")):
        if size and size % (1 << power) == 0:
            return f"{size >> power} {unit}"
    return f"{size} bytes"


def _unreadable(path: Path, failed: OSError, error: type[HarnessError]) -> HarnessError:
    return error(f"cannot be read: {failed.strerror}", where=str(path))


def _too_large(path: Path, most: int, error: type[HarnessError]) -> HarnessError:
    return error(
        f"is larger than {size_text(most)}, the most that is read of such a file",
        where=str(path),
        hint="check that it is the file that is meant",
    )
