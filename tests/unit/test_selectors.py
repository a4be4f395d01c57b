"""Targets and the selectors that name them."""

from __future__ import annotations

import pytest

from harness.errors import UsageError
from harness.target import Target, matches, parse_selector, parse_target

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
        ("legacy+overlay", "did you mean `overlay2`"),
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
