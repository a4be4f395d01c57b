"""Get the engines a run asks for, and the base image they are given.

What `-e` may name is decided here, and what is done without it: the engine
at the usual place if it answers, else Debian bookworm's, unpacked and started.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from harness.builders.command import Tool, obtain
from harness.builders.record import CommandBuilder
from harness.documents.document import nearest
from harness.engines import (
    Engine,
    Source,
    Suite,
    address,
    debian,
    image,
    released,
    roots,
)
from harness.engines.released import Released
from harness.engines.watchdog import watched
from harness.errors import EngineError, UsageError
from harness.images.base import standard
from harness.targets.versions import plain_version

#: The engine of those who have none: the article's major version.
EMBEDDED = "bookworm"


@contextmanager
def engines(
    names: Sequence[str], cache: Path, say: Callable[[str], None]
) -> Iterator[tuple[Engine, ...]]:
    """Start or reach the engines called `names`; ours are stopped at the end.

    Raises UsageError for a name that means nothing, EngineError for an engine that
    cannot be had.
    """
    with ExitStack() as stack:
        yield tuple(
            stack.enter_context(start(each, cache, say))
            for each in find(names, cache, say)
        )


def find(names: Sequence[str], cache: Path, say: Callable[[str], None]) -> list[Source]:
    """Say where the engines called `names` come from; the usual one without names.

    Those of Debian's are unpacked, so that their version is known; none is started.
    """
    chosen = dict.fromkeys(names or (usual(say),))
    return [_source(each, cache, say) for each in chosen]


def everything(cache: Path, say: Callable[[str], None]) -> list[Source]:
    """List every engine that can run here, with each of its stores.

    What the engine at the usual place is already need not be started.
    """
    found = []
    if address.answers(address.find("default")):
        found.append(_running("default"))
    if not debian.obstacles():
        for suite in roots.suites():
            found += [_of_suite(suite, store, cache, say) for store in suite.stores]
    own = {(each.version, each.store): each for each in reversed(found)}
    return [each for each in found if own[each.version, each.store] is each]


def tools(
    records: Iterable[CommandBuilder],
    cache: Path,
    say: Callable[[str], None],
    *,
    needed: Collection[str] = (),
) -> dict[str, Tool]:
    """Get the tools of command builders, each version that can be had here.

    A record has Debian suites, or names a command on the PATH. One of those `needed`
    (by name) that cannot be had is an EngineError; any other is said, and left out.
    """
    found = {}
    for record in records:
        if record.suites and not debian.obstacles():
            places: dict[str, Suite | None] = {
                f"{record.name} of Debian {each.name}": each for each in record.suites
            }
        elif record.path and shutil.which(record.path):
            places = {record.name: None}
        elif record.name in needed:
            raise EngineError(
                f"{record.title} is not here",
                where=record.name,
                hint=f"install it: {record.homepage}; `layer-harness doctor` says what "
                "else there is",
            )
        else:
            continue
        for name, suite in places.items():
            try:
                found[name] = obtain(record, suite, cache, say)
                if not record.is_measured:
                    say(f"{name}: not measured, its record is from documentation alone")
            except EngineError as error:
                if record.name in needed:
                    raise
                say(f"left out: {name}: {error.message.splitlines()[0]}")
    return found


@contextmanager
def start(
    source: Source,
    cache: Path,
    say: Callable[[str], None],
    *,
    most_kib: int | None = None,
    on: str = "",
) -> Iterator[Engine]:
    """Start an engine where it comes from, and stop it at the end.

    `most_kib` bounds what its data may take of the memory. `on` names the engine that
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
            ) as started,
            watched(started.engine, started.restart),
        ):
            yield started.engine
    else:
        release = Released(
            version=source.version, image=source.image, stores=(source.store,)
        )
        with (
            start(_outer(on, cache, say), cache, say) as outer,
            image.start(
                release,
                name=source.name,
                outer=outer.address,
                store=source.store,
                cache=cache,
                say=say,
            ) as engine,
        ):
            yield engine


def _outer(on: str, cache: Path, say: Callable[[str], None]) -> Source:
    """Find the engine that containers of engines run on."""
    if on:
        return _source(on, cache, say)
    place = address.find("default")
    if not address.answers(place):
        raise EngineError(
            "an engine in a container runs on a Docker engine, and none answers at the "
            "usual place",
            hint="start one, or name one with --on ADDRESS",
        )
    return _running("default")


def _source(name: str, cache: Path, say: Callable[[str], None]) -> Source:
    """Read what `-e` names: a suite or a version with a store, or an address."""
    if "://" in name or name.startswith("context:") or name == "default":
        return _running(name)
    if found := debian.named(name):
        return _of_suite(*found, cache, say)
    if released_as := released.find(name):
        release, store = released_as
        return Source(
            name=name, version=release.version, store=store, image=release.image
        )
    if "/" not in name:
        known = [word for each in roots.suites() for word in (each.name, each.version)]
        raise UsageError(
            f"`{name}` is no engine we know",
            where="--engine",
            hint=f"{nearest(name, known)}; or docker:27-dind; or {address.ALLOWED}",
        )
    return _running(name)


def _running(name: str) -> Source:
    engine = address.identify(name, address.find(name))
    return Source(
        name=name,
        version=plain_version(engine.version),
        store=engine.storage,
        engine=engine,
    )


def _of_suite(
    suite: Suite, store: str, cache: Path, say: Callable[[str], None]
) -> Source:
    version = roots.engine_version(roots.prepare(suite, cache, say))
    return Source(
        name=debian.title(suite, store),
        version=version,
        store=store,
        suite=replace(suite, version=version),
    )


def usual(say: Callable[[str], None]) -> str:
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
            f"no Docker engine answers at the usual place: starting our own, Docker "
            f"{version} of Debian {EMBEDDED}, gone again at the end"
        )
        return EMBEDDED
    raise EngineError(
        "no Docker engine answers at the usual place",
        hint="start one; or name one with -e ADDRESS (unix://, tcp://, ssh://, "
        "context:NAME); or run as root on a Debian-family Linux, where the harness "
        "starts its own",
    )


@contextmanager
def workspace(cache: Path) -> Iterator[Path]:
    """Make a folder for the time of a run, in the cache.

    It is named after this process; those of processes that were killed are removed.
    """
    place = cache / "tmp"
    place.mkdir(parents=True, exist_ok=True)
    for each in place.iterdir():
        if not _lives(each.name.partition("-")[0]):
            shutil.rmtree(each, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=f"{os.getpid()}-", dir=place) as folder:
        yield Path(folder)


def _lives(process: str) -> bool:
    """Say whether there is such a process."""
    if not process.isdecimal() or int(process) == 0:
        return False
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def save_base(
    image: str | None,
    found: Sequence[Engine],
    cache: Path,
    place: Path,
    say: Callable[[str], None],
) -> None:
    """Write the base image's archive to `place`: the standard one, or `--base IMAGE`.

    An image of the user's is taken from the first engine that has it. Raises
    EngineError when none has.
    """
    if image is None:
        base = standard(roots.busybox(cache, say))
        with base.open() as archive, place.open("wb") as out:
            shutil.copyfileobj(archive, out)
        return
    for engine in found:
        client = address.connect(engine.address, timeout=60)
        if client.images(name=image):
            with place.open("wb") as out:
                for chunk in client.get_image(image):
                    out.write(chunk)
            return
    raise EngineError(
        f"no engine of this run has the image `{image}`",
        where="--base",
        hint=f"pull it there first: docker pull {image}",
    )
