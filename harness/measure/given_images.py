"""Images of the user's that a Dockerfile takes, on their way to where it is built."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import docker
from docker.errors import APIError, ImageNotFound

from harness.errors import EngineError, UsageError
from harness.images.image import Image


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenImage:
    """An image that a Dockerfile takes, and the names it takes it by.

    `names` has, for each name in full, the one that it is loaded under. `archive` has
    it under these; `origin` says where it comes from.
    """

    names: Mapping[str, str]
    archive: Path
    image: Image = field(hash=False)
    origin: str

    @property
    def size(self) -> int:
        """Count the bytes of its layers' plain tars."""
        return sum(each.size for each in self.image.layers)


def by_name(given: Sequence[GivenImage]) -> dict[str, Image]:
    """Give the images by their names in full."""
    return {name: each.image for each in given for name in each.names}


@contextmanager
def on_engine(
    client: docker.APIClient, given: Sequence[GivenImage], engine: str
) -> Iterator[None]:
    """Have the images on an engine; those that were not there are removed at the end.

    Raises UsageError where another image has the name of one, EngineError when the
    engine does not load one.
    """
    with ExitStack() as stack:
        for each in given:
            lacking = [
                tag
                for tag in each.names.values()
                if not _has(client, tag, each, engine)
            ]
            if not lacking:
                continue
            with each.archive.open("rb") as archive:
                try:
                    said = list(client.load_image(archive, quiet=True))
                except APIError as error:
                    said = [{"error": error.explanation}]
            refusal = next((str(x["error"]) for x in said if "error" in x), "")
            if refusal:
                raise EngineError(
                    f"the engine does not load {' and '.join(lacking)}: {refusal}",
                    where=engine,
                )
            for tag in lacking:
                stack.callback(_remove, client, tag)
        yield


def _has(client: docker.APIClient, tag: str, given: GivenImage, engine: str) -> bool:
    try:
        found = client.inspect_image(tag)
    except ImageNotFound:
        return False
    there = (found.get("RootFS") or {}).get("Layers") or []
    if there != [each.diff_id for each in given.image.layers]:
        raise UsageError(
            f"has another image under the name {tag} than {given.origin}",
            where=engine,
            hint="two builds from different bases say nothing: pull the same one, or "
            "leave this engine out",
        )
    return True


def _remove(client: docker.APIClient, tag: str) -> None:
    try:
        client.remove_image(tag)
    except APIError:
        # its engine is ending, or somebody uses it by now
        return
