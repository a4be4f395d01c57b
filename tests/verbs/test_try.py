"""`try` on a real engine: a user's own Dockerfile, its base and its context."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import docker
import pytest
from called import harness

from harness.engines import Engine
from harness.engines.address import connect
from harness.images.base import from_archive
from harness.images.renamed import renamed
from harness.report import schemas
from harness.targets.versions import plain_version

jsonschema = pytest.importorskip("jsonschema", reason="jsonschema is not installed")

BASE = "layer-harness.test/some-base:1"


@pytest.fixture
def base(tmp_path: Path, base_archive: Path) -> Path:
    place = tmp_path / "base.tar"
    with place.open("wb") as out:
        renamed(from_archive(base_archive), [BASE], out)
    return place


class Tried:
    def __init__(self, folder: Path, engine: Engine) -> None:
        self.folder = folder
        self.engine = engine
        folder.mkdir()

    def write(self, dockerfile: str, **files: str) -> None:
        (self.folder / "Dockerfile").write_text(dockerfile.replace("BASE", BASE))
        for name, text in files.items():
            (self.folder / name).write_text(text)

    def __call__(self, *words: str, context: str = ".") -> tuple[int, str, str]:
        version = plain_version(self.engine.version)
        return harness(
            self.folder, "try", context, "-e", self.engine.address.url,
            "-t", f"legacy@{version}", "-t", f"buildkit@{version}", *words,
        )  # fmt: skip

    def json(self, *words: str) -> Any:
        code, out, err = self("--format", "json", *words)
        assert code == 0, err
        found = json.loads(out)
        jsonschema.validate(found, json.loads(schemas.text("try.schema.json")))
        return found


@pytest.fixture
def tried(tmp_path: Path, engine: Engine) -> Tried:
    return Tried(tmp_path / "context", engine)


pytestmark = pytest.mark.engine


def names(engine: Engine) -> set[str]:
    client = connect(engine.address, timeout=60)
    try:
        return {tag for each in client.images() for tag in each.get("RepoTags") or ()}
    finally:
        client.close()


def test_a_changed_volume_is_another_image_and_explained(
    tried: Tried, base: Path, engine: Engine
) -> None:
    before = names(engine)
    tried.write(
        """\
ARG TAG=1
FROM layer-harness.test/some-base:${TAG} AS build
RUN echo built > /built
FROM BASE
COPY --from=build /built /built
RUN mkdir /data
VOLUME /data
RUN echo late > /data/late
RUN true
COPY app /srv/
CMD ["app"]
""",
        app="x",
    )
    code, out, err = tried("--base", str(base), "--exit-code")
    assert code == 1, err
    assert out.startswith("another image: 1 path differs between legacy@")
    assert (
        "  Dockerfile:8\n  > RUN echo late > /data/late\n    /data/late: legacy@" in out
    )
    assert "layer-harness explain volume/run-after" in out
    assert names(engine) == before


def test_the_same_files_in_other_layers(tried: Tried, base: Path) -> None:
    tried.write("FROM BASE\nRUN true\nCOPY app /\n", app="x")
    found = tried.json("--base", f"{BASE}={base}")
    assert found["answer"] == "layers"
    assert [each["layers"] for each in found["targets"]] == [1, 2]
    assert [each["below"] for each in found["targets"]] == [1, 1]
    (only,) = [each for each in found["differences"] if each["aspect"] == "layers"]
    assert (only["line"], only["instruction"]) == (2, "RUN true")
    assert only["explanation"]["answers"]
    assert found["bases"] == [{"name": BASE, "origin": str(base)}]


def test_the_same_image(tried: Tried, base: Path) -> None:
    tried.write("FROM BASE\nCOPY app /\nENV A=b\n", app="x")
    assert tried.json("--base", str(base))["answer"] == "same"


def test_nothing_lies_below_scratch(tried: Tried) -> None:
    tried.write("FROM scratch\nCOPY app /\n", app="x")
    found = tried.json()
    assert (found["answer"], found["bases"]) == ("image", [])
    assert [each["below"] for each in found["targets"]] == [0, 0]
    config = [x["attribute"] for x in found["differences"] if x["aspect"] == "config"]
    assert "WorkingDir" in config


def test_an_own_build_argument_called_base_is_left_alone(
    tried: Tried, base: Path
) -> None:
    text = "FROM IMAGE\nARG BASE\nRUN echo ${BASE:-none} > /told\n"
    (tried.folder / "Dockerfile").write_text(text.replace("IMAGE", BASE))
    assert tried.json("--base", str(base))["answer"] == "same"
    code, out, _ = tried(
        "--base", str(base), "--build-arg", "BASE=own", "--format", "json"
    )
    assert code == 0
    assert json.loads(out)["answer"] == "same"


def test_an_ignored_dockerfile_and_one_from_elsewhere_make_no_difference(
    tried: Tried, base: Path, tmp_path: Path
) -> None:
    tried.write("FROM BASE\nCOPY . /all/\n", app="x")
    (tried.folder / ".dockerignore").write_text("Dockerfile\n")
    assert tried.json("--base", str(base))["answer"] == "same"
    elsewhere = tmp_path / "Elsewhere"
    (tried.folder / "Dockerfile").rename(elsewhere)
    # the docker CLI would send the legacy builder another .dockerignore than there is
    (tried.folder / ".dockerignore").unlink()
    found = tried.json("--base", str(base), "-f", str(elsewhere))
    assert (found["answer"], found["dockerfile"]) == ("same", str(elsewhere))


def test_what_chance_makes_is_no_difference(tried: Tried, base: Path) -> None:
    tried.write(
        "FROM BASE\nRUN cat /proc/sys/kernel/random/uuid > /id\nCOPY app /\n", app="x"
    )
    found = tried.json("--base", str(base))
    assert (found["answer"], found["chance"]) == ("same", ["/id"])
    assert tried.json("--base", str(base), "--once")["answer"] == "image"


def test_a_failure_on_one_side_and_on_all(tried: Tried, base: Path) -> None:
    tried.write("FROM BASE\nRUN --mount=type=tmpfs,target=/t true\nRUN false\n")
    code, out, _ = tried("--base", str(base))
    assert code == 1
    assert out.startswith("builds on none of them: legacy@")
    assert "Dockerfile:2\n  > RUN --mount" in out
    assert "Dockerfile:3\n  > RUN false" in out
    tried.write("FROM BASE\nRUN --mount=type=tmpfs,target=/t true\n")
    code, out, _ = tried("--base", str(base))
    assert code == 0
    assert out.startswith("builds on one side only: on buildkit@")
    assert "layer-harness explain mount/" in out


def test_bases_that_are_not_here_are_all_named_with_what_to_do(tried: Tried) -> None:
    tried.write("FROM nobody-has/this:1\nCOPY --from=nobody-has/that:2 / /\n")
    code, _, err = tried()
    assert code == 2
    assert "nobody-has/this:1 (line 1), nobody-has/that:2 (line 2)" in err
    assert "`docker save nobody-has/this:1 nobody-has/that:2 > bases.tar`" in err
    _, usage, _ = tried("--help")
    named = re.findall(r"--[a-z][a-z-]*", err)
    assert named
    assert [each for each in named if each not in usage] == []


def test_an_image_on_the_engine_is_taken_from_there(
    tried: Tried, base: Path, engine: Engine
) -> None:
    client: docker.APIClient = connect(engine.address, timeout=60)
    try:
        with base.open("rb") as archive:
            list(client.load_image(archive))
        digest = client.inspect_image(BASE)["Id"]
        tried.write("FROM BASE\nCOPY app /\n", app="x")
        found = tried.json()
        assert found["answer"] == "same"
        assert [each["name"] for each in found["bases"]] == [BASE]
        # what was there is left there
        assert client.inspect_image(BASE)["Id"] == digest
    finally:
        client.remove_image(BASE)
        client.close()


def test_a_base_named_by_its_digest_is_loaded_under_another_name(
    tried: Tried, base: Path
) -> None:
    name = f"{BASE.partition(':')[0]}@sha256:{'0' * 64}"
    tried.write(f"FROM {name}\nCOPY . /all/\n", app="x")
    found = tried.json("--base", f"{name}={base}")
    assert found["answer"] == "same"


def test_one_target_alone_cannot_be_compared(tried: Tried, engine: Engine) -> None:
    tried.write("FROM scratch\nCOPY Dockerfile /\n")
    code, _, err = harness(
        tried.folder, "try", ".", "-e", engine.address.url, "-t", "legacy"
    )
    assert code == 2
    assert "one alone cannot be compared" in err
