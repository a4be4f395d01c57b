"""The processes of an engine of our own, found by what is below its first one."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path


def wait_for(claim: Callable[[], bool], seconds: float = 30) -> bool:
    """Wait until `claim` holds; other sessions' processes give no event for it."""
    deadline = time.monotonic() + seconds
    while not claim() and time.monotonic() < deadline:
        time.sleep(0.01)
    return claim()


def processes() -> list[int]:
    """Give all that live; orphans that ended wait for this machine's init to see it."""
    found = [int(each.name) for each in Path("/proc").iterdir() if each.name.isdigit()]
    return [
        pid
        for pid in found
        if not re.search(r"^State:\s+Z", status_of(pid), re.MULTILINE)
    ]


def status_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return "State: Z"


def command_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
    except OSError:
        return ""


def descends(pid: int, ancestor: int) -> bool:
    while pid > 1:
        if pid == ancestor:
            return True
        match = re.search(r"^PPid:\s+(\d+)", status_of(pid), re.MULTILINE)
        pid = int(match[1]) if match else 0
    return False


def running(command: str, first: int) -> list[int]:
    """Give the processes below `first` whose whole command matches, words by spaces."""
    return [
        pid
        for pid in processes()
        if re.fullmatch(command, command_of(pid).rstrip("\0").replace("\0", " "))
        and descends(pid, first)
    ]
