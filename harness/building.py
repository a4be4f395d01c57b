"""Build a case's builds on a target, in order, and fetch what came out.

Each run, and each case that uses the cache, has a base of its own (same content,
another chain ID), so that no build takes anything from the cache of another. What was
made is removed, and nothing else.
"""

from __future__ import annotations

import re
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from math import floor
from pathlib import Path
from typing import Any, BinaryIO

import docker

from harness import containers, ondisk, panic
from harness.base import Base
from harness.builders import Request
from harness.builders.command import Bench, Tool
from harness.builders.stream import Ending, Transcript
from harness.case import Case
from harness.casefile import Build
from harness.context import ContextFile, tar_file
from harness.driver import (
    ClientDriver,
    CommandDriver,
    Driver,
    EngineDriver,
    engine_errors,
)
from harness.engines import Engine
from harness.engines.address import answers, await_answer
from harness.errors import CaseError, EngineError, EngineGone
from harness.image import Image
from harness.loading import PREFIX
from harness.observation import ContainerRecord
from harness.target import Target

#: Seconds that an engine gets to come back after a build has killed it.
RESTART = 60.0

#: What clients say of an engine that has died below them (measured on buildx 0.13.1
#: and 0.29.1); some of it is said of other connections too.
_LOST = re.compile(
    r"error reading from server|code = Unavailable|unexpected EOF"
    r"|connection re(?:set|fused)|Cannot connect to the Docker daemon",
    re.IGNORECASE,
)

_ARG = re.compile(r"^\s*ARG\s+(\w+)", re.MULTILINE | re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Where cases are built: a target, what it takes, seconds for one build.

    `engine` and its `client` are None for a builder with a storage of its own; `tool`
    is the command of a command builder, which builds in `folder`. `shared` is the
    reference under which an engine has the base for all cases that need no copy of
    their own. `alone` says that nothing else is built on the engine, so that a build
    that breaks off is what broke it.
    """

    target: Target
    base: Base
    shared: str
    limit: float
    engine: Engine | None = None
    client: docker.APIClient | None = None
    tool: Tool | None = None
    folder: Path | None = None
    alone: bool = False

    @property
    def name(self) -> str:
        """Name the engine, or the target where there is none."""
        return self.engine.name if self.engine else self.target.id

    @property
    def log(self) -> Path | None:
        """Where the engine's daemon writes to, if that is on this machine."""
        return Path(self.engine.log) if self.engine and self.engine.log else None

    def now(self) -> float:
        """Tell the engine's time, which is what its files have."""
        return time.time() + (self.engine.clock_offset if self.engine else 0.0)

    @contextmanager
    def driver(self, case: Case) -> Iterator[Driver]:
        """Give what drives the target's builder for one case."""
        with ExitStack() as stack:
            bench = None
            if self.tool is not None:
                folder = self.folder or Path(tempfile.gettempdir())
                store = "" if self.engine else self.target.store
                bench = stack.enter_context(Bench(self.tool, folder, store=store))
            if self.engine is None or self.client is None:
                if bench is None:
                    raise EngineError("neither an engine nor a tool", where=self.name)
                yield CommandDriver(bench=bench, standard=self.base)
                return
            inside = EngineDriver(
                target=self.target,
                client=self.client,
                standard=self.base,
                shared=self.shared,
                case=case,
            )
            if bench is None:
                yield inside
            else:
                host = self.engine.address
                yield ClientDriver(inside=inside, bench=bench, host=host)


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
    with ExitStack() as stack, engine_errors(site.engine, site.client):
        driver = stack.enter_context(site.driver(case))
        reference, base_image = stack.enter_context(driver.base())
        since = site.now()
        offered = {"BASE": reference}
        done: list[Built] = []
        for name in case.builds:
            tag = f"{PREFIX}/build:{uuid.uuid4().hex}"
            request = _Asked(case=case, name=name, tag=tag, offered=offered)
            built = _build(request, driver, site)
            stack.callback(driver.remove, tag, built.transcript, floor(since))
            offered[argument(name)] = tag
            if built.transcript.ending == "ok":
                built = _fetched(built, tag, base_image, driver)
                built = _looked_into(case, built, tag, site, on_disk=on_disk)
            done.append(built)
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """One build of a case: its tag, and the arguments it is offered."""

    case: Case
    name: str
    tag: str
    offered: Mapping[str, str]

    def request(self, stack: ExitStack) -> Request:
        """Make the request; those arguments are given that the Dockerfile declares."""
        case, name = self.case, self.name
        plan = case.builds[name]
        declared = set(_ARG.findall(plan.dockerfile))
        args = {key: text for key, text in self.offered.items() if key in declared}
        return Request(
            context=stack.enter_context(_tar(case, name, case.context(name))),
            tag=self.tag,
            file=plan.file,
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


def _build(asked: _Asked, driver: Driver, site: Site) -> Built:
    """Run one build; one that kills the engine is a `Built` if nothing else ran."""
    mark = site.log.stat().st_size if site.log else 0
    with ExitStack() as stack:
        transcript = driver.build(asked.request(stack), site.limit)
    if site.engine is not None and _is_lost(transcript, site):
        # A panic in the handler, or a dead engine. Its doing, or that of a build
        # beside it?
        if not site.alone:
            raise EngineGone(
                f"the engine broke the build `{asked.name}` off without a word",
                where=site.name,
            )
        transcript = _blamed(transcript, site, mark)
        await_engine(site)
    plan = asked.case.builds[asked.name]
    return Built(name=asked.name, build=plan, transcript=transcript)


def _is_lost(transcript: Transcript, site: Site) -> bool:
    """Say whether a build may have ended with its engine.

    An engine that dies just ends the stream; a client words it as an error.
    """
    if transcript.ending == "broken":
        return True
    return (
        site.tool is not None
        and transcript.ending == "error"
        and _LOST.search(transcript.error) is not None
    )


def await_engine(site: Site) -> None:
    """Wait for an engine that a build has killed; EngineGone if it stays away."""
    if site.engine and not await_answer(site.engine.address, RESTART):
        raise EngineGone(
            "the engine does not come back after a build that killed it",
            where=site.name,
            hint="start it again; what was measured is kept",
        )


def _blamed(transcript: Transcript, site: Site, mark: int) -> Transcript:
    """Tell a build's end by the panic that the engine's log got since `mark` bytes."""
    alive = site.engine is not None and answers(site.engine.address)
    if site.log is None:
        caught = alive
        words = "no word: the engine's log is not at hand"
    else:
        with site.log.open("rb") as file:
            file.seek(mark)
            said = file.read().decode("utf-8", errors="replace")
        caught = panic.is_caught(said)
        words = panic.first_lines(said) or "no panic in the engine's log"
        alive = alive and not panic.first_lines(said)
    if transcript.ending == "error" and alive:
        # It was the build's own error, such as a connection that a RUN was refused.
        return transcript
    ending: Ending = "panic" if caught else "broken"
    return replace(transcript, ending=ending, error=words, log=transcript.log + words)


def _tar(case: Case, name: str, files: list[ContextFile]) -> BinaryIO:
    try:
        return tar_file(files)
    except ValueError as error:
        raise CaseError(
            f"the context of `{name}` is no tar: {error}",
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


def _fetched(built: Built, tag: str, base: Image, driver: Driver) -> Built:
    """Add to a build that ended well its image."""
    known = {each.diff_id: each for each in base.layers}
    return replace(built, image=driver.image(tag, known))


def _looked_into(
    case: Case, built: Built, tag: str, site: Site, *, on_disk: bool
) -> Built:
    """Add to an image in an engine what else the case asks for."""
    if site.engine is None or site.client is None:
        return built
    container = None
    if built.build.run is not None:
        container = containers.run(
            site.client, site.engine, tag, built.build.run, limit=site.limit
        )
    directories = None
    wanted = on_disk or any(
        each.on_disk is not None and each.of in {None, built.name}
        for each in case.expect
    )
    if wanted and site.engine.data_root is not None:
        root = site.client.info()["DockerRootDir"]
        driver = site.client.inspect_image(tag).get("GraphDriver") or {}
        directories = ondisk.read(driver, root, site.engine.data_root)
    return replace(built, container=container, directories=directories)
