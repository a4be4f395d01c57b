"""What a killed process leaves is known by its name, which begins with the process."""

from __future__ import annotations

import os


def own(rest: str = "") -> str:
    """Begin the name of a file or folder that goes with this process."""
    return f"{os.getpid()}-{rest}"


def is_left(name: str) -> bool:
    """Say whether a name is of a process that is no more, or of none at all."""
    return not lives(name.partition("-")[0])


def lives(process: str) -> bool:
    """Say whether there is such a process."""
    if not process.isdecimal() or int(process) == 0:
        return False
    try:
        os.kill(int(process), 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True
