"""Layers and image archives as engines write them, made with the tarfile module."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Iterable, Mapping
from typing import Any

Pairs = list[tuple[str, bytes]]


class Member(tarfile.TarInfo):
    """A tar member and its content."""

    content = b""


def member(name: str, content: bytes = b"", **attributes: Any) -> Member:
    info = Member(name)
    info.size, info.content = len(content), content
    for key, value in attributes.items():
        setattr(info, key, value)
    return info


def tar(*members: Member, **options: Any) -> bytes:
    out = io.BytesIO()
    how: dict[str, Any] = {"format": tarfile.PAX_FORMAT, "errors": "surrogateescape"}
    with tarfile.open(fileobj=out, mode="w", **(how | options)) as writer:
        for info in members:
            writer.addfile(info, io.BytesIO(info.content) if info.size else None)
    return out.getvalue()


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def config(layers: Iterable[bytes], **more: Any) -> bytes:
    diff_ids = [f"sha256:{sha(layer)}" for layer in layers]
    history = [{"created_by": f"step {number}"} for number in range(len(diff_ids))]
    history.append({"created_by": "CMD", "empty_layer": True})  # type: ignore[dict-item]
    rootfs = {"type": "layers", "diff_ids": diff_ids}
    return json.dumps({"rootfs": rootfs, "history": history} | more).encode()


def old(layers: list[bytes], tags: list[str], text: bytes = b"") -> Pairs:
    """20.10: folders by a made-up ID, the manifest last; links are made by `packed`."""
    text = text or config(layers)
    pairs: Pairs = []
    names = []
    for number, layer in enumerate(layers):
        name = f"{sha(b'%d' % number)}/layer.tar"
        first = layers.index(layer)
        link = f"../{sha(b'%d' % first)}/layer.tar".encode()
        pairs.append((name, layer) if first == number else (f"{name}@", link))
        names.append(name)
    named = {"Config": f"{sha(text)}.json", "RepoTags": tags, "Layers": names}
    pairs.append((f"{sha(text)}.json", text))
    pairs.append(("manifest.json", json.dumps([named]).encode()))
    return pairs


def layout(
    layers: list[bytes],
    tag: str,
    *,
    stored: list[bytes] | None = None,
    manifest_json: bool = True,
    nested: bool = False,
) -> Pairs:
    """25 and later: an OCI layout, with manifest.json or without."""
    stored = stored or layers
    text = config(layers)
    blobs = dict.fromkeys([text, *stored])

    def descriptor(content: bytes, **more: Any) -> dict[str, Any]:
        blobs[content] = None
        digest = f"sha256:{sha(content)}"
        return {"mediaType": "m", "digest": digest, "size": len(content)} | more

    manifest = {
        "config": descriptor(text),
        "layers": [
            descriptor(each, mediaType=f"type-{number}")
            for number, each in enumerate(stored)
        ],
    }
    name = {"io.containerd.image.name": tag}
    image = descriptor(json.dumps(manifest).encode(), annotations=name)
    if nested:
        attestation = descriptor(
            json.dumps({"config": descriptor(b"{}"), "layers": []}).encode(),
            platform={"architecture": "unknown", "os": "unknown"},
        )
        absent = {"digest": f"sha256:{'0' * 64}", "size": 1}
        index = {"manifests": [absent, attestation, image]}
        image = descriptor(json.dumps(index).encode(), annotations=name)
    pairs = [(f"blobs/sha256/{sha(content)}", content) for content in sorted(blobs)]
    pairs.append(("index.json", json.dumps({"manifests": [image]}).encode()))
    if manifest_json:
        names = [f"blobs/sha256/{sha(each)}" for each in stored]
        named = {
            "Config": f"blobs/sha256/{sha(text)}",
            "RepoTags": [tag],
            "Layers": names,
        }
        pairs.append(("manifest.json", json.dumps([named]).encode()))
    return [*pairs, ("oci-layout", b'{"imageLayoutVersion": "1.0.0"}')]


def packed(pairs: Pairs | Mapping[str, bytes]) -> bytes:
    """Pack named contents; a name that ends in `@` is a symlink."""
    items = pairs.items() if isinstance(pairs, Mapping) else pairs
    return tar(
        *(
            member(name[:-1], type=tarfile.SYMTYPE, linkname=content.decode())
            if name.endswith("@")
            else member(name, content)
            for name, content in items
        )
    )
