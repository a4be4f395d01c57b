"""A confined process has fewer rights than we have, and so has all that it starts."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from harness.engines import confined as module
from harness.engines.confined import confined
from harness.errors import EngineError

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="gives up what only root has")

_ASK = """
import ctypes, platform
keyctl = {"x86_64": 250, "aarch64": 219}[platform.machine()]
libc = ctypes.CDLL(None, use_errno=True)
# KEYCTL_GET_KEYRING_ID of the user's keyring
print(libc.syscall(keyctl, 0, -4, 1) >= 0, ctypes.get_errno())
"""


def said(*words: str) -> str:
    done = confined(
        lambda: subprocess.run(words, capture_output=True, text=True, check=True)
    )
    return done.stdout


def bound(status: str) -> int:
    line = next(each for each in status.splitlines() if each.startswith("CapBnd:"))
    return int(line.split()[1], 16)


@needs_root
def test_what_a_builder_does_not_need_is_given_up_for_good() -> None:
    # a shell between: what it starts has no more than it has
    found = bound(said("sh", "-c", "cat /proc/self/status; true"))
    dac_read_search, sys_module, sys_time, sys_admin, mknod = 2, 16, 25, 21, 27
    assert not found & (1 << dac_read_search | 1 << sys_module | 1 << sys_time)
    assert found & 1 << sys_admin
    assert found & 1 << mknod


@needs_root
@pytest.mark.skipif(
    os.uname().machine not in {"x86_64", "aarch64"}, reason="the test's call numbers"
)
def test_keyrings_are_closed() -> None:
    assert said(sys.executable, "-c", _ASK) == "False 1\n"


@needs_root
def test_this_process_gives_up_nothing() -> None:
    before = bound(Path("/proc/self/status").read_text())
    said("true")
    assert bound(Path("/proc/self/status").read_text()) == before
    free = subprocess.run(["cat", "/proc/self/status"], capture_output=True, check=True)
    assert bound(free.stdout.decode()) == before


def test_what_fails_in_there_fails_here() -> None:
    if os.geteuid() != 0:
        pytest.skip("gives up what only root has")
    with pytest.raises(FileNotFoundError):
        confined(lambda: subprocess.run(["/no/such"], check=True))


def test_nothing_is_started_with_all_rights_where_none_can_be_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(module, "_prctl", refuse)
    monkeypatch.setattr(module, "_thread", cache(module._thread.__wrapped__))
    started: list[str] = []
    with pytest.raises(EngineError, match="capabilities cannot be given up"):
        confined(lambda: started.append("yes"))
    assert started == []
