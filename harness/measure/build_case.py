"""Build a case's builds on a target, in order, and fetch what came out.

A run has bases of its own, and so has each case that uses the cache (`loading`), so
that no build takes anything from the cache of another. What was made is removed, and
nothing else.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from math import floor
from typing import Any, BinaryIO

from harness.builders import Request
from harness.builders.transcript import Transcript, said_before
from harness.cases.case import Case, argument
from harness.cases.model import Build
from harness.dockerfile import parser
from harness.dockerfile.context import ContextFile, tar_file
from harness.dockerfile.dockerignore import IgnoreError, sent
from harness.engines import room
from harness.engines.bounds import bound_met
from harness.errors import (
    CaseError,
    EngineError,
    EngineGone,
    Unexportable,
    Unsupported,
)
from harness.images.image import Image
from harness.measure import containers, overlay2
from harness.measure.base_copies import new_build
from harness.measure.driver import Driver, engine_errors
from harness.measure.engine_death import blamed, is_full, is_lost
from harness.measure.given_images import by_name
from harness.measure.noise import MARGIN
from harness.measure.observation import ContainerRecord
from harness.measure.open_target import OpenTarget
from harness.targets.builder import Builder


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
    directories: tuple[overlay2.Directory, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """All builds of a case, run once; its base's reference; the times, in seconds.

    `added` counts the layers of `base_image` that only make it a copy (`salted`).
    `given` has the images of the user's that Dockerfiles may take, by full name.
    `began` is the first at which any build of the harness's run can have been.
    """

    base: str
    base_image: Image
    added: int
    given: Mapping[str, Image] = field(default_factory=dict)
    since: float
    until: float
    began: float
    built: tuple[Built, ...]


def run(case: Case, opened: OpenTarget) -> Run:
    """Run a case's builds in order; one that fails is a `Built` without an image.

    Raises EngineGone when the engine does not answer any more, BoundMet when a build
    took all that it may, EngineError for what the engine refuses outside of a build,
    ArchiveError for an export that cannot be true.
    """
    with (
        room.needed(f"{case.id} on {opened.target.id}"),
        ExitStack() as stack,
        engine_errors(opened.engine),
    ):
        driver = stack.enter_context(opened.driver(case))
        reference, base_image = stack.enter_context(driver.base())
        since, began = opened.now(), time.monotonic()
        apart = uuid.uuid4().hex
        offered = {} if case.given else {"BASE": reference}
        given = by_name(opened.given)
        below = [base_image, *given.values()]
        done: list[Built] = []
        for name in case.builds:
            tag = new_build(opened.shared)
            asked = _Asked(
                case=case,
                builder=opened.target.builder,
                name=name,
                tag=tag,
                offered=offered,
                apart=apart,
            )
            with _within_bounds(name, opened):
                built = _build(asked, driver, opened)
                stack.callback(driver.remove, tag, built.transcript, floor(since))
                if not case.given:
                    offered[argument(name)] = tag
                if built.transcript.ending == "ok":
                    mark = opened.log_size()
                    fetched = _fetched(built, tag, below, driver)
                    built = _own_doing(fetched, opened, mark)
                if built.image is not None:
                    built = _looked_into(case, built, tag, opened)
            done.append(built)
        until = opened.now()
        _need_clock(until - since, time.monotonic() - began, opened)
        return Run(
            base=reference,
            base_image=base_image,
            added=len(base_image.layers) - len(opened.base.layers),
            given=given,
            since=since,
            until=until,
            began=min(since, opened.began),
            built=tuple(done),
        )


def _need_clock(told: float, passed: float, opened: OpenTarget) -> None:
    """Hold that the clock, which `told` so many seconds, was not set back.

    What was built before is later then than what is known as the end, and its times
    would be taken for the Dockerfile's doing.
    """
    if told < passed - MARGIN:
        raise EngineError(
            f"the clock was set back by {passed - told:.0f} s while this was built",
            where=opened.name,
            hint="run again: what was measured before is kept",
        )


def next_second(now: Callable[[], float]) -> None:
    """Wait for the next second of `now`.

    File times are whole seconds: what is built in one second can be equal by chance,
    and two runs would tell different things.
    """
    moment = now()
    time.sleep(1.0 - moment % 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """One build of a case: its builder and tag, and the arguments it is offered.

    `apart` keeps the cache mounts of this case's builds from those of any other.
    """

    case: Case
    builder: Builder
    name: str
    tag: str
    offered: Mapping[str, str]
    apart: str

    def request(self, stack: ExitStack) -> Request:
        """Make the request; those arguments are given that the Dockerfile declares.

        What is posted has gone through .dockerignore as a client's would; a command
        sees to that itself. Raises IgnoreError for what a client refuses.
        """
        case, name = self.case, self.name
        plan = case.builds[name]
        declared = parser.parse(plan.dockerfile).declared
        args = {key: text for key, text in self.offered.items() if key in declared}
        if self.builder.family == "buildkit" and "type=cache" in plan.dockerfile:
            # built in, and in no history: https://docs.docker.com/reference/dockerfile/
            # #buildkit-built-in-build-args
            args["BUILDKIT_CACHE_MOUNT_NS"] = self.apart
        files = case.context(name)
        file = plan.file
        outside: Mapping[str, bytes] = {}
        if case.given is not None and self.builder.place == "api":
            files, file = case.given.posted(self.builder, file)
        elif case.given is not None:
            outside = case.given.beside
        elif self.builder.place == "api":
            files = sent(files, plan.file, self.builder.family, raw=plan.raw)
        elif plan.raw:
            raise Unsupported("a raw context: a command filters what it sends itself")
        return Request(
            context=stack.enter_context(_tar(case, name, files)),
            tag=self.tag,
            file=file,
            outside=outside,
            args={**args, **plan.args},
            labels=plan.labels,
            target=plan.target,
            cold=case.cold(name),
            secrets={each: text.encode() for each, text in plan.secrets.items()},
            ssh=plan.ssh,
            contexts={
                each: stack.enter_context(_tar(case, name, files))
                for each, files in case.named_contexts(name).items()
            },
            provenance=plan.options.provenance,
            options=_options(plan),
        )


@contextmanager
def _within_bounds(name: str, opened: OpenTarget) -> Iterator[None]:
    """Raise BoundMet for a build in an engine that met a bound, whatever came of it."""
    meter = opened.meter
    if meter is None:
        yield
        return
    # what was met before is not of this build
    meter.met()
    try:
        yield
    except Exception as error:
        if bound := meter.met():
            raise bound_met(f"the build `{name}`", bound) from error
        raise
    if bound := meter.met():
        raise bound_met(f"the build `{name}`", bound)


def _build(asked: _Asked, driver: Driver, opened: OpenTarget) -> Built:
    """Run one build; one that kills the engine is a `Built` if nothing else ran."""
    plan = asked.case.builds[asked.name]
    mark = opened.log_size()
    with ExitStack() as stack:
        try:
            request = asked.request(stack)
        except IgnoreError as refused:
            transcript = said_before(str(refused))
            return Built(name=asked.name, build=plan, transcript=transcript)
        if opened.slots is not None:
            stack.enter_context(opened.slots.taken())
        transcript = driver.build(request, asked.case.limit or opened.limit)
    built = Built(name=asked.name, build=plan, transcript=transcript)
    return _own_doing(built, opened, mark)


def _own_doing(built: Built, opened: OpenTarget, mark: int) -> Built:
    """Give a build as it came out, if that was its own doing.

    Raises EngineGone where the engine may have ended since `mark` by what was beside
    it, and EngineError where there is no room left.
    """
    transcript = built.transcript
    if opened.engine is not None and is_lost(transcript, opened, mark):
        # A panic in the handler, or a dead engine. Its doing, or that of a build
        # beside it?
        if not opened.alone:
            raise EngineGone(
                f"the engine broke the build `{built.name}` off",
                where=opened.name,
            )
        transcript = blamed(transcript, opened, mark)
    if is_full(transcript, opened):
        raise EngineError(
            f"there is no room left for the build `{built.name}`: {transcript.error}",
            where=opened.name,
            hint=room.HINT,
        )
    return replace(built, transcript=transcript)


def _tar(case: Case, name: str, files: list[ContextFile]) -> BinaryIO:
    try:
        return tar_file(files)
    except ValueError as error:
        raise CaseError(
            f"the context of `{name}` cannot be written as a tar: {error}",
            where=str(case.path),
            hint="see `context` in CONTRIBUTING.md",
        ) from error


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


def _fetched(built: Built, tag: str, below: Sequence[Image], driver: Driver) -> Built:
    """Add to a build that ended well its image, or that it cannot be exported.

    It is asked for a second time, so that no chance is taken for the builder's doing.
    """
    known = {layer.diff_id: layer for image in below for layer in image.layers}
    try:
        return replace(built, image=driver.image(tag, known))
    except Unexportable:
        pass
    try:
        return replace(built, image=driver.image(tag, known))
    except Unexportable as refused:
        ended = replace(built.transcript, ending="unexportable", error=refused.message)
        return replace(built, transcript=ended)


def _looked_into(case: Case, built: Built, tag: str, opened: OpenTarget) -> Built:
    """Add to an image in an engine what else the case asks for."""
    if opened.engine is None or opened.client is None:
        return built
    container = None
    if built.build.run is not None:
        container = containers.run(
            opened.client,
            opened.engine,
            tag,
            built.build.run,
            limit=case.limit or opened.limit,
        )
    directories = None
    wanted = opened.on_disk or any(
        each.on_disk is not None and each.of in {None, built.name}
        for each in case.asked
    )
    if wanted and opened.engine.data_root is not None:
        root = opened.client.info()["DockerRootDir"]
        driver = opened.client.inspect_image(tag).get("GraphDriver") or {}
        directories = overlay2.read(driver, root, opened.engine.data_root)
    return replace(built, container=container, directories=directories)
