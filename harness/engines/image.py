"""A `docker:VERSION-dind` container on an engine, as an engine of its own.

Own volume, no network unless asked, reached through `dial`. What was made is labelled
with its owner, so that what a killed run left is removed by the next.
"""

from __future__ import annotations

import io
import json
import os
import secrets
import shutil
import socket
import tarfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import docker
import requests
from docker.errors import APIError, DockerException, ImageNotFound

from harness.engines import Address, Engine, address
from harness.engines.apt import Say, tail
from harness.engines.dial import Forwarder, exec_stream
from harness.engines.released import Released
from harness.errors import EngineError, UsageError
from harness.target import parse_version

LABEL = "layer-harness.owner"

#: Seconds until it answers: overlay on a busy machine, and certificates are not made.
_START = 90.0
#: sun_path of unix(7) has 108 bytes, the last is a zero.
_SOCKET_LENGTH = 107
#: What privileged containers may, less what a machine without CAP_SYS_RESOURCE cannot
#: give (measured with 26.1.5 in 20.10.24).
_NARROWER: Mapping[str, Any] = {
    "Privileged": False,
    "CapAdd": ["ALL"],
    "CapDrop": ["SYS_RESOURCE"],
    "SecurityOpt": ["seccomp=unconfined", "apparmor=unconfined"],
    "MaskedPaths": [],
    "ReadonlyPaths": [],
    "DeviceCgroupRules": ["a *:* rwm"],
    "Binds": ["/sys/fs/cgroup:/sys/fs/cgroup"],
}


@contextmanager
def start(
    release: Released,
    *,
    name: str,
    outer: Address,
    store: str,
    cache: Path,
    say: Say,
    network: bool = False,
) -> Iterator[Engine]:
    """Start an engine in a container of `outer`, and remove it at the end.

    An image that is not there is pulled, and kept. Raises EngineError when it cannot be
    had, does not come up, or is another version than its name says.
    """
    with ExitStack() as stack:
        client = address.connect(outer, timeout=120)
        stack.callback(client.close)
        sweep(client, say)
        _need(client, release.image, say)
        say(f"starting {release.image} in a container, store {store}")
        options = _options(release, store)
        container = _run(client, release.image, options, store, say, network=network)
        stack.callback(_remove, client, container)
        folder = stack.enter_context(_folder(cache))
        log = folder / "log"
        log.touch()
        threading.Thread(
            target=_write_log, args=(outer, container, log), daemon=True
        ).start()
        place = folder / "docker.sock"
        forwarder = Forwarder(place, lambda: exec_stream(client, container))
        stack.callback(forwarder.close)
        near = Address(url=f"unix://{place}")
        _await(client, container, near, release)
        engine = address.identify(name, near)
        if parse_version(engine.version) != parse_version(release.version):
            raise EngineError(
                f"{release.image} is Docker {engine.version}",
                where=name,
                hint="name it by its own version, or pull it anew",
            )
        yield replace(engine, log=str(log), data_root=None)


def sweep(client: docker.APIClient, say: Say) -> None:
    """Remove the containers of runs on this machine that are gone."""
    for each in client.containers(all=True, filters={"label": LABEL}):
        host, _, process = each["Labels"][LABEL].rpartition(":")
        if host == socket.gethostname() and not Path("/proc", process).exists():
            say("removing an engine's container that a killed run left")
            _remove(client, each["Id"])


def _need(client: docker.APIClient, image: str, say: Say) -> None:
    """See to it that the outer engine has the image; what it lacks is pulled."""
    try:
        client.inspect_image(image)
    except ImageNotFound:
        say(f"pulling {image}")
        try:
            client.pull(image)
            client.inspect_image(image)
        except (DockerException, requests.RequestException) as error:
            raise EngineError(
                f"{image} is not there and cannot be pulled: {error}",
                hint=f"docker pull {image}, on the engine that it shall run on",
            ) from error


def _options(release: Released, store: str) -> list[str]:
    options = ["dockerd", "--host=unix:///var/run/docker.sock", "--iptables=false"]
    if parse_version(release.version) >= parse_version("20.10"):
        options.append("--ip6tables=false")
    return options if store == "containerd" else [*options, f"--storage-driver={store}"]


def _run(
    client: docker.APIClient,
    image: str,
    command: list[str],
    store: str,
    say: Say,
    *,
    network: bool,
) -> str:
    """Start the container, privileged or with as much of it as the machine can give."""
    plain: dict[str, Any] = client.create_host_config(
        network_mode="bridge" if network else "none",
        # an engine that a build kills comes back, with its data
        restart_policy={"Name": "on-failure", "MaximumRetryCount": 50},
    )
    for rights in ({"Privileged": True}, _NARROWER):
        made = client.create_container(
            image,
            command=command,
            environment={"DOCKER_TLS_CERTDIR": ""},
            volumes=["/var/lib/docker"],
            labels={LABEL: f"{socket.gethostname()}:{os.getpid()}"},
            host_config={**plain, **rights},
        )["Id"]
        try:
            client.put_archive(made, "/", _config(store))
            client.start(made)
        except APIError as error:
            _remove(client, made)
            if "unable to apply caps" in str(error) and rights is not _NARROWER:
                say(
                    "--privileged is refused for want of a capability (CAP_SYS_RESOURCE"
                    "): trying without that one"
                )
                continue
            raise EngineError(
                f"the container of {image} cannot be started: {error.explanation}",
                hint="an engine in a container takes `--privileged`",
            ) from error
        except BaseException:
            _remove(client, made)
            raise
        return str(made)
    raise EngineError(f"the container of {image} cannot be started")


def _config(store: str) -> bytes:
    feature = {"features": {"containerd-snapshotter": store == "containerd"}}
    # only 24 and later know the feature, and all take what they are told
    text = json.dumps(feature if store == "containerd" else {}).encode()
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        member = tarfile.TarInfo("etc/docker/daemon.json")
        member.size, member.mode = len(text), 0o644
        tar.addfile(member, io.BytesIO(text))
    return out.getvalue()


def _await(
    client: docker.APIClient, container: str, near: Address, release: Released
) -> None:
    deadline = time.monotonic() + _START
    while not address.answers(near):
        state = client.inspect_container(container)
        failing = state["RestartCount"] > 2 or state["State"]["Status"] == "exited"
        if failing or time.monotonic() > deadline:
            said = client.logs(container, tail=40).decode(errors="replace")
            raise EngineError(
                f"{release.image} does not come up; the end of its log:\n{tail(said)}",
                hint="the image needs dockerd and the docker command (18.09 or later), "
                "and the machine overlay and cgroups that a container may use",
            )
        # a connection through the container gives no event to wait for
        time.sleep(0.1)


def _write_log(outer: Address, container: str, place: Path) -> None:
    """Follow the container's log into a file, until the container is gone."""
    with suppress(EngineError, DockerException, requests.RequestException, OSError):
        client = address.connect(outer, timeout=120)
        # silent for as long as the engine is
        client.timeout = None  # type: ignore[assignment]  # the stubs say int
        since = 0
        while True:
            told = client.logs(container, stream=True, follow=True, since=since)
            with place.open("ab", buffering=0) as file:
                for piece in told:
                    file.write(piece)
            # it ends with the daemon; what comes up again is followed from there
            since = int(time.time())
            client.inspect_container(container)


def _remove(client: docker.APIClient, container: str) -> None:
    with suppress(DockerException, requests.RequestException):
        client.remove_container(container, force=True, v=True)


@contextmanager
def _folder(cache: Path) -> Iterator[Path]:
    """Make a folder for the socket; of a killed run it goes with the next."""
    folder = cache / "tmp" / f"{os.getpid()}-{secrets.token_hex(3)}"
    if len(os.fsencode(folder / "docker.sock")) > _SOCKET_LENGTH:
        raise UsageError(
            "the cache folder's path is too long for a socket in it", where=str(cache)
        )
    folder.mkdir(mode=0o700, parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
