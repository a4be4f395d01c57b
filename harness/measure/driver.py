"""How a target's builder is driven: where its base is, its builds run, its images lie.

One protocol, whatever the way: over an engine's API, by a command that drives an
engine, or by a command with a storage of its own. `building` uses nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Protocol

import docker
import requests
from docker.errors import APIError, DockerException

from harness.builders import Request, engine_api
from harness.builders.command import CommandRunner
from harness.builders.transcript import Transcript
from harness.cases.case import Case
from harness.engines import Address, Engine, containerd, room
from harness.errors import BoundMet, EngineError, EngineGone, Unexportable, Unsupported
from harness.images.base import Base
from harness.images.image import Image, read_archive
from harness.images.layer import Layer
from harness.measure import base_copies
from harness.measure.given_images import GivenImage
from harness.targets.target import Target

#: What 26.1.5 with the containerd store says to BuildKit without a session (measured).
_NO_SESSION = "failed to read downloaded context"


class Driver(Protocol):
    """A builder in a state that no other case influences."""

    def base(self) -> AbstractContextManager[tuple[str, Image]]:
        """Have the base there, for the time of a case: its reference, and the image."""

    def build(self, request: Request, limit: float) -> Transcript:
        """Run one build, for `limit` seconds at most; Unsupported if it cannot be."""

    def image(self, tag: str, known: Mapping[str, Layer]) -> Image:
        """Read the image that a build made; Unexportable if it is not given out."""

    def remove(self, tag: str, transcript: Transcript, since: float) -> None:
        """Remove what a build begun after `since` has made; what is gone is gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineDriver:
    """Drive a builder inside an engine over its API; images lie in the engine.

    `shared` is the reference under which the base was loaded for all cases that need
    no copy of their own.
    """

    target: Target
    client: docker.APIClient
    standard: Base
    shared: str
    case: Case

    @property
    def apart(self) -> str:
        """Say what is another about the case's base (`loading.isolation`)."""
        return base_copies.isolation(self.case, self.target.family)

    @contextmanager
    def base(self) -> Iterator[tuple[str, Image]]:
        """Give the shared base, or a copy where the cache could tell cases apart."""
        if self.apart == "none":
            yield self.shared, base_copies.copy_of(self.standard, self.shared)
            return
        reference = base_copies.new_base(self.shared)
        chain = self.apart == "chain"
        with base_copies.loaded(
            self.client, self.standard, reference, layers_too=chain, content_too=chain
        ) as image:
            yield reference, image

    def build(self, request: Request, limit: float) -> Transcript:
        """Post the build."""
        for what, asked in (
            ("secrets", request.secrets),
            ("an ssh agent", request.ssh),
            ("named contexts", request.contexts),
            ("provenance", request.provenance),
        ):
            if asked:
                raise Unsupported(
                    f"{what}: that needs a client, the API alone has none"
                )
        builder = self.target.builder
        transcript = engine_api.build(self.client, builder, request, limit=limit)
        # a full disk keeps it from reading the context too
        if _NO_SESSION in transcript.error and not room.is_said(transcript.error):
            raise Unsupported(
                f"BuildKit takes no context without a session here: {_NO_SESSION}"
            )
        return transcript

    def image(self, tag: str, known: Mapping[str, Layer]) -> Image:
        """Read the image's export; of one without layers, what the engine tells.

        Most engines do not export that ("empty export - not implemented", measured
        20.10.5 to 28.5.2), and all are asked alike. With the containerd store it has no
        history either.
        """
        try:
            image = read_archive(self.client.get_image(tag), known=known)[0]
            if image.layers:
                return image
            inspected = self.client.inspect_image(tag)
        except APIError as error:
            inspected = self.client.inspect_image(tag)
            if inspected["RootFS"].get("Layers"):
                if error.is_server_error():
                    raise Unexportable(str(error.explanation)) from error
                raise
        history = [
            {"created_by": each["CreatedBy"], "comment": each["Comment"]}
            | {"empty_layer": True}
            for each in reversed(self.client.history(tag) or [])
        ]
        config = {
            "config": inspected["Config"],
            "architecture": inspected["Architecture"],
            "os": inspected["Os"],
            "history": history,
            "rootfs": {"type": "layers", "diff_ids": []},
        }
        return Image(reference=tag, config=config, config_digest="", layers=())

    def remove(self, tag: str, transcript: Transcript, since: float) -> None:
        """Remove the image, and those that the legacy builder made on the way."""
        base_copies.remove(self.client, tag, transcript.images, since)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientDriver:
    """Drive an engine's builder by a client's command; images lie in the engine."""

    inside: EngineDriver
    runner: CommandRunner
    host: Address
    given: tuple[GivenImage, ...] = ()

    @contextmanager
    def base(self) -> Iterator[tuple[str, Image]]:
        """Give the base as the engine's own builders get it.

        A client whose BuildKit is not the engine's gets it handed, as its record says.
        """
        with self.inside.base() as (reference, image):
            if "base" in self.runner.tool.record.options:
                inside = self.inside
                with base_copies.archive_of(
                    inside.standard, reference, content_too=inside.apart == "chain"
                ) as (archive, _):
                    self.runner.load(archive, reference)
                load_all(self.runner, self.given)
            yield reference, image

    def build(self, request: Request, limit: float) -> Transcript:
        """Run the client's command; EngineGone if it cannot be started.

        An engine that a build beside this one has killed has no socket for a moment.
        """
        try:
            return self.runner.build(request, limit=limit, host=self.host)
        except BoundMet:
            raise
        except EngineError as error:
            raise EngineGone(error.message, hint=error.hint) from error

    def image(self, tag: str, known: Mapping[str, Layer]) -> Image:
        """Read the image out of the engine."""
        return self.inside.image(tag, known)

    def remove(self, tag: str, transcript: Transcript, since: float) -> None:
        """Remove the image from the engine."""
        self.inside.remove(tag, transcript, since)


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandDriver:
    """Drive a command with a storage of its own, which is made for this case alone."""

    runner: CommandRunner
    standard: Base
    given: tuple[GivenImage, ...] = ()

    @contextmanager
    def base(self) -> Iterator[tuple[str, Image]]:
        """Load the base into the storage, and what images of the user's there are."""
        load_all(self.runner, self.given)
        reference = base_copies.new_base()
        with base_copies.archive_of(self.standard, reference) as (archive, image):
            self.runner.load(archive, reference)
        yield reference, image

    def build(self, request: Request, limit: float) -> Transcript:
        """Run the command."""
        return self.runner.build(request, limit=limit)

    def image(self, tag: str, known: Mapping[str, Layer]) -> Image:
        """Have the image exported, and read it."""
        with self.runner.export(tag) as archive:
            return read_archive(archive, known=known)[0]

    def remove(self, tag: str, transcript: Transcript, since: float) -> None:
        """Leave the image: it goes with the storage."""


def load_all(runner: CommandRunner, given: tuple[GivenImage, ...]) -> None:
    """Load images of the user's into a command's storage, under each name."""
    for each in given:
        for tag in each.names.values():
            with each.archive.open("rb") as archive:
                runner.load(archive, tag)


@contextmanager
def engine_errors(engine: Engine | None) -> Iterator[None]:
    """Word what the SDK raises outside of a build, and tell a dead engine from it.

    An answer is an engine's own; a connection without one may be up again in no time.
    """
    name = engine.name if engine else ""
    try:
        yield
    except APIError as error:
        kind = EngineGone if containerd.is_away(str(error)) else EngineError
        hint = room.HINT if room.is_said(str(error)) else ""
        raise kind(f"the engine refused: {error}", where=name, hint=hint) from error
    except (DockerException, requests.RequestException) as error:
        raise EngineGone(
            f"the engine does not answer any more: {error}", where=name
        ) from error
