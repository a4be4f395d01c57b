"""The containerd below a dockerd: that it died, that it is away, that it is back.

dockerd starts another one ten seconds after it died. A RUN of the legacy builder goes
on then, or never ends (measured on 20.10.24 and 26.1.5); BuildKit's goes on without.
"""

from __future__ import annotations

import re

import requests
from docker.errors import DockerException

from harness.engines import Engine
from harness.engines.address import connect
from harness.errors import EngineError

#: Seconds for an answer that takes no work.
_ANSWER = 10.0
#: What dockerd's log says of its end.
_ENDED = re.compile(
    r'"containerd did not exit successfully"(?: error="(?P<how>[^"]*)")?'
)
#: What dockerd says while it is away.
_AWAY = re.compile(r"containerd\.sock.*unavailable|transport is closing")


def end_in(log: str) -> str:
    """Say how a containerd ended that dockerd's log tells of; empty without one."""
    match = _ENDED.search(log)
    return f"the engine's containerd ended: {match['how']}" if match else ""


def is_away(error: str) -> bool:
    """Say whether an engine refused something because its containerd is away."""
    return _AWAY.search(error) is not None


def is_there(engine: Engine) -> bool:
    """Say whether an engine has its containerd, whose version it tells then.

    True for one that has never told it.
    """
    if "containerd" not in dict(engine.components):
        return True
    try:
        client = connect(engine.address, timeout=_ANSWER)
        try:
            told = client.version().get("Components") or ()
        finally:
            client.close()
    except (EngineError, DockerException, requests.RequestException):
        return False
    return any(each["Name"] == "containerd" for each in told)
