"""An image of the user's, taken out of what holds it, and named as it is used."""

from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path

import pytest
from saved import config, layout, member, old, packed, tar

from harness.errors import ArchiveError, HarnessError
from harness.images.image import read_archive
from harness.images.renamed import chosen, renamed

ONE, TWO = tar(member("a", b"1")), tar(member("b", b"2"))


def written(place: Path) -> io.BytesIO:
    out = io.BytesIO()
    renamed(chosen(place, ["docker.io/library/x:1"], "amd64"), ["y:2", "z:3"], out)
    out.seek(0)
    return out


@pytest.mark.parametrize(
    "archive",
    [
        packed(old([ONE, TWO, ONE], ["x:1"])),
        gzip.compress(packed(old([ONE, TWO, ONE], ["x:1"]))),
        packed(layout([ONE, TWO, ONE], "x:1", manifest_json=False, nested=True)),
        packed(layout([ONE, TWO], "x:1", stored=[gzip.compress(ONE), TWO])),
    ],
    ids=["docker save", "compressed", "OCI", "compressed layers"],
)
def test_an_image_keeps_its_layers_and_config(tmp_path: Path, archive: bytes) -> None:
    place = tmp_path / "image.tar"
    place.write_bytes(archive)
    (before,) = {each.config_digest: each for each in read_archive([archive])}.values()
    after = read_archive(written(place))
    assert [each.reference for each in after] == ["y:2", "z:3"]
    assert after[0].layers == before.layers
    assert after[0].config == before.config


def test_a_folder_with_an_oci_layout_is_an_archive_too(tmp_path: Path) -> None:
    with tarfile.open(
        fileobj=io.BytesIO(packed(layout([ONE], "x:1", manifest_json=False)))
    ) as archive:
        archive.extractall(tmp_path, filter="data")
    (image, _) = read_archive(written(tmp_path))
    assert [each.entries[0].path for each in image.layers] == ["a"]


def test_of_several_images_the_wanted_one_is_taken(tmp_path: Path) -> None:
    place = tmp_path / "both.tar"
    arm = config([TWO], architecture="arm64")
    place.write_bytes(two_images(old([ONE], ["x:1"]), old([TWO], ["x:2"], arm)))
    assert chosen(place, ["x:2"], "amd64").image.reference == "x:2"
    assert chosen(place, ["other:1"], "arm64").image.reference == "x:2"
    with pytest.raises(HarnessError, match="several images: x:1, x:2") as refused:
        chosen(place, ["other:1"], "riscv64")
    assert "docker save NAME" in refused.value.hint


def two_images(*images: list[tuple[str, bytes]]) -> bytes:
    """Join archives as `docker save ONE TWO` writes them."""
    lists = [dict(each)["manifest.json"][1:-1] for each in images]
    files = {
        # layers have made-up names, which are the same in each
        f"{number}{name}" if name.endswith(".tar") else name: content
        for number, each in enumerate(images)
        for name, content in each
        if name != "manifest.json"
    }
    named = [
        text.replace(b'"Layers": ["', b'"Layers": ["%d' % number)
        for number, text in enumerate(lists)
    ]
    return packed({**files, "manifest.json": b"[" + b", ".join(named) + b"]"})


def test_what_is_no_image_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(ONE)
    with pytest.raises(ArchiveError) as refused:
        chosen(tmp_path / "a.tar", [], "amd64")
    assert str(tmp_path / "a.tar") in refused.value.where
    with pytest.raises(HarnessError, match="no OCI layout"):
        chosen(tmp_path, [], "amd64")
