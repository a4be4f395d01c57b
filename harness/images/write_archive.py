"""Write image archives that every engine loads.

`manifest.json` is what makes an archive load everywhere. An OCI layout alone does on
the containerd store only, but there it may leave out layers that the engine has.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, BinaryIO, Final

from harness.errors import HarnessError
from harness.tar.byte_stream import Piece
from harness.tar.write import END, Header, encode, padding

#: When our own images and files were made, in seconds and as configs write it.
TIME: Final = 1_600_000_000
CREATED: Final = "2020-09-13T12:26:40Z"

# What containerd makes of an archive with `manifest.json` alone.
_MANIFEST: Final = "application/vnd.docker.distribution.manifest.v2+json"
_CONFIG: Final = "application/vnd.docker.container.image.v1+json"
LAYER: Final = "application/vnd.docker.image.rootfs.diff.tar"
_INDEX: Final = "application/vnd.oci.image.index.v1+json"

Json = Mapping[str, Any]


def layer_file(place: int) -> str:
    """Name the file of a layer as old archives do, by its place."""
    return f"l{place}/layer.tar"


def blob_file(digest: str) -> str:
    """Name the file of a blob as OCI layouts do."""
    return f"blobs/sha256/{digest.removeprefix('sha256:')}"


def write_archive(
    layers: Sequence[bytes], config: Json, tags: Sequence[str], out: BinaryIO
) -> tuple[str, ...]:
    """Write an image archive that every engine loads, and give its diff IDs.

    The diff IDs of the config are filled in.
    """
    names = [layer_file(place) for place in range(len(layers))]
    diff_ids = tuple(f"sha256:{hashlib.sha256(tar).hexdigest()}" for tar in layers)
    for name, tar in zip(names, layers, strict=True):
        write_file(out, name, len(tar), [tar])
    rootfs = {"type": "layers", "diff_ids": list(diff_ids)}
    write_end(out, {**config, "rootfs": rootfs}, tags, names)
    return diff_ids


def write_file(
    out: BinaryIO,
    name: str,
    size: int,
    parts: Iterable[Piece],
    *,
    mode: int = 0o644,
) -> None:
    """Write one file of a tar; its parts must have `size` bytes."""
    out.write(encode(Header(path=name, size=size, mode=mode, mtime=TIME)))
    written = 0
    for part in parts:
        out.write(part)
        written += len(part)
    if written != size:
        raise HarnessError(f"the base changed while it was read: {name}")
    out.write(padding(size))


def write_end(
    out: BinaryIO, config: Json, tags: Sequence[str], names: Sequence[str]
) -> str:
    """Write the config and `manifest.json`; gives the config's digest."""
    text = _text(config)
    digest = hashlib.sha256(text).hexdigest()
    file = f"{digest}.json"
    write_file(out, file, len(text), [text])
    _write_manifest(out, file, tags, names)
    return f"sha256:{digest}"


def write_layout_end(
    out: BinaryIO, config: Json, tag: str, layers: Sequence[tuple[str, int]]
) -> str:
    """Write the config and what names it, for an image whose files are blobs.

    `layers` are diff IDs and sizes. Gives the config's digest. Engines load this though
    a layer's blob is left out, if they have the layer: the graph drivers go by
    `manifest.json`, the containerd store by the layout (measured on 20.10.5 to 28.5.2).
    """
    described = _write_blob(out, config, _CONFIG)
    manifest = {
        "schemaVersion": 2,
        "mediaType": _MANIFEST,
        "config": described,
        "layers": [
            {"mediaType": LAYER, "digest": diff_id, "size": size}
            for diff_id, size in layers
        ],
    }
    named = {
        **_write_blob(out, manifest, _MANIFEST),
        "annotations": {"io.containerd.image.name": f"docker.io/{tag}"},
    }
    index = _text({"schemaVersion": 2, "mediaType": _INDEX, "manifests": [named]})
    write_file(out, "index.json", len(index), [index])
    version = _text({"imageLayoutVersion": "1.0.0"})
    write_file(out, "oci-layout", len(version), [version])
    names = [blob_file(diff_id) for diff_id, _ in layers]
    _write_manifest(out, blob_file(described["digest"]), [tag], names)
    return str(described["digest"])


def _write_manifest(
    out: BinaryIO, config: str, tags: Sequence[str], names: Sequence[str]
) -> None:
    entry = {"Config": config, "RepoTags": [*tags], "Layers": [*names]}
    manifest = json.dumps([entry], sort_keys=True).encode()
    write_file(out, "manifest.json", len(manifest), [manifest])
    out.write(END)


def _write_blob(out: BinaryIO, value: Json, kind: str) -> dict[str, Any]:
    text = _text(value)
    digest = f"sha256:{hashlib.sha256(text).hexdigest()}"
    write_file(out, blob_file(digest), len(text), [text])
    return {"mediaType": kind, "digest": digest, "size": len(text)}


def _text(value: Json) -> bytes:
    return json.dumps(value, sort_keys=True).encode()
