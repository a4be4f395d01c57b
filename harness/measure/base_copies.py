"""Images of ours on an engine: named, loaded, kept apart from caches, and removed."""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from http import HTTPStatus
from typing import Any, BinaryIO, Literal, cast

import docker
import requests
from docker.errors import APIError

from harness.cases.case import Case
from harness.dockerfile import parser
from harness.errors import EngineError
from harness.images.base import Base
from harness.images.image import Image
from harness.images.salted import salted

#: All our images are `layer-harness/...`: nobody else's name is ever touched.
PREFIX = "layer-harness"
#: So many hexadecimal digits name a session in its references.
_SESSION = 12
#: Seconds that an engine has to end a build whose client is gone.
_FREE = 10.0
#: A base larger than this goes to a temporary file, in bytes.
_SPOOL = 8 << 20


def new_base(beside: str = "") -> str:
    """Make up a reference for a base, of the session that `beside` is of."""
    return f"{PREFIX}/base:{_in_session(beside, uuid.uuid4().hex)}"


def new_build(beside: str) -> str:
    """Make up a reference for a build, of the session that `beside` is of."""
    return f"{PREFIX}/build:{_in_session(beside, uuid.uuid4().hex)}"


def session_of(reference: str) -> str:
    """Give what all references of a session begin with, behind the colon."""
    return reference.partition(":")[2][:_SESSION]


def _in_session(reference: str, rest: str) -> str:
    return f"{session_of(reference)}{rest}"[:32]


def base_of(shared: str, builder: str, worker: int = 0, number: int = 0) -> str:
    """Give the reference of a base for a builder's cold builds, a worker's own.

    BuildKit builds a step once for two builds that come to it at the same time, cold or
    not, and goes by content without owners and times there: what `buildx` had sent came
    out of a build over the API, and the other way round (measured on 20.10.24, vfs); a
    file of one case's stage had the owner of another's (20.10.5, vfs).

    A worker has some of them, for its builds in turn. Layers of two builds within a
    second can have the same bytes and so, on the same base, one chain ID; BuildKit then
    compares the next layer with the other build's file times, and records files again
    (20.10.24, overlay2).
    """
    words = f"{shared} {builder} {worker} {number}"
    mark = hashlib.sha256(words.encode()).hexdigest()[:32]
    return f"{PREFIX}/base:{_in_session(shared, mark)}"


@contextmanager
def loaded(
    client: docker.APIClient,
    base: Base,
    reference: str,
    *,
    layers_too: bool = True,
    content_too: bool = False,
    whole: bool = False,
) -> Iterator[Image]:
    """Load a copy of the base with an ID of its own; it is removed at the end.

    With `layers_too` its chain ID is another as well, with `content_too` even its
    content (`salted`). A large base's layers are sent only if `whole` says so, or if
    the engine does not find them. Raises EngineError when the engine refuses it.
    """
    for everything in (False, True) if base.is_large and not whole else (True,):
        with archive_of(
            base,
            reference,
            layers_too=layers_too,
            content_too=content_too,
            whole=everything,
        ) as (archive, image):
            refusal = _load(client, archive)
        if not refusal:
            break
    else:
        raise EngineError(f"the engine does not load the base: {refusal}")
    try:
        yield image
    finally:
        remove(client, reference, (), 0)


def _load(client: docker.APIClient, archive: BinaryIO) -> str:
    """Load an archive; gives what the engine says against it, nothing if it took it."""
    try:
        said = list(client.load_image(archive, quiet=True))
    except APIError as error:
        return str(error.explanation)
    return next((str(line["error"]) for line in said if "error" in line), "")


@contextmanager
def archive_of(
    base: Base,
    reference: str,
    *,
    layers_too: bool = True,
    content_too: bool = False,
    whole: bool = True,
) -> Iterator[tuple[BinaryIO, Image]]:
    """Write the archive of a copy of the base, as `loaded` loads it; at its start."""
    with tempfile.SpooledTemporaryFile(max_size=_SPOOL) as file:
        archive = cast("BinaryIO", file)
        image = salted(
            base,
            reference,
            reference,
            archive,
            layers_too=layers_too,
            content_too=content_too,
            whole=whole,
        )
        archive.seek(0)
        yield archive, image


@lru_cache(maxsize=64)
def copy_of(base: Base, reference: str) -> Image:
    """Tell what `loaded` has loaded under a reference."""
    return salted(base, reference, reference, io.BytesIO(), whole=False)


def isolation(case: Case, family: str) -> Literal["none", "id", "chain"]:
    """Say what must be another about the base for no cache to have a case's builds.

    The legacy builder's cache goes by image ID, BuildKit's by chain ID. Cold builds ask
    for no cache, but BuildKit takes WORKDIR from it all the same, and on 28.5.2 COPY of
    a heredoc (measured).
    """
    cold = all(map(case.cold, case.builds))
    if family == "legacy":
        return "none" if cold else "id"
    cached = any(
        each.keyword == "WORKDIR" or "<<" in each.text
        for build in case.builds.values()
        for each in parser.parse(build.dockerfile).instructions
    )
    return "none" if cold and not cached else "chain"


def remove(
    client: docker.APIClient, tag: str, images: tuple[str, ...], since: float
) -> None:
    """Remove an image and those its build left on the way; what is gone is gone.

    `images` is what the builder's words said, and a RUN can print such words too: only
    what has no name and was made after `since` is ours.
    """
    gone = _removed(client, tag, force=True)
    for each in reversed(images):
        # an image's parents without a name go with it
        if any(other.startswith(f"sha256:{each}") for other in gone):
            continue
        with suppress(APIError, requests.RequestException):
            found = client.inspect_image(each)
            if not found.get("RepoTags") and _seconds(found["Created"]) >= since:
                gone |= _removed(client, each)


def _removed(client: docker.APIClient, image: str, *, force: bool = False) -> set[str]:
    """Remove an image; gives the IDs of all that the engine removed with it."""
    with suppress(APIError, requests.RequestException):
        answer = remove_when_free(client, image, force=force)
        return {each["Deleted"] for each in answer or () if "Deleted" in each}
    return set()


def remove_when_free(client: docker.APIClient, image: str, *, force: bool) -> Any:
    """Remove an image as soon as no container of a killed build uses it any more.

    Gives what the engine says. Forced while one does, an engine takes only the name
    away, and nobody would find the image again (measured on 20.10.24).
    """
    deadline = time.monotonic() + _FREE
    while time.monotonic() < deadline:
        try:
            return client.remove_image(image)
        except APIError as error:
            if not force or error.status_code != HTTPStatus.CONFLICT:
                raise
            if "container" not in str(error.explanation):
                break
        # the engine ends the build by itself, and says so to nobody
        time.sleep(0.1)
    return client.remove_image(image, force=force)


def _seconds(created: str) -> float:
    """Read an engine's time, which has more digits than Python takes."""
    return dt.datetime.fromisoformat(f"{created[:19]}+00:00").timestamp()
