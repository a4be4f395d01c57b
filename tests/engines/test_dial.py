"""Bytes are carried into a container and back: whole, both ways, to either's end."""

from __future__ import annotations

import shutil
import socket
import ssl
import struct
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from harness.engines.dial import Forwarder, Stream, carry, demultiplexed, hijacked

BIG = bytes(range(256)) * 40_000


def framed(data: bytes, stream: int = 1) -> bytes:
    return struct.pack(">BxxxL", stream, len(data)) + data


class Pieces:
    """A stream that gives what it has in pieces of one size."""

    def __init__(self, data: bytes, size: int) -> None:
        self.data, self.size = data, size

    def read(self, most: int) -> bytes:
        size = min(self.size, most)
        piece, self.data = self.data[:size], self.data[size:]
        return piece

    def write(self, data: bytes) -> None:
        raise AssertionError(data)

    def close_write(self) -> bool:
        return True

    def close(self) -> None:
        """Do nothing."""


@pytest.mark.parametrize("size", range(1, 40))
def test_outputs_are_taken_apart_wherever_reading_breaks_them(size: int) -> None:
    whole = framed(b"one") + framed(b"", 2) + framed(b"bad", 2) + framed(b"two three")
    found: dict[int, bytes] = {}
    for stream, piece in demultiplexed(Pieces(whole, size)):
        found[stream] = found.get(stream, b"") + piece
    assert found == {1: b"onetwo three", 2: b"bad"}


def test_an_output_that_breaks_off_gives_what_has_come() -> None:
    found = list(demultiplexed(Pieces(framed(b"whole")[:-2], 100)))
    assert found == [(1, b"who")]


def take(far: socket.socket, size: int) -> bytes:
    """Receive that many bytes, or what comes before the end."""
    taken = bytearray()
    while len(taken) < size and (data := far.recv(65536)):
        taken += data
    return bytes(taken)


def take_all(far: socket.socket) -> bytes:
    return take(far, 1 << 62)


@pytest.fixture
def place() -> Iterator[Path]:
    folder = tempfile.mkdtemp(prefix="lh-")
    yield Path(folder, "docker.sock")
    shutil.rmtree(folder)


Serve = Callable[[socket.socket], None]


@pytest.fixture
def connect(place: Path) -> Iterator[Callable[[Serve], socket.socket]]:
    """Give connections through a forwarder to what a function serves."""
    serve: list[Serve] = []
    opened: list[socket.socket] = []

    def opening() -> Stream:
        ours, theirs = socket.socketpair()
        opened.extend((ours, theirs))

        def work() -> None:
            serve[-1](theirs)
            theirs.close()

        threading.Thread(target=work, daemon=True).start()
        return hijacked(ours)

    forwarder = Forwarder(place, opening)

    def connecting(with_this: Serve) -> socket.socket:
        serve.append(with_this)
        near = socket.socket(socket.AF_UNIX)
        near.settimeout(20)
        near.connect(str(place))
        opened.append(near)
        return near

    yield connecting
    forwarder.close()
    for each in opened:
        each.close()


Connect = Callable[[Serve], socket.socket]


def test_a_half_that_is_closed_leaves_the_other_open(connect: Connect) -> None:
    def serve(far: socket.socket) -> None:
        asked = take_all(far)
        for at in range(0, len(asked), 32768):
            far.sendall(framed(asked[at : at + 32768]))

    near = connect(serve)

    def send() -> None:
        near.sendall(BIG)
        near.shutdown(socket.SHUT_WR)

    sender = threading.Thread(target=send)
    sender.start()
    assert take_all(near) == BIG
    sender.join()


def test_the_far_end_ends_the_connection(connect: Connect) -> None:
    near = connect(lambda far: far.sendall(framed(b"last words")))
    assert take_all(near) == b"last words"


def test_errors_of_the_command_do_not_get_into_the_answer(connect: Connect) -> None:
    near = connect(lambda far: far.sendall(framed(b"warning", 2) + framed(b"ok")))
    assert take_all(near) == b"ok"


def test_one_that_goes_is_gone_for_the_far_end(connect: Connect) -> None:
    heard: list[bytes] = []
    over = threading.Event()

    def serve(far: socket.socket) -> None:
        far.sendall(framed(b"."))
        heard.append(take_all(far))
        over.set()

    near = connect(serve)
    assert take(near, 1) == b"."
    near.sendall(b"half a request")
    near.close()
    assert over.wait(20)
    assert heard == [b"half a request"]


def test_many_at_once_do_not_mix(connect: Connect) -> None:
    def echo(far: socket.socket) -> None:
        while data := far.recv(1000):
            far.sendall(framed(data))

    def ask(number: int) -> bool:
        word = bytes([number]) * 100_000
        near = connect(echo)
        sender = threading.Thread(target=near.sendall, args=(word,))
        sender.start()
        answer = take(near, len(word))
        sender.join()
        return answer == word

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(ask, range(24)))


def test_where_nothing_can_be_opened_the_connection_ends(place: Path) -> None:
    def refusing() -> Stream:
        raise ConnectionRefusedError

    forwarder = Forwarder(place, refusing)
    with socket.socket(socket.AF_UNIX) as near:
        near.settimeout(20)
        near.connect(str(place))
        assert near.recv(1) == b""
    forwarder.close()


def test_closing_ends_what_is_open(place: Path) -> None:
    ours, theirs = socket.socketpair()
    forwarder = Forwarder(place, lambda: hijacked(ours))
    with socket.socket(socket.AF_UNIX) as near, ours, theirs:
        near.settimeout(20)
        theirs.settimeout(20)
        near.connect(str(place))
        near.sendall(b"x")
        assert theirs.recv(1) == b"x"
        forwarder.close()
        assert near.recv(1) == b""
        assert theirs.recv(1) == b""
    with pytest.raises(OSError, match="refused"), socket.socket(socket.AF_UNIX) as late:
        late.connect(str(place))


def test_the_socket_is_closed_to_others(place: Path) -> None:
    forwarder = Forwarder(place, lambda: hijacked(socket.socketpair()[0]))
    assert place.stat().st_mode & 0o777 == 0o600
    forwarder.close()


def test_an_ssh_commands_pipes_are_a_stream() -> None:
    class Channel:
        proc = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    far = hijacked(Channel)
    far.write(b"as soon as it is there")
    assert far.read(1 << 16) == b"as soon as it is there"
    assert far.close_write()
    assert far.read(1) == b""
    assert Channel.proc.wait(20) == 0
    with pytest.raises(BrokenPipeError):
        far.write(b"late")


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, ...]:
    """Give the contexts of a client and of a server that it knows."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl to make a certificate with")
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-nodes", "-days", "2"),
            *("-pkeyopt", "ec_paramgen_curve:prime256v1", "-subj", "/CN=engine"),
            *("-keyout", str(folder / "key"), "-out", str(folder / "cert")),
        ],
        check=True,
        capture_output=True,
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / "cert", folder / "key")
    client = ssl.create_default_context(cafile=str(folder / "cert"))
    client.check_hostname = False
    return client, server


def test_tls_carries_both_ways_at_once_and_ends_with_the_near_side(
    tls: tuple[ssl.SSLContext, ...],
) -> None:
    ours, theirs = socket.socketpair()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(tls[1].wrap_socket, theirs, server_side=True)
        client = tls[0].wrap_socket(ours)
        server = waiting.result(20)
    near, carried = socket.socketpair()
    near.settimeout(20)
    server.settimeout(20)
    carrier = threading.Thread(target=carry, args=(carried, hijacked(client)))
    carrier.start()
    echoed = bytearray()

    def echo() -> None:
        # TLS has one direction at a time in a thread, as the engine's side of it
        while len(echoed) < len(BIG):
            data = server.recv(16384)
            echoed.extend(data)
            server.sendall(framed(data))

    echoing = threading.Thread(target=echo)
    sending = threading.Thread(target=near.sendall, args=(BIG,))
    echoing.start()
    sending.start()
    assert take(near, len(BIG)) == BIG
    sending.join()
    echoing.join()
    near.shutdown(socket.SHUT_WR)
    server.sendall(framed(b"still here"))
    assert take(near, 10) == b"still here"
    near.close()
    carrier.join(20)
    assert not carrier.is_alive()
    for each in (client, server, carried):
        each.close()
