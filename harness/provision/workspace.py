"""A folder for the time of a session, and the base image in it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from harness.documents import leftovers
from harness.engines import Engine, address, cgroups, in_memory, roots
from harness.engines.process import Say
from harness.errors import EngineError
from harness.images.base import standard_base
from harness.provision import left_images

#: Seconds until an engine begins to send an image, which it writes to its disk first.
_SAVE = 600.0
#: So many copies of the base there may be of a case that builds with vfs.
_COPIES = 8


@contextmanager
def workspace(cache: Path, say: Say) -> Iterator[Path]:
    """Make a folder for the time of a session, in the cache.

    It is named after this process; those of processes that were killed are removed, as
    are their commands' cgroups and what they left on engines that are not ours.
    """
    place = cache / "tmp"
    cgroups.sweep(leftovers.lives)
    with roots.writing(place):
        place.mkdir(parents=True, exist_ok=True)
        for each in place.iterdir():
            if leftovers.is_left(each.name):
                left_images.remove(each, say)
                in_memory.release(runners(each))
                shutil.rmtree(each, ignore_errors=True)
        made = tempfile.TemporaryDirectory(prefix=leftovers.own(), dir=place)
    with made as folder:
        yield Path(folder)


def runners(folder: Path) -> Path:
    """Name the folder of a session's folder that builders' commands work in."""
    return folder / "runners"


def runners_kib(size: int, jobs: int, most_kib: int) -> int | None:
    """Say how much memory that folder may take, None where it has to be on disk.

    With vfs each step of a build has a copy of the base, which has `size` bytes.
    """
    kib = in_memory.size_kib(most_kib)
    return kib if kib and size // 1024 * _COPIES * jobs <= kib else None


def save_base(
    image: str, running: Sequence[Engine], cache: Path, place: Path, say: Say
) -> None:
    """Write the base image's archive to `place`: the standard one if `image` is empty.

    An image of the user's is taken from the first engine that has it. Raises
    EngineError when none has.
    """
    if not image:
        base = standard_base(roots.busybox(cache, say))
        with base.open() as archive, place.open("wb") as out:
            shutil.copyfileobj(archive, out)
        return
    for engine in running:
        client = address.connect(engine.address, timeout=_SAVE)
        if client.images(name=image):
            size = client.inspect_image(image)["Size"] / 1_000_000
            say(f"saving the base image {image}: {size:.0f} MB ...")
            with place.open("wb") as out:
                for chunk in client.get_image(image):
                    out.write(chunk)
            return
    raise EngineError(
        f"no engine of this run has the image `{image}`",
        where="--base",
        hint=f"pull it there first: docker pull {image}",
    )
