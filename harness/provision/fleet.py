"""The engines of a session, each started for its first case and stopped after its last.

The controlling process holds the fleet; workers wait for an engine by a lock on a file
that is given back when the engine answers, or cannot be had. No more engines run at a
time than memory has room for.
"""

from __future__ import annotations

import fcntl
import json
import os
import queue
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, ExitStack, suppress
from functools import partial
from pathlib import Path

from harness.engines import Engine, EngineSource, namespace
from harness.errors import EngineError, HarnessError
from harness.provision.events import (
    EngineLost,
    EngineReady,
    EngineStarting,
    EngineStopped,
    EngineStopping,
    Event,
    Hear,
    Noted,
    unheard,
)

#: What starts an engine, as a context manager that stops it.
Starter = Callable[[EngineSource], AbstractContextManager[Engine]]


class Fleet:
    """Starts and stops engines beside a session, in a thread of its own.

    `sources` stand in the order of use. `folder` is where workers look for them;
    `at_once` is how many may run at the same time.
    """

    def __init__(
        self,
        sources: Iterable[EngineSource],
        start: Starter,
        folder: Path,
        *,
        at_once: int,
        hear: Hear = unheard,
    ) -> None:
        self._start = start
        self._folder = folder
        self._free = at_once
        self._hear = hear
        self._sources = {each.name: each for each in sources}
        self._locks = {name: _lock(folder, name) for name in self._sources}
        self._left: dict[str, int] = {}
        self._waiting: list[str] = []
        self._starting: list[str] = []
        self._running: dict[str, ExitStack] = {}
        self._mutex = threading.Lock()
        self._closing = threading.Event()
        self._tasks: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def expect(self, counts: Mapping[str, int]) -> None:
        """Say how many cases come for each engine; the first ones are started."""
        with self._mutex:
            for name in self._sources:
                if not counts.get(name):
                    continue
                if name not in self._left:
                    self._waiting.append(name)
                    if name not in self._locks:
                        self._locks[name] = _lock(self._folder, name)
                self._left[name] = self._left.get(name, 0) + counts[name]
            self._fill()

    def done(self, name: str) -> None:
        """Say that a case on an engine is over; behind the last one it is stopped."""
        with self._mutex:
            if name not in self._left:
                return
            self._left[name] -= 1
            if self._left[name] == 0:
                del self._left[name]
                self._tasks.put(lambda: self._stop(name))
                self._free += 1
                self._fill()

    def end(self) -> None:
        """Have our own engines end at once, for `close` to find little to wait for.

        What is built on them breaks off. May be called from a signal's handler.
        """
        self._closing.set()
        namespace.end_all()

    def close(self) -> None:
        """Stop all that runs; who still waits for an engine is told."""
        self._closing.set()
        while True:
            with suppress(queue.Empty):
                self._tasks.get_nowait()
                continue
            break
        self._tasks.put(None)
        for name in (*self._running, *self._starting):
            self._tell(EngineStopping(title=self._sources[name].title))
        self._thread.join()
        for name in list(self._running):
            self._stop(name)
        for name in list(self._locks):
            self._answer(name, {"error": "the run is over", "hint": ""})

    def _fill(self) -> None:
        while self._free and self._waiting:
            name = self._waiting.pop(0)
            self._free -= 1
            self._tasks.put(partial(self._bring, name))

    def _work(self) -> None:
        while (task := self._tasks.get()) is not None:
            task()

    def _bring(self, name: str) -> None:
        stack = ExitStack()
        title, began = self._sources[name].title, time.monotonic()
        self._starting.append(name)
        self._tell(EngineStarting(title=title))
        try:
            engine = stack.enter_context(self._start(self._sources[name]))
        except Exception as error:  # noqa: BLE001  # a worker waits for the answer
            said, hint = _told(error)
            if not self._closing.is_set():
                self._tell(EngineLost(title=title, reason=said.splitlines()[0]))
            self._answer(name, {"error": said, "hint": hint})
            return
        finally:
            self._starting.remove(name)
        self._running[name] = stack
        took = time.monotonic() - began
        self._tell(EngineReady(title=title, engine=engine, seconds=took))
        self._answer(name, {"engine": engine.to_dict()})

    def _stop(self, name: str) -> None:
        if name in self._running:
            title = self._sources[name].title
            try:
                self._running.pop(name).close()
            except Exception as error:  # noqa: BLE001  # other engines are waited for
                self._tell(Noted(text=f"{title} did not end in order: {error!r}"))
            else:
                self._tell(EngineStopped(title=title))

    def _tell(self, event: Event) -> None:
        # who hears may be gone, as who reads a pipe; workers still wait for engines
        with suppress(OSError):
            self._hear(event)

    def _answer(self, name: str, answer: Mapping[str, object]) -> None:
        if name in self._locks:
            _place(self._folder, name).write_text(json.dumps(answer), encoding="utf-8")
            os.close(self._locks.pop(name))


def _told(error: Exception) -> tuple[str, str]:
    """Give an error's message and hint; what is no engine's names its file."""
    if isinstance(error, EngineError):
        return error.message, error.hint
    if isinstance(error, HarnessError):
        return f"{error.where}: {error.message}", error.hint
    return repr(error), ""


def await_engine(folder: Path, name: str) -> Engine:
    """Wait, in a worker, until an engine answers; EngineError if it cannot be had."""
    descriptor = os.open(_place(folder, f"{name}.lock"), os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        text = _place(folder, name).read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise EngineError("the run ended before it was started", where=name) from (
            error
        )
    finally:
        os.close(descriptor)
    answer = json.loads(text)
    if "engine" not in answer:
        raise EngineError(answer["error"], where=name, hint=answer["hint"])
    return Engine.from_dict(answer["engine"])


def lock_file(folder: Path, name: str) -> Path:
    """Name the file of an engine's lock (`measure.engine_lock`)."""
    return _place(folder, f"{name}.turn")


def _place(folder: Path, name: str) -> Path:
    # an address has slashes
    return folder / "engines" / name.replace("/", "_")


def _lock(folder: Path, name: str) -> int:
    place = _place(folder, f"{name}.lock")
    place.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(place, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    return descriptor
