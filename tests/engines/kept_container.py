"""A small harness to be killed: an engine in a container, held until the end.

Arguments: the outer engine's URL, the image, its version, the cache folder. It says
`up` when the engine answers.
"""

from __future__ import annotations

import sys
from pathlib import Path

from harness.engines import Address, image
from harness.engines.released import Released


def main() -> None:
    url, reference, version, cache = sys.argv[1:]
    with image.start(
        Released(version=version, image=reference, stores=("vfs",)),
        name="dind",
        outer=Address(url=url),
        store="vfs",
        cache=Path(cache),
        say=lambda _: None,
    ):
        print("up", flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
