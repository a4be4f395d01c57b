"""What is put on disk for a command: a base as an OCI layout, and a build context."""

from __future__ import annotations

import hashlib
import io
import json
import os
import stat
import tarfile
from pathlib import Path

import pytest
from saved import layout, member, old, packed, tar

from harness.errors import EngineError
from harness.images.image import read_archive
from harness.images.oci_layout import unpack, write_layout

LAYERS = [tar(member("a", b"x" * 2000)), tar(member("b", b"y"))]
FORMS = {
    "20.10": old(LAYERS, ["x:1"]),
    "25": layout(LAYERS, "x:1"),
    "oci": layout(LAYERS, "x:1", manifest_json=False),
}


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(each.relative_to(folder)): each.read_bytes()
        for each in folder.rglob("*")
        if each.is_file()
    }


@pytest.mark.parametrize("form", FORMS)
def test_a_layout_is_the_image_of_the_archive(tmp_path: Path, form: str) -> None:
    data = packed(FORMS[form])
    (image,) = read_archive(io.BytesIO(data))
    write_layout(io.BytesIO(data), tmp_path / "base")
    (again,) = read_archive(io.BytesIO(packed(files(tmp_path / "base"))))
    assert again.reference == "base"
    assert again.config == image.config
    assert again.layers == image.layers


def test_a_layout_is_as_the_specification_says(tmp_path: Path) -> None:
    digest = write_layout(io.BytesIO(packed(FORMS["20.10"])), tmp_path / "base")
    found = files(tmp_path / "base")
    assert json.loads(found.pop("oci-layout")) == {"imageLayoutVersion": "1.0.0"}
    index = json.loads(found.pop("index.json"))
    assert index["schemaVersion"] == 2
    (named,) = index["manifests"]
    assert named["digest"] == digest
    manifest = json.loads(found[f"blobs/sha256/{digest.removeprefix('sha256:')}"])
    assert manifest["schemaVersion"] == 2
    described = [named, manifest["config"], *manifest["layers"]]
    # each blob is where its digest says, has the size that is said, and no more are
    assert {
        f"blobs/{each['digest'].replace(':', '/')}": each["size"] for each in described
    } == {name: len(content) for name, content in found.items()}
    for name, content in found.items():
        assert name == f"blobs/sha256/{hashlib.sha256(content).hexdigest()}"


def test_of_several_images_the_first_is_written(tmp_path: Path) -> None:
    other = [tar(member("c", b"z"))]
    pairs = [
        *FORMS["20.10"][:-1],
        *((f"2/{n}", c) for n, c in old(other, ["y:1"])[:-1]),
    ]
    first = json.loads(dict(FORMS["20.10"])["manifest.json"])
    second = json.loads(dict(old(other, ["y:1"]))["manifest.json"])
    for each in second:
        each["Config"] = f"2/{each['Config']}"
        each["Layers"] = [f"2/{name}" for name in each["Layers"]]
    pairs.append(("manifest.json", json.dumps([*first, *second]).encode()))
    write_layout(io.BytesIO(packed(pairs)), tmp_path / "base")
    (image,) = read_archive(io.BytesIO(packed(files(tmp_path / "base"))))
    assert [layer.size for layer in image.layers] == [len(each) for each in LAYERS]


def test_a_context_is_unpacked_with_its_attributes(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        folder = unpack(
            io.BytesIO(
                tar(
                    member("d", type=tarfile.DIRTYPE, mode=0o1757, mtime=1000),
                    member("d/a", b"content", mode=0o4644, mtime=2000),
                    member("d/link", type=tarfile.SYMTYPE, linkname="a"),
                    member("same", type=tarfile.LNKTYPE, linkname="d/a"),
                )
            ),
            tmp_path / "context",
        )
    finally:
        os.umask(before)
    assert folder == tmp_path / "context"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o755
    inner, file = (folder / "d").stat(), (folder / "d" / "a").stat()
    assert (stat.S_IMODE(inner.st_mode), inner.st_mtime) == (0o1757, 1000)
    assert (stat.S_IMODE(file.st_mode), file.st_mtime) == (0o4644, 2000)
    assert (folder / "d" / "a").read_bytes() == b"content"
    assert (folder / "d" / "link").readlink() == Path("a")
    assert (folder / "same").samefile(folder / "d" / "a")


@pytest.mark.skipif(os.geteuid() != 0, reason="other owners take root")
def test_owners_are_the_numbers_of_the_context(tmp_path: Path) -> None:
    # the machine knows this name by another number
    data = tar(member("a", b"x", uid=1234, gid=2345, uname="root", gname="root"))
    found = (unpack(io.BytesIO(data), tmp_path / "context") / "a").stat()
    assert (found.st_uid, found.st_gid) == (1234, 2345)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (tar(member("../evil", b"x")), "evil"),
        (b"not a tar" * 200, "tar"),
        (tar(member("a", b"x" * (1 << 20)))[: 1 << 19], "EOF"),
    ],
)
def test_a_context_that_cannot_be_unpacked_is_told_in_the_words_of_tar(
    tmp_path: Path, data: bytes, said: str
) -> None:
    with pytest.raises(EngineError, match="cannot be unpacked") as caught:
        unpack(io.BytesIO(data), tmp_path / "context")
    assert said in caught.value.message.split("\n", 1)[1]
    assert caught.value.hint
    assert not (tmp_path / "evil").exists()


def test_a_context_larger_than_what_tar_takes_in_is_its_error(tmp_path: Path) -> None:
    # tar ends at the first header; the rest finds nobody who reads it
    with pytest.raises(EngineError, match="cannot be unpacked"):
        unpack(io.BytesIO(b"x" * (4 << 20)), tmp_path / "context")
