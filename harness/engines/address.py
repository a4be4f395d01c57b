"""Reach an engine that is there already: unix socket, tcp, TLS, ssh, docker context.

Addresses are read as the docker command reads them.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import docker
import docker.errors
import docker.tls
import requests

from harness.documents import regular_file
from harness.documents.document import nearest
from harness.engines import Address, Engine
from harness.engines.unreachable import unreachable
from harness.errors import EngineError, UsageError

ALLOWED = (
    "write `default`, unix:///PATH, tcp://HOST:PORT, ssh://USER@HOST or context:NAME"
)

_USUAL_SOCKETS = ("/var/run/docker.sock", "/run/docker.sock")


def find(text: str) -> Address:
    """Read an address as written by the user; UsageError says what is allowed.

    `default` is what the docker command would take: DOCKER_HOST, else DOCKER_CONTEXT
    or the current context, else the usual socket.
    """
    if text == "default":
        return _default()
    if text.startswith("context:"):
        return _context(text.removeprefix("context:"))
    return _url(text, os.environ)


def _default() -> Address:
    host = os.environ.get("DOCKER_HOST")
    if host:
        try:
            return _url(host, os.environ)
        except UsageError as error:
            raise UsageError(
                error.message, where="DOCKER_HOST", hint=error.hint
            ) from error
    name = os.environ.get("DOCKER_CONTEXT") or _current_context()
    if name and name != "default":
        return _context(name)
    return _usual()


def _usual() -> Address:
    folder = os.environ.get("XDG_RUNTIME_DIR")
    rootless = [f"{folder}/docker.sock"] if folder else []
    for each in (*_USUAL_SOCKETS, *rootless):
        if Path(each).exists():
            return Address(url=f"unix://{each}")
    return Address(url=f"unix://{_USUAL_SOCKETS[0]}")


def _url(text: str, environment: Mapping[str, str]) -> Address:
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise UsageError(
            f"`{text}` is not the address of an engine: {error}", hint=ALLOWED
        ) from error
    if parts.scheme == "unix":
        path = parts.netloc + parts.path
        if not path.startswith("/"):
            raise UsageError(
                f"`{text}`: the socket's path must be absolute",
                hint=f"write unix:///{path.lstrip('/')}",
            )
        return Address(url=f"unix://{path}")
    if parts.scheme in {"tcp", "ssh"} and not host:
        raise UsageError(f"`{text}` names no host", hint=ALLOWED)
    if parts.scheme == "ssh":
        return Address(url=text.rstrip("/"))
    if parts.scheme == "tcp":
        tls = _tls_of(environment)
        name = f"[{host}]" if ":" in str(host) else host
        plain_port = 2376 if tls else 2375
        return Address(url=f"tcp://{name}:{port or plain_port}", **tls)
    meant = f"write unix://{text}" if text.startswith("/") else ALLOWED
    raise UsageError(f"`{text}` is not the address of an engine", hint=meant)


def _tls_of(environment: Mapping[str, str]) -> dict[str, Any]:
    """Read DOCKER_TLS_VERIFY, DOCKER_TLS and DOCKER_CERT_PATH as docker does."""
    verify = bool(environment.get("DOCKER_TLS_VERIFY"))
    folder = environment.get("DOCKER_CERT_PATH")
    if not verify and not environment.get("DOCKER_TLS") and not folder:
        return {}
    return _certificates(Path(folder) if folder else _config_folder(), verify=verify)


def _certificates(folder: Path, *, verify: bool) -> dict[str, Any]:
    paths = {each: folder / f"{each}.pem" for each in ("ca", "cert", "key")}
    found = {name: str(path) for name, path in paths.items() if path.is_file()}
    if verify and "ca" not in found:
        raise UsageError(
            "the engine's certificate is to be verified, but ca.pem is missing",
            where=str(folder),
            hint="set DOCKER_CERT_PATH to the folder with ca.pem, cert.pem and key.pem",
        )
    if ("cert" in found) != ("key" in found):
        raise UsageError(
            "a certificate and its key belong together; one is missing",
            where=str(folder),
            hint="put cert.pem and key.pem there, or neither",
        )
    return {"tls": True, "verify": verify, **found}


def _config_folder() -> Path:
    chosen = os.environ.get("DOCKER_CONFIG")
    return Path(chosen) if chosen else Path.home() / ".docker"


def _read(file: Path) -> dict[str, Any]:
    if not file.exists():
        return {}
    body = regular_file.read(file, error=UsageError)
    try:
        read = json.loads(body.decode())
    except (RecursionError, ValueError) as error:
        raise UsageError(
            f"docker's configuration cannot be read: {error}",
            where=str(file),
            hint="fix the file, or name the engine by its address",
        ) from error
    return read if isinstance(read, dict) else {}


def _current_context() -> str | None:
    name = _read(_config_folder() / "config.json").get("currentContext")
    return name if isinstance(name, str) else None


def _context(name: str) -> Address:
    """Read a docker context; its folder is named by the SHA-256 of its name."""
    if name == "default":
        return _usual()
    folder = _config_folder() / "contexts"
    key = hashlib.sha256(name.encode()).hexdigest()
    file = folder / "meta" / key / "meta.json"
    endpoint = _read(file).get("Endpoints", {}).get("docker", {})
    if not file.exists():
        files = folder.glob("meta/*/meta.json")
        known = [str(_read(each).get("Name", "")) for each in files]
        raise UsageError(
            f"there is no docker context `{name}`",
            where=str(folder),
            hint=nearest(name, [*filter(None, known), "default"]),
        )
    host = endpoint.get("Host", "")
    plain = _url(host, {})
    tls_folder = folder / "tls" / key / "docker"
    if not plain.url.startswith("tcp://") or not tls_folder.is_dir():
        return plain
    tls = _certificates(tls_folder, verify=not endpoint.get("SkipTLSVerify", False))
    default_port = urlsplit(host).port is None
    url = plain.url.removesuffix(":2375") + ":2376" if default_port else plain.url
    return Address(url=url, **tls)


def connect(address: Address, *, timeout: float) -> docker.APIClient:
    """Give a low-level client that speaks the engine's newest version.

    EngineError with what, where and a hint when the engine cannot be reached.
    """
    if address.url.startswith("ssh://") and shutil.which("ssh") is None:
        raise EngineError(
            "there is no ssh command", where=address.url, hint="install openssh-client"
        )
    tls: docker.tls.TLSConfig | bool = False
    try:
        if address.tls:
            pair = (address.cert, address.key) if address.cert and address.key else None
            tls = docker.tls.TLSConfig(
                client_cert=pair, ca_cert=address.ca, verify=address.verify
            )
        client = docker.APIClient(
            base_url=address.url,
            version="auto",
            timeout=timeout,  # type: ignore[arg-type]  # the stubs say int
            tls=tls,
            use_ssh_client=True,
        )
    except (
        docker.errors.DockerException,
        requests.RequestException,
        OSError,
        ValueError,
        subprocess.SubprocessError,
    ) as error:
        raise unreachable(address, error) from error
    # A socket is behind no proxy, and looking for one at each request takes longer
    # than most of them.
    client.trust_env = not address.is_unix
    return client


def answers(address: Address) -> bool:
    """Say quickly whether an engine answers there."""
    path = address.socket
    if path is not None and not Path(path).exists():
        return False
    try:
        connect(address, timeout=3).close()
    except EngineError:
        return False
    return True


def await_answer(address: Address, seconds: float) -> bool:
    """Wait for an engine that is being started again; False if it does not answer."""
    deadline = time.monotonic() + seconds
    while not answers(address):
        if time.monotonic() > deadline:
            return False
        # a socket that is not there yet gives no event to wait for
        time.sleep(0.05)
    return True


def identify(name: str, address: Address, *, data_root: str | None = None) -> Engine:
    """Ask an engine who it is.

    `data_root` is where its DockerRootDir can be read, when the caller knows better
    than to look for it on this machine.
    """
    client = connect(address, timeout=30)
    try:
        version = client.version()
        before = datetime.now().astimezone()
        info = client.info()
        after = datetime.now().astimezone()
    except (docker.errors.DockerException, requests.RequestException) as error:
        raise unreachable(address, error) from error
    finally:
        client.close()
    now = before + (after - before) / 2
    components = {
        each["Name"]: each["Version"]
        for each in version.get("Components") or ()
        if each["Name"] != "Engine"
    }
    return Engine(
        name=name,
        address=address,
        version=version["Version"],
        api=version["ApiVersion"],
        storage=_storage(info),
        components=tuple(sorted(components.items())),
        architecture=version["Arch"],
        data_root=data_root or _data_root(address, info),
        clock_offset=round((_time(info["SystemTime"]) - now).total_seconds(), 3),
    )


def _storage(info: Mapping[str, Any]) -> str:
    status = dict(pair for pair in info.get("DriverStatus") or () if len(pair) == 2)
    snapshotter = status.get("driver-type", "").startswith("io.containerd.snapshotter")
    return "containerd" if snapshotter else str(info["Driver"])


def _time(text: str) -> datetime:
    # the engine gives nanoseconds, which Python 3.11 does not read
    return datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text))


def _data_root(address: Address, info: Mapping[str, Any]) -> str | None:
    """Find a DockerRootDir that is on this machine and that we may read."""
    folder = Path(info.get("DockerRootDir") or "/nonexistent")
    readable = (
        address.is_unix
        and os.geteuid() == 0
        and (folder / str(info["Driver"])).is_dir()
    )
    return str(folder) if readable else None
