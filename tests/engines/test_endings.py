"""Whatever the harness's end is, nothing of its engine stays."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from engine_processes import command_of, processes, running, wait_for

from harness.engines import debian, namespace, roots
from harness.engines.cgroups import CGROUPS
from harness.engines.namespace import Space

pytest_plugins = ["own_cache"]
pytestmark = pytest.mark.engine

SCRIPT = Path(__file__).with_name("harness_process.py")


@dataclass(frozen=True, slots=True, kw_only=True)
class Harness:
    process: subprocess.Popen[str]
    space: Space
    first: int
    members: frozenset[tuple[int, str]]


def began(pid: int) -> str:
    """Give a process's start, which tells it from a later one with its number."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return ""


def members(first: int) -> frozenset[tuple[int, str]]:
    """Give all processes in the PID namespace of `first`."""
    found = set()
    for pid in processes():
        with contextlib.suppress(OSError):
            if Path(f"/proc/{pid}/ns/pid").samefile(f"/proc/{first}/ns/pid"):
                found.add((pid, began(pid)))
    return frozenset(found)


def sleepers(first: int) -> list[int]:
    """Give the processes of RUN lines in the engine whose PID 1 is `first`."""
    return running(".*sleep 600", first)


def cgroups(space: Space) -> list[Path]:
    return [*CGROUPS.glob(f"*/{space.cgroup}"), *CGROUPS.glob(space.cgroup)]


def nothing_left(harness: Harness) -> None:
    """Hold that no process, namespace, mount, cgroup, socket or folder is left."""
    space = harness.space
    # namespaces end with their processes, and their numbers are given again at once
    alive = {(pid, began(pid)) for pid in processes()}
    assert not harness.members & alive
    assert not [pid for pid in processes() if str(space.folder) in command_of(pid)]
    assert str(space.folder) not in Path("/proc/self/mounts").read_text()
    assert cgroups(space) == []
    assert not space.folder.exists()


@pytest.fixture
def harness(cache: Path) -> Iterator[Harness]:
    """Give a harness process in a group of its own, two RUN lines running in it."""
    process = subprocess.Popen(
        [sys.executable, str(SCRIPT), str(cache)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        process_group=0,
    )
    assert process.stdout
    said = process.stdout.readline()
    assert said, "the harness did not come up"
    (space,) = namespace.spaces(cache)
    first = space.first_process()
    assert first
    assert wait_for(lambda: len(sleepers(first)) == 2), space.log()
    yield Harness(
        process=process,
        space=space,
        first=first,
        members=members(first),
    )
    process.kill()
    process.communicate()
    wait_for(lambda: not space.folder.exists())


def test_normal_end_leaves_nothing(harness: Harness) -> None:
    assert cgroups(harness.space)
    assert len(harness.members) > 4
    said, _ = harness.process.communicate("")
    assert said == "stopped\n"
    nothing_left(harness)


def test_ctrl_c_in_the_terminal_leaves_nothing(harness: Harness) -> None:
    os.killpg(harness.process.pid, signal.SIGINT)
    harness.process.wait(30)
    nothing_left(harness)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_killed_harness_takes_its_engine_along(
    harness: Harness, number: signal.Signals
) -> None:
    harness.process.send_signal(number)
    harness.process.wait(30)
    assert wait_for(lambda: not harness.space.folder.exists())
    nothing_left(harness)


def test_next_start_removes_what_a_kill_of_everything_left(
    harness: Harness, cache: Path
) -> None:
    os.killpg(os.getpgid(harness.first), signal.SIGKILL)
    harness.process.kill()
    harness.process.wait(30)
    assert wait_for(lambda: namespace.spaces(cache) == [])
    assert harness.space.folder.exists()
    said: list[str] = []
    debian.start(roots.suite("bookworm"), cache=cache, say=said.append).stop()
    nothing_left(harness)
    assert said[0] == f"removed what a killed run left: {harness.space.folder.name}"


def test_a_sweep_leaves_the_living_alone(harness: Harness, cache: Path) -> None:
    assert namespace.sweep(cache) == []
    assert namespace.spaces(cache) == [harness.space]
    assert len(sleepers(harness.first)) == 2
