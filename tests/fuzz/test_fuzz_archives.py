"""Any archive: images, or an error that names the blob, within the budget."""

from __future__ import annotations

import io
import sys
import tarfile
from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from fuzz import forged
from fuzz.forged import Written
from fuzz.fuzzing import bounded, error_of, fuzzed
from harness.errors import ArchiveError
from harness.images.image import Image, read_archive
from harness.images.layer import Layer, bytes_of, read_layer
from harness.tar.budget import Budget

#: Little enough that some of the archives do not fit.
BUDGET = Budget(
    unpacked=60_000, holes=20_000, entries=8, files=12, json=6000, names=60,
    memory=200_000,
)  # fmt: skip
KINDS = {
    "0": "file",
    "\0": "file",
    "7": "file",
    "S": "file",
    "1": "hardlink",
    "2": "symlink",
    "3": "char",
    "4": "block",
    "5": "dir",
    "6": "fifo",
}
#: The only errors that name no blob: there is none.
WITHOUT_BLOB = ("an archive with neither manifest.json nor index.json",)


def held(images: Iterable[Image]) -> int:
    """Count the bytes that the entries of images take."""
    size = 0
    for layer in {id(each): each for image in images for each in image.layers}.values():
        for entry in layer.entries:
            texts = [
                entry.path,
                entry.link,
                *(part for x in entry.xattrs for part in x),
            ]
            size += sys.getsizeof(entry) + sum(sys.getsizeof(each) for each in texts)
    return size


def check(data: bytes) -> None:
    images: list[Image] = []

    def read() -> None:
        images.extend(read_archive(io.BytesIO(data), budget=BUDGET))

    with bounded():
        error = error_of(read, ArchiveError)
    assert bool(images) == (error is None)
    if isinstance(error, ArchiveError):
        assert error.where or error.message in WITHOUT_BLOB
    layers = {each.diff_id: each for image in images for each in image.layers}
    assert sum(len(each.entries) for each in layers.values()) <= BUDGET.entries
    assert held(images) <= BUDGET.memory
    assert sum(each.size for each in layers.values()) <= BUDGET.unpacked


@fuzzed
@given(forged.hostile())
def test_any_archive_gives_images_or_an_error_that_names_the_blob(data: bytes) -> None:
    check(data)


@fuzzed
@given(st.binary(max_size=2000).map(lambda x: forged.extension(b"x", x)) | st.binary())
def test_any_bytes_are_an_error(data: bytes) -> None:
    check(data)


def hold_against_what_was_written(layer: Layer, members: list[Written]) -> None:
    assert len(layer.entries) == len(members)
    for entry, each in zip(layer.entries, members, strict=True):
        assert bytes_of(entry.path) == each.path
        assert entry.kind == KINDS[each.flag.decode()]
        assert (entry.mode, entry.uid, entry.gid) == (each.mode, each.uid, each.gid)
        assert entry.mtime == each.mtime
        assert bytes_of(entry.uname) == each.uname
        assert bytes_of(entry.gname) == each.gname
        assert bytes_of(entry.link) == each.link
        assert (entry.device or (0, 0)) == each.device
        assert entry.size == len(each.content)
        found = entry.digest
        assert found == (forged.sha(each.content) if entry.kind == "file" else None)
        pairs = [(bytes_of(key), bytes.fromhex(value)) for key, value in entry.xattrs]
        assert tuple(pairs) == each.xattrs


@fuzzed
@given(forged.valid())
def test_a_valid_archive_gives_what_was_written(
    case: tuple[bytes, list[list[Written]], list[bytes]],
) -> None:
    data, members, layers = case
    with bounded():
        images = read_archive(io.BytesIO(data))
    for image in images:
        assert [each.diff_id for each in image.layers] == [
            f"sha256:{forged.sha(each)}" for each in layers
        ]
        for layer, those in zip(image.layers, members, strict=True):
            hold_against_what_was_written(layer, those)


@fuzzed
@given(forged.MEMBERS)
def test_a_valid_layer_is_read_as_tarfile_reads_it(members: list[Written]) -> None:
    data = forged.tar(members)
    layer = read_layer(io.BytesIO(data))
    with tarfile.open(fileobj=io.BytesIO(data), errors="surrogateescape") as theirs:
        infos = theirs.getmembers()
        assert len(infos) == len(layer.entries)
        for entry, info in zip(layer.entries, infos, strict=True):
            raw = info.name.encode("utf-8", "surrogateescape")
            assert bytes_of(entry.path) == raw
            assert entry.kind == KINDS[info.type.decode()]
            assert (entry.mode, entry.uid, entry.gid) == (info.mode, info.uid, info.gid)
            assert (entry.mtime, entry.uname) == (info.mtime, info.uname)
            assert bytes_of(entry.link) == info.linkname.encode(
                "utf-8", "surrogateescape"
            )
            if entry.kind == "file":
                file = theirs.extractfile(info)
                assert file is not None
                assert entry.digest == forged.sha(file.read())
