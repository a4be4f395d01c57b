"""The version of the rules is raised when the same builds are recorded otherwise.

Fixed builds on every builder that ships are recorded here. If their records are others
than before, results that are stored do not say any more what a new build would say.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path

import pytest

from harness.builders.records import standard_builders, standard_records
from harness.builders.transcript import Announced, Transcript
from harness.cases.case import Case
from harness.cases.model import Build
from harness.images.image import Image
from harness.images.layer import Entry, Layer
from harness.measure.build_case import Built, Run
from harness.measure.observe import Recorder
from harness.measure.rules_version import MEASURING
from harness.results.record import FORMAT, encode

#: By version: a digest of what is recorded, and of how our builders are run. A new
#: one is for a new version, unless what has changed can make no result another; then
#: it takes the place of the old one.
RECORDED = {
    1: (
        "0e5fd2c5491561be",
        "3d0f29d95dddb57b",
    ),
}
BASE = f"layer-harness/base:{'5' * 32}"
DOCKERFILE = """
ARG BASE
FROM ${BASE} AS one
RUN echo 1 > /a
FROM ${BASE}
LABEL a=b
COPY --from=one /a /a
RUN rm /etc/motd && mkfifo /p && chown 1:1 /a
CMD ["sh"]
"""
#: Errors with what the rules take out, and with what they leave.
ERRORS = (
    f"process failed: {BASE} in /var/lib/docker/overlay2/abc/merged: not found",
    'Get "https://registry.invalid/v2/library/a/manifests/1": dial tcp: no such host',
    "lint violation found for rules: B, A",
    "subprocess: waiting on subprocess: exit status 1: copier: get: stat: no such file",
    f"sha256:{'a' * 64} of ref 0123456789abcdefghijklmnop at 0xc000123456",
)
ENTRIES = (
    Entry(path="a", kind="file", mode=0o100644, uid=1, uname="daemon", mtime=1000.0),
    Entry(path="b", kind="hardlink", link="a", mtime=10),
    Entry(path="c", kind="symlink", link="/x", mtime=10.5),
    Entry(path="d", kind="whiteout", mode=0o644, mtime=1000),
    Entry(path="e", kind="opaque"),
    Entry(path="f", kind="char", device=(1, 3), xattrs=(("user.a", "b"),)),
    Entry(path="g", kind="file", size=2, digest="sha256:2", mtime=-(10**20)),
)
HISTORY = (
    {"created_by": "/bin/sh -c #(nop)  LABEL a=b", "empty_layer": True},
    {"created_by": f"COPY /a /a:sha256:{'b' * 64}", "comment": f"FROM {'c' * 12}"},
    {"created_by": "RUN rm", "author": "me", "comment": f"FROM localhost/{BASE}"},
    {"created_by": "CMD", "empty_layer": True},
)
CONFIG = {
    "architecture": "amd64",
    "os": "linux",
    "history": [{"created_by": "base"}, *HISTORY],
    "config": {
        "Env": None,
        "Hostname": "abc",
        "Image": "sha256:1",
        "Labels": {"io.buildah.version": "1.28.2", "a": "b"},
    },
}


def layer(number: int, *entries: Entry) -> Layer:
    return Layer(diff_id=f"sha256:{number}", size=512, entries=entries)


def transcript(error: str) -> Transcript:
    return Transcript(
        ending="error" if error else "ok",
        error=error,
        status=200,
        steps=(
            Announced(
                number=1, stage="one", text="RUN echo 1 > /a", cached=True, error=""
            ),
        ),
        images=(),
        log="",
    )


def recorded(builder: str) -> bytes:
    """Record builds that failed, and one that gave an image, of one builder."""
    base = Image(
        reference=BASE,
        config={"history": [{"created_by": "base"}]},
        config_digest="sha256:0",
        layers=(layer(0, Entry(path="etc/motd", kind="file")),),
    )
    image = Image(
        reference="x",
        config=CONFIG,
        config_digest="sha256:1",
        layers=(*base.layers, layer(1, *ENTRIES), layer(2, *ENTRIES[1:3])),
    )
    build = Build(dockerfile=DOCKERFILE)
    built = [
        Built(name=f"b{number}", build=build, transcript=transcript(error))
        for number, error in enumerate(ERRORS)
    ]
    built.append(Built(name="ok", build=build, transcript=transcript(""), image=image))
    case = Case(
        id="demo/a",
        path=Path("a.yaml"),
        title="t",
        why="w",
        refs=(),
        tags=(),
        on=(),
        builds={each.name: build for each in built},
        expect=(),
    )
    run = Run(
        base=BASE,
        base_image=base,
        added=0,
        since=990.0,
        until=1010.0,
        began=990.0,
        built=tuple(built),
    )
    recorder = Recorder(case, standard_builders().target(f"{builder}@1.0"), run)
    return b"".join(encode(recorder.record(each)) for each in range(len(built)))


def digest(*parts: bytes) -> str:
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]


@pytest.fixture
def pinned() -> tuple[str, str]:
    assert max(RECORDED) == MEASURING, "put what is recorded now beside the others"
    return RECORDED[MEASURING]


def test_what_is_recorded_of_a_build_changes_with_the_version(
    pinned: tuple[str, str],
) -> None:
    now = digest(b"%d" % FORMAT, *map(recorded, sorted(standard_builders())))
    assert now == pinned[0], (
        "the same builds are recorded otherwise: if stored results are to be measured "
        "again, raise harness/measure/rules_version.py; then put this digest here"
    )


def test_how_our_builders_are_run_changes_with_the_version(
    pinned: tuple[str, str],
) -> None:
    prose = {"title", "homepage", "docs", "measured", "note", "suites"}
    plain = [
        {
            name: value
            for name, value in dataclasses.asdict(record).items()
            if name not in prose
        }
        for _, record in sorted(standard_records().items())
    ]
    now = digest(json.dumps(plain, sort_keys=True, default=str).encode())
    assert now == pinned[1], (
        "builders are asked otherwise: if that can make other images, raise "
        "harness/measure/rules_version.py; then put this digest here"
    )
