"""No RUN leaves the room it was given."""

from __future__ import annotations

import io
import os
import platform
from pathlib import Path

import pytest

from escapes.program import BUFFER, Result, program
from harness.builders import Request
from harness.builders.command import CommandRunner, obtain
from harness.builders.records import standard_records
from harness.dockerfile.context import ContextFile, tar_bytes
from harness.engines.roots import busybox, cache_folder
from harness.errors import HarnessError
from harness.images.base import standard_base
from harness.images.salted import salted

pytestmark = [
    pytest.mark.engine,
    pytest.mark.skipif(platform.machine() != "x86_64", reason="programs are x86-64"),
]

CACHE = cache_folder()
REFERENCE = "layer-harness/base:escapes"
OPEN, READ, WRITE, CHDIR, FCHDIR, MKDIR, CHROOT = 2, 0, 1, 80, 81, 83, 161


def breakout(path: Path) -> bytes:
    """Print a file of what is above all chroots."""
    return program(
        (MKDIR, b"/below", 0o755),
        (OPEN, b"/", 0, 0),
        (CHROOT, b"/below"),
        (FCHDIR, Result(-2)),
        *[(CHDIR, b"..")] * 64,
        (CHROOT, b"."),
        (OPEN, os.fsencode(path), 0, 0),
        (READ, Result(-1), BUFFER, 4096),
        (WRITE, 1, BUFFER, Result(-1)),
    )


@pytest.mark.parametrize("name", ["buildah", "podman"])
def test_no_chroot_breakout_reads_a_file_of_the_host(name: str, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("of the host\n")
    record = standard_records()[name]
    suite = next(each for each in record.suites if each.name == "bookworm")
    try:
        tool = obtain(record, suite, CACHE, print)
    except HarnessError as error:
        if os.environ.get("CI") == "true":
            pytest.fail(f"no {name}, and CI must have one: {error}")
        pytest.skip(f"no {name}: {error}")
    base = io.BytesIO()
    salted(standard_base(busybox(CACHE, print)), REFERENCE, REFERENCE, base)
    base.seek(0)
    text = b"ARG BASE\nFROM ${BASE}\nCOPY breakout /\nRUN /breakout || echo ended: $?\n"
    files = [
        ContextFile(path="Dockerfile", content=text),
        ContextFile(path="breakout", content=breakout(secret), mode=0o755),
    ]
    request = Request(
        context=io.BytesIO(tar_bytes(files)),
        tag="layer-harness/build:escape",
        args={"BASE": REFERENCE},
    )
    with CommandRunner(tool, CACHE / "tmp") as runner:
        runner.load(base, REFERENCE)
        built = runner.build(request, limit=120)
    assert built.ending == "ok", built.log
    assert "of the host" not in built.log
    # it left the chroot, and where it is then has no such file
    assert "ended: 2" in built.log
