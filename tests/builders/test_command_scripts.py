"""Builders that cannot run here, with scripts in their places that do as documented.

What a record asks its tool for, how the base gets in and the image out, and how a
command's end is told; the tools themselves are measured in tests/engine.
"""

from __future__ import annotations

import io
import json
import os
import re
import socket
import stat
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from harness.builders import Request
from harness.builders.agent import agent
from harness.builders.command import CommandRunner, Tool, obtain
from harness.builders.record import CommandBuilder
from harness.builders.records import standard_records
from harness.builders.transcript import Transcript, said_before
from harness.dockerfile.context import ContextFile, tar_bytes
from harness.engines import Address
from harness.errors import EngineError, Unsupported
from harness.images.image import read_archive
from harness.images.oci_layout import unpack
from harness.images.write_archive import write_archive

SCRIPT = """#!{python}
import json, os, re, shutil, sys, time
with open({log!r}, "a") as log:
    log.write(json.dumps(sys.argv) + "\\n")
if set(sys.argv) & {{"version", "--version"}}:
    print({version!r})
    sys.exit()
for word in sys.argv:
    if match := re.search(r"(?:--tar-path=|dest=|^-o=)(.*)", word):
        shutil.copyfile({archive!r}, match[1])
{more}
print({said!r})
sys.exit({status})
"""

VERSIONS = {
    # as each one's documentation or source has it
    "buildctl": "buildctl github.com/moby/buildkit v0.12.5 bac3f2b673f3",
    "buildx-container": "github.com/docker/buildx v0.12.1 30feaa1",
    "img": "img:\n version     : v0.5.11\n git hash    : b9b86ff",
    "kaniko": "Kaniko version :  v1.23.2",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A folder with a base's archive and scripts in the places of tools."""

    folder: Path
    layer: bytes

    def tool(
        self, name: str, *, more: str = "", said: str = "", status: int = 0
    ) -> Tool:
        """Put a script in the place of a record's tool."""
        record = standard_records()[name]
        programs = {Path(each[0]).name for each in self._commands(record)}
        for program in programs:
            script = self.folder / program
            script.write_text(
                SCRIPT.format(
                    python=sys.executable,
                    log=str(self.folder / "log"),
                    version=VERSIONS[name],
                    archive=str(self.folder / "base.tar"),
                    more=more,
                    said=said,
                    status=status,
                )
            )
            script.chmod(0o755)
        placed = replace(
            record,
            ask=self._placed(record.ask),
            build=self._placed(record.build),
            export=self._placed(record.export),
            remove=self._placed(record.remove),
            begin=self._placed(record.begin),
            end=self._placed(record.end),
        )
        version = re.search(record.pattern, VERSIONS[name])
        assert version
        return Tool(record=placed, root=None, version=version[1])

    def _commands(self, record: CommandBuilder) -> list[tuple[str, ...]]:
        parts = (record.ask, record.build, record.export, record.remove)
        return [each for each in (*parts, record.begin, record.end) if each]

    def _placed(self, words: tuple[str, ...]) -> tuple[str, ...]:
        return (str(self.folder / Path(words[0]).name), *words[1:]) if words else ()

    def asked(self) -> list[list[str]]:
        """Give the words of every call so far, without the program's name."""
        lines = (self.folder / "log").read_text().splitlines()
        return [json.loads(line)[1:] for line in lines]

    def archive(self) -> io.BytesIO:
        """Give the archive of an image, as a base or a builder's output."""
        return io.BytesIO((self.folder / "base.tar").read_bytes())


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    layer = tar_bytes([ContextFile(path="a", content=b"a\n")])
    with (tmp_path / "base.tar").open("wb") as out:
        config = {
            "architecture": "amd64",
            "os": "linux",
            "history": [{"created_by": "RUN one"}],
        }
        write_archive([layer], config, ["base:1"], out)
    return Stage(folder=tmp_path, layer=layer)


def request(**what: object) -> Request:
    text = b"FROM base:1\nRUN one\n"
    files = [ContextFile(path="Dockerfile", content=text)]
    given: dict[str, object] = {"context": io.BytesIO(tar_bytes(files)), "tag": "t:1"}
    return Request(**(given | what))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("buildctl", "0.12.5"),
        ("buildx-container", "0.12.1"),
        ("img", "0.5.11"),
        ("kaniko", "1.23.2"),
    ],
)
def test_a_tool_says_its_version_in_words_of_its_own(
    stage: Stage, name: str, version: str
) -> None:
    record = stage.tool(name).record
    assert obtain(record, None, stage.folder, print).version == version


def test_a_tool_that_does_not_say_its_version_is_an_error_with_its_words(
    stage: Stage,
) -> None:
    record = replace(stage.tool("img", said="who?").record, pattern=r"now (\d)")
    with pytest.raises(EngineError, match=r"does not say its version:\n  img:"):
        obtain(record, None, stage.folder, print)


def test_kaniko_is_asked_as_its_readme_says_and_writes_a_tar(stage: Stage) -> None:
    tool = stage.tool("kaniko", said="INFO[0000] RUN one")
    with CommandRunner(tool, stage.folder) as runner:
        asked = request(args={"A": "1"}, labels={"l": "x"}, target="end")
        transcript = runner.build(asked, limit=30)
        with runner.export("t:1") as archive:
            image = read_archive(archive)[0]
        work = runner.sandbox.work
        (words,) = stage.asked()
        (output,) = [word for word in words if word.startswith("--tar-path=")]
        assert words == [
            f"--context=dir://{work}/build/context",
            f"--dockerfile={work}/build/context/Dockerfile",
            "--destination=t:1", "--no-push", output, "--cache=false", "--target=end",
            "--build-arg=A=1", "--label=l=x",
        ]  # fmt: skip
    assert transcript.ending == "ok"
    assert [(each.text, each.cached) for each in transcript.steps] == [
        ("RUN one", False)
    ]
    assert len(image.layers) == 1


def test_kaniko_takes_no_base_from_an_archive_and_says_why(stage: Stage) -> None:
    with (
        CommandRunner(stage.tool("kaniko"), stage.folder) as runner,
        pytest.raises(Unsupported, match="its bases come from a registry only"),
    ):
        runner.load(stage.archive(), "base:1")


def test_buildctl_gets_its_base_as_an_oci_layout(stage: Stage) -> None:
    with CommandRunner(stage.tool("buildctl"), stage.folder) as runner:
        runner.load(stage.archive(), "base:1")
        runner.build(request(), limit=30)
        (words,) = stage.asked()
        folder = runner.sandbox.work / "base0"
        (manifest,) = json.loads((folder / "index.json").read_text())["manifests"]
        assert f"--oci-layout=base0={folder}" in words
        wanted = f"--opt=context:base:1=oci-layout://base0@{manifest['digest']}"
        assert wanted in words
        assert "--opt=filename=Dockerfile" in words
        with tarfile.open(stage.folder / "layout.tar", "w") as packed:
            packed.add(folder, arcname="")
        with (stage.folder / "layout.tar").open("rb") as stream:
            layout = read_archive(stream)[0]
        assert layout.layers == read_archive(stage.archive())[0].layers


def test_what_buildctl_built_is_a_base_for_its_next_build(stage: Stage) -> None:
    with CommandRunner(stage.tool("buildctl"), stage.folder) as runner:
        runner.build(request(), limit=30)
        runner.build(request(tag="t:2"), limit=30)
        _, words = stage.asked()
        assert any(each.startswith("--opt=context:t:1=oci-layout://") for each in words)


def test_img_saves_what_it_built(stage: Stage) -> None:
    with CommandRunner(stage.tool("img"), stage.folder) as runner:
        assert runner.build(request(), limit=30).ending == "ok"
        with runner.export("t:1") as archive:
            assert read_archive(archive)[0].reference == "base:1"
        runner.remove("t:1")
        with pytest.raises(Unsupported, match="has no option for it"):
            runner.build(request(tag="t:2"), limit=30)
        build, save, remove = stage.asked()
        state = f"-state={runner.sandbox.work}/storage"
        assert build[:2] == ["build", state]
        assert save[:3] == ["save", state, "-format=docker"]
        assert remove == ["rm", state, "t:1"]


def test_a_builder_of_its_own_in_the_engine_is_made_and_removed(stage: Stage) -> None:
    tool = stage.tool("buildx-container")
    host = Address(url="unix:///run/some.sock")
    with CommandRunner(tool, stage.folder) as runner:
        runner.load(stage.archive(), "base:1")
        runner.build(request(), limit=30, host=host)
        runner.build(request(), limit=30, host=host)
        layout = f"oci-layout://{runner.sandbox.work}/base0:base"
        name = f"layer-harness-{runner.sandbox.folder.name}"
    create, build, again, remove = stage.asked()
    assert all("--host=unix:///run/some.sock" in each for each in stage.asked())
    assert create[2:] == [
        "buildx", "create", "--driver=docker-container", f"--name={name}",
        "--bootstrap",
    ]  # fmt: skip
    assert f"--builder={name}" in build
    assert f"--build-context=base:1={layout}" in build
    assert build == again
    assert remove[2:] == ["buildx", "rm", "--force", name]


def test_a_command_that_fails_is_a_failed_build_with_its_words(stage: Stage) -> None:
    tool = stage.tool("img", said="Error: no such stage", status=7)
    with CommandRunner(tool, stage.folder) as runner:
        transcript = runner.build(request(), limit=30)
    assert (transcript.ending, transcript.status) == ("error", 7)
    assert transcript.error == "no such stage"


def test_a_command_that_is_not_there_is_no_build_at_all(stage: Stage) -> None:
    tool = stage.tool("img")
    (stage.folder / "img").unlink()
    with (
        CommandRunner(tool, stage.folder) as runner,
        pytest.raises(EngineError, match="is not here"),
    ):
        runner.build(request(), limit=30)


def test_a_command_is_ended_at_its_limit_with_all_that_it_started(
    stage: Stage,
) -> None:
    fork = f"""
if os.fork() == 0:
    os.mkfifo({str(stage.folder / "alive")!r})
    open({str(stage.folder / "alive")!r}, "w")
    time.sleep(1000)
time.sleep(1000)
"""
    with CommandRunner(stage.tool("img", more=fork), stage.folder) as runner:
        transcript = runner.build(request(), limit=3)
    assert transcript.ending == "timeout"
    # No one writes into it any more: the child is gone too.
    reader = os.open(stage.folder / "alive", os.O_RDONLY | os.O_NONBLOCK)
    try:
        assert os.read(reader, 1) == b""
    finally:
        os.close(reader)


def test_nothing_of_a_bench_is_left(stage: Stage) -> None:
    before = sorted(stage.folder.iterdir())
    tool = stage.tool("img")
    with CommandRunner(tool, stage.folder) as runner:
        runner.build(request(), limit=30)
        assert not (runner.sandbox.work / "build").exists()
        assert runner.sandbox.folder.is_dir()
    left = {each.name for each in stage.folder.iterdir()}
    assert left == {each.name for each in before} | {"img", "log"}


def test_a_secret_is_in_a_file_for_its_owner_alone_and_for_one_build(
    stage: Stage,
) -> None:
    peek = f"""
for word in sys.argv:
    if word.startswith("--secret="):
        path = word.partition("src=")[2]
        open({str(stage.folder / "seen")!r}, "w").write(
            oct(os.stat(path).st_mode & 0o777) + open(path).read()
        )
"""
    with CommandRunner(stage.tool("buildctl", more=peek), stage.folder) as runner:
        runner.build(request(secrets={"key": b"hidden"}), limit=30)
        assert (stage.folder / "seen").read_text() == "0o600hidden"
        assert not list(runner.sandbox.folder.rglob("secret*"))


def test_a_store_that_a_record_does_not_have_is_unsupported(stage: Stage) -> None:
    with pytest.raises(Unsupported, match="img has no store `vfs`"):
        CommandRunner(stage.tool("img"), stage.folder, store="vfs")


@pytest.fixture
def offered(tmp_path: Path) -> Iterator[socket.socket]:
    with (
        agent(tmp_path / "agent") as path,
        socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client,
    ):
        client.connect(str(path))
        yield client


def test_the_agent_has_no_keys_and_does_nothing_else(offered: socket.socket) -> None:
    offered.sendall(b"\0\0\0\1\x0b")
    assert offered.recv(100) == b"\0\0\0\5\x0c\0\0\0\0"
    offered.sendall(b"\0\0\0\2\x0d\0")
    assert offered.recv(100) == b"\0\0\0\1\x05"


def test_a_context_is_unpacked_with_all_its_attributes(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("owners take root")
    files = [
        ContextFile(path="run", content=b"#!/bin/sh\n", mode=0o4755, uid=7, gid=8),
        ContextFile(path="sub", kind="dir", mode=0o700, mtime=1000),
        ContextFile(path="sub/link", kind="symlink", link="../run"),
        ContextFile(path="pipe", kind="fifo"),
        ContextFile(path="tagged", content=b"", xattrs={"user.a": b"1"}),
    ]
    folder = unpack(io.BytesIO(tar_bytes(files)), tmp_path / "context")
    run = (folder / "run").stat()
    assert (run.st_uid, run.st_gid, stat.S_IMODE(run.st_mode)) == (7, 8, 0o4755)
    assert (folder / "sub").stat().st_mtime == 1000
    assert (folder / "sub" / "link").readlink() == Path("../run")
    assert stat.S_ISFIFO((folder / "pipe").stat().st_mode)
    assert os.getxattr(folder / "tagged", "user.a") == b"1"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o755


def test_a_context_that_is_no_tar_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="cannot be unpacked"):
        unpack(io.BytesIO(b"no tar" * 1000), tmp_path / "context")


def test_a_build_that_does_not_tell_its_error_is_run_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    untold = "reading: copier subprocess: write |1: broken pipe"
    listed = 'building at STEP "COPY a b": 3 errors occurred:'
    died = "storing: error decoding response from copier subprocess: EOF"
    errors, seen = [untold, listed, died, "second: unexpected EOF"], []

    def build(_: CommandRunner, request: Request, **__: object) -> Transcript:
        seen.append(len(request.context.read()))
        return replace(said_before(errors[len(seen) - 1]), status=1)

    monkeypatch.setattr(CommandRunner, "_build", build)
    with CommandRunner(stage.tool("kaniko"), stage.folder) as runner:
        assert runner.build(request(), limit=30).error == errors[-1]
    assert len(seen) == 4
    assert len(set(seen)) == 1
