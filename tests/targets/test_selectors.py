"""Targets and the selectors that name them."""

from __future__ import annotations

import pytest

from harness.errors import UsageError
from harness.targets.target import (
    Target,
    default_store,
    matches,
    parse_selector,
    parse_target,
    parse_version,
)

OLD = Target(builder="legacy", version="20.10.24", store="overlay2")
NEW = Target(builder="buildkit", version="28.5.2", store="containerd")


@pytest.mark.parametrize(
    ("text", "old", "new"),
    [
        ("legacy", True, False),
        ("*", True, True),
        ("@20.10", True, False),
        ("@20.10.5", False, False),
        ("@>=23", False, True),
        ("@>=20,<23", True, False),
        ("buildkit@>=23", False, True),
        ("*+containerd", False, True),
        ("+overlay2", True, False),
        ("!legacy", False, True),
        ("!*@28", True, False),
        ("@<=20.10", True, False),
        ("@>20.10", False, True),
        ("@>20", False, True),
        ("@!=20.10", False, True),
        ("@==20", True, False),
        ("@>20.10.5", True, True),
        (" legacy@20.10.24 ", True, False),
        ("!buildkit+containerd", True, False),
    ],
)
def test_a_selector_names_targets(text: str, old: bool, new: bool) -> None:
    selector = parse_selector(text)
    assert (selector(OLD), selector(NEW)) == (old, new)


def test_selectors_add_up_and_negated_ones_take_away() -> None:
    chosen = [parse_selector(each) for each in ("legacy", "buildkit", "!@28")]
    assert matches(chosen, OLD)
    assert not matches(chosen, NEW)
    assert matches([], NEW)


def test_the_default_store_is_left_out_of_an_id() -> None:
    assert OLD.id == "legacy@20.10.24"
    assert NEW.id == "buildkit@28.5.2+containerd"
    assert Target(builder="legacy", version="29.0.0", store="overlay2").id == (
        "legacy@29.0.0+overlay2"
    )
    assert parse_target(NEW.id) == NEW


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("legcy", "did you mean `legacy`"),
        ("legacy+overlai2", "did you mean `overlay2`"),
        ("@=>20", ">=23"),
        ("", "BUILDER@VERSION+STORE"),
        ("a b", "BUILDER@VERSION+STORE"),
    ],
)
def test_what_is_no_selector_is_refused_with_what_is_meant(
    text: str, hint: str
) -> None:
    with pytest.raises(UsageError) as caught:
        parse_selector(text)
    assert hint in caught.value.hint


def test_only_negated_selectors_take_away_from_all() -> None:
    chosen = [parse_selector("!buildkit")]
    assert matches(chosen, OLD)
    assert not matches(chosen, NEW)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("20.10.24+dfsg1", "20.10.24"),
        ("v28.0.0-rc.1", "28.0.0rc1"),
        ("18.09.1", "18.9.1"),
        ("19.03.0-ce", "19.3"),
    ],
)
def test_the_suffixes_of_distributions_are_no_part_of_a_version(
    text: str, number: str
) -> None:
    assert parse_version(text) == parse_version(number)


def test_the_containerd_store_is_the_default_from_29_on() -> None:
    assert default_store("28.5.2") == "overlay2"
    assert default_store("29.0.0") == "containerd"


def test_targets_stand_with_legacy_first_and_versions_as_numbers() -> None:
    names = ["buildkit@20.10.24", "legacy@26.1.5", "legacy@9.0", "legacy@26.1.5+vfs"]
    ordered = sorted(map(parse_target, names), key=lambda each: each.order)
    assert [each.id for each in ordered] == [
        "legacy@9.0",
        "legacy@26.1.5",
        "legacy@26.1.5+vfs",
        "buildkit@20.10.24",
    ]


@pytest.mark.parametrize("text", ["matrix", "legacy@", "legacy@abc+vfs", "@20"])
def test_what_is_no_target_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no"):
        parse_target(text)
