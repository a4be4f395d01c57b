"""A small harness that tests end in every way: start bookworm, build, wait.

Argument: the cache folder. It says where the engine's data is, and `stopped` when it
has come to the end of its own accord.
"""

from __future__ import annotations

import contextlib
import io
import sys
import tarfile
import threading
from pathlib import Path

import requests

from harness.engines import Address, address, debian, roots

DOCKERFILE = b'FROM scratch\nCOPY busybox /bin/sh\nRUN ["/bin/sh", "-c", "sleep 600"]\n'


def context(busybox: Path, dockerfile: bytes = DOCKERFILE) -> bytes:
    """Give a context with a busybox, as the tar that POST /build takes."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        for name, content in (
            ("Dockerfile", dockerfile),
            ("busybox", busybox.read_bytes()),
        ):
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), 0o755
            tar.addfile(member, io.BytesIO(content))
    return file.getvalue()


def build(place: Address, version: str, posted: bytes) -> str:
    """Build with the legacy builder, "1", or BuildKit, "2"; gives the whole stream."""
    client = address.connect(place, timeout=600)
    answer = client.post(
        f"{client.base_url}/build",
        params={"version": version, "nocache": "1", "t": f"layer-harness:{version}"},
        data=posted,
        headers={"Content-Type": "application/x-tar"},
    )
    return answer.text


def build_to_the_end(place: Address, version: str, posted: bytes) -> None:
    """Build until the engine is ended below the build."""
    with contextlib.suppress(requests.RequestException):
        build(place, version, posted)


def main() -> None:
    cache = Path(sys.argv[1])
    with debian.start(
        roots.suite("bookworm"), cache=cache, say=lambda _: None
    ) as started:
        posted = context(roots.busybox(cache, print))
        for version in ("1", "2"):
            threading.Thread(
                target=build_to_the_end,
                args=(started.engine.address, version, posted),
                daemon=True,
            ).start()
        print(started.engine.data_root, flush=True)
        sys.stdin.read()
    print("stopped", flush=True)


if __name__ == "__main__":
    main()
