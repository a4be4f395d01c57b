"""Names that people use, and the one target that each means."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.builders.records import standard_builders
from harness.errors import UsageError
from harness.targets.names import names, one
from harness.targets.selector import parse_selector
from harness.targets.target import Target

BUILDERS = standard_builders()
STORED = Path(__file__).parents[2] / "results" / "targets"
#: Those with results, as they were when this was written.
KNOWN = [
    BUILDERS.target(each)
    for each in [
        "legacy@20.10.5",
        "legacy@20.10.24",
        "legacy@20.10.24+vfs",
        "legacy@28.5.2",
        "legacy@29.7.2",
        "buildkit@20.10.24",
        "buildkit@23.0.18",
        "buildkit@28.5.2",
        "buildkit@28.5.2+containerd",
        "buildx-0.13@28.5.2",
        "buildx-0.29@20.10.24",
        "buildx-0.29@28.5.2",
        "buildx-0.29@28.5.2+containerd",
        "buildkit@29.7.2",
        "buildkit@29.7.2+overlay2",
        "buildah@1.28.2+overlay",
        "buildah@1.39.3+overlay",
        "buildah@1.39.3+vfs",
        "buildah-layers@1.39.3+overlay",
        "podman@4.3.1+vfs",
        "podman@5.4.2+overlay",
        "podman@5.4.2+vfs",
    ]
]


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("docker@20.10", "legacy@20.10.24"),
        ("docker@20.10.5", "legacy@20.10.5"),
        ("docker@20.10+vfs", "legacy@20.10.24+vfs"),
        ("docker@23", "buildkit@23.0.18"),
        ("docker@28", "buildx-0.29@28.5.2"),
        ("docker@28+containerd", "buildx-0.29@28.5.2+containerd"),
        ("docker@29", "buildkit@29.7.2"),
        ("docker@29+overlay2", "buildkit@29.7.2+overlay2"),
        ("docker@<29", "buildx-0.29@28.5.2"),
        ("docker", "buildkit@29.7.2"),
        ("buildah@1.39", "buildah@1.39.3+overlay"),
        ("buildah@1.39+vfs", "buildah@1.39.3+vfs"),
        ("buildah-layers", "buildah-layers@1.39.3+overlay"),
        ("buildah", "buildah@1.39.3+overlay"),
        ("podman", "podman@5.4.2+overlay"),
        ("podman@4", "podman@4.3.1+vfs"),
        ("legacy", "legacy@29.7.2"),
        ("legacy@20.10", "legacy@20.10.24"),
        ("buildkit@28", "buildkit@28.5.2"),
        ("buildx@28", "buildx-0.29@28.5.2"),
        ("buildx-0.13", "buildx-0.13@28.5.2"),
    ],
)
def test_a_name_means_one_target(text: str, meant: str) -> None:
    assert one(text, BUILDERS, KNOWN).id == meant


@given(st.sampled_from(KNOWN))
def test_a_targets_own_name_means_that_target(target: Target) -> None:
    assert one(target.id, BUILDERS, KNOWN) is target


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("dokcer@28", "does not name a known builder", "did you mean `docker`"),
        (
            "docker@31",
            "is named `docker@31`",
            "known in 20.10.5, 20.10.24, 23.0.18",
        ),
        ("docker@28+zfs", "is named `docker@28+zfs`", "with the stores containerd"),
        ("podman@2", "is named `podman@2`", "`podman` is known in 4.3.1, 5.4.2"),
        ("!legacy", "takes targets away", "write `legacy`"),
        ("*@28.5", "several builders", "buildkit"),
        ("kaniko", "is named `kaniko`", "docker@28.5.2"),
        ("docker 28", "is not a selector", "BUILDER@VERSION+STORE"),
    ],
)
def test_what_means_no_target_is_refused(text: str, message: str, hint: str) -> None:
    with pytest.raises(UsageError, match=r"(?s)hint: ") as refused:
        one(text, BUILDERS, KNOWN)
    assert message in refused.value.message
    assert hint in refused.value.hint


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("docker@20.10", ["legacy@20.10.5", "legacy@20.10.24"]),
        (
            "docker@20.10+*",
            ["legacy@20.10.5", "legacy@20.10.24", "legacy@20.10.24+vfs"],
        ),
        ("docker@23", ["buildkit@23.0.18"]),
        ("docker@>=29", ["buildkit@29.7.2"]),
        ("docker@28.5.2", ["buildkit", "buildx-0.13", "buildx-0.29"]),
    ],
)
def test_docker_selects_what_an_engine_builds_with(text: str, named: list[str]) -> None:
    found = [each.id for each in KNOWN if parse_selector(text)(each)]
    assert found == [e if "@" in e else f"{e}@28.5.2" for e in named]


def test_the_names_are_those_that_people_use() -> None:
    assert "docker@28.5.2" in names(KNOWN)
    assert names(KNOWN)[-1] == "podman@5.4.2"


def test_every_name_that_is_listed_means_something() -> None:
    known = [BUILDERS.target(each.stem) for each in sorted(STORED.glob("*.json"))]
    assert {one(each, BUILDERS, known).version for each in names(known)} == {
        each.version for each in known
    }
