"""Devices are closed to a cgroup's processes, but for those any container has."""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.engines.devices import close_devices

#: The tree of the controller of cgroup v1; v2, which a machine may have beside v1.
TREES = ("devices", "unified", "")


@pytest.fixture(params=TREES)
def group(request: pytest.FixtureRequest) -> Iterator[Path]:
    tree = Path("/sys/fs/cgroup", request.param)
    if not any(
        (tree / each).exists() for each in ("cgroup.subtree_control", "devices.deny")
    ):
        pytest.skip(f"{tree} is no tree of cgroups")
    place = tree / f"layer-harness-test-{os.getpid()}"
    try:
        place.mkdir()
    except OSError as error:
        pytest.skip(f"no cgroup can be made here: {error}")
    yield place
    place.rmdir()


def opens(group: Path, *files: Path) -> list[str]:
    """Say which files a process of the group can open."""
    script = 'echo 0 >"$0"; for each; do (: <"$each") && echo "$each"; done; true'
    words = ["sh", "-c", script, str(group / "cgroup.procs"), *map(str, files)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_what_any_container_has_is_open(group: Path) -> None:
    close_devices(group)
    usual = [Path("/dev", each) for each in ("null", "zero", "full", "urandom")]
    assert opens(group, *usual) == list(map(str, usual))


def test_another_device_may_be_made_and_not_opened(group: Path, tmp_path: Path) -> None:
    # the device of the kernel's messages (1:11), and /dev/null's as a block device
    made = []
    for kind, minor in ((stat.S_IFCHR, 11), (stat.S_IFCHR, 3), (stat.S_IFBLK, 3)):
        made.append(tmp_path / f"{kind}-{minor}")
        os.mknod(made[-1], 0o600 | kind, os.makedev(1, minor))
    assert opens(group, made[1]) == [str(made[1])]
    close_devices(group)
    assert opens(group, *made) == [str(made[1])]
    words = ["sh", "-c", 'echo 0 >"$0"; mknod "$1" b 7 0']
    subprocess.run(
        [*words, str(group / "cgroup.procs"), str(tmp_path / "made")], check=True
    )
