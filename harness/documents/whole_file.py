"""Write a file whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from harness.documents import leftovers
from harness.errors import WriteError

_SUFFIX = ".part"


def write(path: Path, body: bytes) -> bool:
    """Write `body` whole or not at all; False when it is there already.

    Raises WriteError; what was there is kept then.
    """
    try:
        return _write(path, body)
    except OSError as error:
        raise unwritable(path, error) from error


def unwritable(path: Path, error: OSError) -> WriteError:
    """Say what keeps a file from being written, or a folder from being written to."""
    return WriteError(
        f"cannot be written: {error.strerror or error}",
        where=str(path),
        hint="make room or make it writable, and run again; what was there is kept",
    )


def remove_parts(folder: Path) -> None:
    """Remove what processes that were killed had not written to the end."""
    for part in folder.rglob(f".*{_SUFFIX}"):
        if leftovers.is_left(part.name.removeprefix(".")):
            part.unlink(missing_ok=True)


def _write(path: Path, body: bytes) -> bool:
    if path.is_file() and _has(path, body):
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(
        dir=path.parent, prefix=f".{leftovers.own()}", suffix=_SUFFIX
    )
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(body)
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return True


def _has(path: Path, body: bytes) -> bool:
    return path.stat().st_size == len(body) and path.read_bytes() == body
