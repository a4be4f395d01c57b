"""What `-e` may name, and where each engine comes from: found here, and started.

Without a name it is the engine at the usual place if that answers, else Debian
bookworm's. Nothing is fetched to find an engine: an engine of Debian's that is not
unpacked is taken for what the cache or the catalogue says it is (`choice` looks again).
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import docker.errors
import requests

from harness.documents.document import nearest
from harness.engines import (
    Engine,
    EngineSource,
    Suite,
    address,
    debian,
    image,
    released,
    roots,
)
from harness.engines.process import Say
from harness.engines.released import Released
from harness.engines.watchdog import watched
from harness.errors import EngineError, HarnessError, UsageError
from harness.targets.versions import plain_version

#: The engine of those who have none: the article's major version.
EMBEDDED = "bookworm"


def find(names: Sequence[str], cache: Path, say: Say) -> list[EngineSource]:
    """Say where the engines called `names` come from; the usual one without names.

    Raises UsageError for a name that means nothing, EngineError for an address where
    none answers.
    """
    chosen = dict.fromkeys(names or (usual(say),))
    return [source(each, cache) for each in chosen]


def everything(cache: Path) -> list[EngineSource]:
    """List every engine that can run here, with each of its stores.

    What the engine at the usual place is already need not be started.
    """
    found = []
    if address.answers(address.find("default")):
        found.append(_running("default", cache))
    if not debian.obstacles():
        for suite in roots.suites():
            found += [_of_suite(suite, store, cache) for store in suite.stores]
    own = {(each.version, each.store): each for each in reversed(found)}
    return [each for each in found if own[each.version, each.store] is each]


@contextmanager
def start(
    source: EngineSource,
    cache: Path,
    say: Say,
    *,
    most_kib: int | None = None,
    bounds: str = "",
    on: str = "",
) -> Iterator[Engine]:
    """Start an engine where it comes from, and stop it at the end.

    `most_kib` bounds what its data may take of the memory, `bounds` are those of its
    builds. `on` names the engine that
    one in a container runs on; the one at the usual place if it says nothing. Raises
    EngineError.
    """
    if source.engine is not None:
        yield source.engine
    elif source.suite is not None:
        with (
            debian.start(
                source.suite,
                cache=cache,
                say=say,
                store=source.store,
                most_kib=most_kib,
                bounds=bounds,
            ) as started,
            watched(started.engine, started.restart),
        ):
            yield started.engine
    else:
        release = Released(
            version=source.version, image=source.image, stores=(source.store,)
        )
        with (
            start(_outer(on, cache), cache, say, bounds=bounds) as outer,
            image.start(
                release,
                name=source.name,
                outer=outer.address,
                store=source.store,
                cache=cache,
                say=say,
            ) as engine,
        ):
            # all that it builds is in a container of the outer one
            yield replace(engine, cgroup=outer.cgroup, bounds=outer.bounds)


def image_id(source: EngineSource, cache: Path, on: str) -> str:
    """Give the ID of the image that an engine comes as; empty if it cannot be known."""
    try:
        outer = _outer(on, cache).engine
        if outer is None:
            return ""
        client = address.connect(outer.address, timeout=30)
        try:
            return str(client.inspect_image(source.image)["Id"])
        finally:
            client.close()
    except (HarnessError, docker.errors.DockerException, requests.RequestException):
        return ""


def source(name: str, cache: Path) -> EngineSource:
    """Read what `-e` names: a suite or a version with a store, or an address."""
    if "://" in name or name.startswith("context:") or name == "default":
        return _running(name, cache)
    if found := debian.named(name):
        return _of_suite(*found, cache)
    if released_as := released.find(name):
        release, store = released_as
        return EngineSource(
            name=name, version=release.version, store=store, image=release.image
        )
    if "/" not in name:
        known = [word for each in roots.suites() for word in (each.name, each.version)]
        raise UsageError(
            f"`{name}` is not an engine we know",
            where="--engine",
            hint=f"{nearest(name, known)}; or docker:27-dind; or {address.ALLOWED}",
        )
    return _running(name, cache)


def usual(say: Say) -> str:
    """Choose the engine when none is named: the default one, or the embedded one."""
    try:
        place = address.find("default")
    except UsageError:
        if os.environ.get("DOCKER_HOST") or os.environ.get("DOCKER_CONTEXT"):
            raise
        place = None
    if place is not None and address.answers(place):
        say(f"using the Docker engine at {place.url}")
        return "default"
    if not debian.obstacles():
        version = roots.suite(EMBEDDED).version
        say(
            f"no Docker engine answers at the usual place: using our own, Docker "
            f"{version} of Debian {EMBEDDED}, which is removed at the end"
        )
        return EMBEDDED
    raise EngineError(
        "no Docker engine answers at the usual place",
        hint="start one; or name one with -e ADDRESS (unix://, tcp://, ssh://, "
        "context:NAME); or run as root on a Debian-family Linux, where the harness "
        "starts its own",
    )


def _outer(on: str, cache: Path) -> EngineSource:
    """Find the engine that containers of engines run on."""
    if on:
        return source(on, cache)
    place = address.find("default")
    if not address.answers(place):
        raise EngineError(
            "an engine in a container runs on a Docker engine, and none answers at the "
            "usual place",
            hint="start one, or name one with --on ADDRESS",
        )
    return _running("default", cache)


def _running(name: str, cache: Path) -> EngineSource:
    engine = address.identify(name, address.find(name))
    for each in debian.status(cache):
        if each.engine and each.engine.address == engine.address:
            # one that was kept running: a build that meets its bounds is told so
            own = each.engine
            engine = replace(engine, cgroup=own.cgroup, bounds=own.bounds)
    return EngineSource(
        name=name,
        version=plain_version(engine.version),
        store=engine.storage,
        engine=engine,
    )


def _of_suite(suite: Suite, store: str, cache: Path) -> EngineSource:
    version = roots.remembered(suite, cache, roots.DAEMON) or suite.version
    return EngineSource(
        name=debian.title(suite, store),
        version=version,
        store=store,
        suite=replace(suite, version=version),
        assumed=True,
    )
