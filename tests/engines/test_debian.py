"""Our own engine: hermetic, closed to others, undisturbed by what builds do to it."""

from __future__ import annotations

import json
import os
import select
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness_process import build, context

from harness.engines import Engine, address, debian, in_memory, namespace, roots
from harness.engines.debian import Started
from harness.errors import EngineError

pytest_plugins = ["own_cache"]
pytestmark = pytest.mark.engine

BOOKWORM = roots.suite("bookworm")

DOCKERFILE = (
    b'FROM scratch\nCOPY busybox /bin/sh\nRUN ["/bin/sh", "-c", "echo a > /b"]\n'
)


def silent(_: str) -> None:
    """Say nothing."""


@pytest.fixture
def started(cache: Path) -> Iterator[Started]:
    with debian.start(BOOKWORM, cache=cache, say=silent) as started:
        yield started


def listing(root: Path) -> list[tuple[str, int, int]]:
    found = []
    for folder, _, names in os.walk(root):
        for name in [".", *names]:
            path = Path(folder, name)
            status = path.lstat()
            found.append((str(path), status.st_mtime_ns, status.st_size))
    return sorted(found)


@pytest.mark.parametrize("version", ["1", "2"])
def test_it_builds_and_its_root_stays_as_it_was(
    cache: Path, bookworm: Path, version: str
) -> None:
    before = listing(bookworm)
    with debian.start(BOOKWORM, cache=cache, say=silent) as started:
        posted = context(roots.busybox_of(bookworm), DOCKERFILE)
        said = build(started.engine.address, version, posted)
        assert '"error"' not in said
        client = address.connect(started.engine.address, timeout=10)
        assert client.images(name=f"layer-harness:{version}")
        client.close()
    assert listing(bookworm) == before


def test_it_says_who_it_is(started: Started) -> None:
    engine = started.engine
    assert engine.version.startswith(BOOKWORM.version)
    assert engine.name == "bookworm"
    assert engine.storage in {"overlay2", "vfs"}
    assert dict(engine.components).keys() >= {"containerd", "runc", "docker-init"}
    assert abs(engine.clock_offset) < 5
    assert engine.data_root
    assert Path(engine.data_root, engine.storage).is_dir()


def test_an_engine_survives_json(started: Started) -> None:
    plain = json.loads(json.dumps(started.engine.to_dict()))
    assert Engine.from_dict(plain) == started.engine


@pytest.mark.usefixtures("started")
def test_it_has_no_network_but_its_own(cache: Path) -> None:
    (space,) = namespace.spaces(cache)
    devices = Path(f"/proc/{space.first_process()}/net/dev").read_text()
    names = {line.split(":")[0].strip() for line in devices.splitlines()[2:]}
    assert names - {"sit0", "tunl0", "ip6tnl0", "gre0"} == {"lo", "docker0"}
    routes = Path(f"/proc/{space.first_process()}/net/route").read_text()
    assert "\t00000000\t" not in [line[4:14] for line in routes.splitlines()[1:]]


@pytest.mark.usefixtures("started")
def test_it_has_no_devices_and_no_shared_memory_of_this_machine(cache: Path) -> None:
    own = Path("/proc", str(daemon_of(cache)), "root/dev")
    devices = {"full", "null", "random", "tty", "urandom", "zero"}
    links = {"fd", "ptmx", "stderr", "stdin", "stdout"}
    assert {each.name for each in own.iterdir()} == devices | links | {"pts", "shm"}
    assert [each.name for each in (own / "pts").iterdir()] == ["ptmx"]
    seen = f"layer-harness-{os.getpid()}"
    (own / "shm" / seen).touch()
    assert not Path("/dev/shm", seen).exists()


def test_its_socket_is_closed_to_others(started: Started) -> None:
    socket = Path(started.engine.address.socket or "")
    assert stat.S_IMODE(socket.stat().st_mode) == 0o600
    assert stat.S_IMODE(socket.parent.stat().st_mode) == 0o700


def test_two_of_one_suite_share_nothing(
    started: Started, cache: Path, bookworm: Path
) -> None:
    with debian.start(BOOKWORM, cache=cache, say=silent) as other:
        posted = context(roots.busybox_of(bookworm), DOCKERFILE)
        build(other.engine.address, "1", posted)
        client = address.connect(started.engine.address, timeout=10)
        assert client.images() == []
        client.close()


def test_a_killed_daemon_comes_back_with_its_images(
    started: Started, cache: Path, bookworm: Path
) -> None:
    build(started.engine.address, "1", context(roots.busybox_of(bookworm), DOCKERFILE))
    os.kill(daemon_of(cache), signal.SIGKILL)
    assert started.wait()
    client = address.connect(started.engine.address, timeout=10)
    assert client.images(name="layer-harness:1")
    client.close()


def test_a_daemon_that_hangs_is_replaced(started: Started, cache: Path) -> None:
    daemon = daemon_of(cache)
    os.kill(daemon, signal.SIGSTOP)
    hung = select.poll()
    handle = os.pidfd_open(daemon)
    hung.register(handle, select.POLLIN)
    started.restart()
    assert hung.poll(10_000), "it lives"
    os.close(handle)
    assert started.wait()
    assert daemon_of(cache) != daemon


def daemon_of(cache: Path) -> int:
    (space,) = namespace.spaces(cache)
    (daemon,) = [
        int(each.name)
        for each in Path("/proc").iterdir()
        if each.name.isdigit() and runs_in(each, space.cgroup)
    ]
    return daemon


def runs_in(process: Path, cgroup: str) -> bool:
    try:
        command = (process / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return (
        command[0] == b"dockerd"
        and f"--cgroup-parent=/{cgroup}/builds".encode() in command
    )


def test_one_that_does_not_come_up_shows_the_end_of_its_log(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(debian, "_options", lambda _: ("--no-such-option",))
    with pytest.raises(EngineError) as caught:
        debian.start(BOOKWORM, cache=cache, say=silent)
    assert "ended at once" in caught.value.message
    assert "unknown flag: --no-such-option" in caught.value.message
    assert caught.value.hint
    assert namespace.spaces(cache) == []


def test_a_data_root_on_disk_serves_as_well(
    cache: Path, bookworm: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(in_memory, "size_kib", lambda _: None)
    with debian.start(BOOKWORM, cache=cache, say=silent) as started:
        said = build(
            started.engine.address,
            "2",
            context(roots.busybox_of(bookworm), DOCKERFILE),
        )
        assert '"error"' not in said


def test_a_kept_one_outlives_its_starter_until_it_is_stopped(cache: Path) -> None:
    program = (
        "import sys, pathlib; from harness.engines import debian, roots;"
        "debian.start(roots.suite('bookworm'), cache=pathlib.Path(sys.argv[1]),"
        " say=lambda _: None, keep=True)"
    )
    subprocess.run([sys.executable, "-c", program, str(cache)], check=True)
    (entry,) = debian.status(cache)
    assert entry.kept
    assert entry.engine
    assert address.answers(entry.engine.address)
    assert debian.stop_kept(cache, silent, ["trixie"]) == []
    said: list[str] = []
    assert debian.stop_kept(cache, said.append) == [entry]
    # what a killed run left is another thing
    assert said == ["stopping bookworm"]
    assert debian.status(cache) == []
    assert not entry.space.folder.exists()


def test_stop_kept_leaves_anothers_engine_alone(started: Started, cache: Path) -> None:
    assert debian.stop_kept(cache, silent) == []
    assert address.answers(started.engine.address)
