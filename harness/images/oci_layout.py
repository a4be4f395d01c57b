"""What a command finds on disk: the build context, and a base as an OCI layout.

https://github.com/opencontainers/image-spec/blob/main/image-layout.md
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, Final

from harness.engines.process import tail
from harness.errors import EngineError
from harness.images.archive import copy_layers
from harness.images.image import read_archive

_INDEX: Final = "application/vnd.oci.image.index.v1+json"
_MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
_CONFIG: Final = "application/vnd.oci.image.config.v1+json"
_LAYER: Final = "application/vnd.oci.image.layer.v1.tar"


def write_layout(archive: BinaryIO, folder: Path) -> str:
    """Write the first image of an archive to `folder`, with the tag `base`.

    Gives the digest of its manifest.
    """
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    with tempfile.TemporaryFile(dir=folder) as copy:
        shutil.copyfileobj(archive, copy)
        copy.seek(0)
        image = read_archive(copy)[0]
        copy.seek(0)
        ids = {
            name: layer.diff_id.removeprefix("sha256:")
            for name, layer in zip(image.files, image.layers, strict=True)
        }
        for name, parts in copy_layers(copy, set(ids)):
            with (blobs / ids[name]).open("wb") as out:
                for part in parts:
                    out.write(part)
    config = _blob(blobs, {**image.config}, _CONFIG)
    layers = [
        {"mediaType": _LAYER, "digest": layer.diff_id, "size": layer.size}
        for layer in image.layers
    ]
    manifest = _blob(
        blobs,
        {
            "schemaVersion": 2,
            "mediaType": _MANIFEST,
            "config": config,
            "layers": layers,
        },
        _MANIFEST,
    )
    named = {**manifest, "annotations": {"org.opencontainers.image.ref.name": "base"}}
    index = {"schemaVersion": 2, "mediaType": _INDEX, "manifests": [named]}
    (folder / "index.json").write_text(json.dumps(index), encoding="utf-8")
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}', "utf-8")
    return str(manifest["digest"])


def _blob(blobs: Path, value: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """Write a JSON blob; gives its descriptor."""
    text = json.dumps(value, sort_keys=True).encode()
    digest = hashlib.sha256(text).hexdigest()
    (blobs / digest).write_bytes(text)
    return {"mediaType": kind, "digest": f"sha256:{digest}", "size": len(text)}


def unpack(tar: BinaryIO, folder: Path) -> Path:
    """Unpack a context's tar with all its attributes, as a user would have the files.

    GNU tar refuses what leads out of the folder. Owners and devices take root.
    """
    folder.mkdir()
    folder.chmod(0o755)
    words = [
        "tar", "--extract", "--file=-", f"--directory={folder}", "--numeric-owner",
        "--preserve-permissions", "--delay-directory-restore", "--xattrs",
        "--xattrs-include=*", "--warning=no-timestamp",
    ]  # fmt: skip
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=said, stderr=said
        )
        assert process.stdin is not None  # opened as a pipe above
        with contextlib.suppress(BrokenPipeError), process.stdin as pipe:
            shutil.copyfileobj(tar, pipe)
        if process.wait():
            said.seek(0)
            raise EngineError(
                "the build context cannot be unpacked:\n"
                + tail(said.read().decode(errors="replace")),
                hint="other owners, devices and some xattrs take root",
            )
    return folder


def written(outside: Mapping[str, bytes], folder: Path) -> Path | None:
    """Write files that lie outside of a context; gives the first one's path, if any."""
    places = []
    for name, content in outside.items():
        places.append(folder / name)
        places[-1].write_bytes(content)
    return places[0] if places else None
