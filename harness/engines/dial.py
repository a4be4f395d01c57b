"""Reach an engine in a container that has no network: through its own docker command.

A local socket whose connections are carried by `docker system dial-stdio`, run in the
container by the outer engine. So the outer engine may be anywhere.
"""

from __future__ import annotations

import select
import socket
import ssl
import struct
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Protocol, TypeVar

import docker
import requests
from docker.errors import DockerException

_T = TypeVar("_T")

#: In the docker command from 18.09 on: https://github.com/docker/cli/pull/1014.
COMMAND = (
    *("docker", "--host", "unix:///var/run/docker.sock"),
    *("system", "dial-stdio"),
)
#: What is read at a time, in bytes.
_CHUNK = 1 << 18
#: Without a terminal, each piece of output has its stream's number and its length in
#: front: https://docs.docker.com/reference/api/engine/version/v1.44/ "Stream format".
_HEADER = struct.Struct(">BxxxL")
_OUT = 1


class Stream(Protocol):
    """A connection to what runs in a container: its standard input and its outputs."""

    def read(self, most: int) -> bytes:
        """Give some of what is there, waiting for it; nothing at the end."""

    def write(self, data: bytes) -> None:
        """Write all of `data`; OSError when the other side is gone."""

    def close_write(self) -> bool:
        """End the standard input; False where a connection has no such half."""

    def close(self) -> None:
        """End both halves; who waits in `read` or `write` is woken."""


class Forwarder:
    """Listens at `place`, and carries each connection into a container.

    `open_stream` gives a new connection's other end. As a context manager it is closed
    at the end.
    """

    def __init__(self, place: Path, open_stream: Callable[[], Stream]) -> None:
        self._open = open_stream
        self._carried: set[socket.socket] = set()
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(place))
        place.chmod(0o600)
        self._listener.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Listen no more, and end all connections."""
        # closing alone would leave who waits in `accept` and `recv` waiting
        for each in (self._listener, *self._carried):
            _end(each)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            self._carried.add(near)
            threading.Thread(target=self._carry, args=(near,), daemon=True).start()

    def _carry(self, near: socket.socket) -> None:
        with near:
            # where it cannot be opened, who connects sees an engine that is not there
            with suppress(DockerException, requests.RequestException, OSError):
                carry(near, self._open())
            self._carried.discard(near)


def carry(near: socket.socket, far: Stream) -> None:
    """Carry bytes both ways until `far` ends, or `near` is gone."""
    sender = threading.Thread(target=_send, args=(near, far), daemon=True)
    sender.start()
    with suppress(OSError):
        for stream, data in demultiplexed(far):
            if stream == _OUT:
                near.sendall(data)
    # with the command ended nothing that is still sent would arrive
    _end(near)
    far.close()
    sender.join()


def demultiplexed(far: Stream) -> Iterator[tuple[int, bytes]]:
    """Take the outputs apart: pieces with the number of their stream, 1 or 2."""
    waiting = bytearray()
    stream, left = 0, 0
    while data := far.read(_CHUNK):
        waiting += data
        at = 0
        while at < len(waiting):
            if left == 0:
                if len(waiting) - at < _HEADER.size:
                    break
                stream, left = _HEADER.unpack_from(waiting, at)
                at += _HEADER.size
                continue
            piece = bytes(waiting[at : at + left])
            at += len(piece)
            left -= len(piece)
            yield stream, piece
        del waiting[:at]


def exec_stream(client: docker.APIClient, container: str) -> Stream:
    """Start the command that dials in a container, and give its input and output."""
    made = client.exec_create(
        container, list(COMMAND), stdin=True, stdout=True, stderr=True
    )
    return hijacked(client.exec_start(made["Id"], socket=True))


def hijacked(raw: Any) -> Stream:
    """Make a stream of what the SDK gives for a connection that is no HTTP any more.

    It is a socket, TLS or not, a file around one, or an object around the ssh command.
    """
    process = getattr(raw, "proc", None)
    if process is not None:
        return _Piped(process)
    found = getattr(raw, "_sock", raw)
    return _Encrypted(found) if isinstance(found, ssl.SSLSocket) else _Plain(found, raw)


class _Plain:
    def __init__(self, far: socket.socket, keep: object) -> None:
        # the SDK's limit is one for answers, and an engine may be silent for long
        far.settimeout(None)
        self._socket = far
        # collected as garbage, it would close the socket
        self._keep = keep

    def read(self, most: int) -> bytes:
        return self._socket.recv(most)

    def write(self, data: bytes) -> None:
        self._socket.sendall(data)

    def close_write(self) -> bool:
        self._socket.shutdown(socket.SHUT_WR)
        return True

    def close(self) -> None:
        _end(self._socket)


class _Encrypted:
    """TLS: one call at a time, since OpenSSL's connections are not for two threads."""

    def __init__(self, far: ssl.SSLSocket) -> None:
        far.settimeout(0)
        self._socket = far
        self._lock = threading.Lock()

    def read(self, most: int) -> bytes:
        return self._alone(lambda: self._socket.recv(most))

    def write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            piece = view
            view = view[self._alone(lambda: self._socket.send(piece)) :]  # noqa: B023  # called at once

    def close_write(self) -> bool:
        return False

    def close(self) -> None:
        # below TLS, whose own shutdown waits for the other side
        with suppress(OSError):
            socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def _alone(self, act: Callable[[], _T]) -> _T:
        while True:
            with self._lock:
                try:
                    return act()
                except ssl.SSLWantReadError:
                    wanted = select.POLLIN
                except ssl.SSLWantWriteError:
                    wanted = select.POLLOUT
            watch = select.poll()
            watch.register(self._socket, wanted)
            watch.poll()


class _Piped:
    """An ssh command's pipes."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._in: IO[bytes] = process.stdin  # type: ignore[assignment]  # the SDK's
        self._out: Any = process.stdout

    def read(self, most: int) -> bytes:
        return bytes(self._out.read1(most))

    def write(self, data: bytes) -> None:
        try:
            self._in.write(data)
            self._in.flush()
        except ValueError as error:
            raise BrokenPipeError("the ssh command is closed") from error

    def close_write(self) -> bool:
        self._in.close()
        return True

    def close(self) -> None:
        self._process.terminate()


def _send(near: socket.socket, far: Stream) -> None:
    with suppress(OSError):
        while data := near.recv(_CHUNK):
            far.write(data)
        if not far.close_write():
            # an answer may still be read; only when nobody does it is over
            watch = select.poll()
            watch.register(near, 0)
            watch.poll()
            far.close()


def _end(one: socket.socket) -> None:
    with suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
