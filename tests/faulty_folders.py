"""Folders that cannot be written to, each by another fault of a real file system."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest


def must(*words: str) -> None:
    """Run a command that takes root; the test is skipped where that is refused."""
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"{words[0]} is refused here: {done.stderr.strip()}")


@contextmanager
def read_only(folder: Path) -> Iterator[str]:
    """Have a folder read-only for everybody, root too; gives the words for it."""
    must("mount", "--bind", str(folder), str(folder))
    try:
        must("mount", "-o", "remount,bind,ro", str(folder))
        yield "Read-only file system"
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@contextmanager
def immutable(folder: Path) -> Iterator[str]:
    """Have nothing added to a folder or removed from it; gives the words for it."""
    must("chattr", "+i", str(folder))
    try:
        yield "Operation not permitted"
    finally:
        subprocess.run(["chattr", "-i", str(folder)], check=True)


@contextmanager
def full(folder: Path) -> Iterator[str]:
    """Have no room left on the small disk that holds a folder; gives the words for it.

    What the folder holds is on that disk. Empty files can still be made.
    """
    kept = {each: each.read_bytes() for each in folder.rglob("*") if each.is_file()}
    must("mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder))
    try:
        for path, body in kept.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(body)
        with (folder / "ballast").open("wb") as ballast:
            for _ in iter(lambda: more(ballast.fileno()), 0):
                pass
        yield "No space left on device"
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def more(descriptor: int) -> int:
    try:
        return os.write(descriptor, b"\0" * 4096)
    except OSError:
        return 0


#: Each fault by its name.
FAULTS: dict[str, Callable[[Path], AbstractContextManager[str]]] = {
    "read-only": read_only,
    "immutable": immutable,
    "full": full,
}


def files(folder: Path) -> dict[str, bytes]:
    """Give all that a folder holds but the ballast of a full disk."""
    return {
        str(each.relative_to(folder)): each.read_bytes()
        for each in sorted(folder.rglob("*"))
        if each.is_file() and each.name != "ballast"
    }
