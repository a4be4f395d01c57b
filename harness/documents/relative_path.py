"""Paths that a file gives and that have to stay below a folder. Pure."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Final

#: Bytes of a name and of a path that Linux takes (limits.h).
NAME_MAX: Final = 255
PATH_MAX: Final = 4095


def leaves(path: str) -> bool:
    """Say whether a path may lead out of the folder it is meant to be below."""
    parts = PurePosixPath(path).parts
    return path.startswith("/") or ".." in parts or not parts or "\0" in path


def too_long(path: str) -> str:
    """Say which limit of Linux a path does not keep; empty if it keeps them all."""
    body = path.encode("utf-8", "surrogateescape")
    if any(len(name) > NAME_MAX for name in body.split(b"/")):
        return f"a name of more than {NAME_MAX} bytes"
    return f"a path of more than {PATH_MAX} bytes" if len(body) > PATH_MAX else ""
