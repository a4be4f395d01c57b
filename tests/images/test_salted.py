"""Copies of a base: IDs of their own, and a large one's layers by reference."""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

import pytest
from saved import layout, member, old, packed, tar

from harness.errors import HarnessError
from harness.images import base as base_module
from harness.images.base import Base, from_archive
from harness.images.image import Image, read_archive
from harness.images.salted import salted
from harness.images.write_archive import write_archive

CONFIG = {"os": "linux", "config": {"Cmd": ["/bin/sh"]}, "history": [{}, {}]}


@pytest.fixture
def base(tmp_path: Path) -> Base:
    """Two layers, of which the first is a root with a folder and a file."""
    place = tmp_path / "base.tar"
    layers = [tar(member("proc", flag=b"5"), member("a", b"x")), tar(member("b", b"y"))]
    with place.open("wb") as out:
        write_archive(layers, CONFIG, ["base:1"], out)
    return from_archive(place)


@pytest.fixture
def large(base: Base, monkeypatch: pytest.MonkeyPatch) -> Base:
    """The same base, which counts as a large one."""
    monkeypatch.setattr(base_module, "_SMALL", 0)
    return base


def write_salted(base: Base, salt: str, tag: str = "own/x:1") -> tuple[Image, bytes]:
    out = io.BytesIO()
    return salted(base, salt, tag, out), out.getvalue()


def test_salt_changes_the_ids_and_nothing_else(base: Base) -> None:
    one, data = write_salted(base, "one")
    two, _ = write_salted(base, "two")
    assert read_archive(io.BytesIO(data)) == [one]
    assert one.reference == "own/x:1"
    ids = {base.diff_ids[0], one.layers[0].diff_id, two.layers[0].diff_id}
    assert len(ids) == 3
    assert one.layers[0].entries == base.layers[0].entries
    own = {"rootfs": 0, "comment": "one"}
    assert {**one.config, **own} == {**base.config, **own}


def test_salt_of_the_id_alone_keeps_the_layers(base: Base) -> None:
    out = io.BytesIO()
    image = salted(base, "one", "own/x:1", out, layers_too=False)
    assert image.layers == base.layers
    assert image.config_digest != base.image.config_digest
    assert read_archive(io.BytesIO(out.getvalue())) == [image]


def test_salt_of_the_content_is_a_file_where_no_run_sees_it(base: Base) -> None:
    found = []
    for salt in ("one", "two"):
        out = io.BytesIO()
        image = salted(base, salt, "own/x:1", out, content_too=True)
        (read,) = read_archive(io.BytesIO(out.getvalue()))
        assert read.layers[0].diff_id == image.layers[0].diff_id
        (added,) = set(read.layers[0].entries) - set(base.layers[0].entries)
        assert (added.path, added.size) == ("proc/layer-harness", 3)
        found.append(added.digest)
    assert len(set(found)) == 2


def test_same_salt_gives_the_same_bytes(base: Base) -> None:
    assert write_salted(base, "one") == write_salted(base, "one")


@pytest.mark.parametrize("form", ["old", "layout"])
def test_saved_image_of_many_layers_can_be_salted(tmp_path: Path, form: str) -> None:
    one, two = tar(member("a", b"x")), tar(member("b", b"y"))
    layers = [one, two, bytes(1024), one, bytes(1024)]
    pairs = old(layers, ["x:1"]) if form == "old" else layout(layers, "x:1")
    path = tmp_path / "saved.tar"
    path.write_bytes(packed(pairs))
    saved = from_archive(path)
    image, data = write_salted(saved, "salt")
    assert read_archive(io.BytesIO(data)) == [image]
    assert image.layers[1:] == saved.layers[1:]
    assert image.layers[0].entries == saved.layers[0].entries
    assert image.layers[0].diff_id != saved.layers[0].diff_id


def test_base_without_layers_cannot_be_salted(tmp_path: Path) -> None:
    path = tmp_path / "saved.tar"
    path.write_bytes(packed(layout([], "x:1")))
    with pytest.raises(HarnessError, match="without layers"):
        write_salted(from_archive(path), "salt")


def test_base_that_changed_since_it_was_read_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "saved.tar"
    path.write_bytes(packed(old([tar(member("a", b"x"))], ["x:1"])))
    saved = from_archive(path)
    path.write_bytes(packed(old([tar(member("a", b"x" * 20_000))], ["x:1"])))
    with pytest.raises(HarnessError, match="changed while"):
        write_salted(saved, "salt")


def test_a_base_is_large_by_the_bytes_of_its_layers(
    base: Base, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not base.is_large
    monkeypatch.setattr(base_module, "_SMALL", base.size)
    assert not base.is_large
    monkeypatch.setattr(base_module, "_SMALL", base.size - 1)
    assert base.is_large
    assert base.size == sum(layer.size for layer in base.layers)


@pytest.mark.parametrize("content_too", [False, True])
def test_a_large_base_has_the_salt_in_a_layer_on_top(
    large: Base, *, content_too: bool
) -> None:
    found = []
    for salt in ("one", "two"):
        out = io.BytesIO()
        image = salted(large, salt, "own/x:1", out, content_too=content_too)
        assert read_archive(io.BytesIO(out.getvalue())) == [image]
        assert image.layers[:-1] == large.layers
        assert image.config["history"][:-1] == large.config["history"]
        assert image.config["comment"] == salt
        found.append(image)
    added = [(each.path, each.kind) for each in found[0].layers[-1].entries]
    assert added == (
        [("proc", "dir"), ("proc/layer-harness", "file")] if content_too else []
    )
    assert found[0].layers[-1].diff_id != found[1].layers[-1].diff_id
    assert found[0].config_digest != found[1].config_digest


def test_a_copy_of_a_large_base_goes_without_its_layers(large: Base) -> None:
    whole, part = io.BytesIO(), io.BytesIO()
    image = salted(large, "one", "own/x:1", whole)
    assert salted(large, "one", "own/x:1", part, whole=False) == image
    names = []
    for each in (whole, part):
        with tarfile.open(fileobj=io.BytesIO(each.getvalue())) as archive:
            names.append(archive.getnames())
    left_out = {name.replace("sha256:", "blobs/sha256/") for name in large.diff_ids}
    assert set(names[0]) - set(names[1]) == left_out
    assert set(names[1]) < set(names[0])


def test_equal_layers_of_a_large_base_are_written_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(base_module, "_SMALL", 0)
    one, two = tar(member("a", b"x")), tar(member("b", b"y"))
    path = tmp_path / "saved.tar"
    path.write_bytes(packed(old([one, two, one], ["x:1"])))
    saved = from_archive(path)
    image, data = write_salted(saved, "salt")
    assert read_archive(io.BytesIO(data)) == [image]
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        names = archive.getnames()
    assert len(names) == len(set(names))


def test_a_large_base_without_history_gets_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(base_module, "_SMALL", 0)
    path = tmp_path / "saved.tar"
    with path.open("wb") as out:
        write_archive([tar(member("a", b"x"))], {"os": "linux"}, ["x:1"], out)
    image, data = write_salted(from_archive(path), "salt")
    assert "history" not in image.config
    assert read_archive(io.BytesIO(data)) == [image]


def test_an_archive_that_is_no_file_is_refused_by_name(tmp_path: Path) -> None:
    place = tmp_path / "base.tar"
    os.mkfifo(place)
    with pytest.raises(HarnessError, match="is a fifo") as caught:
        from_archive(place)
    assert caught.value.where == str(place)
