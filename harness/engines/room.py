"""No room left, on an engine's disk or on ours: no doing of a builder's, so an error.

What was measured before is kept, and what met a full disk is no result.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from harness.engines.roots import CACHE_VARIABLE
from harness.errors import EngineError

#: What the C library calls it, and so all that builders say of it (strerror(3)).
FULL = "no space left on device"

HINT = (
    f"make room where the cache is ({CACHE_VARIABLE} names another place), or, where "
    "engines of our own are in memory, give them more with --memory"
)
_ERRORS = {errno.ENOSPC, errno.EDQUOT}


def is_said(text: str) -> bool:
    """Say whether a text tells of a full disk."""
    return FULL in text.lower()


@contextmanager
def needed(what: str) -> Iterator[None]:
    """Tell by EngineError that a disk of ours was full; other errors go through."""
    try:
        yield
    except OSError as error:
        if error.errno not in _ERRORS:
            raise
        # a report would show the cause first, and it says no more
        raise EngineError(
            f"there is no room left for {what}: {error.strerror}",
            where=str(error.filename or ""),
            hint=HINT,
        ) from None
