"""Groups of processes that the kernel bounds.

On cgroup v1, with a mount for each controller, and on v2. Their files are described in
the kernel's Documentation/admin-guide/cgroup-v1/ and cgroup-v2.rst.
"""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from harness.engines.bounds import NONE, Bounds
from harness.engines.devices import close_devices

CGROUPS = Path("/sys/fs/cgroup")

_CONTROLLERS = ("cpu", "memory", "pids")
_DEVICES = "devices"
#: Microseconds in which a group may take its quota of CPU time, the kernel's default.
_PERIOD = 100_000
#: Processes that were killed are gone in no time; they give no event to wait for.
_GONE = 5.0
#: Puts the process into the groups before `--`, then becomes the command behind it.
_ENTER = (
    'while [ "$1" != -- ]; do echo 0 >"$1/cgroup.procs" || exit 125; shift; done; '
    'shift; exec "$@"'
)
#: A command's group has the number of the process that made it.
_OF_COMMAND = re.compile(r"layer-harness-(\d+)-[0-9a-f]{8}-\d+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A cgroup: a folder called `name` in the tree of each controller, or in one."""

    name: str
    root: Path = CGROUPS

    @property
    def is_unified(self) -> bool:
        """Say whether this is cgroup v2, which has one tree."""
        return (self.root / "cgroup.controllers").is_file()

    @property
    def folders(self) -> tuple[Path, ...]:
        """Give its folders that are there."""
        places = (self.folder(each) for each in (*_CONTROLLERS, _DEVICES))
        return tuple(each for each in dict.fromkeys(places) if each.is_dir())

    @property
    def enter(self) -> tuple[str, ...]:
        """Give the words before a command that put it, and all it starts, in here."""
        folders = [str(each) for each in self.folders]
        return ("sh", "-c", _ENTER, "sh", *folders, "--") if folders else ()

    def folder(self, controller: str) -> Path:
        """Name the folder that bounds what `controller` controls."""
        tree = self.root if self.is_unified else self.root / controller
        if controller == _DEVICES and not tree.is_dir():
            # systemd's place for v2 beside v1
            tree = self.root / "unified"
        return tree / self.name

    def make(self, bounds: Bounds) -> tuple[str, ...]:
        """Make it with bounds; gives the controllers that cannot bound it here.

        On v2 those above it are made to hand the controllers down, which the kernel
        allows where no process is in them.
        """
        lacking = []
        for controller in _CONTROLLERS:
            try:
                self._make(controller, bounds)
            except OSError:
                lacking.append(controller)
        return tuple(lacking)

    def close_devices(self) -> None:
        """Close all devices to it but those that any container has.

        Raises OSError where that cannot be.
        """
        folder = self.folder(_DEVICES)
        folder.mkdir(exist_ok=True)
        close_devices(folder)

    def remove(self) -> None:
        """Remove it, as soon as no process is in it any more."""
        deadline = time.monotonic() + _GONE
        for folder in self.folders:
            while folder.exists():
                try:
                    folder.rmdir()
                except OSError:
                    if time.monotonic() > deadline:
                        break
                    time.sleep(0.01)

    def _make(self, controller: str, bounds: Bounds) -> None:
        folder = self.folder(controller)
        if self.is_unified:
            above = self.root
            for part in Path(self.name).parts:
                (above / "cgroup.subtree_control").write_text(f"+{controller}")
                above /= part
                above.mkdir(exist_ok=True)
        elif (self.root / controller).is_dir():
            folder.mkdir(parents=True, exist_ok=True)
        else:
            raise FileNotFoundError(controller)
        for name, value in _values(controller, bounds, unified=self.is_unified):
            # what a kernel without swap, or one that always counts what is below, lacks
            optional = name.startswith(("memory.swap", "memory.memsw", "memory.use"))
            with contextlib.suppress(OSError) if optional else contextlib.nullcontext():
                (folder / name).write_text(value)


def _values(controller: str, bounds: Bounds, *, unified: bool) -> list[tuple[str, str]]:
    """Give the files of a controller that say the bounds, in the order of writing."""
    if controller == "pids":
        return [("pids.max", str(bounds.processes or "max"))]
    if controller == "memory":
        kib = bounds.memory_kib and bounds.memory_kib + bounds.data_kib
        if unified:
            most = str(kib * 1024) if kib else "max"
            return [("memory.max", most), ("memory.swap.max", "0" if kib else "max")]
        most = str(kib * 1024) if kib else "-1"
        return [
            ("memory.use_hierarchy", "1"),
            ("memory.limit_in_bytes", most),
            # with swap: it may not be below the one without
            ("memory.memsw.limit_in_bytes", most),
        ]
    # as much as one process for each core: it has all that nobody else wants
    cores = os.cpu_count() or 1
    quota = round(bounds.cpus * _PERIOD) if bounds.cpus else None
    if unified:
        return [
            ("cpu.weight", str(min(10_000, 100 * cores))),
            ("cpu.max", f"{quota or 'max'} {_PERIOD}"),
        ]
    return [
        ("cpu.shares", str(min(262_144, 1024 * cores))),
        ("cpu.cfs_quota_us", str(quota or -1)),
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineGroups:
    """The cgroups of an engine of ours: of its daemon, and of all it builds.

    Two, so that a build that meets a bound does not take the daemon with it; and on v2
    a group with groups below it has no processes of its own.
    """

    name: str
    root: Path = CGROUPS

    @property
    def builds(self) -> Group:
        """Give the one that containers are made in, dockerd's `--cgroup-parent`."""
        return Group(name=f"{self.name}/builds", root=self.root)

    @property
    def daemon(self) -> Group:
        """Give the one that the engine's own processes are in."""
        return Group(name=f"{self.name}/daemon", root=self.root)

    @property
    def both(self) -> tuple[Group, Group]:
        """Give both, as a meter takes them."""
        return self.daemon, self.builds

    def make(self, bounds: Bounds) -> None:
        """Make them; each may take all of the bounds, and CPU time both together."""
        Group(name=self.name, root=self.root).make(Bounds(cpus=bounds.cpus))
        for each in self.both:
            each.make(replace(bounds, cpus=None))


def unbounded() -> str:
    """Say which bounds cannot be set on this machine; empty if all can."""
    names = ", ".join(_lacking())
    return names and (
        f"builds run without bounds on {names}: {CGROUPS} has no such controllers, or "
        "takes no groups of ours"
    )


def tell_unbounded(asked: str, say: Callable[[str], None]) -> None:
    """Say which bounds cannot be set, if any are `asked` for."""
    if asked != NONE and (line := unbounded()):
        say(line)


@cache
def _lacking() -> tuple[str, ...]:
    """Try what bounds can be set here, and give the controllers that cannot."""
    group = Group(name=f"layer-harness-{os.getpid()}-{0:08x}-0", root=CGROUPS)
    most = Bounds(processes=100, memory_kib=1 << 20)
    try:
        found = group.make(most)
        entered = subprocess.run(
            [*group.enter, "true"], capture_output=True, check=False
        )
    except OSError:
        return _CONTROLLERS
    finally:
        group.remove()
    return _CONTROLLERS if entered.returncode else found


def sweep(lives: Callable[[str], bool]) -> None:
    """Remove the groups of commands that were killed with the harness."""
    for place in (*CGROUPS.glob("layer-harness-*"), *CGROUPS.glob("*/layer-harness-*")):
        match = _OF_COMMAND.fullmatch(place.name)
        if match and not lives(match[1]):
            with contextlib.suppress(OSError):
                place.rmdir()
