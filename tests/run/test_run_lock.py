"""A worker is interrupted when its run is over before its time, and not otherwise."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.run import run_lock

LIMIT = 20.0

#: Another process that holds the lock until it is killed.
HOLDER = """
import sys
from pathlib import Path
from harness.run import run_lock

with run_lock.held(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def is_interrupted_by(end: Callable[[], None]) -> None:
    def wait() -> None:
        # it may come before the waiting has begun
        end()
        threading.Event().wait(LIMIT)

    with pytest.raises(KeyboardInterrupt):
        wait()


def test_a_lock_that_is_let_go_interrupts_who_waits(tmp_path: Path) -> None:
    with run_lock.held(tmp_path) as let_go, run_lock.interrupting(tmp_path):
        is_interrupted_by(let_go)
        # Ctrl-C in a terminal comes to every process: the second one is ignored
        signal.raise_signal(signal.SIGINT)


def test_a_killed_run_interrupts_who_waits(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, tmp_path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        with run_lock.interrupting(tmp_path):
            is_interrupted_by(process.kill)


def test_a_worker_that_has_ended_is_not_interrupted(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGINT)
    threads = threading.active_count()
    with run_lock.held(tmp_path), run_lock.interrupting(tmp_path):
        (waiting,) = [
            each
            for each in threading.enumerate()
            if each.name.endswith("(wait)") and each.is_alive()
        ]
        assert threading.active_count() == threads + 1
    waiting.join(LIMIT)
    assert not waiting.is_alive()
    assert signal.getsignal(signal.SIGINT) == before
