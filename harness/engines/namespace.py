"""Run an unpacked engine in namespaces of its own, and end it without a trace.

Each engine has a run folder in the cache. Its lock is held by this process and by the
engine's first process (`harness/data/engine.sh`): whoever can take the lock knows that
both are gone, and removes what they left. A pipe tells the engine that we are gone.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

from harness.engines import roots
from harness.engines.bounds import Bounds
from harness.engines.cgroups import CGROUPS, EngineGroups
from harness.engines.output import ends_of
from harness.errors import EngineError

# sun_path of unix(7) has 108 bytes, the last is a zero
_SOCKET_LENGTH = 107

# an engine ends in some 20 ms; removing a big data root on a slow disk takes longer
_END = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineSetup:
    """An engine to start: its unpacked root, dockerd's options and its daemon.json.

    `data_kib` is the size of a data root in memory, None puts it on disk. `bounds` are
    those of its builds, None sets none. `--host` and `--cgroup-parent` are not among
    the options: they belong to the run folder.
    """

    name: str
    root: Path
    options: tuple[str, ...]
    data_kib: int | None
    keep: bool
    config: Mapping[str, object] = field(default_factory=dict)
    bounds: Bounds | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """The run folder of one engine: socket, log, lock, data root when on disk."""

    folder: Path

    @property
    def socket(self) -> Path:
        """Give the engine's socket, in a folder that only its owner may enter."""
        return self.folder / "socket" / "docker.sock"

    @property
    def cgroup(self) -> str:
        """Name the cgroup, one in each hierarchy, that all of the engine is in."""
        return f"layer-harness-{self.folder.name}"

    @property
    def groups(self) -> EngineGroups:
        """Give the cgroups of its daemon and of its builds."""
        return EngineGroups(name=self.cgroup)

    @property
    def root(self) -> str | None:
        """Give the path under which we see the engine's files, while it lives."""
        pid = self.first_process()
        return f"/proc/{pid}/root" if pid else None

    def first_process(self) -> int | None:
        """Give the process ID, as we see it, of PID 1 of the engine's namespaces."""
        try:
            return int((self.folder / "pid").read_text())
        except (OSError, ValueError):
            return None

    def end_daemon(self) -> None:
        """Have dockerd and all below it killed; `engine.sh` starts another one."""
        pid = self.first_process()
        if pid is not None and _alive(self):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGUSR1)

    def log(self) -> str:
        """Give what the engine said so far; empty when the folder is gone."""
        try:
            return ends_of(self.folder / "log")
        except OSError:
            return ""

    def note(self, name: str, plain: dict[str, Any]) -> None:
        """Keep a small JSON file in the run folder, for `status` in other processes."""
        (self.folder / f"{name}.json").write_text(json.dumps(plain), encoding="utf-8")

    def noted(self, name: str) -> dict[str, Any] | None:
        """Read a file that `note` wrote, None when there is none yet."""
        try:
            read = json.loads((self.folder / f"{name}.json").read_text("utf-8"))
        except (OSError, ValueError):
            return None
        return read if isinstance(read, dict) else None

    def mark_answered(self) -> None:
        """Say that it came up: from now on dockerd is started again when it dies."""
        (self.socket.parent / "answered").touch()

    def clear(self) -> bool:
        """Remove the cgroups and the folder of an engine that is gone.

        False when the kernel has not done with its processes: the folder stays, so that
        the next sweep tries again.
        """
        deadline = time.monotonic() + _END
        while not self._without_cgroups():
            if time.monotonic() > deadline:
                return False
            # processes that are being killed give no event to those not their parents
            time.sleep(0.02)
        shutil.rmtree(self.folder, ignore_errors=True)
        return True

    def _without_cgroups(self) -> bool:
        groups = [CGROUPS / self.cgroup, *CGROUPS.glob(f"*/{self.cgroup}")]
        for group in groups:
            for folder, _, _ in os.walk(group, topdown=False):
                with contextlib.suppress(OSError):
                    Path(folder).rmdir()
        return not any(group.exists() for group in groups)


#: The engines that this process has started and not stopped.
_RUNNING: set[Running] = set()


class Running:
    """The processes of an engine that this process has started."""

    def __init__(
        self,
        space: Space,
        process: subprocess.Popen[bytes],
        *,
        kept: bool,
        lock: int,
        pipe: int,
    ) -> None:
        self.space = space
        self._kept = kept
        self._process = process
        # taken out one by one, so that no thread closes what another has closed
        self._held = [lock, pipe]
        _RUNNING.add(self)

    def ended(self) -> bool:
        """Say whether the engine ended by itself."""
        return self._process.poll() is not None

    def release(self) -> None:
        """Let a kept engine live on after us; `end` from any process stops it."""
        self.end()

    def end(self) -> None:
        """Have the engine end, without waiting; a kept one only if it is not up yet.

        May be called from a signal's handler.
        """
        while self._held:
            with contextlib.suppress(IndexError):
                os.close(self._held.pop())

    def stop(self) -> None:
        """End the engine, wait until nothing is left of it; harmless a second time."""
        self.end()
        _RUNNING.discard(self)
        if self._kept:
            end(self.space)
        try:
            self._process.wait(_END)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        # nothing to do when the engine was told to stop: it cleans up behind itself
        if self.space.folder.exists():
            self.space.clear()


def launch(setup: EngineSetup, cache: Path) -> Running:
    """Start an engine in own namespaces; it does not wait until the engine answers."""
    space, lock = _claim(setup.name, cache)
    script = str(resources.files("harness") / "data" / "engine.sh")
    busybox = str(roots.busybox_of(setup.root))
    groups = space.groups
    if setup.bounds:
        groups.make(setup.bounds)
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "RUN": str(space.folder),
        "ROOT": str(setup.root),
        "BB": busybox,
        "UNSHARE": shutil.which("unshare") or "unshare",
        "CGROUP": space.cgroup,
        "DAEMON": " ".join(map(str, groups.daemon.folders)),
        "DATA": "disk" if setup.data_kib is None else str(setup.data_kib),
        "KEEP": "1" if setup.keep else "",
        "SCRIPT": script,
        "CONFIG": json.dumps(setup.config),
    }
    reader, writer = os.pipe2(os.O_CLOEXEC)
    try:
        with (space.folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [
                    busybox,
                    "sh",
                    script,
                    "outer",
                    "--host=unix:///run/harness/docker.sock",
                    f"--cgroup-parent=/{groups.builds.name}",
                    *setup.options,
                ],
                # a plain shell takes no other descriptors than these three; the script
                # moves them
                stdin=lock,
                stdout=log,
                stderr=reader,
                env=environment,
                cwd="/",
                # Ctrl-C of our terminal is not for the engine: we end it in order
                start_new_session=True,
            )
    except OSError as error:
        os.close(writer)
        os.close(lock)
        space.clear()
        raise EngineError(
            f"the engine's first process cannot be started: {error.strerror}",
            where=busybox,
            hint="remove this root from the cache; it is unpacked again",
        ) from error
    finally:
        os.close(reader)
    return Running(space, process, kept=setup.keep, lock=lock, pipe=writer)


def end_all() -> None:
    """Have all engines of this process end, without waiting; `Running.end`."""
    for each in list(_RUNNING):
        each.end()


def end(space: Space) -> None:
    """End an engine that was started with `keep` by a process that is gone."""
    pid = space.first_process()
    if pid is not None and _alive(space):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + _END
    # another session's process gives no event to wait for
    while _alive(space) and time.monotonic() < deadline:
        time.sleep(0.02)
    if _alive(space) and pid is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def spaces(cache: Path) -> list[Space]:
    """Give the run folders of all engines that live."""
    return [each for each in _folders(cache) if _alive(each)]


def sweep(cache: Path) -> list[Space]:
    """Remove what engines left whose owners are gone; gives what was removed."""
    if not (cache / "runs").is_dir():
        return []
    with roots.locked(cache / "runs" / ".lock"):
        return [each for each in _folders(cache) if not _alive(each) and each.clear()]


def _folders(cache: Path) -> Iterator[Space]:
    runs = cache / "runs"
    if runs.is_dir():
        for folder in sorted(runs.iterdir()):
            if folder.is_dir():
                yield Space(folder=folder)


def _alive(space: Space) -> bool:
    """Say whether anyone holds the run folder's lock."""
    try:
        descriptor = os.open(space.folder / "lock", os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        os.close(descriptor)


def _claim(name: str, cache: Path) -> tuple[Space, int]:
    """Make a run folder and take its lock, so that no sweep finds it without one."""
    space = Space(folder=cache / "runs" / f"{name}-{secrets.token_hex(3)}")
    if len(os.fsencode(space.socket)) > _SOCKET_LENGTH:
        raise EngineError(
            "the cache folder's path is too long for a socket in it",
            where=str(cache),
            hint=f"set {roots.CACHE_VARIABLE} to a shorter one",
        )
    try:
        with roots.locked(cache / "runs" / ".lock"):
            space.folder.mkdir(mode=0o700)
            for each in ("socket", "root", "data"):
                (space.folder / each).mkdir(mode=0o700)
            lock = os.open(
                space.folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
            )
            fcntl.flock(lock, fcntl.LOCK_EX)
    except OSError as error:
        raise EngineError(
            f"cannot create a run folder: {error.strerror}",
            where=str(error.filename or cache),
            hint=f"free space there, or set {roots.CACHE_VARIABLE} to another folder",
        ) from error
    return space, lock
