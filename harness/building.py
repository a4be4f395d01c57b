"""Build a case's builds on a target, in order, and fetch what came out.

Each run, and each case that uses the cache, has a base of its own (same content,
another chain ID), so that no build takes anything from the cache of another. What was
made is removed, and nothing else.
"""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from math import floor
from typing import Any

import docker
import requests
from docker.errors import DockerException

from harness import containers, ondisk
from harness.base import Base
from harness.builders import Request
from harness.builders.engine_api import build
from harness.builders.stream import Transcript
from harness.case import Case
from harness.casefile import Build
from harness.context import tar_file
from harness.engines import Engine
from harness.errors import CaseError, EngineError, EngineGone
from harness.image import Image, read_archive
from harness.layer import Layer
from harness.loading import (
    PREFIX,
    copy_of,
    isolation,
    loaded,
    new_base,
    remove,
)
from harness.observation import ContainerRecord
from harness.target import BUILDERS, Target

_ARG = re.compile(r"^\s*ARG\s+(\w+)", re.MULTILINE | re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Where cases are built: a target, its engine, the base, seconds for one build.

    `shared` is the reference under which the base was loaded for all cases that need
    no copy of their own.
    """

    target: Target
    engine: Engine
    client: docker.APIClient
    base: Base
    shared: str
    limit: float

    def now(self) -> float:
        """Tell the engine's time, which is what its files have."""
        return time.time() + self.engine.clock_offset


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """One build as it came out, before noise is told from behaviour.

    `image` is None when the build failed, `container` when none was asked for,
    `directories` when overlay2's were not, or cannot be read here.
    """

    name: str
    build: Build
    transcript: Transcript
    image: Image | None = None
    container: ContainerRecord | None = None
    directories: tuple[ondisk.Directory, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """All builds of a case, run once; its base's reference; the times, in seconds."""

    base: str
    base_image: Image
    since: float
    until: float
    built: tuple[Built, ...]


def run(case: Case, site: Site, *, on_disk: bool = False) -> Run:
    """Run a case's builds in order; one that fails is a `Built` without an image.

    `on_disk` has overlay2's directories read though no expectation asks for it.

    Raises EngineGone when the engine does not answer any more, EngineError for what it
    refuses outside of a build, ArchiveError for an export that cannot be true.
    """
    with ExitStack() as stack, _engine_errors(site):
        reference, base_image = site.shared, copy_of(site.base, site.shared)
        apart = isolation(case, site.target.builder)
        if apart != "none":
            reference = new_base()
            base_image = stack.enter_context(
                loaded(site.client, site.base, reference, layers_too=apart == "chain")
            )
        since = site.now()
        offered = {"BASE": reference}
        done: list[Built] = []
        for name in case.builds:
            tag = f"{PREFIX}/build:{uuid.uuid4().hex}"
            built = _build(case, name, tag, offered, site)
            stack.callback(
                remove, site.client, tag, built.transcript.images, floor(since)
            )
            offered[argument(name)] = tag
            done.append(_fetched(case, built, tag, base_image, site, on_disk=on_disk))
        return Run(
            base=reference,
            base_image=base_image,
            since=since,
            until=site.now(),
            built=tuple(done),
        )


def argument(name: str) -> str:
    """Name the build argument that hands the image of build `name` to later ones."""
    return f"BUILD_{name.upper().replace('-', '_')}"


def next_second(now: Callable[[], float]) -> None:
    """Wait for the next second of `now`.

    File times are whole seconds: what is built in one second can be equal by chance,
    and two runs would tell different things.
    """
    moment = now()
    time.sleep(1.0 - moment % 1.0)


@contextmanager
def _engine_errors(site: Site) -> Iterator[None]:
    """Word what the SDK raises outside of a build, and tell a dead engine from it."""
    try:
        yield
    except (DockerException, requests.RequestException) as error:
        with suppress(DockerException, requests.RequestException):
            if site.client.ping():
                raise EngineError(
                    f"the engine refused: {error}", where=site.engine.name
                ) from error
        raise EngineGone(
            f"the engine does not answer any more: {error}", where=site.engine.name
        ) from error


def _build(
    case: Case, name: str, tag: str, offered: Mapping[str, str], site: Site
) -> Built:
    """Run one build; it gets those arguments offered that its Dockerfile declares."""
    plan = case.builds[name]
    declared = set(_ARG.findall(plan.dockerfile))
    args = {key: value for key, value in offered.items() if key in declared}
    try:
        tar = tar_file(case.context(name))
    except ValueError as error:
        raise CaseError(
            f"the context of `{name}` is no tar: {error}",
            where=str(case.path),
            hint="see `context` in CONTRIBUTING.md",
        ) from error
    with tar as context:
        transcript = build(
            site.client,
            BUILDERS[site.target.builder],
            Request(
                context=context,
                tag=tag,
                file=plan.file,
                args={**args, **plan.args},
                labels=plan.labels,
                target=plan.target,
                cold=case.cold(name),
                options=_options(plan),
            ),
            limit=site.limit,
        )
    if transcript.ending == "broken":
        # Neither an image nor an error: a panic in the handler, or a dead engine.
        raise EngineGone(
            f"the engine broke the build `{name}` off without a word",
            where=site.engine.name,
            hint="look at the engine's log; other cases go on",
        )
    return Built(name=name, build=plan, transcript=transcript)


def _options(plan: Build) -> dict[str, Any]:
    options = plan.options
    return {
        "networkmode": options.network,
        "platform": options.platform,
        "extrahosts": ",".join(options.extra_hosts),
        "shmsize": options.shm_size,
        "memory": options.memory,
        "squash": options.squash or None,
    }


def _fetched(
    case: Case, built: Built, tag: str, base: Image, site: Site, *, on_disk: bool
) -> Built:
    """Add to a build that ended well its image and what else the case asks for."""
    if built.transcript.ending != "ok":
        return built
    client = site.client
    inspected = client.inspect_image(tag)
    image = _image(client, tag, inspected, {each.diff_id: each for each in base.layers})
    container = None
    if built.build.run is not None:
        container = containers.run(
            client, site.engine, tag, built.build.run, limit=site.limit
        )
    directories = None
    wanted = on_disk or any(
        each.on_disk is not None and each.of in {None, built.name}
        for each in case.expect
    )
    if wanted and site.engine.data_root is not None:
        root = client.info()["DockerRootDir"]
        driver = inspected.get("GraphDriver") or {}
        directories = ondisk.read(driver, root, site.engine.data_root)
    return replace(built, image=image, container=container, directories=directories)


def _image(
    client: docker.APIClient,
    tag: str,
    inspected: Mapping[str, Any],
    known: Mapping[str, Layer],
) -> Image:
    if not inspected["RootFS"].get("Layers"):
        # An image without layers cannot be exported ("empty export - not
        # implemented", measured 20.10.5 to 28.5.2); inspect tells all there is.
        history = [
            {"created_by": each["CreatedBy"], "comment": each["Comment"]}
            | {"empty_layer": True}
            for each in reversed(client.history(tag))
        ]
        config = {
            "config": inspected["Config"],
            "architecture": inspected["Architecture"],
            "os": inspected["Os"],
            "history": history,
            "rootfs": {"type": "layers", "diff_ids": []},
        }
        return Image(reference=tag, config=config, config_digest="", layers=())
    return read_archive(client.get_image(tag), known=known)[0]
