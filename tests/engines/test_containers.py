"""Engines in containers: a Debian root as an image, on one of our own engines."""

from __future__ import annotations

import socket
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest
from harness_process import build, context

from harness.engines import Address, Engine, address, debian, image, roots
from harness.engines.released import Released
from harness.errors import EngineError

pytest_plugins = ["own_cache"]

pytestmark = pytest.mark.engine

NAME = "layer-harness/dind-test:20.10.24-dind"
DOCKERFILE = (
    b'FROM scratch\nCOPY busybox /bin/sh\nRUN ["/bin/sh", "-c", "echo a > /b"]\n'
)
RELEASE = Released(version="20.10.24", image=NAME, stores=("overlay2", "vfs"))


def imported(root: Path, client: docker.APIClient) -> None:
    """Make an image of an unpacked root, whose docker.io has the docker command."""
    packed = subprocess.Popen(
        ["tar", "-C", str(root), "-c", "."], stdout=subprocess.PIPE
    )
    assert packed.stdout is not None
    name, tag = NAME.split(":")
    client.import_image_from_data(packed.stdout.read(), repository=name, tag=tag)
    assert packed.wait() == 0


@pytest.fixture(scope="module")
def outer(bookworm: Path) -> Iterator[Engine]:
    suite, place = roots.suite("bookworm"), roots.cache_folder()
    with debian.start(suite, cache=place, say=print) as started:
        client = address.connect(started.engine.address, timeout=120)
        imported(bookworm, client)
        yield started.engine
        client.close()


@pytest.fixture
def client(outer: Engine) -> Iterator[docker.APIClient]:
    found = address.connect(outer.address, timeout=60)
    yield found
    found.close()


def started(outer: Address, cache: Path, said: list[str], release: Released = RELEASE):  # type: ignore[no-untyped-def]  # a context manager of contextlib's own
    return image.start(
        release, name="dind", outer=outer, store="vfs", cache=cache, say=said.append
    )


def test_an_engine_in_a_container_builds_and_leaves_nothing(
    outer: Engine, client: docker.APIClient, cache: Path
) -> None:
    said: list[str] = []
    busybox = roots.busybox(roots.cache_folder(), print)
    posted = context(busybox, DOCKERFILE)
    with started(outer.address, cache, said) as engine:
        assert engine.version.startswith("20.10.24")
        assert engine.storage == "vfs"
        (container,) = client.containers()
        assert container["HostConfig"]["NetworkMode"] == "none"
        for version in ("1", "2"):
            told = build(engine.address, version, posted)
            assert "error" not in told, told
        assert engine.log
    assert client.containers(all=True) == []
    assert client.volumes()["Volumes"] in (None, [])
    assert client.images(name=NAME)


def test_rights_that_the_machine_cannot_give_are_left_out_and_said(
    outer: Engine, cache: Path
) -> None:
    said: list[str] = []
    with started(outer.address, cache, said):
        pass
    status = Path("/proc/self/status").read_text()
    bounding = int(status.partition("CapBnd:")[2].split()[0], 16)
    narrowed = [each for each in said if "CAP_SYS_RESOURCE" in each]
    assert bool(narrowed) is not bool(bounding >> 24 & 1)


def test_what_a_killed_run_left_goes_with_the_next(client: docker.APIClient) -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    label = {image.LABEL: f"{socket.gethostname()}:{gone.pid}"}
    left = client.create_container(
        NAME, command=["true"], labels=label, volumes=["/var/lib/docker"]
    )["Id"]
    said: list[str] = []
    image.sweep(client, said.append)
    assert said == ["removing an engine's container that a killed run left"]
    assert left not in [each["Id"] for each in client.containers(all=True)]


def test_an_image_that_is_no_engine_is_told_with_its_log(
    outer: Engine, client: docker.APIClient, cache: Path, tmp_path: Path
) -> None:
    file = tmp_path / "empty.tar"
    with tarfile.open(file, "w"):
        pass
    client.import_image_from_data(
        file.read_bytes(), repository="layer-harness/dind-test", tag="1.2.3-dind"
    )
    nothing = Released(
        version="1.2.3", image="layer-harness/dind-test:1.2.3-dind", stores=("vfs",)
    )
    with (
        pytest.raises(EngineError, match=r"cannot be started|does not come up"),
        started(outer.address, cache, [], nothing),
    ):
        pass
    assert client.containers(all=True) == []
