"""An image of the user's as an archive that every engine and command loads.

What `docker save`, skopeo or a builder wrote may hold several images, compressed
layers, or no name; here it is one image with plain layers under the name it is used by.
"""

from __future__ import annotations

import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from harness.errors import ArchiveError, HarnessError
from harness.images.archive import copy_layers
from harness.images.base import Base
from harness.images.image import Image, read_archive
from harness.images.write_archive import layer_file, write_end, write_file


def renamed(base: Base, tags: Sequence[str], out: BinaryIO) -> Image:
    """Write an image under `tags`, with its config and layers as they are."""
    places: dict[str, int] = {}
    for place, file in enumerate(base.image.files):
        places.setdefault(file, place)
    source = base.archive
    with laid_out(source) if isinstance(source, Path) else base.open() as stream:
        for file, parts in copy_layers(stream, set(places)):
            place = places[file]
            write_file(out, layer_file(place), base.layers[place].size, parts)
    names = tuple(layer_file(places[file]) for file in base.image.files)
    digest = write_end(out, base.config, tags, names)
    return Image(
        reference=tags[0] if tags else "",
        config=base.config,
        config_digest=digest,
        layers=base.layers,
        files=names,
    )


def chosen(place: Path, wanted: Sequence[str], architecture: str) -> Base:
    """Take an image out of an archive or an OCI layout: the only one, or the wanted.

    `wanted` are the names that it may have there, in full; among images for several
    architectures it is that of `architecture`. Raises HarnessError when it is not
    clear, ArchiveError for what is no archive of images.
    """
    try:
        with laid_out(place) as stream:
            images = read_archive(stream)
    except OSError as error:
        raise HarnessError(
            f"cannot be read: {error.strerror}", where=str(place)
        ) from error
    except ArchiveError as error:
        # its place is one in the archive
        where = f"{place}: {error.where}" if error.where else str(place)
        raise ArchiveError(error.message, where=where, hint=error.hint) from error
    left = {each.config_digest: each for each in images}
    for is_meant in (
        lambda each: each.reference in wanted,
        lambda each: each.config.get("architecture") == architecture,
    ):
        if len(left) > 1:
            fitting = {key: each for key, each in left.items() if is_meant(each)}
            left = fitting or left
    if len(left) > 1:
        names = ", ".join(each.reference or "(no name)" for each in left.values())
        raise HarnessError(
            f"has several images: {names}",
            where=str(place),
            hint="save the one that is meant alone: docker save NAME > FILE",
        )
    (image,) = left.values()
    return Base(archive=place, image=image)


@contextmanager
def laid_out(place: Path) -> Iterator[BinaryIO]:
    """Open an archive of images; a folder with an OCI layout is made one."""
    if not place.is_dir():
        with place.open("rb") as stream:
            yield stream
        return
    if not (place / "index.json").is_file():
        raise HarnessError(
            "is a folder without index.json, so no OCI layout",
            where=str(place),
            hint="give an archive of `docker save`, or a folder that skopeo or buildah "
            "wrote as oci:FOLDER",
        )
    with tempfile.TemporaryFile() as file:
        with tarfile.open(fileobj=file, mode="w") as tar:
            for name in ("oci-layout", "index.json", "blobs"):
                if (place / name).exists():
                    tar.add(place / name, name)
        file.seek(0)
        yield cast("BinaryIO", file)
