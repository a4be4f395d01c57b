"""Say why an engine cannot be reached, and what to do about it.

The only place where failures to reach one are classified.
"""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Iterator

import requests

from harness.engines import Address
from harness.errors import EngineError


def unreachable(address: Address, error: BaseException) -> EngineError:
    """Say what a failure to reach an engine means, and what to do about it."""
    message, hint = _explain(address, error)
    return EngineError(message, where=address.url, hint=hint)


def _explain(address: Address, error: BaseException) -> tuple[str, str]:
    causes = list(_chain(error))
    text = " ".join(str(each) for each in causes)

    def among(*kinds: type[BaseException]) -> bool:
        return any(isinstance(each, kinds) for each in causes)

    if "paramiko" in text:
        return (
            "the docker SDK lacks its part for ssh",
            "python3 -m pip install 'docker[ssh]'",
        )
    if address.url.startswith("ssh://"):
        return (
            f"the engine cannot be reached over ssh: {_last(causes)}",
            f"try `docker -H {address.url} version`: host, key, docker must be there",
        )
    if among(ssl.SSLError, requests.exceptions.SSLError):
        return (
            f"TLS failed: {_last(causes)}",
            "set DOCKER_CERT_PATH to the folder of its ca.pem, cert.pem and key.pem",
        )
    if re.search(r"HTTP request to an HTTPS server", text):
        return (
            "the engine requires TLS, but the connection does not use it",
            "set DOCKER_TLS_VERIFY=1 and DOCKER_CERT_PATH",
        )
    if among(PermissionError):
        return (
            "no permission to use the engine's socket",
            "run as root, or join the group that owns the socket (usually `docker`)",
        )
    if among(FileNotFoundError):
        return (
            "no engine: the socket does not exist",
            "start the engine, or name another",
        )
    if among(ConnectionRefusedError):
        return (
            "no engine: nothing listens there",
            "start the engine, or name another address",
        )
    if among(socket.gaierror) or "Name or service not known" in text:
        return "this host name is not known", "check the name and the network"
    if among(TimeoutError, requests.Timeout):
        return (
            "the engine does not answer in time",
            "see whether it hangs (`docker version`), start it again, or name another",
        )
    if "too old" in text or "minimum supported" in text:
        return (
            f"the engine and the docker SDK share no API version: {_last(causes)}",
            "python3 -m pip install --upgrade docker",
        )
    return (
        f"no engine answers: {_last(causes)}",
        "start one there, or name another with `-e`",
    )


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Walk an exception and all it stands for: causes, contexts, wrapped arguments."""
    waiting, seen = [error], set()
    while waiting:
        each = waiting.pop(0)
        if id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        inner = [each.__cause__, each.__context__, getattr(each, "reason", None)]
        for argument in each.args:
            inner.extend(argument if isinstance(argument, tuple) else (argument,))
        waiting.extend(one for one in inner if isinstance(one, BaseException))


def _last(causes: list[BaseException]) -> str:
    """Give the innermost words, which are the plainest."""
    return str(causes[-1]).strip() or type(causes[-1]).__name__
