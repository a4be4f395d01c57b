"""What tests of our own engines share: when they can run, and a cache apart."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.engines import debian, roots
from harness.errors import EngineError


def _cannot() -> str | None:
    """Say why no engine of ours can run here."""
    for obstacle in debian.obstacles():
        return obstacle
    try:
        roots.prepare(roots.suite("bookworm"), roots.cache_folder(), print)
    except EngineError as error:
        return str(error)
    return None


@pytest.fixture(scope="session")
def bookworm() -> Path:
    """Give the unpacked root of the user's cache, unpacked when it is not there."""
    reason = _cannot()
    if reason and os.environ.get("CI") == "true":
        pytest.fail(reason)
    if reason:
        pytest.skip(reason)
    return roots.prepare(roots.suite("bookworm"), roots.cache_folder(), print)


@pytest.fixture
def cache(bookworm: Path) -> Iterator[Path]:
    """Give a cache folder of its own that has the user's roots.

    Not below `tmp_path`: a socket's path may have 107 bytes only.
    """
    folder = Path(tempfile.mkdtemp(prefix="lh-"))
    (folder / "roots").symlink_to(bookworm.parent)
    yield folder
    left = list((folder / "runs").glob("*-*"))
    shutil.rmtree(folder)
    assert left == []
