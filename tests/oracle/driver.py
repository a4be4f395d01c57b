"""Build a case of the catalogue with the harness, on an engine of our own.

All that the oracle knows of how the harness builds is here. Dockerfiles and contexts go
to the builders byte for byte as they were measured; the harness's own reading of them
is told that their FROM is BASE.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import docker

from harness.cases.case import Case
from harness.cases.model import Build, Options
from harness.dockerfile.context import ContextFile
from harness.engines import Engine
from harness.images.base import Base, from_archive
from harness.images.image import Image
from harness.measure import base_copies
from harness.measure.driver import EngineDriver
from harness.measure.observe import Measurement, observe
from harness.measure.open_target import OpenTarget
from harness.targets.target import Target
from oracle import catalogue
from oracle.catalogue import BASE_ID, SALT

#: What the catalogue's Dockerfiles call their bases.
NAMES = ("alpine:latest", "busybox:latest")
BARE = "bare:latest"
#: Seconds for one build.
LIMIT = 120.0

_FROM = re.compile(
    r"^(\s*FROM\s+)(?:alpine:\S+|busybox:\S+|bare:\S+|sha256:\S+)", re.MULTILINE
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """An engine of our own, with the catalogue's bases under the names they had.

    Such names are taken on no other engine: they could be a user's.
    """

    engine: Engine
    client: docker.APIClient
    full: Base
    bare: Base


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenCase(Case):
    """A case whose contexts are given as they go to the builder."""

    written: Mapping[str, tuple[ContextFile, ...]]

    def context(self, name: str) -> list[ContextFile]:
        return list(self.written[name])


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedBase(EngineDriver):
    """Drives a builder on a base that is loaded already, under a name of its own."""

    name: str
    image_there: Image

    @contextmanager
    def base(self) -> Iterator[tuple[str, Image]]:
        yield self.name, self.image_there


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedSite(OpenTarget):
    """A open_target that builds on such a base."""

    image_there: Image

    @contextmanager
    def driver(self, case: Case) -> Iterator[NamedBase]:
        assert self.client is not None
        yield NamedBase(
            target=self.target,
            client=self.client,
            standard=self.base,
            shared=self.shared,
            case=case,
            name=self.shared,
            image_there=self.image_there,
        )


def measure(name: str, target: Target, ground: Ground) -> Measurement:
    """Build a case of the catalogue on a target and observe it."""
    base, names = _bases(name, ground)
    with _loaded(ground.client, base, names) as image:
        words = {
            SALT: catalogue.salt(name, target.id),
            # Its ID on a graph driver, and the catalogue gave it on every store.
            BASE_ID: image.config_digest,
        }
        open_target = NamedSite(
            target=target,
            engine=ground.engine,
            client=ground.client,
            base=base,
            shared=names[0],
            limit=LIMIT,
            alone=True,
            image_there=image,
        )
        return observe(case(name, words), open_target)


def case(name: str, words: Mapping[str, str]) -> WrittenCase:
    """Put a case of the catalogue into the harness's form."""
    steps = {
        f"s{number}": step
        for number, step in enumerate(catalogue.steps(name, words=words), 1)
    }
    return WrittenCase(
        id=f"oracle/{name.replace('_', '-')}",
        path=catalogue.CASES / name,
        title=name,
        why="",
        refs=(),
        tags=(),
        on=(),
        builds={
            key: Build(
                dockerfile=_FROM.sub(
                    r"\1${BASE}", step.dockerfile.decode("utf-8", "replace")
                ),
                file=step.file,
                # The catalogue's program sent what is there.
                raw=True,
                args=dict(step.args),
                target=step.target,
                cold=step.cold,
                options=Options(shm_size=step.shm_size),
            )
            for key, step in steps.items()
        },
        expect=(),
        written={key: step.files for key, step in steps.items()},
    )


def bases(folder: Path, archives: Mapping[str, bytes]) -> tuple[Base, Base]:
    """Read the archives of the full and the bare base."""
    for name, archive in archives.items():
        (folder / f"{name}.tar").write_bytes(archive)
    return from_archive(folder / "full.tar"), from_archive(folder / "bare.tar")


def _bases(name: str, ground: Ground) -> tuple[Base, tuple[str, ...]]:
    sources = catalogue.steps(name, words={})[0].dockerfile
    if f"FROM {BARE}".encode() in sources:
        return ground.bare, (BARE,)
    return ground.full, NAMES


@contextmanager
def _loaded(
    client: docker.APIClient, base: Base, names: tuple[str, ...]
) -> Iterator[Image]:
    """Load a copy of a base that no other case has built on, under its names."""
    reference = base_copies.new_base()
    with base_copies.loaded(client, base, reference) as image:
        for each in names:
            repository, _, tag = each.partition(":")
            client.tag(reference, repository, tag)
        try:
            yield image
        finally:
            for each in names:
                client.remove_image(each, force=True)
