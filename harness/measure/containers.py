"""Run a container of a built image and remove it: the writable layer (article C14).

Docker's documentation of storage drivers: a container adds a writable layer over the
image's read-only ones, and removing the container drops it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import docker
from docker.errors import NotFound

from harness.engines import Engine
from harness.measure.observation import ContainerRecord

_ADDED, _DELETED = 1, 2


def run(
    client: docker.APIClient,
    engine: Engine,
    image: str,
    command: list[str],
    *,
    limit: float,
) -> ContainerRecord:
    """Run `command` in a container of `image`, look at what it wrote, remove it.

    Raises docker's own errors when the engine refuses, requests' when `limit` (in
    seconds) passes; the container is removed in any case.
    """
    before = client.inspect_image(image)["RootFS"]
    container = client.create_container(
        image,
        command=command,
        host_config=client.create_host_config(network_mode="none"),
    )["Id"]
    try:
        upper = _upper(client.inspect_container(container), client.info(), engine)
        client.start(container)
        exit_code = int(client.wait(container, timeout=math.ceil(limit))["StatusCode"])
        writes = written(client.diff(container) or ())
    finally:
        with suppress(NotFound):
            client.remove_container(container, force=True, v=True)
    removed = upper is None or not upper.exists()
    with suppress(NotFound):
        client.inspect_container(container)
        removed = False
    return ContainerRecord(
        exit_code=exit_code,
        writes=writes,
        image_unchanged=client.inspect_image(image)["RootFS"] == before,
        removed=removed,
    )


def written(changes: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """List the changed paths, without directories that stand only on the way to one."""
    found = list(changes)
    paths = [str(each["Path"]) for each in found]
    return tuple(
        sorted(
            str(each["Path"])
            for each in found
            if each["Kind"] in (_ADDED, _DELETED)
            or not any(path.startswith(f"{each['Path']}/") for path in paths)
        )
    )


def _upper(
    inspected: Mapping[str, Any], info: Mapping[str, Any], engine: Engine
) -> Path | None:
    place = ((inspected.get("GraphDriver") or {}).get("Data") or {}).get("UpperDir")
    if not place or engine.data_root is None:
        return None
    return Path(engine.data_root) / Path(place).relative_to(info["DockerRootDir"])
