"""Groups that the kernel bounds, on both versions, and the meter that reads them.

v2, which few machines of ours have, is written to and read on a tree of plain files.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from harness.engines import cgroups
from harness.engines.bounds import Bounds
from harness.engines.cgroups import EngineGroups, Group
from harness.engines.meter import Meter, metered_command

BOUNDS = Bounds(processes=50, memory_kib=2048, data_kib=1024, cpus=1.5)


@pytest.fixture
def split(tmp_path: Path) -> Path:
    """Give a tree like v1's: a mount for each controller."""
    for each in ("cpu", "memory", "pids", "blkio"):
        (tmp_path / each).mkdir()
    return tmp_path


@pytest.fixture
def unified(tmp_path: Path) -> Path:
    """Give a tree like v2's."""
    (tmp_path / "cgroup.controllers").write_text("cpu io memory pids\n")
    return tmp_path


def said(folder: Path) -> dict[str, str]:
    return {each.name: each.read_text() for each in folder.iterdir() if each.is_file()}


def test_bounds_are_written_as_v1_has_them(
    split: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    group = Group(name="lh", root=split)
    assert group.make(BOUNDS) == ()
    assert said(split / "pids/lh") == {"pids.max": "50"}
    assert said(split / "memory/lh") == {
        "memory.use_hierarchy": "1",
        "memory.limit_in_bytes": str(3 << 20),
        "memory.memsw.limit_in_bytes": str(3 << 20),
    }
    assert said(split / "cpu/lh") == {
        "cpu.shares": "4096",
        "cpu.cfs_quota_us": "150000",
    }
    assert group.folders == tuple(split / f"{c}/lh" for c in ("cpu", "memory", "pids"))


def test_bounds_are_written_as_v2_has_them(
    unified: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    group = Group(name="lh/builds", root=unified)
    assert group.make(BOUNDS) == ()
    assert said(unified / "lh/builds") == {
        "pids.max": "50",
        "memory.max": str(3 << 20),
        "memory.swap.max": "0",
        "cpu.weight": "400",
        "cpu.max": "150000 100000",
    }
    # each above it hands down what it controls; a plain file keeps what is said last
    assert (unified / "cgroup.subtree_control").read_text() == "+pids"
    assert (unified / "lh/cgroup.subtree_control").read_text() == "+pids"
    assert group.folders == (unified / "lh/builds",)


def test_no_bound_is_written_as_the_kernel_says_it(unified: Path) -> None:
    Group(name="lh", root=unified).make(Bounds())
    found = said(unified / "lh")
    assert (found["pids.max"], found["memory.max"]) == ("max", "max")
    assert found["cpu.max"] == "max 100000"


def test_an_engine_is_two_groups_and_cpu_time_is_of_both(split: Path) -> None:
    EngineGroups(name="lh", root=split).make(BOUNDS)
    for each in ("builds", "daemon"):
        assert (split / "pids/lh" / each / "pids.max").read_text() == "50"
        assert (split / "cpu/lh" / each / "cpu.cfs_quota_us").read_text() == "-1"
    assert (split / "cpu/lh/cpu.cfs_quota_us").read_text() == "150000"
    assert (split / "pids/lh/pids.max").read_text() == "max"


def test_a_controller_that_is_not_there_is_named(split: Path) -> None:
    (split / "memory").rmdir()
    group = Group(name="lh", root=split)
    assert group.make(BOUNDS) == ("memory",)
    assert [each.parent.name for each in group.folders] == ["cpu", "pids"]


def test_without_cgroups_a_command_is_started_as_it_is(tmp_path: Path) -> None:
    group = Group(name="lh", root=tmp_path / "none")
    assert group.make(BOUNDS) == ("cpu", "memory", "pids")
    assert group.enter == ()
    group.remove()


def test_a_machine_without_cgroups_is_told_in_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cgroups._lacking.cache_clear()
    monkeypatch.setattr(cgroups, "CGROUPS", tmp_path)
    line = cgroups.unbounded()
    cgroups._lacking.cache_clear()
    assert "builds run without bounds on cpu, memory, pids" in line
    assert "\n" not in line


def test_a_meter_tells_a_peak_of_processes_once(unified: Path) -> None:
    group = Group(name="lh", root=unified)
    group.make(BOUNDS)
    meter, beside = Meter([group], BOUNDS), Meter([group], BOUNDS)
    place = unified / "lh"
    (place / "pids.peak").write_text("49\n")
    assert meter.met() == ""
    (place / "pids.peak").write_text("50\n")
    assert meter.met() == "50 processes"
    # the peak stays as it is, so the bound is one more from now on
    assert (place / "pids.max").read_text() == "51"
    assert meter.met() == ""
    # who built at the same time is told too
    assert beside.met() == "50 processes"
    assert beside.met() == ""
    (place / "pids.peak").write_text("51\n")
    assert meter.met() == "50 processes"


def test_a_meter_tells_forks_that_failed_where_there_is_no_peak(unified: Path) -> None:
    group = Group(name="lh", root=unified)
    group.make(BOUNDS)
    (unified / "lh/pids.events").write_text("max 3\n")
    meter = Meter([group], BOUNDS)
    assert meter.met() == ""
    (unified / "lh/pids.events").write_text("max 4\n")
    assert meter.met() == "50 processes"
    assert meter.met() == ""


def test_a_meter_tells_memory_by_the_group_s_own_bound(unified: Path) -> None:
    group = Group(name="lh", root=unified)
    group.make(Bounds(processes=50, memory_kib=3 << 20))
    meter = Meter([group], Bounds(memory_kib=3 << 20))
    place = unified / "lh"
    # a container with a limit of its own (`docker build --memory`) is below it
    (place / "memory.events").write_text("oom 1\noom_kill 1\n")
    (place / "memory.events.local").write_text("low 0\nmax 9\noom 0\noom_kill 0\n")
    assert meter.met() == ""
    (place / "memory.events.local").write_text("low 0\nmax 9\noom 1\noom_kill 0\n")
    assert meter.met() == "3.0 GiB of memory"
    assert meter.met() == ""


def test_groups_of_killed_runs_are_removed_and_no_others(
    split: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cgroups, "CGROUPS", split)
    names = ("1-0123abcd-0", "2-0123abcd-12", "bookworm-0123ab", "1-bookworm")
    for name in names:
        (split / "pids" / f"layer-harness-{name}").mkdir()
    cgroups.sweep(lambda process: process == "2")
    left = {each.name.removeprefix("layer-harness-") for each in split.glob("pids/*")}
    assert left == set(names[1:])


@pytest.fixture
def kernel() -> None:
    if line := cgroups.unbounded():
        if os.environ.get("CI") == "true":
            pytest.fail(line)
        pytest.skip(line)


BOMB = "i=0; while [ $i -lt 60 ]; do sleep 9 & i=$((i+1)); done; wait"
HOG = "x=xxxxxxxxxxxxxxxx; while :; do x=$x$x; done"


def run(script: str, bounds: Bounds) -> tuple[str, str]:
    """Run a script in a group; gives the bound that it met, and the group's name."""
    name = f"{os.getpid()}-0123abcd"
    with metered_command(name, 1, bounds, devices=True) as (enter, meter):
        busybox = ("unshare", "--pid", "--fork", "--kill-child", "sh", "-c", script)
        subprocess.run([*enter, *busybox], check=False, capture_output=True)
        return meter.met(), f"layer-harness-{name}-1"


@pytest.mark.engine
@pytest.mark.usefixtures("kernel")
@pytest.mark.parametrize(
    ("script", "told"),
    [("true", ""), (BOMB, "40 processes"), (HOG, "0.1 GiB of memory")],
)
def test_the_kernel_ends_what_meets_a_bound_and_nothing_is_left(
    script: str, told: str
) -> None:
    met, name = run(script, Bounds(processes=40, memory_kib=100 << 10))
    assert met == told
    assert [*cgroups.CGROUPS.glob(f"*/{name}"), *cgroups.CGROUPS.glob(name)] == []


@pytest.mark.engine
@pytest.mark.usefixtures("kernel")
def test_a_bound_of_a_group_below_is_not_ours() -> None:
    name = f"layer-harness-{os.getpid()}-0123abcd-2"
    outer, inner = Group(name=name), Group(name=f"{name}/inner")
    outer.make(Bounds(memory_kib=1 << 20))
    inner.make(Bounds(memory_kib=50 << 10))
    meter = Meter([outer], Bounds(memory_kib=1 << 20))
    ended = subprocess.run([*inner.enter, "sh", "-c", HOG], check=False)
    assert ended.returncode == -9
    assert meter.met() == ""
    meter.close()
    inner.remove()
    outer.remove()
