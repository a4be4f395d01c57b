"""Images out of an archive, streaming: what a build on a target is judged by.

Reads what `docker save` of every version writes, and OCI layouts from elsewhere. Every
digest and count that an archive states is checked; one that lies is an ArchiveError.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, BinaryIO, Final

from harness.errors import ArchiveError
from harness.images.archive import Archive, Blob, read_files
from harness.images.layer import Layer
from harness.tar.budget import STANDARD, Budget

_HEX = re.compile(r"(?:.*[/:])?([0-9a-f]{64})(?:\.json)?")
_DIGEST = re.compile(r"sha256:([0-9a-f]{64})")
_MAX_DEPTH: Final = 8
_UNKNOWN: Final = {"architecture": "unknown", "os": "unknown"}

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """An image: its parsed config and its layers, lowest first.

    Layers that are equal are one object. `media_types` are as a manifest has them, or
    empty; `files` names each layer's file in the archive.
    """

    reference: str
    config: Json
    config_digest: str
    layers: tuple[Layer, ...]
    media_types: tuple[str, ...] = ()
    files: tuple[str, ...] = ()


def read_archive(
    stream: BinaryIO | Iterable[bytes],
    *,
    known: Mapping[str, Layer] | None = None,
    budget: Budget = STANDARD,
) -> list[Image]:
    """Read all images of an archive, at least one, and one for each of their names.

    `known` has layers read before, by diff ID or by the digest of their stored bytes;
    where a file's name tells that it is one of them, it is hashed and not read again.
    """
    archive = read_files(stream, known=known or {}, budget=budget)
    for list_of_images, read in (
        ("manifest.json", _docker_images),
        ("index.json", _oci_images),
    ):
        if list_of_images in archive:
            images = list(read(archive))
            if not images:
                raise ArchiveError(
                    "lists no image that is in the archive", where=list_of_images
                )
            return images
    raise ArchiveError(
        "an archive with neither manifest.json nor index.json",
        hint="only what `docker save` or a builder's image export wrote can be read",
    )


def _docker_images(archive: Archive) -> Iterator[Image]:
    manifests = dict(_manifests_by_config(archive))
    for item in _list(archive, archive.json("manifest.json"), "manifest.json"):
        named = _object(item, "manifest.json")
        name = _text(named.get("Config"), "manifest.json")
        files = tuple(
            _text(each, "manifest.json")
            for each in _list(archive, named.get("Layers") or [], "manifest.json")
        )
        digest = _config_digest(archive, name)
        manifest = manifests.get(digest, {})
        layers = _list(archive, manifest.get("layers") or [], "index.json")
        types = tuple(str(_object(each, name).get("mediaType", "")) for each in layers)
        image = _image(
            archive,
            config=name,
            files=files,
            media_types=types if len(types) == len(files) else (),
        )
        for tag in _list(archive, named.get("RepoTags") or [""], "manifest.json"):
            yield replace(image, reference=_text(tag, "manifest.json"))


def _oci_images(archive: Archive) -> Iterator[Image]:
    for reference, name, manifest in _manifests(archive):
        config = _described(archive, manifest.get("config"), name).name
        layers = _list(archive, manifest.get("layers") or [], name)
        image = _image(
            archive,
            config=config,
            files=tuple(_described(archive, each, name).name for each in layers),
            media_types=tuple(str(each.get("mediaType", "")) for each in layers),
        )
        yield replace(image, reference=reference)


def _image(
    archive: Archive,
    *,
    config: str,
    files: tuple[str, ...],
    media_types: tuple[str, ...],
) -> Image:
    digest = _config_digest(archive, config)
    parsed = _object(archive.json(config), config)
    layers = tuple(archive.layer(name) for name in files)
    rootfs = _object(parsed.get("rootfs") or {}, config)
    diff_ids = _list(archive, rootfs.get("diff_ids") or [], config)
    if len(diff_ids) != len(layers):
        raise ArchiveError(
            f"{len(diff_ids)} diff IDs for {len(layers)} layers", where=config
        )
    for name, layer, diff_id in zip(files, layers, diff_ids, strict=True):
        if layer.diff_id != diff_id:
            raise ArchiveError(
                f"its diff ID is {layer.diff_id}, the config has {str(diff_id)[:80]}",
                where=name,
            )
    entries = _list(archive, parsed.get("history") or [], config)
    history = [_object(each, config) for each in entries]
    making = sum(not each.get("empty_layer") for each in history)
    if history and making != len(layers):
        raise ArchiveError(
            f"its history makes {making} layers, but there are {len(layers)}",
            where=config,
        )
    return Image(
        reference="",
        config=parsed,
        config_digest=digest,
        layers=layers,
        media_types=media_types,
        files=tuple(archive.blob(name).name for name in files),
    )


def _config_digest(archive: Archive, name: str) -> str:
    blob = archive.blob(name)
    named = _HEX.fullmatch(name)
    if named and named[1] != blob.digest:
        raise ArchiveError(f"its bytes have the digest {blob.digest}", where=name)
    return f"sha256:{blob.digest}"


def _manifests_by_config(archive: Archive) -> Iterator[tuple[str, Json]]:
    if "index.json" in archive:
        for _, name, manifest in _manifests(archive):
            config = _object(manifest.get("config"), name)
            yield str(config.get("digest")), manifest


def _manifests(archive: Archive) -> Iterator[tuple[str, str, Json]]:
    """Walk the indexes: reference, file and content of each image manifest there."""
    seen: set[tuple[str, str]] = set()
    pending = [("index.json", "", 0)]
    while pending:
        name, reference, depth = pending.pop()
        content = _object(archive.json(name), name)
        if "manifests" not in content:
            yield reference, name, content
            continue
        below = []
        for each in _list(archive, content["manifests"], name):
            descriptor = _object(each, name)
            if not _is_image(descriptor, name):
                continue
            if _blob_name(descriptor, name) not in archive:
                # Of an index with many platforms an engine saves what it has.
                continue
            blob = _described(archive, descriptor, name)
            to = _reference(descriptor, name) or reference
            if (blob.name, to) not in seen and depth < _MAX_DEPTH:
                seen.add((blob.name, to))
                below.append((blob.name, to, depth + 1))
        pending += reversed(below)


def _is_image(descriptor: Json, where: str) -> bool:
    annotations = _object(descriptor.get("annotations") or {}, where)
    platform = _object(descriptor.get("platform") or {}, where)
    kind = annotations.get("vnd.docker.reference.type")
    unknown = {key: platform.get(key) for key in _UNKNOWN} == _UNKNOWN
    return kind != "attestation-manifest" and not unknown


def _reference(descriptor: Json, where: str) -> str:
    annotations = _object(descriptor.get("annotations") or {}, where)
    return str(
        annotations.get("io.containerd.image.name")
        or annotations.get("org.opencontainers.image.ref.name")
        or ""
    )


def _blob_name(descriptor: Json, where: str) -> str:
    digest = _DIGEST.fullmatch(_text(descriptor.get("digest"), where))
    if not digest:
        raise ArchiveError("names a blob by no SHA-256 digest", where=where)
    return f"blobs/sha256/{digest[1]}"


def _described(archive: Archive, value: object, where: str) -> Blob:
    descriptor = _object(value, where)
    blob = archive.blob(_blob_name(descriptor, where))
    if descriptor.get("size", blob.size) != blob.size:
        raise ArchiveError(
            f"has {blob.size} bytes, but {where} says {descriptor['size']!r:.40}",
            where=blob.name,
        )
    return blob


def _object(value: object, where: str) -> Json:
    if not isinstance(value, dict):
        raise ArchiveError("has something else where an object belongs", where=where)
    return value


def _list(archive: Archive, value: object, where: str) -> list[Any]:
    """Give a list that is about to be walked, which costs so many names."""
    if not isinstance(value, list):
        raise ArchiveError("has something else where a list belongs", where=where)
    archive.account.blob = where
    archive.account.spend("names", len(value))
    return value


def _text(value: object, where: str) -> str:
    if not isinstance(value, str):
        raise ArchiveError("has something else where a text belongs", where=where)
    return value
