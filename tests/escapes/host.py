"""What of this machine an escape would find: planted before a build, gone after it."""

from __future__ import annotations

import contextlib
import ctypes
import http.server
import os
import secrets
import socket
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_libc = ctypes.CDLL(None, use_errno=True)
ADD_KEY, KEYCTL, SHMGET, SHMCTL = 248, 250, 29, 31
#: keyctl(2): the user's keyring, and the one of its sessions.
USER_KEYRING, USER_SESSION = -4, -5
_INVALIDATE, _CREATE_0666, _REMOVE = 21, 0o1666, 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """Things of this machine that no build may reach.

    `token` is in each file and answer; `written` is an empty folder.
    """

    token: str
    folder: Path
    cached: Path
    shared: Path
    disk: tuple[int, int]
    address: str
    port: int
    segment: int

    @property
    def secret(self) -> Path:
        """Give a file that has the token."""
        return self.folder / "secret"

    @property
    def written(self) -> Path:
        """Give a folder that stays empty if nothing escapes."""
        return self.folder / "written"

    @property
    def archive(self) -> Path:
        """Give an archive with an image."""
        return self.folder / "archive.tar"

    @property
    def socket(self) -> Path:
        """Give a socket that listens."""
        return self.folder / "socket"

    @property
    def abstract(self) -> bytes:
        """Give the abstract name of a socket that listens."""
        return b"\0" + self.token.encode()


@contextlib.contextmanager
def planted(cache: Path, archive: bytes) -> Iterator[Host]:
    """Plant files, sockets, a key, shared memory and a terminal on this machine."""
    token = f"token-{secrets.token_hex(8)}"
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        (folder / "secret").write_text(token)
        (folder / "archive.tar").write_bytes(archive)
        (folder / "written").mkdir()
        (cache / "tmp").mkdir(parents=True, exist_ok=True)
        for place in (cache / "tmp", Path("/dev/shm")):
            (place / token).write_text(token)
            stack.callback((place / token).unlink)
        for name in (str(folder / "socket"), f"\0{token}"):
            listening = socket.socket(socket.AF_UNIX)
            stack.callback(listening.close)
            listening.bind(name)
            listening.listen()
        # a terminal, so that the host's /dev/pts has one to be seen
        for each in os.openpty():
            stack.callback(os.close, each)
        stack.enter_context(_keys(token))
        yield Host(
            token=token,
            folder=folder,
            cached=cache / "tmp" / token,
            shared=Path("/dev/shm") / token,
            disk=_disk(),
            address=_address(),
            port=stack.enter_context(_server(token)),
            segment=stack.enter_context(_segment()),
        )


def _call(number: int, *arguments: int | bytes) -> int:
    given = [ctypes.c_long(x) if isinstance(x, int) else x for x in arguments]
    result: int = _libc.syscall(ctypes.c_long(number), *given)
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


@contextlib.contextmanager
def _keys(token: str) -> Iterator[None]:
    """Put a key into the keyrings that all of root's processes share."""
    name = token.encode()
    keys = [
        _call(ADD_KEY, b"user", name, name, len(name), each)
        for each in (USER_KEYRING, USER_SESSION)
    ]
    try:
        yield
    finally:
        for each in keys:
            _call(KEYCTL, _INVALIDATE, each)


@contextlib.contextmanager
def _segment() -> Iterator[int]:
    """Make shared memory of System V; gives its key."""
    key = secrets.randbits(30) + 1
    made = _call(SHMGET, key, 4096, _CREATE_0666)
    try:
        yield key
    finally:
        _call(SHMCTL, made, _REMOVE, 0)


@contextlib.contextmanager
def _server(token: str) -> Iterator[int]:
    """Answer HTTP on all addresses of this machine; gives the port."""

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(token.encode())

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("", 0), Answer)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _disk() -> tuple[int, int]:
    """Give the device numbers of a disk of this machine; 1:0 if there is none."""
    lines = Path("/proc/partitions").read_text(encoding="ascii").splitlines()[2:]
    for line in lines:
        major, minor, *_ = line.split()
        return int(major), int(minor)
    return 1, 0


def _address() -> str:
    """Give this machine's address towards others; one that is nobody's without any."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        try:
            asking.connect(("192.0.2.1", 9))
        except OSError:
            return "192.0.2.1"
        return str(asking.getsockname()[0])
