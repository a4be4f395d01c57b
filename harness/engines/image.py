"""A `docker:VERSION-dind` container on an engine, as an engine of its own.

Own volume, no network unless asked, reached through `dial`. It ends with this process,
since its first process (`harness/data/dind.sh`) reads what we hold open; what an outer
engine has missed is labelled with its owner, and goes with the next start.
"""

from __future__ import annotations

import os
import secrets
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import docker
import requests
from docker.errors import APIError, DockerException, ImageNotFound, NotFound

from harness.engines import Address, Engine, address, dind, owner, roots
from harness.engines.dial import (
    Forwarder,
    Stream,
    demultiplexed,
    exec_stream,
    hijacked,
)
from harness.engines.output import ends_of
from harness.engines.process import Say, cause, tail
from harness.engines.released import Released
from harness.errors import EngineError, UsageError
from harness.targets.versions import parse_version

#: Seconds until it answers; measured: 1.5 s on a quiet machine.
_START = 90.0
#: Seconds in which the end of a container closes the connection to it.
_ENDING = 3.0
#: sun_path of unix(7) has 108 bytes, the last is a zero.
_SOCKET_LENGTH = 107
_CAUSES = (
    (r'exec: "sh"', "the image has no `sh`, which the container begins with"),
    (
        r"dockerd[^\n]*(not found|[Nn]o such file)|can't execute",
        "the image has no dockerd: take one of docker:VERSION-dind",
    ),
    (
        r"driver not supported|overlay2?[^\n]*not supported|failed to mount overlay",
        "overlay does not work in a container there: add +vfs to the engine's name",
    ),
    (
        r"[Nn]o space left on device|ENOSPC",
        "the outer engine's disk is full: free 2 GB there",
    ),
    (
        r"(not permitted|[Pp]ermission denied|[Rr]ead-only file system)",
        "containers there may not do what dockerd needs, as on a rootless engine: name "
        "another one with --on",
    ),
)


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
    pull: bool = True,
    keep_image: bool = True,
) -> Iterator[Engine]:
    """Start an engine in a container of `outer`, and remove it at the end.

    An image that is not there is pulled, unless `pull` forbids it; one that was pulled
    is removed at the end only without `keep_image`. Raises EngineError when it cannot
    be had, does not come up, or is another version than its name says.
    """
    with ExitStack() as stack:
        client = address.connect(outer, timeout=120)
        stack.callback(client.close)
        sweep(client, say)
        pulled = _need(client, release.image, say, pull=pull)
        if pulled and not keep_image:
            stack.callback(client.remove_image, release.image)
        folder = stack.enter_context(_folder(cache))
        running = _run(client, release, store, folder / "log", say, network=network)
        stack.callback(running.remove)
        running.need_client()
        place = folder / "docker.sock"
        container = running.container
        forwarder = Forwarder(place, lambda: exec_stream(client, container))
        stack.callback(forwarder.close)
        near = Address(url=f"unix://{place}")
        running.wait(near)
        engine = address.identify(name, near)
        _check(engine, release, store)
        yield replace(engine, log=str(running.log), data_root=None)


def sweep(client: docker.APIClient, say: Say) -> None:
    """Remove the containers and volumes of runs on this machine that are gone."""
    labelled: Any = {"label": dind.LABEL}
    for each in client.containers(all=True, filters=labelled):
        if owner.is_gone(each["Labels"][dind.LABEL]):
            say("removing an engine's container that a killed run left")
            _remove(client, each["Id"])
    for each in client.volumes(filters=labelled)["Volumes"] or ():
        if owner.is_gone(each["Labels"][dind.LABEL]):
            # a 409 for one that somebody has put to use
            with suppress(APIError):
                client.remove_volume(each["Name"])


class _Running:
    """A container that was started, and the connection that it lives by."""

    def __init__(
        self, client: docker.APIClient, container: str, image: str, log: Path
    ) -> None:
        self.container = container
        self.log = log
        self._client = client
        self._image = image
        self._ended = threading.Event()
        self._stirred = threading.Event()
        told = {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
        self._far: Stream = hijacked(client.attach_socket(container, params=told))
        threading.Thread(target=self._write_log, daemon=True).start()

    def need_client(self) -> None:
        """See to it that the image has what connections go through.

        One that ends is left to `wait`, which knows why. The command fails in it with
        almost any words, while the engine still has it for running (measured on
        20.10.24: status 126, "broken pipe"), so only the closed connection tells.
        """
        with suppress(NotFound):
            try:
                asked = self._client.exec_create(self.container, ["docker", "-v"])
                said = str(self._client.exec_start(asked["Id"]))
                status = self._client.exec_inspect(asked["Id"])["ExitCode"]
            except APIError as error:
                said, status = str(error.explanation), None
            if status not in {126, 127} and "executable file not found" not in said:
                return
            if not self._ended.wait(_ENDING):
                raise EngineError(
                    f"{self._image} has no docker command, which connections go "
                    "through",
                    hint="take one of docker:VERSION-dind, or put it into the image",
                )

    def wait(self, near: Address) -> None:
        """Wait until the engine answers, and tell the container that it did."""
        deadline = time.monotonic() + _START
        while True:
            # a word in the log is no promise: it is only when looking is worth while
            self._stirred.wait(1.0)
            self._stirred.clear()
            if address.answers(near):
                self._far.write(b"answered\n")
                return
            if self._ended.is_set() or time.monotonic() > deadline:
                said = ends_of(self.log)
                what = "ended at once" if self._ended.is_set() else "does not answer"
                raise EngineError(
                    f"{self._image} {what}; the end of its log:\n{tail(said)}",
                    hint=cause(said, _CAUSES)
                    or "the image needs dockerd and the docker command, 18.09 or later",
                )

    def remove(self) -> None:
        """Remove the container and its volume; harmless where they are gone."""
        _remove(self._client, self.container)
        self._far.close()

    def _write_log(self) -> None:
        with suppress(OSError), self.log.open("wb", buffering=0) as file:
            for _, piece in demultiplexed(self._far):
                file.write(piece)
                if b"API listen on" in piece:
                    self._stirred.set()
        self._ended.set()
        self._stirred.set()


def _run(
    client: docker.APIClient,
    release: Released,
    store: str,
    log: Path,
    say: Say,
    *,
    network: bool,
) -> _Running:
    """Start the container, privileged or with as much of it as the machine can give."""
    for fewer in (False, True):
        container = dind.create(client, release, store, fewer=fewer, network=network)
        try:
            running = _Running(client, container, release.image, log)
            client.start(container)
        except APIError as error:
            _remove(client, container)
            if "unable to apply caps" in str(error) and not fewer:
                say(
                    "--privileged is refused because a capability is missing: "
                    "trying without CAP_SYS_RESOURCE"
                )
                continue
            raise EngineError(
                f"the container of {release.image} cannot be started: "
                f"{error.explanation}",
                hint=cause(str(error.explanation), _CAUSES)
                or "an engine in a container takes `docker run --privileged`",
            ) from error
        except BaseException:
            _remove(client, container)
            raise
        return running
    raise AssertionError("the last try has returned or raised")


def _check(engine: Engine, release: Released, store: str) -> None:
    if parse_version(engine.version) != parse_version(release.version):
        raise EngineError(
            f"{release.image} is Docker {engine.version}",
            where=engine.name,
            hint="name it by its own version, or pull it again",
        )
    if engine.storage != store:
        raise EngineError(
            f"{release.image} has no store `{store}`: it came up with {engine.storage}",
            where=engine.name,
            hint="the containerd store exists since 24.0",
        )


def _need(client: docker.APIClient, image: str, say: Say, *, pull: bool) -> bool:
    """See to it that the outer engine has the image; True if it had to be pulled."""
    hint = f"docker pull {image}, on the engine it is to run on"
    try:
        client.inspect_image(image)
    except ImageNotFound as error:
        if not pull:
            raise EngineError(f"{image} is not there", hint=hint) from error
    else:
        return False
    say(f"pulling {image}")
    try:
        client.pull(image)
        client.inspect_image(image)
    except (DockerException, requests.RequestException) as error:
        raise EngineError(
            f"{image} is not there and cannot be pulled: {error}", hint=hint
        ) from error
    return True


def _remove(client: docker.APIClient, container: str) -> None:
    """Remove a container and its volume, and wait until they are gone."""
    with suppress(NotFound, requests.RequestException):
        try:
            client.remove_container(container, force=True, v=True)
        except APIError as error:
            # it is being removed, since it ended by itself
            if error.status_code != requests.codes.conflict:
                raise
            client.wait(container, condition="removed")


@contextmanager
def _folder(cache: Path) -> Iterator[Path]:
    """Make a folder for the socket; of a killed run it goes with the next."""
    folder = cache / "tmp" / f"{os.getpid()}-{secrets.token_hex(3)}"
    if len(os.fsencode(folder / "docker.sock")) > _SOCKET_LENGTH:
        raise UsageError(
            "the cache folder's path is too long for a socket in it", where=str(cache)
        )
    with roots.writing(folder):
        folder.mkdir(mode=0o700, parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
