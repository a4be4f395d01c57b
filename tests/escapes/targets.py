"""The builders that escapes are tried on: opened by name, each on our own base."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from harness.builders import Request, engine_api
from harness.builders.command import CommandRunner, Tool, obtain
from harness.builders.records import standard_builders, standard_records
from harness.builders.transcript import Transcript
from harness.engines import Engine
from harness.engines.address import connect
from harness.engines.roots import busybox, cache_folder
from harness.images.base import standard_base
from harness.images.salted import salted
from harness.provision import sources
from harness.provision.plan import engine_targets

#: One of each kind, as cheap as can be; engine and builder, or a builder's suite.
USUAL = (
    "legacy@bookworm",
    "buildkit@bookworm",
    "buildx-0.29@bookworm",
    "buildah-layers@bookworm",
    "podman@bookworm",
)
_SUITES = ("bullseye", "bookworm", "trixie", "forky")
_ENGINES = (*_SUITES, "trixie+containerd", "forky+containerd")
#: All that runs here.
EVERY = (
    *(
        f"{builder}@{engine}"
        for engine in _ENGINES
        for builder in ("legacy", "buildkit", "buildx-0.13", "buildx-0.29")
        # there BuildKit takes a context from a client only
        if (builder, engine) != ("buildkit", "trixie+containerd")
    ),
    *(
        f"{builder}@{suite}"
        for builder in ("buildah", "buildah-layers", "podman")
        for suite in _SUITES
    ),
)
REFERENCE = "layer-harness/base:escapes"
CACHE = cache_folder()
#: Seconds for a build, most of which tries some 150 things.
LIMIT = 120.0

BuildIt = Callable[[Request], Transcript]


def base() -> bytes:
    """Give the archive of the base that all build on."""
    archive = io.BytesIO()
    salted(standard_base(busybox(CACHE, print)), REFERENCE, REFERENCE, archive)
    return archive.getvalue()


@contextmanager
def opened(name: str) -> Iterator[BuildIt]:
    """Give what builds on a target; HarnessError where it cannot be had."""
    builder, _, place = name.partition("@")
    record = standard_records().get(builder)
    if record is not None and record.place == "own":
        suite = next(each for each in record.suites if each.name == place)
        tool = obtain(record, suite, CACHE, print)
        with CommandRunner(tool, CACHE / "tmp") as runner:
            runner.load(io.BytesIO(base()), REFERENCE)
            yield lambda request: runner.build(request, limit=LIMIT)
        return
    with sources.start(sources.source(place, CACHE), CACHE, print) as engine:
        client = connect(engine.address, timeout=60)
        for line in client.load_image(io.BytesIO(base())):
            assert "error" not in line
        if record is None:
            target = next(
                each.builder
                for each in engine_targets(engine, standard_builders())
                if each.builder.name == builder
            )
            yield lambda request: engine_api.build(client, target, request, limit=LIMIT)
            return
        tool = obtain(record, record.suites[0], CACHE, print)
        yield lambda request: _driven(tool, request, engine)


def _driven(tool: Tool, request: Request, engine: Engine) -> Transcript:
    with CommandRunner(tool, CACHE / "tmp") as runner:
        return runner.build(request, limit=LIMIT, host=engine.address)
