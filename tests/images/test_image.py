from __future__ import annotations

import gzip
import io
import json
import random
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import zstandard
from saved import Pairs, config, layout, member, old, packed, sha, tar

from harness.errors import ArchiveError
from harness.images import archive as archive_module
from harness.images.image import Image, read_archive
from harness.tar.budget import Budget


def gzipped(data: bytes) -> bytes:
    return gzip.compress(data, mtime=0)


A = tar(member("a", b"x" * 2000))
B = tar(member("b", b"y"), member("etc/.wh.motd"))
EMPTY = bytes(1024)
LAYERS = [A, B, EMPTY, A]
STORED = [
    A,
    gzipped(B),
    zstandard.compress(EMPTY),
    gzipped(A),
]

FORMS: dict[str, Pairs] = {
    "20.10": old(LAYERS, ["x:1"]),
    "25": layout(LAYERS, "x:1"),
    "containerd": layout(LAYERS, "x:1", stored=STORED),
    "oci": layout(LAYERS, "x:1", stored=STORED, manifest_json=False),
    "nested": layout(LAYERS, "x:1", manifest_json=False, nested=True),
}


class Pipe(io.RawIOBase):
    """A stream that cannot seek and gives little at a time."""

    def __init__(self, data: bytes) -> None:
        super().__init__()
        self._file = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        part = self._file.read(min(len(buffer), 777))
        buffer[: len(part)] = part
        return len(part)


def read(pairs: Pairs) -> list[Image]:
    return read_archive(io.BytesIO(packed(pairs)))


def changed(pairs: Pairs, name: str, content: bytes) -> Pairs:
    return [(each, content if each == name else old) for each, old in pairs]


def without(pairs: Pairs, name: str) -> Pairs:
    return [(each, content) for each, content in pairs if each != name]


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_image(form: str) -> None:
    (image,) = read(FORMS[form])
    assert image.reference == "x:1"
    assert image.config == json.loads(config(LAYERS))
    assert image.config_digest == f"sha256:{sha(config(LAYERS))}"
    assert [each.diff_id for each in image.layers] == [
        f"sha256:{sha(each)}" for each in LAYERS
    ]
    assert [each.size for each in image.layers] == [len(each) for each in LAYERS]
    assert [each.path for each in image.layers[1].entries] == ["b", "etc/motd"]


@pytest.mark.parametrize("form", FORMS)
def test_equal_layers_are_one_object(form: str) -> None:
    (image,) = read(FORMS[form])
    assert image.layers[0] is image.layers[3]


@pytest.mark.parametrize("form", ["25", "containerd", "oci", "nested"])
def test_media_types_come_from_the_manifest(form: str) -> None:
    (image,) = read(FORMS[form])
    assert image.media_types == ("type-0", "type-1", "type-2", "type-3")


@pytest.mark.parametrize("form", FORMS)
def test_manifest_may_come_first(form: str) -> None:
    assert read(FORMS[form][::-1]) == read(FORMS[form])


@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstandard.compress])
def test_archive_may_be_compressed_and_come_through_a_pipe(pack: Any) -> None:
    data = pack(packed(FORMS["20.10"]))
    expected = read(FORMS["20.10"])
    assert read_archive(io.BufferedReader(Pipe(data))) == expected
    chunks = [data[at : at + 1000] for at in range(0, len(data), 1000)]
    assert read_archive(chunks) == expected


def test_names_with_a_dot_in_front_are_the_same() -> None:
    pairs = [(f"./{name}", content) for name, content in FORMS["25"]]
    assert read(pairs) == read(FORMS["25"])


def test_several_images_share_their_layers() -> None:
    one, two = layout([A, B], "x:1"), layout([A], "y:2")
    both = dict(one) | dict(two)
    named = [json.loads(dict(each)["manifest.json"])[0] for each in (one, two)]
    named[1]["RepoTags"] = ["y:2", "y:3"]
    images = read(list({**both, "manifest.json": json.dumps(named).encode()}.items()))
    assert [each.reference for each in images] == ["x:1", "y:2", "y:3"]
    assert images[0].layers[0] is images[1].layers[0] is images[2].layers[0]


def test_image_without_a_name_has_an_empty_reference() -> None:
    named = json.loads(dict(FORMS["25"])["manifest.json"])
    named[0]["RepoTags"] = None
    pairs = changed(FORMS["25"], "manifest.json", json.dumps(named).encode())
    assert [each.reference for each in read(pairs)] == [""]


def test_known_layer_is_not_read_again_but_its_digest_is_checked() -> None:
    (image,) = read(FORMS["25"])
    marked = replace(image.layers[0], entries=())
    known = {marked.diff_id: marked}
    data = packed(FORMS["25"])
    (again,) = read_archive(io.BytesIO(data), known=known)
    assert again.layers[0] is marked
    with pytest.raises(ArchiveError, match="have the digest"):
        read_archive(io.BytesIO(data.replace(b"xxxx", b"xxxy", 1)), known=known)


def test_known_layer_of_an_old_archive_is_found_by_its_bytes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (image,) = read(FORMS["20.10"])
    marked = replace(image.layers[0], entries=())
    known = {marked.diff_id: marked}
    data = packed(FORMS["20.10"])
    (again,) = read_archive(io.BytesIO(data), known=known)
    assert [each is marked for each in again.layers] == [True, False, False, True]
    assert again.layers[1:3] == image.layers[1:3]
    other = data.replace(b"xxxx", b"xxxy", 1)
    with pytest.raises(ArchiveError, match="its diff ID is"):
        read_archive(io.BytesIO(other), known=known)
    # what is too large to be hashed ahead is read again, and is the same
    monkeypatch.setattr(archive_module, "MAX_AHEAD", len(A) - 1)
    (again,) = read_archive(io.BytesIO(data), known=known)
    assert again.layers[0] == image.layers[0]


def oci(*tops: tuple[list[bytes], dict[str, str]]) -> Pairs:
    """Put several images in one index, without manifest.json."""
    blobs: dict[str, bytes] = {}
    manifests = []
    for layers, names in tops:
        pairs = dict(layout(layers, "x", manifest_json=False))
        (described,) = json.loads(pairs.pop("index.json"))["manifests"]
        blobs |= pairs
        manifests.append(described | {"annotations": names})
    index = json.dumps({"manifests": manifests}).encode()
    return [*blobs.items(), ("index.json", index)]


def test_all_images_of_an_index_are_read_in_its_order() -> None:
    found = read(
        oci(
            ([A], {"io.containerd.image.name": "one"}),
            ([B], {"org.opencontainers.image.ref.name": "two"}),
            ([A, B], {}),
        )
    )
    assert [(each.reference, len(each.layers)) for each in found] == [
        ("one", 1),
        ("two", 1),
        ("", 2),
    ]


def test_an_image_that_an_index_has_twice_is_read_once() -> None:
    name = {"io.containerd.image.name": "one"}
    assert len(read(oci(([A], name), ([A], name)))) == 1


def nested(depth: int) -> Pairs:
    """Put an index into an index, so many times."""
    pairs = dict(layout([A], "x:1", manifest_json=False))
    for _ in range(depth):
        text = pairs.pop("index.json")
        pairs[f"blobs/sha256/{sha(text)}"] = text
        inner = {"digest": f"sha256:{sha(text)}", "size": len(text)}
        pairs["index.json"] = json.dumps({"manifests": [inner]}).encode()
    return list(pairs.items())


def test_an_index_in_an_index_is_followed_but_not_for_ever() -> None:
    assert [each.reference for each in read(nested(3))] == ["x:1"]
    with pytest.raises(ArchiveError):
        read(nested(20))


def test_a_cut_archive_names_the_file_after_which_it_ends() -> None:
    data = packed([("first", b"{}"), ("second", b"{}"), ("third", b"{}")])
    with pytest.raises(ArchiveError) as caught:
        read_archive(io.BytesIO(data[: 2 * 1024]))
    assert caught.value.where == "after second"


def test_image_without_history_is_read() -> None:
    text = config(LAYERS, history=None)
    assert read(old(LAYERS, ["x:1"], text))[0].config["history"] is None


# What lies, lacks or attacks, and the file that the error has to name.

FIRST = f"blobs/sha256/{sha(A)}"
CONFIG = f"blobs/sha256/{sha(config(LAYERS))}"
OLD_CONFIG = f"{sha(config(LAYERS))}.json"
GZIP_LAYER = f"blobs/sha256/{sha(gzipped(B))}"
OLD_LAYER = f"{sha(b'0')}/layer.tar"


def manifest(**more: Any) -> bytes:
    (named,) = json.loads(dict(FORMS["25"])["manifest.json"])
    return json.dumps([named | more]).encode()


def oci_with(where: str, key: str, value: object) -> Pairs:
    """Change a descriptor in the manifest, whose own digest is put right."""
    pairs = dict(FORMS["oci"])
    index = json.loads(pairs.pop("index.json"))
    name = "blobs/sha256/" + index["manifests"][0]["digest"][7:]
    content = json.loads(pairs.pop(name))
    (content[where] if where == "config" else content[where][0])[key] = value
    text = json.dumps(content).encode()
    index["manifests"][0] |= {"digest": f"sha256:{sha(text)}", "size": len(text)}
    pairs[f"blobs/sha256/{sha(text)}"] = text
    return [*pairs.items(), ("index.json", json.dumps(index).encode())]


LIES: dict[str, tuple[Pairs, str, str]] = {
    "changed layer": (changed(FORMS["25"], FIRST, B), FIRST, "have the digest"),
    "changed old layer": (changed(FORMS["20.10"], OLD_LAYER, B), OLD_LAYER, "diff ID"),
    "missing layer": (without(FORMS["25"], FIRST), FIRST, "not in the archive"),
    "missing old layer": (
        without(FORMS["20.10"], OLD_LAYER),
        OLD_LAYER,
        "not in the archive",
    ),
    "missing config": (without(FORMS["25"], CONFIG), CONFIG, "not in the archive"),
    "changed config": (
        changed(FORMS["20.10"], OLD_CONFIG, b"{}"),
        OLD_CONFIG,
        "have the digest",
    ),
    "layer that is JSON": (
        changed(FORMS["20.10"], OLD_LAYER, b"{}"),
        OLD_LAYER,
        "is not a layer",
    ),
    "layer that is noise": (
        changed(FORMS["20.10"], OLD_LAYER, b"\1" * 999),
        OLD_LAYER,
        "neither a tar",
    ),
    "broken layer": (
        changed(FORMS["20.10"], OLD_LAYER, A[:1000]),
        OLD_LAYER,
        "truncated",
    ),
    "config that is a layer": (
        changed(FORMS["25"], "manifest.json", manifest(Config=FIRST)),
        FIRST,
        "is not JSON",
    ),
    "too few layers": (
        changed(FORMS["25"], "manifest.json", manifest(Layers=[FIRST])),
        CONFIG,
        "4 diff IDs for 1 layers",
    ),
    "layers in another order": (
        changed(
            FORMS["25"],
            "manifest.json",
            manifest(Layers=[f"blobs/sha256/{sha(each)}" for each in LAYERS[::-1]]),
        ),
        f"blobs/sha256/{sha(EMPTY)}",
        "diff ID",
    ),
    "history of another image": (
        old(LAYERS, ["x:1"], config(LAYERS, history=[{}])),
        sha(config(LAYERS, history=[{}])),
        "history makes 1 layers, but there are 4",
    ),
    "no manifest": ([("a", b"{}")], "", "neither manifest.json nor index.json"),
    "manifest of another shape": (
        changed(FORMS["25"], "manifest.json", b'{"a": 1}'),
        "manifest.json",
        "list belongs",
    ),
    "manifest of numbers": (
        changed(FORMS["25"], "manifest.json", b"[1]"),
        "manifest.json",
        "object belongs",
    ),
    "manifest with a number for a name": (
        changed(FORMS["25"], "manifest.json", manifest(Config=1)),
        "manifest.json",
        "text belongs",
    ),
    "manifest cut short": (
        changed(FORMS["25"], "manifest.json", b"[{"),
        "manifest.json",
        "not valid JSON",
    ),
    "manifest nested without end": (
        changed(FORMS["25"], "manifest.json", b"[" * 100_000),
        "manifest.json",
        "not valid JSON",
    ),
    "index of nothing": (
        changed(FORMS["oci"], "index.json", b'{"manifests": []}'),
        "index.json",
        "no image",
    ),
    "manifest with an empty name": (
        changed(FORMS["25"], "manifest.json", manifest(Config="")),
        "manifest",
        "without a name",
    ),
    "manifest of nothing": (
        changed(FORMS["25"], "manifest.json", b"[]"),
        "manifest.json",
        "lists no image",
    ),
    "truncated zstd layer": (
        layout([A], "x:1", stored=[zstandard.compress(A)[:-5]]),
        "blobs/",
        "truncated",
    ),
    "layer truncated since it was named": (
        changed(FORMS["containerd"], GZIP_LAYER, gzipped(B)[:-9]),
        GZIP_LAYER,
        "truncated in the middle of its gzip stream; its bytes have the digest",
    ),
    "config nested deeply": (
        old([A], ["x:1"], config([A], deep=json.loads("[" * 64 + "]" * 64))),
        ".json",
        "nested more than 64 deep",
    ),
    "config with a key twice": (
        old([A], ["x:1"], config([A])[:-1] + b', "history": []}'),
        ".json",
        "a key twice",
    ),
    "config with a number that is none": (
        old([A], ["x:1"], config([A], x=float("nan"))),
        ".json",
        "NaN is no number",
    ),
    "config with a number beyond all": (
        old([A], ["x:1"], config([A])[:-1] + b', "x": 1e999}'),
        ".json",
        "1e999 is too large",
    ),
    "config with a number without end": (
        old([A], ["x:1"], config([A])[:-1] + b', "x": ' + b"9" * 5000 + b"}"),
        ".json",
        "a number of 5000 digits",
    ),
    "config with half a letter": (
        old([A], ["x:1"], config([A], x="\ud800")),
        ".json",
        "surrogates not allowed",
    ),
    "config in another encoding": (
        old([A], ["x:1"], b" " + config([A], x="\ud800").replace(b"\\u", b"\xff")),
        ".json",
        "not valid JSON",
    ),
    "wrong size": (oci_with("layers", "size", 1), FIRST, "says 1"),
    "no digest": (oci_with("config", "digest", "md5:x"), "", "no SHA-256"),
    "links in a circle": (
        [
            *without(FORMS["20.10"], OLD_LAYER),
            (f"{OLD_LAYER}@", b"../b/layer.tar"),
            ("b/layer.tar@", f"../{OLD_LAYER}".encode()),
        ],
        OLD_LAYER,
        "circle",
    ),
    "link out of the archive": (
        [("a/layer.tar@", b"../../etc/passwd"), *FORMS["20.10"]],
        "a/layer.tar",
        "link out of",
    ),
    "absolute link": (
        [("a/layer.tar@", b"/etc/passwd"), *FORMS["20.10"]],
        "a/layer.tar",
        "link out of",
    ),
    "name out of the archive": (
        [("../evil", b""), *FORMS["25"]],
        "",
        "leaves the",
    ),
    "one name twice": (
        [*FORMS["25"], ("version", b"1"), ("version", b"2")],
        "version",
        "twice",
    ),
}


@pytest.mark.parametrize("lie", LIES)
def test_lie_is_an_error_that_names_the_file(lie: str) -> None:
    pairs, where, message = LIES[lie]
    with pytest.raises(ArchiveError, match=message) as caught:
        read(pairs)
    assert where in caught.value.where


def test_json_larger_than_any_registry_takes_is_not_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(archive_module, "MAX_JSON", 100)
    with pytest.raises(ArchiveError, match=r"JSON of \d+ bytes"):
        read(FORMS["25"])


@pytest.mark.parametrize(
    ("budget", "form", "where", "message"),
    [
        (Budget(json=500), "25", "blobs/", "more than 500 bytes of JSON"),
        (Budget(files=3), "25", "blobs/", "more than 3 files"),
        (Budget(entries=2), "20.10", "layer.tar", "more than 2 entries"),
        (Budget(unpacked=30_000), "20.10", "archive", "30,000 bytes, unpacked"),
        (Budget(memory=3000), "20.10", "layer.tar", "3,000 bytes of memory"),
        (Budget(names=9), "25", ".json", "more than 9 names"),
        (Budget(names=9), "oci", "blobs/", "more than 9 names"),
    ],
)
def test_an_archive_over_a_budget_is_an_error_that_names_blob_and_budget(
    budget: Budget, form: str, where: str, message: str
) -> None:
    with pytest.raises(ArchiveError, match=message) as caught:
        read_archive(io.BytesIO(packed(FORMS[form])), budget=budget)
    assert where in caught.value.where
    assert "harness.tar.budget" in caught.value.hint


@pytest.mark.parametrize("pack", [gzipped, zstandard.compress])
def test_a_budget_is_for_all_layers_together(pack: Any) -> None:
    layers = [tar(member(f"zeros{number}", bytes(2 << 20))) for number in range(3)]
    data = packed(layout(layers, "x:1", stored=[pack(each) for each in layers]))
    names = [f"blobs/sha256/{sha(pack(each))}" for each in layers]
    assert read_archive(io.BytesIO(data), budget=Budget(unpacked=7 << 20))
    with pytest.raises(ArchiveError, match="bytes, unpacked") as caught:
        read_archive(io.BytesIO(data), budget=Budget(unpacked=5 << 20))
    assert caught.value.where == sorted(names)[2]


def test_an_archive_unpacks_within_the_budget_whatever_it_has() -> None:
    with pytest.raises(ArchiveError, match="bytes, unpacked") as caught:
        read_archive(
            io.BytesIO(gzip.compress(packed([("a", bytes(2 << 20))]))),
            budget=Budget(unpacked=1 << 20),
        )
    assert caught.value.where == "a"


def test_an_archive_of_many_images_has_each_config_parsed_once() -> None:
    tags = [f"x:{number}" for number in range(40)]
    text = config(LAYERS, pad=[[] for _ in range(1000)])
    data = packed(old(LAYERS, tags, text))
    budget = Budget(memory=60 * len(text))
    images = read_archive(io.BytesIO(data), budget=budget)
    assert [each.reference for each in images] == tags
    assert all(each.config is images[0].config for each in images)
    assert all(each.layers is images[0].layers for each in images)


def test_an_index_with_many_names_for_an_index_is_not_walked_for_each() -> None:
    pairs = dict(layout([A], "x:1", manifest_json=False))
    (image,) = json.loads(pairs["index.json"])["manifests"]
    text = json.dumps({"manifests": [image] * 600}).encode()
    inner = {"digest": f"sha256:{sha(text)}", "size": len(text)}
    pairs[f"blobs/sha256/{sha(text)}"] = text
    named = [
        inner | {"annotations": {"io.containerd.image.name": str(number)}}
        for number in range(600)
    ]
    pairs["index.json"] = json.dumps({"manifests": named}).encode()
    with pytest.raises(ArchiveError, match="262,144 names"):
        read(list(pairs.items()))


def test_error_of_the_stream_is_not_taken_for_one_of_the_archive() -> None:
    def broken() -> Iterator[bytes]:
        yield packed(FORMS["25"])[:3000]
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        read_archive(broken())


@pytest.mark.parametrize("form", ["20.10", "containerd", "nested"])
def test_archive_cut_anywhere_is_an_error(form: str) -> None:
    data = packed(FORMS[form])
    end = len(data.rstrip(b"\0"))
    for size in [*range(0, end, 512), *range(100, end, 4096)]:
        with pytest.raises(ArchiveError):
            read_archive(io.BytesIO(data[:size]))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_damage_is_an_error_or_changes_nothing_that_is_said(
    form: str, pack: Any
) -> None:
    data = pack(packed(FORMS[form]))
    (expected,) = read(FORMS[form])
    chance = random.Random(form)
    for _ in range(150):
        damaged = bytearray(data)
        for _ in range(chance.choice([1, 1, 4])):
            damaged[chance.randrange(len(data))] = chance.randrange(256)
        try:
            images = read_archive(io.BytesIO(bytes(damaged)))
        except ArchiveError:
            continue
        # Names and media types of a manifest have no digest.
        assert [each.layers for each in images] == [expected.layers]
        assert [each.config for each in images] == [expected.config]


def test_damaged_headers_with_right_checksums_are_no_surprise() -> None:
    chance = random.Random(1)
    rich = tar(
        member("a" * 150, b"x", mtime=1.5, pax_headers={"GNU.sparse.map": "0,1"}),
        member("b" * 150, b"y"),
        member("c", type=tarfile.CHRTYPE),
        format=tarfile.PAX_FORMAT,
    ) + tar(member("d" * 200, b"x"), format=tarfile.GNU_FORMAT)
    outer = packed(old([rich], ["x:1"]))
    for data in [rich] * 600 + [outer] * 200:
        damaged = bytearray(data)
        start = chance.randrange(len(data) // 512) * 512
        field = chance.choice([0, 100, 108, 124, 136, 156, 157, 329, 345, 386, 483])
        for _ in range(chance.choice([1, 3, 12])):
            damaged[start + field + chance.randrange(13)] = chance.randrange(256)
        block = damaged[start : start + 512]
        block[148:156] = b" " * 8
        damaged[start + 148 : start + 156] = b"%06o\0 " % sum(block)
        inner = damaged if data is rich else None
        try:
            whole = packed(old([bytes(inner)], ["x:1"])) if inner else bytes(damaged)
            read_archive(io.BytesIO(whole))
        except ArchiveError:
            continue


def test_what_is_wrong_after_the_archive_s_end_is_told_with_its_place() -> None:
    data = gzipped(packed(FORMS["25"]) + random.Random(1).randbytes(3 << 20))
    for broken in (data[:-9], data + b"more"):
        with pytest.raises(ArchiveError, match="gzip stream") as caught:
            read_archive(io.BytesIO(broken))
        assert caught.value.where == "after the archive's end"


def test_an_archive_cut_in_a_file_that_is_no_layer_names_it() -> None:
    data = packed([("a", b"\1" * 20_000), *FORMS["25"]])
    with pytest.raises(ArchiveError, match="truncated") as caught:
        read_archive(io.BytesIO(data[:10_000]))
    assert caught.value.where == "a"
    layer = tar(member("x", b"x" * 20_000)).replace(b"ustar", b"USTAR", 1)
    layer = tar(member("y")).rstrip(b"\0") + bytes(512) + layer
    data = packed([("b", layer), *FORMS["25"]])
    with pytest.raises(ArchiveError, match="truncated") as caught:
        read_archive(io.BytesIO(data[:10_000]))
    assert caught.value.where == "b"


def test_a_sparse_file_in_an_archive_itself_is_refused() -> None:
    headers = {"GNU.sparse.map": "1048576,3", "GNU.sparse.size": "2097152"}
    data = tar(member("a/layer.tar", b"abc", pax_headers=headers))
    with pytest.raises(ArchiveError, match="a sparse file") as caught:
        read_archive(io.BytesIO(data))
    assert caught.value.where == "a/layer.tar"
    with pytest.raises(ArchiveError, match="a sparse file"):
        list(archive_module.copy_layers(io.BytesIO(data), {"a/layer.tar"}))
