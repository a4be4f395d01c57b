"""What a run needs before it builds."""

from __future__ import annotations

import os
from pathlib import Path

from harness.provision.workspace import workspace


def test_a_workspace_goes_with_its_run_and_with_the_next_after_a_kill(
    tmp_path: Path,
) -> None:
    # No process has the number 0.
    killed = tmp_path / "tmp" / "0-killed"
    killed.mkdir(parents=True)
    other = tmp_path / "tmp" / f"{os.getppid()}-running"
    other.mkdir()
    with workspace(tmp_path, print) as folder:
        (folder / "base.tar").write_bytes(b"x")
        assert sorted((tmp_path / "tmp").iterdir()) == sorted([other, folder])
    assert list((tmp_path / "tmp").iterdir()) == [other]
