"""An engine's address is read as docker reads it, and what is wrong with it is said."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import threading
from pathlib import Path

import pytest

from harness.engines import Address, address
from harness.errors import EngineError, UsageError


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Take away what this machine's docker configuration says."""
    for name in (
        "DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_TLS", "DOCKER_TLS_VERIFY",
        "DOCKER_CERT_PATH", "XDG_RUNTIME_DIR",
    ):  # fmt: skip
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    return tmp_path


def context(home: Path, name: str, endpoint: dict[str, object]) -> str:
    """Write a context as docker does; gives the folder name of its files."""
    key = hashlib.sha256(name.encode()).hexdigest()
    folder = home / "contexts" / "meta" / key
    folder.mkdir(parents=True)
    meta = {"Name": name, "Endpoints": {"docker": endpoint}}
    (folder / "meta.json").write_text(json.dumps(meta))
    return key


def certificates(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / f"{name}.pem").write_text("")
    return folder


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("unix:///var/run/docker.sock", "unix:///var/run/docker.sock"),
        ("tcp://build-host", "tcp://build-host:2375"),
        ("tcp://build-host:1234", "tcp://build-host:1234"),
        ("tcp://[fd00::1]:2375", "tcp://[fd00::1]:2375"),
        ("ssh://me@build-host", "ssh://me@build-host"),
        ("ssh://me@build-host:22/", "ssh://me@build-host:22"),
        ("default", "unix:///var/run/docker.sock"),
        ("context:default", "unix:///var/run/docker.sock"),
    ],
)
def test_addresses_are_read(
    text: str, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "exists", lambda _: False)
    assert address.find(text) == Address(url=url)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("/var/run/docker.sock", "write unix:///var/run/docker.sock"),
        ("unix://var/run/docker.sock", "write unix:///var/run/docker.sock"),
        ("bokworm", address.ALLOWED),
        ("tcp://", address.ALLOWED),
        ("tcp://host:port", address.ALLOWED),
        ("http://host:2375", address.ALLOWED),
        ("", address.ALLOWED),
    ],
)
def test_what_is_no_address_gets_a_hint(text: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        address.find(text)
    assert caught.value.hint == hint


def test_default_is_docker_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://build-host:1")
    monkeypatch.setenv("DOCKER_CONTEXT", "not-looked-at")
    assert address.find("default").url == "tcp://build-host:1"


def test_a_wrong_docker_host_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "build-host")
    with pytest.raises(UsageError) as caught:
        address.find("default")
    assert caught.value.where == "DOCKER_HOST"


def test_tls_comes_from_the_environment(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = certificates(home / "pem", "ca", "cert", "key")
    monkeypatch.setenv("DOCKER_TLS_VERIFY", "1")
    monkeypatch.setenv("DOCKER_CERT_PATH", str(folder))
    assert address.find("tcp://build-host") == Address(
        url="tcp://build-host:2376",
        tls=True,
        ca=str(folder / "ca.pem"),
        cert=str(folder / "cert.pem"),
        key=str(folder / "key.pem"),
    )


def test_a_certificate_without_its_key_is_an_error(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = certificates(home / "pem", "ca", "cert")
    monkeypatch.setenv("DOCKER_CERT_PATH", str(folder))
    with pytest.raises(UsageError, match="one is missing"):
        address.find("tcp://build-host")


def test_the_current_context_is_the_default(home: Path) -> None:
    context(home, "desk", {"Host": "unix:///run/desk.sock"})
    (home / "config.json").write_text('{"currentContext": "desk"}')
    assert address.find("default") == Address(url="unix:///run/desk.sock")


def test_a_context_brings_its_certificates(home: Path) -> None:
    key = context(home, "far", {"Host": "tcp://far", "SkipTLSVerify": True})
    folder = certificates(home / "contexts" / "tls" / key / "docker", "cert", "key")
    assert address.find("context:far") == Address(
        url="tcp://far:2376",
        tls=True,
        cert=str(folder / "cert.pem"),
        key=str(folder / "key.pem"),
        verify=False,
    )


def test_an_unknown_context_names_the_nearest(home: Path) -> None:
    context(home, "desktop-linux", {"Host": "unix:///run/desk.sock"})
    with pytest.raises(UsageError) as caught:
        address.find("context:desktop")
    assert "did you mean `desktop-linux`?" in caught.value.hint


@pytest.mark.parametrize("kind", ["fifo", "directory", "huge", "deep"])
def test_a_configuration_that_would_not_end_is_named(home: Path, kind: str) -> None:
    file = home / "config.json"
    if kind == "fifo":
        os.mkfifo(file)
    elif kind == "directory":
        file.mkdir()
    elif kind == "huge":
        with file.open("wb") as out:
            out.truncate(20 << 30)
    else:
        file.write_text("[" * 100_000)
    with pytest.raises(UsageError) as caught:
        address.find("default")
    assert caught.value.where == str(file)


def test_a_broken_docker_configuration_is_named(home: Path) -> None:
    (home / "config.json").write_text("{")
    with pytest.raises(UsageError) as caught:
        address.find("default")
    assert caught.value.where == str(home / "config.json")


def test_no_socket_is_said_so(tmp_path: Path) -> None:
    place = Address(url=f"unix://{tmp_path}/none.sock")
    assert not address.answers(place)
    with pytest.raises(EngineError) as caught:
        address.connect(place, timeout=1)
    assert caught.value.message == "no engine: the socket does not exist"
    assert caught.value.where == place.url


def test_a_socket_that_nobody_listens_on_is_said_so(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(tmp_path / "s"))
    place = Address(url=f"unix://{tmp_path}/s")
    assert not address.answers(place)
    with pytest.raises(EngineError, match="nothing listens there"):
        address.connect(place, timeout=1)


def test_a_refused_port_is_said_so() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(EngineError, match="nothing listens there"):
        address.connect(Address(url=f"tcp://127.0.0.1:{port}"), timeout=1)


def test_one_that_hangs_is_said_so(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(tmp_path / "s"))
        silent.listen()
        with pytest.raises(EngineError, match="does not answer in time"):
            address.connect(Address(url=f"unix://{tmp_path}/s"), timeout=0.1)


def test_plain_http_where_tls_is_wanted_is_said_so() -> None:
    answer = (
        b"HTTP/1.0 400 Bad Request\r\n\r\n"
        b"Client sent an HTTP request to an HTTPS server.\n"
    )
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        thread = threading.Thread(target=answer_once, args=(server, answer))
        thread.start()
        port = server.getsockname()[1]
        with pytest.raises(EngineError, match="requires TLS"):
            address.connect(Address(url=f"tcp://127.0.0.1:{port}"), timeout=5)
        thread.join()


def answer_once(server: socket.socket, answer: bytes) -> None:
    connection, _ = server.accept()
    with connection:
        connection.recv(65536)
        connection.sendall(answer)


def test_an_unreadable_certificate_is_said_so(tmp_path: Path) -> None:
    folder = certificates(tmp_path / "pem", "ca", "cert", "key")
    place = Address(
        url="tcp://127.0.0.1:1",
        tls=True,
        ca=str(folder / "ca.pem"),
        cert=str(folder / "cert.pem"),
        key=str(folder / "key.pem"),
    )
    with pytest.raises(EngineError) as caught:
        address.connect(place, timeout=1)
    assert caught.value.hint
