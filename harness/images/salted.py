"""Copies of a base: equal content, but an ID and a chain ID of their own.

Build caches know images by ID, BuildKit by chain ID, so what is built on one copy is
never found in the cache of another.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import BinaryIO, Final

from harness.errors import HarnessError
from harness.images.archive import copy_layers
from harness.images.base import Base
from harness.images.image import Image
from harness.images.layer import Layer, read_layer
from harness.images.write_archive import (
    CREATED,
    LAYER,
    blob_file,
    layer_file,
    write_end,
    write_file,
    write_layout_end,
)
from harness.tar.byte_stream import Piece
from harness.tar.write import END, Header, encode, padding, pax

_HISTORY: Final = {"created": CREATED, "created_by": "layer-harness: an empty layer"}


def salted(
    base: Base,
    salt: str,
    tag: str,
    out: BinaryIO,
    *,
    layers_too: bool = True,
    content_too: bool = False,
    whole: bool = True,
) -> Image:
    """Write a copy of the base under a name; gives the image that it is.

    The salt is a comment for a layer's tar as a whole (a PAX global header), which no
    unpacked file shows. A small base has it in its lowest layer; without `layers_too`
    only the ID is another, and the layers need not be unpacked again. A large one has
    it in a layer of its own on top, so that without `whole` the archive has no other
    layer: an engine that has the base loads it all the same (`write_layout_end`).

    With `content_too` there is a file with the salt as well, below /proc, where no RUN
    sees it: BuildKit of 26.1.5 finds `RUN --mount=type=secret` by its root's content.
    """
    if not base.layers:
        raise HarnessError("a base without layers cannot be told from another")
    if base.is_large:
        return _with_layer(base, salt, tag, out, content_too=content_too, whole=whole)
    front = b""
    if layers_too:
        front = _comment(salt)
    if content_too:
        front += _file(salt)
    lowest, *others = base.layers
    file, *files = base.image.files
    digest = hashlib.sha256()
    size = len(front) + lowest.size
    with base.open() as stream:
        for _, parts in copy_layers(stream, {file}):
            hashed = _hashed(_chain(front, parts), digest)
            write_file(out, layer_file(0), size, hashed)
    places = {name: place for place, name in reversed([*enumerate(files, 1)])}
    with base.open() as stream:
        for name, parts in copy_layers(stream, set(files)):
            place = places[name]
            write_file(out, layer_file(place), base.layers[place].size, parts)
    salted_one = Layer(
        diff_id=f"sha256:{digest.hexdigest()}", size=size, entries=lowest.entries
    )
    layers = (salted_one, *others)
    names = [layer_file(place) for place in (0, *(places[name] for name in files))]
    rootfs = {"type": "layers", "diff_ids": [layer.diff_id for layer in layers]}
    # Children inherit no comment.
    config = {**base.config, "rootfs": rootfs, "comment": salt}
    config_digest = write_end(out, config, [tag], names)
    return Image(
        reference=tag,
        config=config,
        config_digest=config_digest,
        layers=layers,
        files=tuple(names),
    )


def _with_layer(
    base: Base, salt: str, tag: str, out: BinaryIO, *, content_too: bool, whole: bool
) -> Image:
    """Write a copy that has the salt in a layer of its own, on top."""
    own = _comment(salt)
    if content_too:
        own += encode(Header(path="proc", kind="dir", mode=0o555)) + _file(salt)
    own += END
    top = read_layer([own])
    layers = (*base.layers, top)
    if whole:
        sizes = {
            name: (layer.diff_id, layer.size)
            for name, layer in zip(base.image.files, base.layers, strict=True)
        }
        # equal layers may have a file each
        names = {diff_id: name for name, (diff_id, _) in sizes.items()}
        with base.open() as stream:
            for name, parts in copy_layers(stream, set(names.values())):
                diff_id, size = sizes[name]
                write_file(out, blob_file(diff_id), size, parts)
    write_file(out, blob_file(top.diff_id), top.size, [own])
    rootfs = {"type": "layers", "diff_ids": [layer.diff_id for layer in layers]}
    config = {**base.config, "rootfs": rootfs, "comment": salt}
    if history := base.config.get("history"):
        config["history"] = [*history, _HISTORY]
    digest = write_layout_end(
        out, config, tag, [(layer.diff_id, layer.size) for layer in layers]
    )
    return Image(
        reference=tag,
        config=config,
        config_digest=digest,
        layers=layers,
        media_types=(LAYER,) * len(layers),
        files=tuple(blob_file(layer.diff_id) for layer in layers),
    )


def _comment(salt: str) -> bytes:
    salting = salt.encode()
    own = b"PaxHeader-" + hashlib.sha256(salting).hexdigest()[:16].encode()
    return pax({"comment": salting}, flag=b"g", name=own)


def _file(salt: str) -> bytes:
    salting = salt.encode()
    header = Header(path="proc/layer-harness", size=len(salting))
    return encode(header) + salting + padding(len(salting))


def _chain(front: bytes, parts: Iterable[Piece]) -> Iterator[Piece]:
    yield front
    yield from parts


def _hashed(parts: Iterable[Piece], digest: hashlib._Hash) -> Iterator[Piece]:
    for part in parts:
        digest.update(part)
        yield part
