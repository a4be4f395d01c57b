"""Our own engines: a Debian suite's packages, started in namespaces on demand.

An engine is up when its socket answers, and gone with the harness, whatever the
harness's end is, unless it was asked to stay.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Self

from harness.documents.document import nearest
from harness.engines import (
    Address,
    Engine,
    Suite,
    address,
    apt,
    in_memory,
    namespace,
    process,
    roots,
)
from harness.engines.bounds import for_engine
from harness.engines.namespace import Running, Space
from harness.engines.process import Say
from harness.errors import EngineError, UsageError
from harness.targets.versions import default_store

# measured: 1 to 1.5 s on a quiet machine
_START = 60.0

# file systems that overlay2 cannot have its upper directories on
_NO_OVERLAY = {"overlay", "nfs", "nfs4", "cifs", "9p", "virtiofs", "fuse", "vfat"}

_CAUSES = (
    (
        r"unshare failed|unshare: .*not permitted|mount: .*(not permitted|denied)",
        (
            "root may not create namespaces here: run outside the container, or with "
            "CAP_SYS_ADMIN (`docker run --privileged`)"
        ),
    ),
    (
        r"cgroup mountpoint|[Cc]group.*(isn't|not) mounted|sys/fs/cgroup.*failed",
        "cgroups are not mounted at /sys/fs/cgroup: run where an init system did so",
    ),
    (
        r"[Nn]o space left on device|ENOSPC",
        f"it is full: free 2 GB, or set {roots.CACHE_VARIABLE} to a roomier place",
    ),
    (
        r"driver not supported|overlay2?.*not supported|failed to mount overlay",
        (
            "kernel or file system lack overlay: `modprobe overlay`, or "
            f"set {roots.CACHE_VARIABLE} to an ext4, xfs or btrfs folder"
        ),
    ),
    (
        r"[Bb]ridge.*(not supported|not permitted)|add interface type bridge",
        "the kernel lacks the bridge module: `modprobe bridge`",
    ),
    (
        r"(dockerd|containerd).*(not found|No such file)|can't execute",
        "the unpacked root is damaged: remove it from the cache; it is unpacked again",
    ),
)


class Started:
    """An engine of our own that runs; as a context manager it is stopped at the end."""

    def __init__(self, engine: Engine, running: Running) -> None:
        self.engine = engine
        self._running = running

    def __enter__(self) -> Self:
        """Give the started engine itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop the engine."""
        self.stop()

    def stop(self) -> None:
        """End the engine and all that is in it; harmless a second time."""
        self._running.stop()

    def restart(self) -> None:
        """End a daemon that hangs; another one is started by its first process."""
        self._running.space.end_daemon()

    def log(self) -> str:
        """Give what the engine's daemon said so far."""
        return self._running.space.log()

    def wait(self) -> bool:
        """Wait for a daemon that a build ended; False when it does not come back."""
        return address.await_answer(self.engine.address, _START)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningEngine:
    """An engine of ours that runs, as another process sees it."""

    space: Space
    engine: Engine | None
    kept: bool
    owner: int


def start(
    suite: Suite,
    *,
    cache: Path,
    say: Say,
    keep: bool = False,
    store: str = "overlay2",
    most_kib: int | None = None,
    bounds: str = "",
) -> Started:
    """Start the engine of a Debian suite and wait until it answers.

    With `keep` it outlives this process, until `stop_kept`. `store` is one of the
    suite's; `most_kib` bounds what its data may take of the memory, `bounds` are those
    of its builds, as `--bounds` takes them. EngineError with the tail of its log when
    it does not come up.
    """
    for obstacle in obstacles():
        raise EngineError(f"no engine of our own: {obstacle}", hint=apt.WAYS_OUT)
    sweep(cache, say)
    root = roots.prepare(suite, cache, say)
    data_kib = in_memory.size_kib(most_kib)
    if store == "overlay2" and not data_kib and not _overlay_on(cache):
        store = "vfs"
        say(
            f"{cache} is on a file system without overlay and memory is scarce: "
            "the engine uses the storage driver vfs, which is slow and takes more space"
        )
    name = title(suite, store)
    setup = namespace.EngineSetup(
        name=name,
        root=root,
        options=_options(store),
        config=_config(store),
        data_kib=data_kib,
        keep=keep,
        bounds=for_engine(bounds, data_kib or 0),
    )
    running = namespace.launch(setup, cache)
    try:
        running.space.note(
            "state", {"suite": suite.name, "kept": keep, "owner": os.getpid()}
        )
        engine = replace(_identify(name, running), bounds=bounds)
        running.space.mark_answered()
        running.space.note("engine", engine.to_dict())
        if keep:
            running.release()
    except BaseException:
        running.stop()
        raise
    return Started(engine, running)


def named(text: str) -> tuple[Suite, str] | None:
    """Read the name of an engine of ours: `trixie`, `26.1.5`, `trixie+containerd`.

    Gives the suite and the store; None when no suite and no version is named. Raises
    UsageError for a store that the version does not have.
    """
    plain, _, store = text.removeprefix("debian:").partition("+")
    known = roots.suites()
    for suite in known:
        if plain not in (suite.name, suite.version):
            continue
        if store and store not in suite.stores:
            raise UsageError(
                f"Docker {suite.version} of Debian {suite.name} has no store `{store}`",
                hint=nearest(store, suite.stores),
            )
        return suite, store or default_store(suite.version)
    return None


def title(suite: Suite, store: str) -> str:
    """Name an engine of ours: its suite, and the store if it is not the usual one."""
    usual = default_store(suite.version)
    return suite.name if store == usual else f"{suite.name}+{store}"


def status(cache: Path) -> list[RunningEngine]:
    """Give all engines of ours that live now, kept or in use by some process."""
    entries = []
    for space in namespace.spaces(cache):
        state, engine = space.noted("state"), space.noted("engine")
        entries.append(
            RunningEngine(
                space=space,
                engine=Engine.from_dict(engine) if engine else None,
                kept=bool(state and state["kept"]),
                owner=int(state["owner"]) if state else 0,
            )
        )
    return entries


def stop_kept(cache: Path, say: Say, names: Sequence[str] = ()) -> list[RunningEngine]:
    """Stop the kept engines with these names, all without any; gives the stopped.

    Those that another harness has started for itself are left alone.
    """
    stopped = []
    for entry in status(cache):
        name = entry.engine.name if entry.engine else entry.space.folder.name
        if entry.kept and (not names or name in names):
            say(f"stopping {name}")
            namespace.end(entry.space)
            # it removes what it had itself, but not always before the sweep
            entry.space.clear()
            stopped.append(entry)
    sweep(cache, say)
    return stopped


def sweep(cache: Path, say: Say) -> None:
    """Clean up behind harnesses that were killed."""
    for space in namespace.sweep(cache):
        say(f"removed what a killed run left: {space.folder.name}")


def obstacles() -> tuple[str, ...]:
    """Say what keeps this machine and user from running engines of our own."""
    found = []
    if not sys.platform.startswith("linux"):
        found.append("they run on Linux only")
    elif shutil.which("apt-get") is None:
        found.append("no apt-get here: this is neither Debian nor derived from it")
    elif os.geteuid() != 0:
        found.append("starting one needs root")
    elif shutil.which("unshare") is None:
        found.append("unshare is missing: `apt-get install util-linux`")
    return tuple(found)


def _options(store: str) -> tuple[str, ...]:
    driver = () if store == "containerd" else (f"--storage-driver={store}",)
    return (
        # the root has no `iptables` command: no maintainer script linked it. No traffic
        # leaves the namespace anyway
        "--iptables=false",
        "--ip6tables=false",
        *driver,
        "--exec-opt=native.cgroupdriver=cgroupfs",
    )


def _config(store: str) -> Mapping[str, object]:
    """Give daemon.json: the containerd store is a feature to be switched, 24 to 28.

    https://docs.docker.com/engine/storage/containerd/
    """
    feature = {"containerd-snapshotter": True}
    return {"features": feature} if store == "containerd" else {}


def _identify(name: str, running: Running) -> Engine:
    space = running.space
    place = Address(url=f"unix://{space.socket}")
    _wait(running, lambda: space.socket.exists() and address.answers(place))
    # dockerd makes it for the group docker too; its folder is closed anyway
    space.socket.chmod(0o600)
    found = address.identify(name, place, data_root=f"{space.root}/var/lib/docker")
    return replace(found, log=str(space.folder / "log"), cgroup=space.cgroup)


def _wait(running: Running, up: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _START
    while not up():
        if running.ended() or time.monotonic() > deadline:
            said = running.space.log()
            what = "ended at once" if running.ended() else "does not answer"
            raise EngineError(
                f"the engine {what}; the end of its log:\n{process.tail(said)}",
                where=running.space.folder.name,
                hint=process.cause(said, _CAUSES)
                or "`layer-harness doctor` says what can run here and what cannot",
            )
        # a socket that is not there yet gives no event to wait for
        time.sleep(0.02)


def _overlay_on(folder: Path) -> bool:
    """Say whether overlay2 can keep its layers on the file system of `folder`."""
    place = str(folder.resolve())
    best, kind = "", ""
    for line in Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines():
        _, point, this, *_ = line.split(" ")
        inside = place == point or place.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best):
            best, kind = point, this
    return kind.split(".")[0] not in _NO_OVERLAY
