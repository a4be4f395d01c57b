"""A user's own context, as each client would send it."""

from __future__ import annotations

import pytest

from harness.builders.records import standard_builders
from harness.cases.given import OUTSIDE, Given
from harness.dockerfile.context import ContextFile

LEGACY = standard_builders()["legacy"]
BUILDKIT = standard_builders()["buildkit"]


def file(path: str, text: str = "", **more: object) -> ContextFile:
    return ContextFile(path=path, content=text.encode(), **more)  # type: ignore[arg-type]


def posted(given: Given, builder: object) -> tuple[dict[str, ContextFile], str]:
    files, name = given.posted(builder, "Dockerfile")  # type: ignore[arg-type]
    return {each.path: each for each in files}, name


@pytest.mark.parametrize("builder", [LEGACY, BUILDKIT])
def test_all_files_are_sent_as_roots_and_times_in_seconds(builder: object) -> None:
    own = file("a", uid=1000, gid=1000, mtime=1.5)
    files, name = posted(Given(files=(file("Dockerfile"), own)), builder)
    assert name == "Dockerfile"
    assert (files["a"].uid, files["a"].gid, files["a"].mtime) == (0, 0, 1)


def test_the_legacy_client_sends_capabilities_and_no_other_attribute() -> None:
    attributes = {"user.a": b"1", "security.capability": b"2"}
    given = Given(files=(file("Dockerfile"), file("a", xattrs=attributes)))
    assert posted(given, LEGACY)[0]["a"].xattrs == {"security.capability": b"2"}
    assert posted(given, BUILDKIT)[0]["a"].xattrs == attributes


def test_an_ignored_dockerfile_is_no_file_that_buildkit_copies() -> None:
    given = Given(
        files=(
            file(".dockerignore", "Dockerfile\nsecret\n"),
            file("Dockerfile", "FROM scratch\n"),
            file("a"),
            file("secret"),
        )
    )
    files, name = posted(given, BUILDKIT)
    assert name == OUTSIDE
    assert sorted(files) == [OUTSIDE, ".dockerignore", "a"]
    assert files[OUTSIDE].text() == b"FROM scratch\n"
    # the daemon takes it out of the context of the legacy builder
    files, name = posted(given, LEGACY)
    assert name == "Dockerfile"
    assert sorted(files) == [".dockerignore", "Dockerfile", "a"]


def test_a_dockerfile_from_elsewhere_is_sent_and_taken_out_again() -> None:
    given = Given(files=(file("Dockerfile", "another"), file("a")), outside=b"FROM x\n")
    files, name = posted(given, LEGACY)
    assert name == OUTSIDE
    assert files[OUTSIDE].text() == b"FROM x\n"
    # as the docker CLI does
    assert files[".dockerignore"].text().decode().split() == [".dockerignore", OUTSIDE]
    assert files["Dockerfile"].text() == b"another"
    files, _ = posted(given, BUILDKIT)
    assert sorted(files) == [OUTSIDE, "Dockerfile", "a"]
    assert given.beside == {"Dockerfile": b"FROM x\n"}


def test_the_ignore_file_beside_a_dockerfile_counts_for_buildkit() -> None:
    given = Given(
        files=(file(".dockerignore", "a\n"), file("a"), file("b")),
        outside=b"FROM x\n",
        ignore=b"b\n",
    )
    assert sorted(posted(given, BUILDKIT)[0]) == [OUTSIDE, ".dockerignore", "a"]
    assert sorted(posted(given, LEGACY)[0]) == [OUTSIDE, ".dockerignore", "b"]
    assert list(given.beside) == ["Dockerfile", "Dockerfile.dockerignore"]
