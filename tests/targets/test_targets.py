"""Targets, and the ids that name them."""

from __future__ import annotations

import pytest

from harness.builders.records import standard_builders
from harness.provision.known_targets import known_targets
from harness.targets.target import Target, split_id

BUILDERS = standard_builders()


def test_the_default_store_is_left_out_of_an_id() -> None:
    old = Target(builder=BUILDERS["legacy"], version="20.10.24", store="overlay2")
    new = Target(builder=BUILDERS["legacy"], version="29.0.0", store="overlay2")
    assert old.id == "legacy@20.10.24"
    assert new.id == "legacy@29.0.0+overlay2"


def test_a_storage_of_its_own_has_no_default() -> None:
    own = Target(builder=BUILDERS["buildah"], version="1.39.3", store="overlay2")
    assert own.id == "buildah@1.39.3+overlay2"
    assert BUILDERS.target("kaniko@1.24.0").store == ""


@pytest.mark.parametrize("target", known_targets(), ids=lambda each: each.id)
def test_an_id_reads_back_as_its_target(target: Target) -> None:
    assert BUILDERS.target(target.id) == target


def test_targets_stand_with_legacy_first_and_versions_as_numbers() -> None:
    names = ["buildkit@20.10.24", "legacy@26.1.5", "legacy@9.0", "legacy@26.1.5+vfs"]
    ordered = sorted(map(BUILDERS.target, names), key=lambda each: each.order)
    assert [each.id for each in ordered] == [
        "legacy@9.0",
        "legacy@26.1.5",
        "legacy@26.1.5+vfs",
        "buildkit@20.10.24",
    ]


@pytest.mark.parametrize("text", ["matrix", "legacy@", "legacy@abc+vfs", "@20"])
def test_what_is_no_id_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no"):
        split_id(text)
    with pytest.raises(ValueError, match="no"):
        BUILDERS.target(text)


def test_an_id_of_an_unknown_builder_is_refused() -> None:
    with pytest.raises(ValueError, match="no builder 'legcy'"):
        BUILDERS.target("legcy@20.10.24")
