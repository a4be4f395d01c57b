"""Find the images that a Dockerfile takes: in archives, and on engines that have them.

Each is taken once, whatever the number of engines it goes to, and of two names of one
image only one archive is made.
"""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

import docker
from docker.errors import DockerException

from harness.dockerfile.images import TakenImage, canonical
from harness.engines import Address, EngineSource
from harness.engines.address import answers, connect, find
from harness.engines.process import Say
from harness.errors import EngineError, HarnessError, UsageError
from harness.images.base import Base
from harness.images.renamed import chosen, renamed
from harness.measure.base_copies import PREFIX
from harness.measure.given_images import GivenImage

#: Seconds until an engine begins to send an image, which it writes to its disk first.
_SAVE = 600.0
#: Machines as Python and as images name them.
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedBases:
    """The images that are wanted, and where the user says that some are.

    `archives` has files by the image's name, which is empty where the archive says it.
    `stand_in` is an image that takes the place of those that cannot be had.
    """

    wanted: tuple[TakenImage, ...] = ()
    archives: tuple[tuple[str, Path], ...] = ()
    stand_in: Base | None = field(default=None, hash=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """An engine that runs, where images may be."""

    title: str
    address: Address


def places(sources: Iterable[EngineSource]) -> tuple[Place, ...]:
    """List where images may be: the engines that run, and the usual one if it does."""
    found = {
        each.engine.address: Place(title=each.title, address=each.engine.address)
        for each in sources
        if each.engine
    }
    with suppress(UsageError):
        usual = find("default")
        if usual not in found and answers(usual):
            found[usual] = Place(title=f"the engine at {usual.url}", address=usual)
    return tuple(found.values())


def loaded_as(name: str) -> str:
    """Give the name that an image is loaded under; a digest cannot be loaded."""
    if "@" not in name:
        return name
    digest = hashlib.sha256(canonical(name).encode()).hexdigest()[:24]
    return f"{PREFIX}/given:{digest}"


def obtain(
    asked: AskedBases, places: Sequence[Place], folder: Path, say: Say
) -> tuple[GivenImage, ...]:
    """Get all images that are wanted, as archives in `folder`.

    Raises UsageError that names all which cannot be had, and says what to do.
    """
    folder.mkdir(parents=True, exist_ok=True)
    finder = _Finder(asked, places, folder, say)
    found: dict[str, _Found] = {}
    missing: list[TakenImage] = []
    for each in asked.wanted:
        one = finder.find(each)
        if one is None:
            missing.append(each)
            continue
        # of two names of one image only one archive is made
        key = one.base.image.config_digest
        names = {canonical(each.name): loaded_as(each.name)}
        before = found.get(key)
        found[key] = _Found(
            base=one.base,
            origin=before.origin if before else one.origin,
            names={**(before.names if before else {}), **names},
        )
    if missing:
        raise _not_here(missing, places)
    return tuple(
        _written(each, folder / f"given-{number}.tar")
        for number, each in enumerate(found.values())
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    base: Base
    origin: str
    names: Mapping[str, str] = field(default_factory=dict)


class _Finder:
    def __init__(
        self, asked: AskedBases, places: Sequence[Place], folder: Path, say: Say
    ) -> None:
        self._asked = asked
        self._places = places
        self._folder = folder
        self._say = say
        self._saved: dict[str, Base] = {}
        self._architecture = _ARCHITECTURES.get(platform.machine(), platform.machine())

    def find(self, wanted: TakenImage) -> _Found | None:
        """Look where the user says, then on the engines, then take what stands in."""
        return self._named(wanted) or self._on_engine(wanted) or self._stand_in()

    def _architecture_of(self, wanted: TakenImage) -> str:
        parts = wanted.platform.split("/")
        return parts[1] if len(parts) > 1 else self._architecture

    def _named(self, wanted: TakenImage) -> _Found | None:
        full = canonical(wanted.name)
        for name, place in self._asked.archives:
            if name and canonical(name) == full:
                base = chosen(place, _spellings(full), self._architecture_of(wanted))
                return _Found(base=base, origin=str(place))
        for name, place in self._asked.archives:
            if name:
                continue
            base = chosen(place, _spellings(full), self._architecture_of(wanted))
            if base.image.reference in _spellings(full):
                return _Found(base=base, origin=str(place))
        return None

    def _on_engine(self, wanted: TakenImage) -> _Found | None:
        for place in self._places:
            try:
                client = connect(place.address, timeout=_SAVE)
                with closing(client):
                    told = _inspected(client, wanted.name)
                    if told is None:
                        continue
                    key = str(told["Id"])
                    if key not in self._saved:
                        self._saved[key] = self._save(client, told, wanted, place)
            except (DockerException, OSError) as error:
                raise EngineError(
                    f"does not give out the image {wanted.name}: {error}",
                    where=place.title,
                ) from error
            return _Found(base=self._saved[key], origin=place.title)
        return None

    def _save(
        self,
        client: docker.APIClient,
        told: Mapping[str, object],
        wanted: TakenImage,
        place: Place,
    ) -> Base:
        size = int(str(told.get("Size") or 0)) / 1_000_000
        self._say(f"taking {wanted.name} from {place.title}: {size:.0f} MB ...")
        file = self._folder / f"saved-{len(self._saved)}.tar"
        with file.open("wb") as out:
            for chunk in client.get_image(wanted.name):
                out.write(chunk)
        full = canonical(wanted.name)
        return chosen(file, _spellings(full), self._architecture_of(wanted))

    def _stand_in(self) -> _Found | None:
        base = self._asked.stand_in
        return None if base is None else _Found(base=base, origin="our stand-in")


def _inspected(client: docker.APIClient, name: str) -> Mapping[str, object] | None:
    try:
        found: Mapping[str, object] = client.inspect_image(name)
    except docker.errors.ImageNotFound:
        return None
    except docker.errors.APIError as error:
        # a name that is none, such as one with capitals: the builders' say
        if error.is_client_error():
            return None
        raise
    return found


def _spellings(full: str) -> tuple[str, ...]:
    """List how an archive may write an image's full name."""
    short = full.removeprefix("docker.io/")
    return full, short, short.removeprefix("library/"), f"localhost/{short}"


def _written(found: _Found, place: Path) -> GivenImage:
    with place.open("wb") as out:
        image = renamed(found.base, list(dict.fromkeys(found.names.values())), out)
    return GivenImage(
        names=found.names, archive=place, image=image, origin=found.origin
    )


def _not_here(missing: Sequence[TakenImage], places: Sequence[Place]) -> HarnessError:
    names = [each.name for each in missing]
    told = ", ".join(f"{each.name} ({_lines(each.lines)})" for each in missing)
    engines = " or ".join(each.title for each in places)
    looked = f", and not on {engines}" if engines else ""
    what = "a base image is" if len(names) == 1 else f"{len(names)} base images are"
    return UsageError(
        f"{what} not here{looked}: {told}",
        hint="where docker has them: "
        f"`docker save {' '.join(names)} > bases.tar`, then add `--base bases.tar`",
    )


def _lines(numbers: Sequence[int]) -> str:
    if len(numbers) == 1:
        return f"line {numbers[0]}"
    return f"lines {', '.join(map(str, numbers[:-1]))} and {numbers[-1]}"
