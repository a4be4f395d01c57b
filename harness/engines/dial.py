"""Reach an engine in a container that has no network: through its own docker command.

A local socket whose connections are carried by `docker system dial-stdio`, run in the
container by the outer engine. So the outer engine may be anywhere.
"""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import docker
import requests
from docker.errors import DockerException

#: What is read at a time, in bytes.
_CHUNK = 1 << 18
#: Without a terminal, each piece of output has the stream's number and its length in
#: front (Docker Engine API, "Attach to a container", Stream format).
_HEADER = struct.Struct(">BxxxL")
_OUT = 1

COMMAND = ("docker", "system", "dial-stdio")


class Forwarder:
    """Listens at `place`, and carries each connection into a container.

    `open_stream` gives a new connection's other end.
    """

    def __init__(self, place: Path, open_stream: Callable[[], socket.socket]) -> None:
        self._open = open_stream
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(place))
        place.chmod(0o600)
        self._listener.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Listen no more; connections end with the container."""
        # closing alone would leave `accept` waiting
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._carry, args=(near,), daemon=True).start()

    def _carry(self, near: socket.socket) -> None:
        with near:
            try:
                far = self._open()
            except (DockerException, requests.RequestException, OSError):
                # who connects is told as of an engine that is not there
                return
            with far:
                threading.Thread(target=_send, args=(near, far), daemon=True).start()
                _receive(far, near)


def exec_stream(client: docker.APIClient, container: str) -> socket.socket:
    """Start the command that dials in a container, and give its input and output."""
    made = client.exec_create(
        container, list(COMMAND), stdin=True, stdout=True, stderr=True
    )
    # a file-like object of the transport's own, with the socket in it
    raw: Any = client.exec_start(made["Id"], socket=True)
    found: socket.socket = getattr(raw, "_sock", raw)
    # the SDK's reading limit is for answers, and an engine may be silent for long
    found.settimeout(None)
    return found


def _send(near: socket.socket, far: socket.socket) -> None:
    with suppress(OSError):
        while data := near.recv(_CHUNK):
            far.sendall(data)
        far.shutdown(socket.SHUT_WR)


def _receive(far: socket.socket, near: socket.socket) -> None:
    """Unpack what the command writes; what it says on standard error is dropped."""
    with suppress(OSError), far.makefile("rb", buffering=_CHUNK) as source:
        while len(header := source.read(_HEADER.size)) == _HEADER.size:
            stream, left = _HEADER.unpack(header)
            while left and (data := source.read(min(left, _CHUNK))):
                if stream == _OUT:
                    near.sendall(data)
                left -= len(data)
        near.shutdown(socket.SHUT_WR)
