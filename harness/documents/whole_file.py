"""Write a file whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def write(path: Path, body: bytes) -> bool:
    """Write `body` whole or not at all; False when it is there already."""
    if path.is_file() and _has(path, body):
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
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
