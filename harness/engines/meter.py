"""Whether a bound of a cgroup was met, as the kernel counts it on v1 and v2."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from harness.engines import Engine
from harness.engines.bounds import Bounds, for_engine, memory_text, processes_text
from harness.engines.cgroups import EngineGroups, Group
from harness.errors import EngineError


class Meter:
    """Tells which bound of groups was met since it was last asked.

    Several processes may each have one for the same groups.
    """

    def __init__(self, groups: Iterable[Group], bounds: Bounds) -> None:
        self._bounds = bounds
        groups = tuple(groups)
        self._pids = [_Pids(each.folder("pids")) for each in groups]
        self._memory = [_memory(each) for each in groups]

    def met(self) -> str:
        """Give the bound that was met, such as `4,096 processes`; empty if none was."""
        # each is asked, so that none is told again the next time
        memory = [each.met() for each in self._memory]
        pids = [each.met() for each in self._pids]
        if any(memory) and self._bounds.memory_kib:
            return memory_text(self._bounds.memory_kib)
        if any(pids) and self._bounds.processes:
            return processes_text(self._bounds.processes)
        return ""

    def close(self) -> None:
        """Close what it has open."""
        for each in self._memory:
            each.close()


def meter_of(engine: Engine) -> Meter | None:
    """Give a meter of an engine's bounds, None where it has none that we know."""
    bounds = for_engine(engine.bounds) if engine.cgroup else None
    if engine.cgroup is None or bounds is None:
        return None
    return Meter(EngineGroups(name=engine.cgroup).both, bounds)


class _Pids:
    """Whether a group had as many processes as it may have.

    `pids.events` counts forks that failed: on v2 in newer kernels those of all groups
    below, else only those of processes in the group itself. `pids.peak` (Linux 6.0)
    counts all that are below, but never goes down; so a bound that was met is raised by
    one.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._most = _number(folder / "pids.max")
        self._failed = _counted(folder / "pids.events", "max")

    def met(self) -> bool:
        peak = _number(self._folder / "pids.peak")
        failed = _counted(self._folder / "pids.events", "max")
        found = failed > self._failed or 0 < self._most <= peak
        if peak >= _number(self._folder / "pids.max") > 0:
            with contextlib.suppress(OSError):
                (self._folder / "pids.max").write_text(str(peak + 1))
        self._most = _number(self._folder / "pids.max")
        self._failed = failed
        return found


class _UnifiedMemory:
    """How often a group was out of memory by its own bound, on v2."""

    def __init__(self, folder: Path) -> None:
        self._place = folder / "memory.events.local"
        self._seen = _counted(self._place, "oom")

    def met(self) -> bool:
        before, self._seen = self._seen, _counted(self._place, "oom")
        return self._seen > before

    def close(self) -> None:
        pass


class _SplitMemory:
    """How often a group was out of memory by its own bound, on v1.

    The count in `memory.oom_control` is of each group alone, and goes with it; who
    registers an eventfd hears of what is below too.
    """

    def __init__(self, folder: Path) -> None:
        self._event = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        with (
            contextlib.suppress(OSError),
            (folder / "memory.oom_control").open("rb") as control,
        ):
            (folder / "cgroup.event_control").write_text(
                f"{self._event} {control.fileno()}"
            )

    def met(self) -> bool:
        try:
            return os.eventfd_read(self._event) > 0
        except BlockingIOError:
            return False

    def close(self) -> None:
        os.close(self._event)


def _memory(group: Group) -> _UnifiedMemory | _SplitMemory:
    folder = group.folder("memory")
    return _UnifiedMemory(folder) if group.is_unified else _SplitMemory(folder)


def _number(place: Path) -> int:
    """Read a number; 0 for a file that is not there, and for `max`."""
    try:
        return int(place.read_text())
    except (OSError, ValueError):
        return 0


def _counted(place: Path, name: str) -> int:
    """Read a line `NAME NUMBER`; 0 where there is none."""
    with contextlib.suppress(OSError):
        if found := re.search(rf"^{name} (\d+)$", place.read_text(), re.MULTILINE):
            return int(found[1])
    return 0


@contextlib.contextmanager
def metered_command(
    folder: str, number: int, bounds: Bounds, *, devices: bool
) -> Iterator[tuple[tuple[str, ...], Meter]]:
    """Make a group for a builder's command, and remove it when the command has ended.

    Gives the words before the command, and the group's meter. `folder` is the name of
    the command's sandbox: PROCESS-HEX. Without `devices` all but those that any
    container has are closed to it; EngineError where they cannot be.
    """
    group = Group(name=f"layer-harness-{folder}-{number}")
    try:
        group.make(bounds)
        if not devices:
            _close_devices(group)
        meter = Meter([group], bounds)
        try:
            yield group.enter, meter
        finally:
            meter.close()
    finally:
        group.remove()


def _close_devices(group: Group) -> None:
    try:
        group.close_devices()
    except OSError as error:
        raise EngineError(
            f"devices cannot be closed to a builder's commands: {error.strerror}",
            where=str(error.filename or group.name),
            hint="it takes cgroups that we can make, with the controller `devices` of "
            "v1, or v2: run where an init system has mounted them",
        ) from error
