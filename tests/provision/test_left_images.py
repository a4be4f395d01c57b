"""Images that a killed run leaves on an engine of the user's."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import pytest

from harness.engines import Address
from harness.measure.base_copies import archive_of, new_base, new_build, session_of
from harness.measure.open_target import OpenTarget
from harness.provision import left_images
from harness.provision.workspace import workspace

DOCKERFILE = b"ARG BASE\nFROM ${BASE}\nRUN echo a > "


def test_all_references_of_a_session_are_known_by_it() -> None:
    shared = new_base()
    assert session_of(new_base(shared)) == session_of(new_build(shared))
    assert session_of(new_base()) != session_of(shared)
    assert len({new_base(shared) for _ in range(100)}) == 100
    assert len(new_build(shared)) == len("layer-harness/build:") + 32


def context(dockerfile: bytes) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        member = tarfile.TarInfo("Dockerfile")
        member.size = len(dockerfile)
        tar.addfile(member, io.BytesIO(dockerfile))
    return file.getvalue()


@pytest.mark.engine
@pytest.mark.parametrize("open_target", ["legacy"], indirect=True)
def test_the_next_run_removes_them_and_no_others(
    open_target: OpenTarget, tmp_path: Path
) -> None:
    client, engine = open_target.client, open_target.engine
    assert client is not None
    assert engine is not None
    shared, other = new_base(), new_base()

    def load(reference: str) -> None:
        with archive_of(open_target.base, reference) as (archive, _):
            list(client.load_image(archive, quiet=True))

    load(other)
    before = {each["Id"] for each in client.images(all=True)}
    load(shared)
    for last in (b"/a", b"/b\nRUN false"):
        client.post(
            f"{client.base_url}/build",
            params={
                "t": new_build(shared),
                "buildargs": json.dumps({"BASE": shared}),
                "forcerm": "1",
            },
            data=context(DOCKERFILE + last),
            headers={"Content-Type": "application/x-tar"},
        ).raise_for_status()
    # the base, and an image of each instruction; one of them has a name
    assert len({each["Id"] for each in client.images(all=True)} - before) >= 3
    left_images.note(tmp_path, shared, [engine.address])
    said: list[str] = []
    left_images.remove(tmp_path, said.append)
    assert {each["Id"] for each in client.images(all=True)} == before
    (line,) = said
    assert f"that a killed process left on {engine.address.url}" in line
    client.remove_image(other)


def test_an_engine_that_is_gone_keeps_no_folder(tmp_path: Path) -> None:
    killed = tmp_path / "tmp" / "0-killed"
    killed.mkdir(parents=True)
    left_images.note(killed, new_base(), [Address(url="unix:///nowhere/docker.sock")])
    with workspace(tmp_path, print):
        assert not killed.exists()


@pytest.mark.parametrize("text", ["", "[]", '{"session": "", "places": []}'])
def test_a_note_that_was_not_written_to_the_end_is_no_note(
    tmp_path: Path, text: str
) -> None:
    (tmp_path / "images.json").write_text(text)
    left_images.remove(tmp_path, print)
