"""No Dockerfile leaves the room that its build was given."""

from __future__ import annotations

import io
import json
import os
import platform
import re
import subprocess
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from escapes import attempts
from escapes.host import Host, planted
from escapes.instructions import Instruction, instructions
from escapes.plugin import PROPERTY
from escapes.targets import CACHE, EVERY, REFERENCE, USUAL, BuildIt, base, opened
from harness.builders import Request
from harness.dockerfile.context import ContextFile, tar_bytes
from harness.engines.roots import busybox
from harness.errors import HarnessError

pytestmark = [
    pytest.mark.engine,
    pytest.mark.skipif(platform.machine() != "x86_64", reason="programs are x86-64"),
]

_RUN = """ARG BASE
FROM ${BASE}
COPY escapes /escapes
WORKDIR /escapes
RUN T=/escapes; export T; . ./all.sh; ./leave
"""
#: What no attempt can reach on a machine that has none of it, or keeps root from it.
_DEPENDS = re.compile(
    r"(mknod|sent)-.*|write-.*|tcp-.*|load-.*|read-kcore|mount-(disk|debugfs)|bpf|"
    r"(mount-)?cgroup.*|"
    r"enter-namespaces|builders-.*|(remount|unmount)-proc-sys|user-namespace"
)
_SAID = re.compile(r"escape (\S+): (held|reached)")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "target" in metafunc.fixturenames:
        asked = metafunc.config.getoption("escape_target")
        names = EVERY if asked == ["all"] else asked or USUAL
        metafunc.parametrize("target", names)


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    try:
        archive = base()
    except HarnessError as error:
        _without(error)
    with planted(CACHE, archive) as found:
        yield found


@pytest.fixture
def build(target: str) -> Iterator[BuildIt]:
    try:
        manager = opened(target)
        found = manager.__enter__()
    except HarnessError as error:
        _without(error)
    yield found
    manager.__exit__(None, None, None)


def _without(error: HarnessError) -> None:
    if os.environ.get("CI") == "true":
        pytest.fail(f"CI must have it: {error}")
    pytest.skip(str(error))


def test_nothing_is_reached(
    target: str,
    build: BuildIt,
    host: Host,
    record_property: Callable[[str, Any], None],
) -> None:
    words = in_run(build, host) | {
        each.name: by_instruction(build, host, each) for each in instructions(host)
    }
    record_property(PROPERTY, json.dumps([target, words]))
    assert [name for name, word in words.items() if word == "reached"] == []


def test_an_attempt_reaches_what_it_tries_where_nothing_holds_it(
    host: Host, tmp_path: Path
) -> None:
    """Make the attempts of a RUN on this machine, each with mounts of its own."""
    write(_programs(host), tmp_path)
    shell = [*("unshare", "--mount", str(busybox(CACHE, print))), "sh", "-c"]
    environment = {"PATH": os.environ["PATH"], "T": str(tmp_path / "escapes")}
    held = [
        each.name
        for each in attempts.attempts(host)
        if b"reached"
        not in subprocess.run(
            [*shell, attempts.script((each,))],
            env=environment,
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            check=True,
        ).stdout
    ]
    assert [each for each in held if not _DEPENDS.fullmatch(each)] == []


def write(files: Iterable[ContextFile], folder: Path) -> None:
    """Write the programs as files; what is sent as a device is left out."""
    for each in files:
        if each.kind == "file":
            place = folder / each.path
            place.parent.mkdir(exist_ok=True)
            place.write_bytes(b"".join(each.pieces()))
            place.chmod(each.permissions)


def in_run(build: BuildIt, host: Host) -> dict[str, str]:
    """Make all attempts of a RUN, and again from outside of all chroots."""
    tried = attempts.attempts(host)
    built = build(_request(_RUN, _programs(host)))
    assert built.ending == "ok", built.log
    found: dict[str, set[str]] = {each.name: set() for each in tried}
    for name, word in _SAID.findall(built.log):
        found[name].add(word)
    assert built.log.count("attempts were made") == 2, built.log
    assert all(found.values())
    return {name: max(words) for name, words in found.items()}


def by_instruction(build: BuildIt, host: Host, tried: Instruction) -> str:
    """Say what an attempt came to; a build that fails has `refused` it."""
    files = (*_programs(host), *tried.files)
    built = build(_request(tried.dockerfile, files, **tried.asked))
    written = list(host.written.iterdir())
    for each in written:
        each.rmdir() if each.is_dir() else each.unlink()
    if written or host.token in built.log + built.error:
        return "reached"
    assert built.ending in {"ok", "error"}, built.log
    return "held" if built.ending == "ok" else "refused"


def _programs(host: Host) -> tuple[ContextFile, ...]:
    tried = attempts.attempts(host)
    programs = {
        "leave": attempts.leave("all.sh"),
        **{name: code for each in tried for name, code in each.programs.items()},
    }
    return (
        ContextFile(path="escapes/all.sh", content=attempts.script(tried).encode()),
        *(
            ContextFile(path=f"escapes/{name}", content=code, mode=0o755)
            for name, code in programs.items()
        ),
        *(
            ContextFile(path=f"escapes/sent/{name}", kind=kind, device=(major, minor))
            for name, kind, major, minor in attempts.nodes(host)
        ),
    )


def _request(dockerfile: str, files: tuple[ContextFile, ...], **asked: Any) -> Request:
    if dockerfile:
        text = ContextFile(path="Dockerfile", content=dockerfile.encode())
        files = (text, *files)
    return Request(
        context=io.BytesIO(tar_bytes(files)),
        tag="layer-harness/build:escapes",
        args={"BASE": REFERENCE},
        # buildah 1.19.6 takes only one cold build
        cold=False,
        **asked,
    )
