"""Run one build over `POST /build`, with the legacy builder or with BuildKit.

The docker SDK's low-level client carries the request; it has no BuildKit support of
its own (docker/docker-py#2230), so the parameter `version` is set here. Effects only:
what the stream means is `stream`'s.
"""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import docker
import requests
import urllib3

from harness.builders import Request
from harness.builders.transcript import Listener, Transcript, read_lines
from harness.errors import EngineGone
from harness.targets.builder import Builder

#: Seconds to wait for the connection and for the engine to take the context.
CONNECT_LIMIT = 30.0
#: Bytes read at a time, and all that is read of a refusal.
_CHUNK = 1 << 16


def parameters(request: Request, builder: Builder) -> dict[str, Any]:
    """Write the query of `POST /build` (Docker Engine API, "Build an image")."""
    query: dict[str, Any] = {
        "version": builder.api_version,
        "t": request.tag,
        "dockerfile": request.file,
        "rm": True,
        "forcerm": True,
        "nocache": request.cold,
        "buildargs": json.dumps(dict(request.args)),
        "labels": json.dumps(dict(request.labels)),
        "target": request.target,
        **request.options,
    }
    return {
        name: str(value).lower() if isinstance(value, bool) else value
        for name, value in query.items()
        if value not in ("", None)
    }


def build(
    client: docker.APIClient, builder: Builder, request: Request, *, limit: float
) -> Transcript:
    """Run one build to its end, or end it after `limit` seconds.

    A build ends with its connection, for both builders: the engine cancels it and
    kills what runs (measured on 20.10.24). Raises EngineGone when the engine is not
    reached; a stream that breaks off is told in the transcript.
    """
    listener = Listener()
    url = f"{client.base_url}/v{client.api_version}/build"
    try:
        response = client.post(
            url,
            data=request.context,
            params=parameters(request, builder),
            headers={"Content-Type": "application/x-tar"},
            stream=True,
            timeout=(CONNECT_LIMIT, limit),
        )
    except requests.ReadTimeout:
        return listener.transcript(status=0, timed_out=True)
    except requests.RequestException as error:
        if error.args and isinstance(error.args[0], urllib3.exceptions.ProtocolError):
            # It took the request, and no answer came: a panic in the handler, which
            # net/http catches (measured on all versions with no stage and labels).
            return listener.transcript(status=0)
        raise EngineGone(f"the engine takes no build: {error}") from error
    with response, _deadline(response, limit) as deadline:
        if response.status_code >= 400:
            listener.hear({"error": _refusal(response)})
            return listener.transcript(status=response.status_code)
        # A connection that is shut down at the deadline, or by a dying engine, ends
        # the iteration with one of these; which it was, `deadline` knows.
        with suppress(requests.RequestException, urllib3.exceptions.HTTPError, OSError):
            for line in read_lines(response.iter_content(_CHUNK)):
                listener.hear(line)
    return listener.transcript(status=response.status_code, timed_out=deadline.is_set())


@contextmanager
def _deadline(response: requests.Response, limit: float) -> Iterator[threading.Event]:
    """Shut the connection down after `limit` seconds, and say so in the event.

    A read timeout alone would not do: a build that prints on goes on for ever.
    """
    passed = threading.Event()
    connection = getattr(response.raw, "connection", None)
    sock: socket.socket | None = getattr(connection, "sock", None)

    def end() -> None:
        passed.set()
        if sock is not None:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        else:
            response.close()

    timer = threading.Timer(limit, end)
    timer.daemon = True
    timer.start()
    try:
        yield passed
    finally:
        timer.cancel()


def _refusal(response: requests.Response) -> str:
    """Read why an engine refused: `{"message": ...}` with an HTTP error status."""
    said = response.raw.read(_CHUNK, decode_content=True).decode(errors="replace")
    try:
        return str(json.loads(said)["message"])
    except (ValueError, KeyError, TypeError):
        return said.strip() or f"HTTP {response.status_code}"
