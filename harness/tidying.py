"""Keep the data of an engine of our own from filling its memory.

On vfs every layer is a whole copy of what is below it, and BuildKit keeps each in its
build cache: the corpus fills any tmpfs. What no build has used for a while goes.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import requests
from docker.errors import DockerException

from harness.engines import Engine
from harness.engines.address import connect
from harness.errors import HarnessError

#: Seconds from one look to the next: vfs fills some 20 MiB a second (measured).
_EVERY = 10.0
#: The builds of a case follow each other, so no case still needs what is older.
_UNUSED = "3m"
#: Part of its room that may be left before anything is removed.
_ENOUGH = 0.5


@contextmanager
def tidied(engine: Engine) -> Iterator[None]:
    """Prune the build cache of a running engine, in a thread, when room gets scarce."""
    if engine.data_root is None:
        yield
        return
    over = threading.Event()
    thread = threading.Thread(
        target=_watch, args=(engine, engine.data_root, over), daemon=True
    )
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def free_part(data_root: str) -> float:
    """Say what part of the room for an engine's data is free, from 0 to 1."""
    found = os.statvfs(data_root)
    return found.f_bavail / found.f_blocks if found.f_blocks else 1.0


def _watch(engine: Engine, data_root: str, over: threading.Event) -> None:
    while not over.wait(_EVERY):
        # an engine that a build has killed is back at the next look
        with suppress(
            OSError, HarnessError, DockerException, requests.RequestException
        ):
            if free_part(data_root) < _ENOUGH:
                client = connect(engine.address, timeout=_EVERY * 6)
                client.prune_builds(filters={"until": _UNUSED}, all=True)
