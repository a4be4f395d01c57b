"""Folders in memory, and what is left of them."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from harness.engines import in_memory
from harness.provision.workspace import runners, runners_kib, workspace

MIB = 1 << 10


def may_mount() -> bool:
    words = ["unshare", "--mount", "true"]
    return not subprocess.run(words, capture_output=True, check=False).returncode


needs_root = pytest.mark.skipif(not may_mount(), reason="only root may mount")


@needs_root
def test_a_folder_is_in_memory_for_a_time(tmp_path: Path) -> None:
    place = tmp_path / "place"
    with in_memory.kept(place, 64 * MIB):
        assert os.path.ismount(place)
        assert in_memory.kib_of(place) == 64 * MIB
        (place / "file").write_text("x")
    assert not os.path.ismount(place)
    assert list(place.iterdir()) == []


def test_a_folder_without_a_size_is_on_disk(tmp_path: Path) -> None:
    place = tmp_path / "place"
    with in_memory.kept(place, None):
        (place / "file").write_text("x")
        assert not os.path.ismount(place)
        assert in_memory.kib_of(place) == 0
    assert (place / "file").exists()


@pytest.mark.parametrize("how", ["refused", "no mount"])
def test_a_folder_that_may_not_be_mounted_is_on_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    def run(*_: Any, **__: Any) -> Any:
        if how == "no mount":
            raise FileNotFoundError("mount")
        return subprocess.CompletedProcess([], 1)

    monkeypatch.setattr(subprocess, "run", run)
    with in_memory.kept(tmp_path / "place", 64 * MIB):
        (tmp_path / "place" / "file").write_text("x")
    assert (tmp_path / "place" / "file").exists()


@needs_root
def test_what_a_killed_process_left_in_memory_is_given_back(tmp_path: Path) -> None:
    left = tmp_path / "tmp" / "0-killed"
    runners(left).mkdir(parents=True)
    words = ["mount", "-t", "tmpfs", "tmpfs", str(runners(left))]
    subprocess.run(words, check=True)
    with workspace(tmp_path, print):
        assert not left.exists()


@pytest.mark.parametrize(
    ("megabytes", "jobs", "kib"),
    [(2, 1, 1024 * MIB), (128, 1, 1024 * MIB), (129, 1, None), (128, 2, None)],
)
def test_a_base_too_large_to_be_copied_in_memory_is_on_disk(
    monkeypatch: pytest.MonkeyPatch, megabytes: int, jobs: int, kib: int | None
) -> None:
    monkeypatch.setattr(in_memory, "size_kib", lambda most: most)
    assert runners_kib(megabytes << 20, jobs, 1024 * MIB) == kib
