"""Layers and archives of any kind, right and wrong, as Hypothesis strategies.

The tar writer shares no code with the harness's. What is damaged in a tar gets a right
checksum again, and what is changed in a manifest right digests, so that the damage is
met by more than the first check.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import zstandard
from hypothesis import strategies as st

BLOCK = 512
END = bytes(2 * BLOCK)
#: Where the fields of a header are; the last three are those of an old sparse file.
FIELDS = {
    "name": (0, 100),
    "mode": (100, 108),
    "uid": (108, 116),
    "gid": (116, 124),
    "size": (124, 136),
    "mtime": (136, 148),
    "flag": (156, 157),
    "link": (157, 257),
    "magic": (257, 265),
    "uname": (265, 297),
    "gname": (297, 329),
    "major": (329, 337),
    "minor": (337, 345),
    "prefix": (345, 500),
    "map": (386, 482),
    "more": (482, 483),
    "real": (483, 495),
}
USTAR = b"ustar\x0000"
GNU = b"ustar  \0"


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def mended(block: bytes) -> bytes:
    """Give a header the checksum that it should have."""
    total = sum(block[:148]) + 8 * 32 + sum(block[156:BLOCK])
    return block[:148] + b"%06o\0 " % total + block[156:]


def padded(content: bytes) -> bytes:
    return content + bytes(-len(content) % BLOCK)


def header(**fields: bytes) -> bytes:
    block = bytearray(BLOCK)
    for key, value in ({"mode": b"0000644", "magic": USTAR} | fields).items():
        start, end = FIELDS[key]
        block[start:end] = value[: end - start].ljust(end - start, b"\0")
    return mended(bytes(block))


def octal(value: int) -> bytes:
    return b"%o" % value


def binary(value: int, width: int) -> bytes:
    """Write a number in base 256."""
    whole = value & ((1 << (8 * width)) - 1)
    return (whole | 1 << (8 * width - 1)).to_bytes(width, "big")


def record(key: bytes, value: bytes) -> bytes:
    rest = b" " + key + b"=" + value + b"\n"
    length = len(rest) + 1
    while len(b"%d" % length) + len(rest) != length:
        length = len(b"%d" % length) + len(rest)
    return b"%d" % length + rest


def extension(flag: bytes, body: bytes) -> bytes:
    return header(name=b"x", flag=flag, size=octal(len(body))) + padded(body)


# What is right, with what it says.


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A member as it was written, and what it says."""

    data: bytes = field(repr=False)
    path: bytes
    flag: bytes
    mode: int
    uid: int
    gid: int
    mtime: float
    uname: bytes
    gname: bytes
    link: bytes
    content: bytes = field(repr=False)
    device: tuple[int, int]
    xattrs: tuple[tuple[bytes, bytes], ...]


WORDS = st.binary(min_size=1, max_size=12).filter(
    lambda word: (
        not {0, ord("/")} & {*word}
        and word not in {b".", b".."}
        and not word.startswith(b".wh.")
    )
)
PATHS = st.lists(WORDS | st.just(b"long" * 20), min_size=1, max_size=6).map(b"/".join)
SMALL = st.integers(0, 0o7777)
LARGE = SMALL | st.integers(0, (1 << 31) - 1)
TIMES = st.integers(0, (1 << 33) - 1) | st.integers(-(1 << 40), 1 << 40)
TEXTS = st.text(alphabet="abcäö", max_size=8).map(str.encode)
XATTRS = st.dictionaries(WORDS.filter(lambda word: b"=" not in word), TEXTS, max_size=3)


@dataclass(slots=True)
class Draft:
    """What will be written of a member: headers in front, PAX records, fields."""

    fields: dict[str, bytes]
    front: list[bytes] = field(default_factory=list)
    records: list[tuple[bytes, bytes]] = field(default_factory=list)

    def text(self, key: str, pax: bytes, value: bytes, how: str) -> None:
        """Write a name in the header, in one of GNU's before it, or in a record."""
        if not value or (how == "plain" and len(value) <= 100):
            self.fields[key] = value
            return
        self.fields[key] = b"elsewhere"
        if how == "gnu":
            kind = b"L" if key == "name" else b"K"
            self.front.append(extension(kind, value + b"\0"))
        else:
            self.records.append((pax, value))

    def number(self, key: str, value: int, width: int, how: str) -> None:
        """Write a number in octal, in base 256, or in a record."""
        if "o" in how and value < 8**7:
            self.fields[key] = how.encode() % value
        elif how == "pax":
            self.records.append((key.encode(), b"%d" % value))
        else:
            self.fields[key] = binary(value, width)

    def sparse(self, path: bytes, stored: int, hole: int, size: int, how: str) -> bytes:
        """Write the map of a sparse file with one extent; some come with the content.

        tarfile misreads a size among the records of a sparse file.
        """
        self.records = [each for each in self.records if each[0] != b"size"]
        self.fields["size"] = octal(stored)
        whole, extent = b"%d" % size, (hole, stored)
        if how == "old":
            fields = {"magic": GNU, "flag": b"S", "real": b"%011o" % size}
            self.fields |= fields | {"map": b"%011o\0%011o\0" % extent}
            return b""
        if how == "0.0":
            self.records += [
                (b"GNU.sparse.size", whole),
                (b"GNU.sparse.offset", b"%d" % hole),
                (b"GNU.sparse.numbytes", b"%d" % stored),
            ]
            return b""
        self.records.append((b"GNU.sparse.name", path))
        if how == "0.1":
            self.records.append((b"GNU.sparse.map", b"%d,%d" % extent))
            self.records.append((b"GNU.sparse.size", whole))
            return b""
        self.fields["size"] = octal(BLOCK + stored)
        self.records += [
            (b"GNU.sparse.major", b"1"),
            (b"GNU.sparse.minor", b"0"),
            (b"GNU.sparse.realsize", whole),
        ]
        return padded(b"1\n%d\n%d\n" % extent)


FLAGS = st.sampled_from([b"0", b"\0", b"7", b"1", b"2", b"3", b"4", b"5", b"6"])
NAMING = st.sampled_from(["plain", "gnu", "pax"])
NUMBERING = st.sampled_from(["%o", "%07o", " %o ", "base 256", "pax"])


@st.composite
def written(draw: st.DrawFn) -> Written:
    """Write a member, in one of the ways that there are for what it says."""
    flag = draw(
        st.sampled_from([b"0", b"\0", b"7", b"1", b"2", b"3", b"4", b"5", b"6"])
    )
    path = draw(PATHS)
    link = draw(PATHS) if flag in b"12" else b""
    data = draw(st.binary(max_size=700)) if flag in b"\x0007" else b""
    mode, uid, gid = draw(SMALL), draw(LARGE), draw(LARGE)
    device = draw(st.tuples(SMALL, SMALL)) if flag in b"34" else (0, 0)
    mtime: float = draw(TIMES)
    uname, gname = draw(TEXTS), draw(TEXTS)
    names = {"flag": flag, "uname": uname, "gname": gname}
    draft = Draft(fields=names | {"mode": octal(mode)})
    name = path + b"/" if flag == b"5" else path
    draft.text("name", b"path", name, draw(NAMING))
    draft.text("link", b"linkpath", link, draw(NAMING))
    draft.number("uid", uid, 8, draw(NUMBERING))
    draft.number("gid", gid, 8, draw(NUMBERING))
    draft.number("size", len(data), 12, draw(NUMBERING))
    if draw(st.booleans()):
        mtime += draw(st.sampled_from([0, 0.5, 0.25]))
        draft.records.append((b"mtime", repr(mtime).removesuffix(".0").encode()))
    else:
        draft.fields["mtime"] = binary(int(mtime), 12)
    if flag in b"34":
        draft.fields |= {"major": octal(device[0]), "minor": octal(device[1])}
    xattrs = draw(XATTRS)
    draft.records += [(b"SCHILY.xattr." + key, value) for key, value in xattrs.items()]
    content, body = data, padded(data)
    if data and draw(st.booleans()):
        hole, after = draw(st.integers(0, 3000)), draw(st.integers(0, 3000))
        content = bytes(hole) + data + bytes(after)
        how = draw(st.sampled_from(["old", "0.0", "0.1", "1.0"]))
        body = draft.sparse(path, len(data), hole, len(content), how) + body
    if draft.records:
        records = b"".join(record(*each) for each in draft.records)
        draft.front.append(extension(b"x", records))
    if draw(st.booleans()):
        draft.front.insert(0, extension(b"g", record(b"comment", b"c")))
    return Written(
        data=b"".join(draft.front) + header(**draft.fields) + body,
        path=path,
        flag=flag,
        mode=mode,
        uid=uid,
        gid=gid,
        mtime=mtime,
        uname=uname,
        gname=gname,
        link=link,
        content=content,
        device=device,
        xattrs=tuple(sorted(xattrs.items())),
    )


MEMBERS = st.lists(written(), max_size=5)


def tar(members: Iterable[Written]) -> bytes:
    return b"".join(each.data for each in members) + END


def pack(data: bytes, how: str) -> bytes:
    if how == "gzip":
        return gzip.compress(data, 1, mtime=0)
    return zstandard.compress(data, 1) if how == "zstd" else data


PACKED = st.sampled_from(["plain", "gzip", "zstd"])


# What is wrong.

NUMBERS = st.sampled_from(
    [
        *(
            b"",
            b"0",
            b"7",
            b"1_0_0",
            b"-1",
            b"+1",
            b"8",
            b"0o7",
            b"1 2",
            b"\t1",
            b"\0001",
        ),
        *(b"77777777777", b"777777777777", b"\xff" * 12, b"\x80" + bytes(11)),
        *(
            b"\x80\xff" * 6,
            b"\xbf" + b"\xff" * 11,
            b"\xc0" + bytes(11),
            b"\x80\0\0\0\1",
        ),
        *(b"00000001000", b"00000000777", b"1000000000", "٣".encode(), b"1e3"),
    ]
)
ODD = st.sampled_from(
    [
        *(
            b"",
            b".",
            b"..",
            b"/",
            b"../x",
            b"a/../..",
            b"./",
            b"//",
            b"a//b/.",
            b"\xff",
        ),
        *(b".wh.", b".wh..wh..opq", b".wh..wh.x", b"a/.wh...", b".wh.a/b", b"a\n"),
        *(b"a" * 100, b"a/" * 50, b"layer.tar", b"manifest.json", b"index.json"),
        *(b"blobs/sha256/" + b"0" * 64, b"\xed\xa0\x80", "\u202e".encode(), b"\\x00"),
    ]
)
KEYS = st.sampled_from(
    [
        *(b"path", b"linkpath", b"size", b"mtime", b"uid", b"gid", b"uname", b"gname"),
        *(b"GNU.sparse.map", b"GNU.sparse.size", b"GNU.sparse.realsize", b"comment"),
        *(
            b"GNU.sparse.major",
            b"GNU.sparse.minor",
            b"GNU.sparse.name",
            b"",
            b"hdrcharset",
        ),
        *(b"GNU.sparse.offset", b"GNU.sparse.numbytes", b"SCHILY.xattr.user.a"),
        *(b"LIBARCHIVE.xattr.a%2", b"LIBARCHIVE.xattr.%ff", b"SCHILY.xattr."),
    ]
)
VALUES = (
    NUMBERS
    | ODD
    | st.binary(max_size=20)
    | st.sampled_from(
        [
            *(b"0,1", b"0,0", b"5", b"1,2,0,3", b",", b"0,-1", b"9" * 19, b"9" * 30),
            *(b"9223372036854775807", b"1.5", b"-1.5", b"1.", b".5", b"nan", b"1e9"),
            *(b"a" * 4096, b"a" * 4097, b"a/" * 3000, b"0," * 3000, b"AQI", b"A", b"="),
        ]
    )
)
RECORDS = st.lists(st.builds(record, KEYS, VALUES) | st.binary(max_size=9), max_size=5)
EXTRA = st.builds(
    extension, st.sampled_from([b"x", b"x", b"g", b"L", b"K"]), RECORDS.map(b"".join)
)


@st.composite
def damaged(draw: st.DrawFn, data: bytes) -> bytes:
    """Damage a tar in some blocks, and mend the checksums of those that were hit."""
    for _ in range(draw(st.integers(0, 3))):
        blocks = [data[at : at + BLOCK] for at in range(0, len(data), BLOCK)]
        if not blocks:
            break
        at = draw(st.integers(0, len(blocks) - 1))
        kind = draw(
            st.sampled_from(
                ["field", "field", "field", "extra", "drop", "again", "cut", "byte"]
            )
        )
        if kind == "field" and len(blocks[at]) == BLOCK:
            start, end = FIELDS[draw(st.sampled_from(sorted(FIELDS)))]
            value = draw(NUMBERS | ODD | st.binary(max_size=end - start))
            value = value[: end - start].ljust(end - start, b"\0")
            blocks[at] = mended(blocks[at][:start] + value + blocks[at][end:])
        elif kind == "extra":
            blocks.insert(at, draw(EXTRA))
        elif kind == "drop":
            del blocks[at]
        elif kind == "again":
            blocks.insert(at, blocks[draw(st.integers(0, len(blocks) - 1))])
        elif kind == "cut":
            size = draw(st.integers(0, BLOCK))
            blocks[at:] = [blocks[at][:size]]
        elif blocks[at]:
            place = draw(st.integers(0, len(blocks[at]) - 1))
            byte = draw(st.binary(min_size=1, max_size=1))
            blocks[at] = blocks[at][:place] + byte + blocks[at][place + 1 :]
        data = b"".join(blocks)
    return data


@st.composite
def broken(draw: st.DrawFn, data: bytes) -> bytes:
    """Break a compressed stream, or leave it."""
    kind = draw(st.sampled_from(["", "", "", "cut", "more", "byte", "again"]))
    if kind == "cut":
        return data[: draw(st.integers(0, len(data)))]
    if kind == "more":
        return data + draw(st.binary(max_size=9) | st.just(bytes(600)))
    if kind == "again":
        return data + data
    if kind == "byte" and data:
        place = draw(st.integers(0, len(data) - 1))
        return (
            data[:place] + draw(st.binary(min_size=1, max_size=3)) + data[place + 1 :]
        )
    return data


SCALARS: st.SearchStrategy[Any] = st.sampled_from(
    [
        *(None, True, False, 0, -1, 1 << 70, 1.5, float("nan"), float("inf"), "", "x"),
        *([], {}, [[]], [{}], [None], "\ud800", "sha256:" + "0" * 64, "a\n", "../x"),
        *("sha256:" + "0" * 64 + "\n", "SHA256:" + "A" * 64, "index.json", 10**25),
        *("manifest.json", [""] * 30, {"manifests": []}, {"": {"": ""}}, "layer.tar"),
    ]
)


@st.composite
def changed(draw: st.DrawFn, value: Any) -> Any:
    """Change a place of a JSON document."""
    if isinstance(value, dict) and value and draw(st.integers(0, 9)):
        key = draw(st.sampled_from(sorted(value)))
        if not draw(st.integers(0, 4)):
            return {name: each for name, each in value.items() if name != key}
        return {**value, key: draw(changed(value[key]))}
    if isinstance(value, list) and value and draw(st.integers(0, 9)):
        at = draw(st.integers(0, len(value) - 1))
        kind = draw(st.integers(0, 5))
        if kind == 0:
            return value[:at] + value[at + 1 :]
        if kind == 1:
            return value + value
        return [*value[:at], draw(changed(value[at])), *value[at + 1 :]]
    return draw(SCALARS)


Change = Callable[[str, Any], bytes]


def image(layers: list[bytes], stored: list[bytes], form: str, text: Change) -> Any:
    """Give an image's files; `text` writes JSON, and may change it."""
    pairs: list[tuple[bytes, bytes]] = []

    def blob(content: bytes, **more: Any) -> dict[str, Any]:
        pairs.append((b"blobs/sha256/" + sha(content).encode(), content))
        digest = f"sha256:{sha(content)}"
        return {"mediaType": "m", "digest": digest, "size": len(content)} | more

    diff_ids = [f"sha256:{sha(each)}" for each in layers]
    history: list[dict[str, Any]] = [{"created_by": each} for each in diff_ids]
    history.append({"created_by": "CMD", "empty_layer": True})
    config = text(
        "config",
        {
            "config": {"Env": ["A=b"], "Cmd": None},
            "rootfs": {"type": "layers", "diff_ids": diff_ids},
            "history": history,
        },
    )
    described = blob(config)
    manifest = text(
        "manifest", {"config": described, "layers": [blob(each) for each in stored]}
    )
    named = {"io.containerd.image.name": "x:1"}
    below = blob(manifest, annotations=named)
    if form == "nested":
        below = blob(text("inner", {"manifests": [below, below]}))
    index = text("index", {"schemaVersion": 2, "manifests": [below]})
    files = [f"blobs/sha256/{sha(each)}" for each in stored]
    name = f"blobs/sha256/{sha(config)}"
    if form == "old":
        files = [f"{number}/layer.tar" for number in range(len(stored))]
        name = f"{sha(config)}.json"
        pairs = [
            (each.encode(), data) for each, data in zip(files, stored, strict=True)
        ]
        pairs.append((name.encode(), config))
    else:
        pairs.append((b"index.json", index))
    if form in {"old", "both"}:
        item = {"Config": name, "RepoTags": ["x:1", "x:2"], "Layers": files}
        pairs.append((b"manifest.json", text("docker", [item])))
    return [*dict(pairs).items()]


def archive(pairs: Iterable[tuple[bytes, bytes]]) -> bytes:
    return (
        b"".join(
            header(name=name, flag=b"0", size=octal(len(content))) + padded(content)
            for name, content in pairs
        )
        + END
    )


FORMS = ["old", "both", "oci", "nested"]
PARTS = ["config", "manifest", "inner", "index", "docker"]


def plain(_part: str, value: Any) -> bytes:
    return json.dumps(value).encode()


@st.composite
def valid(draw: st.DrawFn) -> tuple[bytes, list[list[Written]], list[bytes]]:
    """Give an archive, the members of its layers, and the layers."""
    members = draw(st.lists(MEMBERS, min_size=1, max_size=3))
    layers = [tar(each) for each in members]
    stored = [pack(each, draw(PACKED)) for each in layers]
    pairs = image(layers, stored, draw(st.sampled_from(FORMS)), plain)
    random.Random(draw(st.integers(0, 99))).shuffle(pairs)
    return pack(archive(pairs), draw(PACKED)), members, layers


@st.composite
def hostile(draw: st.DrawFn) -> bytes:
    """Give an archive with damage somewhere, or nowhere."""
    where = draw(st.sampled_from(["layer", "layer", "stream", "json", "outer"]))
    layers = [tar(draw(MEMBERS)) for _ in range(draw(st.integers(1, 2)))]
    if where == "layer":
        layers[0] = draw(damaged(layers[0]))
    stored = [pack(each, draw(PACKED)) for each in layers]
    if where == "stream":
        stored[0] = draw(broken(stored[0]))
    part = draw(st.sampled_from(PARTS)) if where == "json" else ""

    def text(name: str, value: Any) -> bytes:
        return json.dumps(draw(changed(value)) if name == part else value).encode()

    data = archive(image(layers, stored, draw(st.sampled_from(FORMS)), text))
    if where == "outer":
        data = draw(damaged(data))
    return draw(broken(pack(data, draw(PACKED))))
