"""Run a builder's command in a sandbox: one case's folder, and own namespaces.

A tool of a Debian suite sees its own unpacked root, read-only, and of this machine only
the sandbox's folder, with loopback as its network; a command of the user's PATH runs as
it is. Both die with this process, and nothing of them is left.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import selectors
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from itertools import count
from pathlib import Path, PurePath, PurePosixPath
from typing import Final

from harness.engines import Address, roots
from harness.engines.bounds import Bounds, bound_met
from harness.engines.confined import confined
from harness.engines.meter import metered_command
from harness.engines.output import Lines
from harness.engines.process import guard, tail
from harness.errors import EngineError, Unsupported

HearLine = Callable[[str, bool], None]

#: Where a sandbox's folder is seen from inside a root; the script binds it there.
INSIDE = PurePosixPath("/run/harness")
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#: Bytes that a command may print ahead of us, since on a busy machine each change from
#: one to the other takes its time; and bytes read at a time.
_AHEAD: Final = 1 << 20
_CHUNK: Final = 1 << 18
#: Where `command.sh` binds an engine's socket.
SOCKET = PurePosixPath("/run/docker.sock")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sandbox:
    """A folder for one case: `work` holds all that its commands see and write.

    `root` is the unpacked suite, None for a tool on the PATH. `bounds` are those of
    each of its commands, which `commands` numbers. With `cgroup2` a suite's command
    sees its own cgroup of v2, and no other, where a system mounts them.
    """

    folder: Path
    root: Path | None
    bounds: Bounds | None = None
    cgroup2: bool = False
    commands: Iterator[int] = field(default_factory=count)

    @property
    def work(self) -> Path:
        """Give the folder that commands see, as this process sees it."""
        return self.folder / "work"

    def seen(self, path: Path) -> PurePath:
        """Give a path below `work` as the command sees it."""
        return INSIDE / path.relative_to(self.work) if self.root else path

    def make(self) -> None:
        """Make the folders; EngineError where that cannot be."""
        try:
            self.folder.mkdir(mode=0o700)
            for each in ("root", "work", "work/tmp", "work/config", "work/storage"):
                (self.folder / each).mkdir()
        except OSError as error:
            raise EngineError(
                f"cannot create a folder for a case: {error.strerror}",
                where=str(error.filename or self.folder),
                hint=f"free space there, or set {roots.CACHE_VARIABLE}",
            ) from error

    def clear(self) -> None:
        """Remove it, with all that its commands wrote."""
        shutil.rmtree(self.folder, ignore_errors=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineAccess:
    """How a command reaches the engine it drives.

    `socket` is the engine's, bound to `SOCKET`; `network` leaves this machine's network
    to the command.
    """

    words: Mapping[str, str]
    environment: Mapping[str, str] = field(default_factory=dict)
    socket: str = ""
    network: bool = False


NO_ENGINE = EngineAccess(words={})


def reach(host: Address | None, sandbox: Sandbox) -> EngineAccess:
    """Say how a command in a sandbox reaches an engine; Unsupported where it cannot."""
    if host is None:
        return NO_ENGINE
    if sandbox.root is None:
        environment = _tls(host, sandbox)
        return EngineAccess(
            words={"host": host.url}, environment=environment, network=True
        )
    if host.socket is not None:
        return EngineAccess(words={"host": f"unix://{SOCKET}"}, socket=host.socket)
    if host.url.startswith("ssh://"):
        raise Unsupported(
            "a client in a Debian root has no ssh: use the record whose tool is on PATH"
        )
    return EngineAccess(
        words={"host": host.url}, environment=_tls(host, sandbox), network=True
    )


def _tls(host: Address, sandbox: Sandbox) -> dict[str, str]:
    """Put certificates where the docker CLI looks for them (its DOCKER_CERT_PATH)."""
    if not host.tls:
        return {}
    folder = sandbox.work / "certs"
    folder.mkdir(mode=0o700, exist_ok=True)
    for name, source in (("ca", host.ca), ("cert", host.cert), ("key", host.key)):
        if source is not None:
            shutil.copyfile(source, folder / f"{name}.pem")
    return {
        "DOCKER_TLS": "1",
        "DOCKER_CERT_PATH": str(sandbox.seen(folder)),
        **({"DOCKER_TLS_VERIFY": "1"} if host.verify else {}),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a command ended: its exit status, and whether the time limit ended it."""

    status: int
    timed_out: bool


def run(
    sandbox: Sandbox,
    command: Sequence[str],
    *,
    environment: Mapping[str, str],
    hear: HearLine,
    limit: float,
    access: EngineAccess = NO_ENGINE,
) -> Ended:
    """Run a command to its end, or kill it and all it started after `limit` seconds.

    `hear` gets each line of its output as it comes, and whether it came as an error.
    Raises EngineError when it cannot be started at all, BoundMet when it took all that
    the sandbox's bounds leave it.
    """
    _find(sandbox, command[0])
    ready = sandbox.folder / "ready"
    ready.unlink(missing_ok=True)
    head: list[str] = []
    words, outer = _arranged(sandbox, command, environment, access)
    with _bounded(sandbox) as (enter, met):
        process = _started([*enter, *words], outer, sandbox)
        with _deadline(process, limit, apart="unshare" in words) as passed:
            for line, is_error in _lines(process):
                if len(head) < 20:
                    head.append(line)
                hear(line, is_error)
            status = process.wait()
        if bound := met():
            raise bound_met(command[0], bound)
    if sandbox.root and not ready.exists() and not passed.is_set():
        raise EngineError(
            f"no namespace for {command[0]}:\n{tail(chr(10).join(head))}",
            hint="builders of a Debian suite need root outside a locked-down "
            "container: `layer-harness doctor`",
        )
    return Ended(status=status, timed_out=passed.is_set())


@contextlib.contextmanager
def _bounded(sandbox: Sandbox) -> Iterator[tuple[Sequence[str], Callable[[], str]]]:
    """Give the words before a bounded command, and what tells a bound that it met.

    A tool of the user's PATH may open what the user may.
    """
    devices = sandbox.root is None
    if devices and sandbox.bounds is None:
        yield (), str
        return
    with metered_command(
        sandbox.folder.name,
        next(sandbox.commands),
        sandbox.bounds or Bounds(),
        devices=devices,
    ) as found:
        enter, meter = found
        yield enter, meter.met


def _started(
    words: Sequence[str], environment: Mapping[str, str], sandbox: Sandbox
) -> subprocess.Popen[bytes]:
    def start() -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            cwd="/" if sandbox.root else sandbox.work,
            start_new_session=True,
        )

    try:
        return confined(start) if sandbox.root else start()
    except OSError as error:
        raise EngineError(
            f"{words[0]} cannot be started: {error.strerror}", where=words[0]
        ) from error


def _find(sandbox: Sandbox, name: str) -> None:
    if sandbox.root is None:
        if shutil.which(name) is None:
            raise EngineError(
                f"`{name}` is not here", hint=f"install {name}, or fix PATH"
            )
        return
    places = [sandbox.root / each.lstrip("/") for each in _PATH.split(":")]
    if not any((place / name).is_file() for place in places):
        raise EngineError(
            f"the unpacked root has no `{name}`",
            where=str(sandbox.root),
            hint="remove this folder; it is unpacked again",
        )


def _arranged(
    sandbox: Sandbox,
    command: Sequence[str],
    environment: Mapping[str, str],
    access: EngineAccess,
) -> tuple[list[str], dict[str, str]]:
    """Give the words to start, and the environment of their first process."""
    if sandbox.root is None:
        return [*guard(), *command], {**os.environ, **environment}
    busybox = str(roots.busybox_of(sandbox.root))
    inner = {
        "PATH": _PATH,
        "HOME": "/root",
        "LC_ALL": "C.UTF-8",
        # as in engine.sh: builders start themselves anew too
        "GOGC": "400",
        "TMPDIR": str(INSIDE / "tmp"),
        **environment,
    }
    spaces = [
        *("--mount", "--pid", "--uts", "--ipc"),
        *([] if access.network else ["--net"]),
        *(["--cgroup"] if sandbox.cgroup2 else []),
    ]
    return (
        [
            *("setpriv", "--pdeathsig", "KILL"),
            *("unshare", *spaces, "--fork", "--kill-child"),
            *(busybox, "sh", str(resources.files("harness") / "data" / "command.sh")),
            *(f"{key}={value}" for key, value in sorted(inner.items())),
            *command,
        ],
        {
            "PATH": os.environ.get("PATH", os.defpath),
            "ROOT": str(sandbox.root),
            "ROOM": str(sandbox.folder),
            "NET": "host" if access.network else "own",
            "SOCKET": access.socket,
            "CGROUP2": "own" if sandbox.cgroup2 else "",
        },
    )


def _lines(process: subprocess.Popen[bytes]) -> Iterator[tuple[str, bool]]:
    """Give the lines of both streams as they come, and whether each came as an error.

    Two streams, since what comes first when both are one is chance (buildah 1.19.6).
    Nothing is read ahead of who takes the lines, so that a command that prints faster
    has to wait.
    """
    assert process.stdout is not None  # opened as pipes above
    assert process.stderr is not None
    with selectors.DefaultSelector() as waiting, process.stdout, process.stderr:
        for stream, is_error in ((process.stdout, False), (process.stderr, True)):
            with contextlib.suppress(OSError):
                fcntl.fcntl(stream, fcntl.F_SETPIPE_SZ, _AHEAD)
            waiting.register(stream, selectors.EVENT_READ, (Lines(), is_error))
        while waiting.get_map():
            for key, _ in waiting.select():
                lines, is_error = key.data
                chunk = os.read(key.fd, _CHUNK)
                if not chunk:
                    waiting.unregister(key.fileobj)
                for line in lines.cut(chunk) if chunk else lines.rest():
                    yield line.decode(errors="replace"), is_error


@contextlib.contextmanager
def _deadline(
    process: subprocess.Popen[bytes], limit: float, *, apart: bool
) -> Iterator[threading.Event]:
    """Kill the process and all it started after `limit` seconds, and at any other end.

    Where it stands `apart`, the namespace's first process is killed, not the one that
    waits for it: what is waited for then is the end of all in the namespace.
    """
    passed = threading.Event()

    def end() -> None:
        passed.set()
        _kill(process, apart=apart)

    timer = threading.Timer(limit, end)
    timer.daemon = True
    timer.start()
    try:
        yield passed
    finally:
        timer.cancel()
        if process.poll() is None:
            _kill(process, apart=apart)
            process.wait()


def _kill(process: subprocess.Popen[bytes], *, apart: bool) -> None:
    if apart:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        with contextlib.suppress(OSError):
            first = children.read_text().split()
            for each in first:
                os.kill(int(each), signal.SIGKILL)
            if first:
                return
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
