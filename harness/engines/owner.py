"""Whose a container is: a name for this process, and whether its owner is gone.

What a killed run left on an engine is known by it, and removed by the next run.
"""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from pathlib import Path


def name(process: int) -> str:
    """Name a process of this machine so that no later one has the same name.

    Boot, process namespace and start time tell apart what has the same number.
    """
    marks = [socket.gethostname(), "", "", str(process), ""]
    with suppress(OSError):
        marks[1] = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        marks[2] = Path("/proc/self/ns/pid").readlink().name
        stat = Path(f"/proc/{process}/stat").read_text()
        marks[4] = stat.rpartition(")")[2].split()[19]
    return "/".join(marks)


def is_gone(owner: str) -> bool:
    """Say whether an owner is known to be no more; those elsewhere are not known."""
    marks = owner.split("/")
    if len(marks) != 5 or not marks[3].isdecimal():
        return False
    here = name(os.getpid()).split("/")
    if marks[:3] != here[:3]:
        return False
    try:
        os.kill(int(marks[3]), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return name(int(marks[3])) != owner
