"""A large base: its layers are sent to an engine once, and results are as before."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, BinaryIO, cast

import docker
import pytest
from docker.errors import APIError

from harness.builders.records import standard_builders
from harness.cases.case import load_case
from harness.errors import EngineError
from harness.images.archive import copy_layers
from harness.images.base import Base, from_archive
from harness.images.write_archive import (
    layer_file,
    write_archive,
    write_end,
    write_file,
)
from harness.measure.base_copies import loaded
from harness.measure.observe import observe
from harness.measure.open_target import OpenTarget
from harness.tar.write import END, Header, encode

LARGE = 16 << 20
CASE = """\
title: t
why: w
builds:
  first:
    dockerfile: |
      ARG BASE
      FROM ${BASE}
      WORKDIR /new
      RUN echo 1 > /new/file
  second:
    dockerfile: |
      ARG BUILD_FIRST
      FROM ${BUILD_FIRST}
      RUN echo 2 > /new/file
"""


def with_a_large_file(base: Base, place: Path) -> Base:
    """Give a base with a second layer, of 16 MiB."""
    with base.open() as stream:
        (root,) = [
            b"".join(parts) for _, parts in copy_layers(stream, base.image.files)
        ]
    file = encode(Header(path="large", size=LARGE, mtime=1)) + bytes(LARGE) + END
    config = {**base.config, "history": [{"created_by": "root"}, {"created_by": "x"}]}
    with place.open("wb") as out:
        write_archive([root, file], config, ["large:1"], out)
    return from_archive(place)


class Counting:
    """An engine's client that notes the size of each archive it loads."""

    def __init__(self, client: docker.APIClient) -> None:
        self.client = client
        self.sent: list[int] = []

    def load_image(self, data: BinaryIO, **options: Any) -> Any:
        self.sent.append(data.seek(0, io.SEEK_END))
        data.seek(0)
        return self.client.load_image(data, **options)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.client, name)


@pytest.mark.engine
def test_a_large_base_is_sent_once_and_changes_no_result(
    open_target: OpenTarget, tmp_path: Path
) -> None:
    place = tmp_path / "demo" / "case.yaml"
    place.parent.mkdir()
    place.write_text(CASE)
    case = load_case(place, tmp_path, standard_builders())
    large = with_a_large_file(open_target.base, tmp_path / "large.tar")
    assert open_target.client is not None
    counting = Counting(open_target.client)
    client = cast("docker.APIClient", counting)
    name = "layer-harness/base:large"
    with (
        loaded(client, large, f"{name}-whole", whole=True),
        loaded(client, large, name) as image,
        loaded(client, large, f"{name}-content", content_too=True) as other,
    ):
        layers = [
            client.inspect_image(each)["RootFS"]["Layers"]
            for each in (name, f"{name}-content")
        ]
        assert layers == [
            [layer.diff_id for layer in each.layers] for each in (image, other)
        ]
        assert layers[0][:-1] == layers[1][:-1] == [*large.diff_ids]
        assert layers[0][-1] != layers[1][-1]
        on_large = replace(open_target, base=large, shared=name, client=client)
        found = observe(case, on_large).observation
    whole, *copies = counting.sent
    assert whole > LARGE
    # the case itself takes a copy too: it uses the cache
    assert len(copies) == 3
    assert max(copies) < 32 << 10
    usual = observe(case, open_target).observation
    assert [each.below - 1 for each in found.builds] == [
        each.below for each in usual.builds
    ]
    alike = [replace(each, below=0) for each in usual.builds]
    assert [replace(each, below=0) for each in found.builds] == alike


class Scripted:
    """A client that gives these answers to one load after the other."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.sent: list[int] = []
        self.removed: list[str] = []

    def load_image(self, data: BinaryIO, **_: Any) -> list[dict[str, str]]:
        self.sent.append(len(data.read()))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return [answer] if answer else []

    def remove_image(self, name: str, **_: Any) -> None:
        self.removed.append(name)


@contextmanager
def loading(client: Scripted, base: Base, **how: bool) -> Iterator[None]:
    with loaded(cast("docker.APIClient", client), base, "x:1", **how):
        yield


@pytest.fixture
def large(tmp_path: Path) -> Base:
    file = encode(Header(path="large", size=LARGE, mtime=1)) + bytes(LARGE) + END
    with (tmp_path / "base.tar").open("wb") as out:
        write_archive([file], {"os": "linux"}, ["base:1"], out)
    return from_archive(tmp_path / "base.tar")


@pytest.mark.parametrize(
    "refusal",
    [
        {"error": 'layer "blobs/sha256/0123" not found'},
        APIError("refused", cast("Any", SimpleNamespace(status_code=500)), "no layer"),
    ],
)
def test_an_engine_without_the_layers_gets_them(large: Base, refusal: Any) -> None:
    client = Scripted(refusal, {})
    with loading(client, large):
        assert client.removed == []
    part, whole = client.sent
    assert part < 32 << 10 < LARGE < whole
    assert client.removed == ["x:1"]


def test_an_engine_that_refuses_the_whole_base_is_an_error(large: Base) -> None:
    client = Scripted({"error": "one"}, {"error": "no room"})
    with (
        pytest.raises(EngineError, match="does not load the base: no room"),
        loading(client, large),
    ):
        pass


def test_a_whole_base_is_sent_at_once(large: Base) -> None:
    client = Scripted({})
    with loading(client, large, whole=True):
        pass
    assert client.sent[0] > LARGE


class Holes:
    """A file that is written to, with holes where there would be zeros."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file

    def write(self, part: bytes) -> None:
        if part.strip(b"\0"):
            self.file.write(part)
        else:
            self.file.seek(len(part), io.SEEK_CUR)


def test_copies_of_a_base_of_1_gib_cost_no_more_than_a_config(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    size, zeros = 1 << 30, bytes(1 << 20)
    head = encode(Header(path="large", size=size, mtime=1))
    digest = hashlib.sha256(head)
    for part in (*[zeros] * 1024, END):
        digest.update(part)
    rootfs = {"type": "layers", "diff_ids": [f"sha256:{digest.hexdigest()}"]}
    place = tmp_path / "base.tar"
    with place.open("wb") as file:
        out = cast("BinaryIO", Holes(file))
        whole = len(head) + size + len(END)
        write_file(out, layer_file(0), whole, (head, *[zeros] * 1024, END))
        write_end(out, {"os": "linux", "rootfs": rootfs}, ["x:1"], [layer_file(0)])
        file.truncate(file.tell())
    base = from_archive(place)
    assert base.size == whole
    # a copy does not even read it
    monkeypatch.setattr(Base, "open", None)
    client = Scripted(*[{}] * 50)
    for _ in range(50):
        with loading(client, base):
            pass
    assert max(client.sent) < 16 << 10
