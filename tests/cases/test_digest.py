"""The digest that makes a stored result stale: of what is built, without defaults."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.builders.records import standard_builders
from harness.cases.case import load_case
from harness.cases.digest import canonical, digest
from harness.cases.expectation import Expectation
from harness.cases.model import Build, ContextEntry
from harness.dockerfile.context import ContextFile

CASES = Path(__file__).parents[2] / "cases"

#: Recorded once. Another digest makes the results of the case stale on every target:
#: then the case builds something else, or this is a mistake.
RECORDED = {
    "article/repeated-lines": (
        "sha256:f97d9d6ef8d4e4fc1aa1fb0b42cc2251c0ec0e645c371542d9ff2059879b6558"
    ),
    "article/from-brings-layers": (
        "sha256:d4f6c95e3a83cfb43fcd2173df807fa268113d6267c4a55d64b2f73d16a827a0"
    ),
    "cache/secret-changed": (
        "sha256:ec0aabe5a909d64fd65dfd0f328050de7ebf20e3505ea74aa7db329b5d6b07d5"
    ),
    "security/insecure": (
        "sha256:eb38596d3e2deddb35952fe9014064b6457162d485de1224efdd46939d2a4651"
    ),
    "onbuild/order": (
        "sha256:ba46e32d2cd6ed4ca8da163296e14a86b4278fefba43c1fc23d1e84f63ede1e0"
    ),
    "parser/no-stage": (
        "sha256:edca4a7af4c43b9f6d4add3fec6a90a835b0d5b5bc4d2083b3e75c9c67abece6"
    ),
    "heredoc/add": (
        "sha256:12d89272ea78a49c0db708a27491cdb92c1c2e113a150f03267f94bb1eb495ce"
    ),
    "copy/reproducible": (
        "sha256:a9b82bcc8e35bfbfb25c307767f277d5aa1e972fd276b4b09c9fd3ff4fc15f9e"
    ),
    "article/layers-on-disk": (
        "sha256:5ca473b8c98288d4925e0328ad8858b973affde8d324331e7ad13ddde31ab5f5"
    ),
    "copy/contents-of-a-folder": (
        "sha256:fbfa8a249c9f4057788e307b2f373c6d6e47037cae2389af3a8ee4c5924abd5d"
    ),
}


@pytest.mark.parametrize("case_id", RECORDED)
def test_a_digest_stays_as_it_is(case_id: str) -> None:
    case = load_case(CASES / f"{case_id}.yaml", CASES, standard_builders())
    assert case.digest == RECORDED[case_id]


class NewerBuild(Build):
    """A build with a key that was added later."""

    added: bool = False


NewerBuild.model_rebuild(_types_namespace={"Source": ContextEntry})


class NewerExpectation(Expectation):
    """An expectation with a property that was added later."""

    added: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewerFile(ContextFile):
    """A file of a context with an attribute that was added later."""

    added: str = ""


def test_what_is_added_later_makes_no_result_stale() -> None:
    words = {"dockerfile": "FROM scratch\n", "args": {"A": "1"}}
    expect = {"because": "b", "reproducible": True}
    file = {"path": "a", "content": b"x", "xattrs": {"user.a": b"\0"}, "mtime": 1}
    before = digest(
        {"build": Build.model_validate(words)},
        {"build": {"": [ContextFile(**file)]}},  # type: ignore[arg-type]
        [Expectation.model_validate(expect)],
    )
    after = digest(
        {"build": NewerBuild.model_validate(words)},
        {"build": {"": [NewerFile(**file)]}},  # type: ignore[arg-type]
        [NewerExpectation.model_validate(expect)],
    )
    assert before == after
    used = digest(
        {"build": NewerBuild.model_validate({**words, "added": True})},
        {"build": {"": [NewerFile(**file)]}},  # type: ignore[arg-type]
        [NewerExpectation.model_validate(expect)],
    )
    assert used != before


def test_the_content_of_a_file_counts_and_no_default_does() -> None:
    assert canonical(ContextFile(path="a")) == {"path": "a"}
    one, other = (ContextFile(path="a", content=text) for text in (b"1", b"2"))
    assert canonical(one) != canonical(other)


def test_the_order_of_builds_counts() -> None:
    builds = {name: Build(dockerfile="FROM scratch\n") for name in ("one", "two")}
    files = {name: {"": [ContextFile(path="Dockerfile")]} for name in builds}
    turned = dict(reversed(builds.items()))
    assert digest(builds, files, []) != digest(turned, files, [])


def test_a_build_that_is_looked_into_on_disk_is_named() -> None:
    builds = {name: Build(dockerfile="FROM scratch\n") for name in ("one", "two")}
    files = {name: {"": [ContextFile(path="Dockerfile")]} for name in builds}
    on_disk = {"because": "b", "on_disk": {"equals_export": True}}
    first, second = (
        digest(builds, files, [Expectation.model_validate({**on_disk, "of": name})])
        for name in builds
    )
    assert first != second
