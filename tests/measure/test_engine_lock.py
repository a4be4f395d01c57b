"""The lock on an engine: many builds at once, or one alone."""

from __future__ import annotations

import fcntl
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from harness.measure.engine_lock import EngineLock

LIMIT = 10.0

#: Another process that holds a turn until its input ends; told what it got.
HOLDER = """
import sys
from pathlib import Path
from harness.measure.engine_lock import EngineLock

with getattr(EngineLock(place=Path(sys.argv[1])), sys.argv[2])():
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def lock(tmp_path: Path) -> EngineLock:
    return EngineLock(place=tmp_path / "one.turn")


class Builds:
    """Threads that take lock, and what became of them, in order: `happened`.

    A build that has to wait is told to have `waits`; one that has its turn keeps it
    until it is told to `end`.
    """

    def __init__(self, lock: EngineLock, patch: pytest.MonkeyPatch) -> None:
        self.lock = lock
        self.happened: queue.Queue[str] = queue.Queue()
        self.ends: dict[str, threading.Event] = {}
        self.threads: list[threading.Thread] = []
        patch.setattr(fcntl, "flock", self._flock)

    def begin(self, name: str, turn: AbstractContextManager[None]) -> None:
        self.ends[name] = threading.Event()
        thread = threading.Thread(
            target=self._build, args=(name, turn), name=name, daemon=True
        )
        self.threads.append(thread)
        thread.start()

    def end(self, name: str) -> None:
        self.ends[name].set()

    def next(self) -> str:
        return self.happened.get(timeout=LIMIT)

    def over(self) -> None:
        for each in self.ends.values():
            each.set()
        for thread in self.threads:
            thread.join(LIMIT)
            assert not thread.is_alive()

    def _build(self, name: str, turn: AbstractContextManager[None]) -> None:
        with turn:
            self.happened.put(f"{name} builds")
            self.ends[name].wait(LIMIT)

    def _flock(self, descriptor: int, kind: int) -> None:
        """Lock as `fcntl.flock` does, and tell when that has to wait."""
        try:
            REAL(descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            self.happened.put(f"{threading.current_thread().name} waits")
            REAL(descriptor, kind)


REAL = fcntl.flock


@pytest.fixture
def builds(lock: EngineLock, monkeypatch: pytest.MonkeyPatch) -> Iterator[Builds]:
    found = Builds(lock, monkeypatch)
    yield found
    found.over()


def test_builds_run_beside_each_other(lock: EngineLock, builds: Builds) -> None:
    builds.begin("one", lock.shared())
    assert builds.next() == "one builds"
    builds.begin("two", lock.shared())
    assert builds.next() == "two builds"


def test_a_build_that_is_alone_waits_for_those_that_run(
    lock: EngineLock, builds: Builds
) -> None:
    builds.begin("one", lock.shared())
    assert builds.next() == "one builds"
    builds.begin("alone", lock.alone())
    assert builds.next() == "alone waits"
    builds.end("one")
    assert builds.next() == "alone builds"


@pytest.mark.parametrize("kind", ["shared", "alone"])
def test_no_build_begins_beside_one_that_is_alone(
    lock: EngineLock, builds: Builds, kind: str
) -> None:
    builds.begin("alone", lock.alone())
    assert builds.next() == "alone builds"
    builds.begin("late", getattr(lock, kind)())
    assert builds.next() == "late waits"
    builds.end("alone")
    assert builds.next() == "late builds"


def test_a_build_that_waits_to_be_alone_comes_before_those_that_ask_later(
    lock: EngineLock, builds: Builds
) -> None:
    builds.begin("one", lock.shared())
    assert builds.next() == "one builds"
    builds.begin("alone", lock.alone())
    assert builds.next() == "alone waits"
    # without the gate it would build beside the first, and so could all that follow
    builds.begin("late", lock.shared())
    assert builds.next() == "late waits"
    builds.end("one")
    assert builds.next() == "alone builds"
    builds.end("alone")
    assert builds.next() == "late builds"


@contextmanager
def holder(lock: EngineLock, kind: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, lock.place, kind],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize(("kind", "other"), [("shared", "alone"), ("alone", "shared")])
def test_the_lock_holds_between_processes_and_ends_with_a_killed_one(
    lock: EngineLock, builds: Builds, kind: str, other: str
) -> None:
    with holder(lock, kind) as process:
        builds.begin("ours", getattr(lock, other)())
        assert builds.next() == "ours waits"
        process.kill()
        assert builds.next() == "ours builds"


@pytest.mark.parametrize("kind", ["shared", "alone"])
def test_a_turn_ends_with_an_error_too(
    lock: EngineLock, builds: Builds, kind: str
) -> None:
    with pytest.raises(ValueError, match="broken"), getattr(lock, kind)():
        raise ValueError("broken")
    builds.begin("next", lock.alone())
    assert builds.next() == "next builds"


@pytest.mark.parametrize("kind", ["shared", "alone"])
def test_a_turn_that_cannot_be_had_leaves_no_file_open(
    lock: EngineLock, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(fcntl, "flock", interrupted)
    before = set(Path("/proc/self/fd").iterdir())
    with pytest.raises(KeyboardInterrupt), getattr(lock, kind)():
        pass
    # what others left open may be closed meanwhile
    assert set(Path("/proc/self/fd").iterdir()) <= before


def test_no_other_user_can_stop_the_builds(lock: EngineLock) -> None:
    with lock.alone():
        modes = {each.stat().st_mode & 0o777 for each in lock.place.parent.iterdir()}
    assert modes == {0o600}
