"""The builders that are known, and what may be said of them."""

from __future__ import annotations

import pytest

from harness.builders.records import standard_builders
from harness.errors import UsageError
from harness.targets.builder import Builder
from harness.targets.conventions import LEGACY
from harness.targets.registry import Builders
from harness.targets.selector import parse_selector

MINE = Builder(
    name="mine",
    title="My builder",
    family="ours",
    conventions=LEGACY,
    place="own",
    stores=("stargz",),
)
STANDARD = standard_builders()
BUILDERS = STANDARD.with_([MINE])


def test_further_builders_stand_behind_those_there_are() -> None:
    assert list(BUILDERS) == [*STANDARD, "mine"]
    names = ["mine@1.0.0+stargz", "img@0.5.11", "legacy@20.10.24"]
    ordered = sorted(map(BUILDERS.target, names), key=lambda each: each.order)
    assert [each.id for each in ordered] == names[::-1]


def test_adding_builders_leaves_the_first_value_as_it_was() -> None:
    assert "mine" not in STANDARD
    with pytest.raises(UsageError, match="`mine` does not name a known builder"):
        STANDARD.check(parse_selector("mine"))
    BUILDERS.check(parse_selector("mine"))


def test_a_name_that_is_taken_is_refused() -> None:
    with pytest.raises(UsageError, match="a builder `mine` already exists"):
        BUILDERS.with_([MINE])


def test_equal_registries_are_one_key_of_a_cache() -> None:
    again = Builders(BUILDERS.values())
    assert again == BUILDERS
    assert hash(again) == hash(BUILDERS)


@pytest.mark.parametrize(
    "text", ["mine@1.0.0+stargz", "+stargz", "!ours+stargz", "mi*@1+*", "ours@1.0.0+*"]
)
def test_a_selector_takes_what_a_record_names(text: str) -> None:
    BUILDERS.check(parse_selector(text))


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("legcy", "`legcy` does not name a known builder", "did you mean `legacy`"),
        ("!our", "`!our` does not name a known builder", "did you mean `ours`"),
        ("zz*", "`zz*` does not name a known builder", "legacy"),
        ("legacy+overlai2", "does not name a known store", "did you mean `overlay2`"),
        ("ours@1.0.0", "`ours` is a family", "FAMILY@VERSION+*"),
        ("+stargs", "`+stargs` does not name a known store", "did you mean `stargz`"),
    ],
)
def test_a_selector_of_nothing_known_is_refused_with_what_is_meant(
    text: str, message: str, hint: str
) -> None:
    with pytest.raises(UsageError) as caught:
        BUILDERS.check(parse_selector(text))
    assert message in caught.value.message
    assert hint in caught.value.hint
