"""Builders that are commands, run for real: Debian's buildah, podman and buildx.

A few of them always; all versions, stores and engines with LAYER_HARNESS_TEST_WHOLE=1.
"""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from string import ascii_uppercase
from typing import Any

import docker
import pytest

from harness.builders import Request
from harness.builders.command import CommandRunner, Tool, obtain
from harness.builders.records import standard_records as records
from harness.builders.transcript import Transcript
from harness.dockerfile.context import ContextFile, tar_bytes
from harness.dockerfile.parser import parse
from harness.engines import Engine, roots
from harness.engines.address import connect
from harness.errors import HarnessError, Unsupported
from harness.images.base import standard_base
from harness.images.image import Image, read_archive
from harness.images.salted import salted
from harness.measure.announced_steps import cached_lines, error_line
from harness.measure.instruction_layers import map_layers
from harness.provision import sources

pytestmark = pytest.mark.engine

WHOLE = bool(os.environ.get("LAYER_HARNESS_TEST_WHOLE"))
CACHE = roots.cache_folder()
REFERENCE = "layer-harness/base:command-builders"

#: The article's experiment; expected patterns are of the layers above the base.
EXPERIMENT = """ARG BASE
FROM ${BASE}
RUN mkdir -p /test
COPY ./test.txt .
COPY ./test.txt .
COPY ./test.txt .
RUN mkdir -p /test
RUN mkdir -p /test
RUN mkdir -p /test2
RUN mkdir -p /test2
COPY ./test.txt .
RUN mkdir -p test
CMD ["echo", "test123"]
"""
ON_OVERLAY = "ABBBCCDCBC"
#: A store that compares what is there finds nothing new in an equal copy.
BY_CONTENT = "ABCCCCDCCC"

OWN = [("buildah", "bookworm"), ("buildah-layers", "bookworm")]
STORES = ["overlay"]
CLIENTS = ["buildx-0.29"]
ENGINES = ["bookworm"]
if WHOLE:
    SUITES = ["bullseye", "bookworm", "trixie", "forky"]
    OWN = [(n, s) for n in ("buildah", "buildah-layers", "podman") for s in SUITES]
    STORES = ["overlay", "vfs"]
    CLIENTS = ["buildx-0.13", "buildx-0.29"]
    ENGINES = [*SUITES, "trixie+containerd", "forky+containerd"]


def tool_of(name: str, suite: str) -> Tool:
    record = records()[name]
    found = next((each for each in record.suites if each.name == suite), None)
    try:
        return obtain(record, found, CACHE, print)
    except HarnessError as error:
        if os.environ.get("CI") == "true":
            pytest.fail(f"no {name}, and CI must have one: {error}")
        pytest.skip(f"no {name}: {error}")


@pytest.fixture(scope="module", params=OWN, ids="@".join)
def tool(request: pytest.FixtureRequest) -> Tool:
    return tool_of(*request.param)


@pytest.fixture(scope="module")
def layered() -> Tool:
    return tool_of("buildah-layers", "bookworm")


@pytest.fixture(scope="module")
def base() -> tuple[bytes, Image]:
    archive = io.BytesIO()
    image = salted(
        standard_base(roots.busybox(CACHE, print)), REFERENCE, REFERENCE, archive
    )
    return archive.getvalue(), image


@pytest.fixture
def runner(layered: Tool, base: tuple[bytes, Image]) -> Iterator[CommandRunner]:
    with CommandRunner(layered, CACHE / "tmp") as made:
        made.load(io.BytesIO(base[0]), REFERENCE)
        yield made


def asked(text: str, tag: str = "layer-harness/build:1", **what: Any) -> Request:
    files = [
        ContextFile(path="Dockerfile", content=text.encode()),
        ContextFile(path="test.txt", content=b"test\n", uid=5),
        ContextFile(path="kept-back", content=b"x"),
        ContextFile(path=".dockerignore", content=b"kept-back\n"),
    ]
    given: dict[str, Any] = {
        "context": io.BytesIO(tar_bytes(files)),
        "tag": tag,
        "args": {"BASE": REFERENCE},
    }
    return Request(**(given | what))


def pattern(image: Image, below: int) -> str:
    """Give equal letters to layers of equal paths, kinds and content."""
    seen: dict[object, str] = {}
    shapes = [
        tuple((each.path, each.kind, each.digest) for each in layer.entries)
        for layer in image.layers[below:]
    ]
    return "".join(
        seen.setdefault(shape, ascii_uppercase[len(seen)]) for shape in shapes
    )


def lines(tool: Tool, image: Image, below: Image, text: str) -> tuple[int | None, ...]:
    own = image.config["history"][len(below.config["history"]) :]
    return map_layers(
        parse(text),
        conventions=tool.record.conventions,
        target="",
        labels=0,
        empty=[bool(each.get("empty_layer")) for each in own],
        triggers=0,
    ).lines


def exported(runner: CommandRunner, tag: str = "layer-harness/build:1") -> Image:
    with runner.export(tag) as archive:
        return read_archive(archive)[0]


@pytest.mark.parametrize("store", STORES)
def test_the_article_s_experiment_has_the_layers_that_were_measured(
    tool: Tool, store: str, base: tuple[bytes, Image]
) -> None:
    with CommandRunner(tool, CACHE / "tmp", store=store) as runner:
        runner.load(io.BytesIO(base[0]), REFERENCE)
        transcript = runner.build(asked(EXPERIMENT), limit=120)
        assert transcript.ending == "ok", transcript.log
        image = exported(runner)
    below = len(base[1].layers)
    assert [each.diff_id for each in image.layers[:below]] == [
        each.diff_id for each in base[1].layers
    ]
    found = lines(tool, image, base[1], EXPERIMENT)
    if tool.record.name == "buildah":
        assert (pattern(image, below), found) == ("A", (None,))
    else:
        expected = ON_OVERLAY if store == "overlay" else BY_CONTENT
        assert pattern(image, below) == expected
        assert found == tuple(range(3, 13))


def test_a_version_is_the_one_that_was_measured(tool: Tool) -> None:
    assert tool.version.partition("+")[0] in tool.record.measured


def test_a_second_build_takes_its_lines_from_the_storage_s_cache(
    runner: CommandRunner, layered: Tool
) -> None:
    text = "ARG BASE\nFROM ${BASE}\nRUN date > /a\nRUN date > /b\n"
    changed = text.replace("date > /b", "date >/b")
    first = runner.build(asked(text, cold=False), limit=60)
    again = runner.build(asked(changed, cold=False), limit=60)
    cold = runner.build(asked(changed), limit=60)
    told = [
        cached_lines(parse(changed), each, conventions=layered.record.conventions)
        for each in (first, again, cold)
    ]
    assert [each[3] for each in told] == [False, True, False]
    assert told[1][4] is False


def test_benches_share_no_cache(layered: Tool, base: tuple[bytes, Image]) -> None:
    text = "ARG BASE\nFROM ${BASE}\nRUN date > /a\n"
    for _ in range(2):
        with CommandRunner(layered, CACHE / "tmp") as runner:
            runner.load(io.BytesIO(base[0]), REFERENCE)
            built = runner.build(asked(text, cold=False), limit=60)
            cached = cached_lines(
                parse(text), built, conventions=layered.record.conventions
            )
            assert cached == {2: False, 3: False}


def test_a_built_image_is_the_base_of_the_next_build(
    runner: CommandRunner, base: tuple[bytes, Image]
) -> None:
    runner.build(asked("ARG BASE\nFROM ${BASE}\nRUN echo a > /a\n"), limit=60)
    text = "ARG BASE\nFROM ${BASE}\nRUN cat /a > /b\n"
    tag = "layer-harness/build:2"
    next_one = asked(text, tag, args={"BASE": "layer-harness/build:1"})
    assert runner.build(next_one, limit=60).ending == "ok"
    assert len(exported(runner, tag).layers) == len(base[1].layers) + 2


def test_a_failed_run_is_a_result_with_its_line(
    runner: CommandRunner, layered: Tool
) -> None:
    text = "ARG BASE\nFROM ${BASE}\nENV A=1\nRUN echo oops >&2; exit 3\n"
    transcript = runner.build(asked(text), limit=60)
    assert (transcript.ending, transcript.status) == ("error", 3)
    assert "exit status 3" in transcript.error
    assert "oops" in transcript.log
    assert (
        error_line(parse(text), transcript, conventions=layered.record.conventions) == 4
    )


def test_a_hung_build_is_ended_at_its_limit_and_the_next_one_goes_on(
    runner: CommandRunner,
) -> None:
    hung = runner.build(asked("ARG BASE\nFROM ${BASE}\nRUN sleep 7654321\n"), limit=4)
    assert hung.ending == "timeout"
    assert not processes("7654321")
    after = runner.build(asked("ARG BASE\nFROM ${BASE}\nRUN true\n"), limit=60)
    assert after.ending == "ok", after.log


def processes(word: str) -> list[str]:
    """List those processes of this machine whose command line has a word."""
    found = []
    for each in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = each.read_bytes().split(b"\0")
        except OSError:
            continue
        if word.encode() in words:
            found.append(each.parent.name)
    return found


def await_processes(word: str, *, there: bool) -> bool:
    deadline = time.monotonic() + 60
    while bool(processes(word)) is not there:
        if time.monotonic() > deadline:
            return False
        # other processes' beginnings and ends give no event
        time.sleep(0.05)
    return True


def test_a_killed_harness_leaves_no_process_and_no_mount(
    base: tuple[bytes, Image], tmp_path: Path
) -> None:
    tool_of("buildah-layers", "bookworm")
    (tmp_path / "base.tar").write_bytes(base[0])
    script = f"""
from pathlib import Path
from tests.builders import test_real_command_builders as here
tool = here.tool_of("buildah-layers", "bookworm")
with here.CommandRunner(tool, Path({str(tmp_path)!r})) as runner:
    runner.load(open({str(tmp_path / "base.tar")!r}, "rb"), here.REFERENCE)
    text = "ARG BASE\\nFROM ${{BASE}}\\nRUN sleep 7654322\\n"
    runner.build(here.asked(text), limit=600)
"""
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    try:
        assert await_processes("7654322", there=True)
    finally:
        process.kill()
        process.wait()
    assert await_processes("7654322", there=False)
    assert str(tmp_path) not in Path("/proc/self/mounts").read_text()


def test_a_command_sees_loopback_only_and_an_empty_place(runner: CommandRunner) -> None:
    text = (
        "ARG BASE\nFROM ${BASE}\n"
        "RUN sed -n 's/^ *\\([^:]*\\):.*/\\1/p' /proc/net/dev > /net\n"
    )
    assert runner.build(asked(text), limit=60).ending == "ok"
    assert has(exported(runner), "net", "lo\n")
    status, said = runner.call(["busybox", "touch", "/usr/new"], {})
    assert status == 1
    assert "Read-only file system" in said


def has(image: Image, path: str, text: str) -> bool:
    """Say whether the topmost file at a path of an image has this content."""
    digest = hashlib.sha256(text.encode()).hexdigest()
    for layer in reversed(image.layers):
        for entry in layer.entries:
            if entry.path == path:
                return bool(entry.digest and entry.digest.endswith(digest))
    return False


SERVED = """ARG BASE
FROM ${BASE}
RUN --mount=type=secret,id=key cat /run/secrets/key > /secret
RUN --mount=type=ssh test -S "$SSH_AUTH_SOCK"
COPY . /all
"""


def served(text: str = SERVED, **what: Any) -> Request:
    return asked(text, secrets={"key": b"hidden"}, ssh=True, **what)


def named() -> Request:
    other = io.BytesIO(tar_bytes([ContextFile(path="x", content=b"x\n")]))
    text = SERVED + "COPY --from=other x /x\n"
    return served(text, contexts={"other": other})


def test_buildah_brings_secrets_ssh_contexts_and_ignores_what_it_shall(
    runner: CommandRunner,
) -> None:
    transcript = runner.build(named(), limit=60)
    assert transcript.ending == "ok", transcript.log
    image = exported(runner)
    assert has(image, "secret", "hidden")
    assert has(image, "x", "x\n")
    assert has(image, "all/test.txt", "test\n")
    assert not has(image, "all/kept-back", "x")


def test_what_an_old_version_lacks_is_unsupported_before_anything_runs() -> None:
    record = records()["buildah"]
    old = Tool(record=record, root=None, version="1.19.6")
    with (
        CommandRunner(old, CACHE / "tmp") as runner,
        pytest.raises(Unsupported, match="it has no --secret"),
    ):
        runner.build(served(), limit=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """A client's runner and the engine that it drives."""

    tool: Tool
    engine: Engine
    api: docker.APIClient
    base: Image

    def build(self, request: Request) -> tuple[Transcript, Image | None]:
        with CommandRunner(self.tool, CACHE / "tmp") as runner:
            transcript = runner.build(request, limit=120, host=self.engine.address)
        if transcript.ending != "ok":
            return transcript, None
        image = read_archive(self.api.get_image(request.tag))[0]
        self.api.remove_image(request.tag, force=True)
        return transcript, image


@pytest.fixture(scope="module", params=ENGINES)
def driven(
    request: pytest.FixtureRequest, base: tuple[bytes, Image]
) -> Iterator[tuple[Engine, docker.APIClient, Image]]:
    source = sources.source(request.param, CACHE)
    with sources.start(source, CACHE, print) as engine:
        api = connect(engine.address, timeout=60)
        for line in api.load_image(io.BytesIO(base[0])):
            assert "error" not in line
        yield engine, api, base[1]


@pytest.fixture(params=CLIENTS)
def client(
    request: pytest.FixtureRequest, driven: tuple[Engine, docker.APIClient, Image]
) -> Client:
    suite = {"buildx-0.13": "trixie", "buildx-0.29": "forky"}[request.param]
    engine, api, image = driven
    found = tool_of(request.param, suite)
    return Client(tool=found, engine=engine, api=api, base=image)


def test_buildx_builds_the_experiment_as_the_engine_s_store_has_it(
    client: Client,
) -> None:
    transcript, image = client.build(asked(EXPERIMENT))
    assert image is not None, transcript.log
    containerd = client.engine.storage == "containerd"
    below = len(client.base.layers)
    expected = BY_CONTENT if containerd else ON_OVERLAY
    assert pattern(image, below) == expected
    assert lines(client.tool, image, client.base, EXPERIMENT) == tuple(range(3, 13))
    conventions = client.tool.record.conventions
    assert cached_lines(
        parse(EXPERIMENT), transcript, conventions=conventions
    ) == dict.fromkeys(range(3, 13), False)


def test_buildx_brings_secrets_and_ssh_and_ignores_what_it_shall(
    client: Client,
) -> None:
    transcript, image = client.build(served())
    assert image is not None, transcript.log
    assert has(image, "secret", "hidden")
    assert has(image, "all/test.txt", "test\n")
    assert not has(image, "all/kept-back", "x")


def test_named_contexts_take_an_engine_that_knows_them(client: Client) -> None:
    transcript, image = client.build(named())
    if client.engine.version.startswith("20.10"):
        assert "unsupported frontend capability" in transcript.error
    else:
        assert image is not None, transcript.log
        assert has(image, "x", "x\n")
        conventions = client.tool.record.conventions
        text = SERVED + "COPY --from=other x /x\n"
        assert set(cached_lines(parse(text), transcript, conventions=conventions)) == {
            3,
            4,
            5,
            6,
        }


def test_a_run_that_fails_with_buildx_has_its_line(client: Client) -> None:
    text = "ARG BASE\nFROM ${BASE}\nENV A=1\nRUN echo oops >&2; exit 3\n"
    transcript, image = client.build(asked(text))
    assert (transcript.ending, image) == ("error", None)
    assert "exit code: 3" in transcript.error
    assert "oops" in transcript.log
    conventions = client.tool.record.conventions
    assert error_line(parse(text), transcript, conventions=conventions) == 4
