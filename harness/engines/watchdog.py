"""Keep an engine of our own usable: with room for its data, and answering.

On vfs every layer is a whole copy of what is below it, and BuildKit keeps each in its
build cache: the corpus fills any tmpfs. What no build has used for a while goes. And a
dockerd can lock itself up: libnetwork of 20.10.5 did so with six builds at a time
(measured), and every build after that would have stood as one that hangs.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import requests
from docker.errors import DockerException

from harness.engines import Engine
from harness.engines.address import connect
from harness.errors import HarnessError

#: Seconds from one look to the next: vfs fills some 10 MiB a second (measured).
_EVERY = 10.0
#: Seconds for an answer that takes no work; builds beside it slow it down.
_ANSWER = 60.0
#: The builds of a case follow each other, so no case still needs what is older.
_UNUSED = "3m"
#: Part of its room that may be left before anything is removed.
_ENOUGH = 0.5


@contextmanager
def watched(engine: Engine, restart: Callable[[], None]) -> Iterator[None]:
    """Look after a running engine, in a thread; `restart` ends a daemon that hangs.

    What was built then breaks off, and is built again as if a build had killed it.
    """
    over = threading.Event()
    thread = threading.Thread(target=_watch, args=(engine, restart, over), daemon=True)
    thread.start()
    try:
        yield
    finally:
        # not joined: what it waits for ends with the engine
        over.set()


def free_part(data_root: str) -> float:
    """Say what part of the room for an engine's data is free, from 0 to 1."""
    found = os.statvfs(data_root)
    return found.f_bavail / found.f_blocks if found.f_blocks else 1.0


def _watch(engine: Engine, restart: Callable[[], None], over: threading.Event) -> None:
    while not over.wait(_EVERY):
        # one that a build has killed is back at the next look
        with suppress(OSError, HarnessError, DockerException):
            if _hangs(engine):
                if not over.is_set():
                    restart()
            elif engine.data_root and free_part(engine.data_root) < _ENOUGH:
                _make_room(engine)


def _hangs(engine: Engine) -> bool:
    """Ask for what takes the locks that containers' networks take."""
    client = connect(engine.address, timeout=_ANSWER)
    try:
        client.networks()
    except requests.Timeout:
        return True
    finally:
        client.close()
    return False


def _make_room(engine: Engine) -> None:
    client = connect(engine.address, timeout=_ANSWER * 10)
    try:
        client.prune_builds(filters={"until": _UNUSED}, all=True)
    finally:
        client.close()
