"""The container that an engine of an image lives in: its rights, volume and options.

Made, not started: `image` does that.
"""

from __future__ import annotations

import io
import json
import os
import tarfile
from collections.abc import Mapping
from importlib import resources
from typing import Any

import docker
from docker.errors import APIError
from docker.types import Mount

from harness.engines import owner
from harness.engines.released import Released
from harness.errors import EngineError
from harness.targets.versions import parse_version

LABEL = "layer-harness.owner"

_CONFIG = "/layer-harness.json"
#: What privileged containers may, less what a machine without CAP_SYS_RESOURCE cannot
#: give (measured with 20.10.24 and 26.1.5 in 20.10.24, on cgroup v1).
_FEWER: Mapping[str, Any] = {
    "CapAdd": ["ALL"],
    "CapDrop": ["SYS_RESOURCE"],
    "SecurityOpt": ["seccomp=unconfined", "apparmor=unconfined"],
    # what the docker command makes of `--security-opt systempaths=unconfined`
    "MaskedPaths": [],
    "ReadonlyPaths": [],
    "DeviceCgroupRules": ["a *:* rwm"],
}


def create(
    client: docker.APIClient,
    release: Released,
    store: str,
    *,
    fewer: bool,
    network: bool,
) -> str:
    """Make the container, with as much of a privileged one's rights as `fewer` leaves.

    Raises EngineError when the outer engine refuses it.
    """
    label = {LABEL: owner.name(os.getpid())}
    plain: dict[str, Any] = client.create_host_config(
        auto_remove=True,
        init=False,
        mounts=[Mount("/var/lib/docker", None, labels=label)],
        network_mode="bridge" if network else "none",
        privileged=not fewer,
    )
    if fewer:
        plain |= _FEWER
        if str(client.info().get("CgroupVersion", "1")) == "1":
            plain["Binds"] = ["/sys/fs/cgroup:/sys/fs/cgroup"]
    entrypoint = client.inspect_image(release.image)["Config"].get("Entrypoint") or []
    script = (resources.files("harness") / "data" / "dind.sh").read_text("utf-8")
    try:
        made = client.create_container(
            release.image,
            entrypoint=["sh", "-c", script, "layer-harness"],
            command=[*entrypoint, *_dockerd(store, network=network)],
            environment={
                "DOCKER_TLS_CERTDIR": "",
                "RIGHTS": "fewer" if fewer else "all",
            },
            labels=label,
            host_config=plain,
            stdin_open=True,
        )
        client.put_archive(made["Id"], "/", _config(release, store))
    except APIError as error:
        raise EngineError(
            f"no container of {release.image} can be made: {error.explanation}"
        ) from error
    return str(made["Id"])


def _dockerd(store: str, *, network: bool) -> list[str]:
    options = ["--host=unix:///var/run/docker.sock", f"--config-file={_CONFIG}"]
    if not network:
        # no traffic leaves it, and not every kernel has what iptables needs
        options.append("--iptables=false")
    if store != "containerd":
        options.append(f"--storage-driver={store}")
    return ["dockerd", *options]


def _config(release: Released, store: str) -> bytes:
    """Pack daemon.json: the containerd store is a feature, and the default from 29 on.

    https://docs.docker.com/engine/storage/containerd/
    """
    known = parse_version(release.version) >= parse_version("24.0")
    feature = {"containerd-snapshotter": store == "containerd"}
    text = json.dumps({"features": feature} if known else {}).encode()
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        member = tarfile.TarInfo(_CONFIG.lstrip("/"))
        member.size, member.mode = len(text), 0o644
        tar.addfile(member, io.BytesIO(text))
    return out.getvalue()
