"""Selectors: what they name, and what is none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.builders.records import standard_builders
from harness.errors import UsageError
from harness.provision.known_targets import known_targets
from harness.targets.builder import Builder
from harness.targets.conventions import BUILDKIT
from harness.targets.registry import STORES
from harness.targets.selector import matches, parse_selector
from harness.targets.target import Target

#: With a user's own builder of a family that is there, in a storage of its own.
MINE = Builder(
    name="mine",
    title="Mine",
    family="buildah",
    conventions=BUILDKIT,
    place="own",
    stores=("stargz", "vfs"),
)
BUILDERS = standard_builders().with_([MINE])
KNOWN = known_targets()
OLD = BUILDERS.target("legacy@20.10.24")
NEW = BUILDERS.target("buildkit@28.5.2+containerd")


def named(text: str) -> list[str]:
    """Name the known targets that a selector names."""
    return [each.id for each in filter(parse_selector(text), KNOWN)]


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


@st.composite
def targets(draw: st.DrawFn) -> Target:
    """Draw a target of any builder, a user's own too, few of them far apart."""
    builder = draw(st.sampled_from([*BUILDERS.values()]))
    version = ".".join(map(str, draw(st.tuples(*[st.sampled_from([0, 1, 29])] * 3))))
    stores = STORES if builder.on_engine else builder.stores or ("",)
    return Target(builder=builder, version=version, store=draw(st.sampled_from(stores)))


@given(targets(), targets())
def test_an_id_is_read_back_and_selects_its_target_alone(
    target: Target, other: Target
) -> None:
    assert BUILDERS.target(target.id) == target
    assert BUILDERS.target(target.id).id == target.id
    BUILDERS.check(parse_selector(target.id))
    assert parse_selector(target.id)(target)
    assert parse_selector(target.id)(other) == (other == target)
    assert parse_selector(f"!{target.id}")(other) == (other != target)


@pytest.mark.parametrize("target", KNOWN, ids=lambda each: each.id)
def test_a_known_targets_id_names_that_target_alone(target: Target) -> None:
    assert named(target.id) == [target.id]


@pytest.mark.parametrize(
    ("text", "stores"),
    [
        ("legacy@26.1.5", {"overlay2"}),
        ("legacy@26.1.5+overlay2", {"overlay2"}),
        ("legacy@26.1.5+*", {"overlay2", "vfs", "containerd"}),
        ("legacy@26.1", {"overlay2", "vfs", "containerd"}),
        ("legacy@==26.1.5", {"overlay2", "vfs", "containerd"}),
        ("leg*@26.1.5", {"overlay2", "vfs", "containerd"}),
        ("*@26.1.5", {"overlay2", "vfs", "containerd"}),
        ("@26.1.5", {"overlay2", "vfs", "containerd"}),
        ("buildah@1.39.3", {"overlay", "vfs"}),
        ("buildah@1.39.3+vfs", {"vfs"}),
    ],
)
def test_a_version_alone_means_the_default_store_and_a_range_means_all(
    text: str, stores: set[str]
) -> None:
    found = map(BUILDERS.target, named(text))
    assert {each.store for each in found} == stores


def test_what_is_no_id_names_the_family_too() -> None:
    assert named("buildkit@28.5.2") == ["buildkit@28.5.2"]
    assert "buildx-0.29@28.5.2" in named("buildkit@28.5.2+*")
    assert "buildx-0.29@28.5.2+vfs" in named("buildkit@28")
    # such a builder has no id without a store
    assert "buildah-layers@1.39.3+vfs" in named("buildah@1.39.3")
    assert named("buildah@1.39.3+vfs") == ["buildah@1.39.3+vfs"]


def test_selectors_add_up_and_negated_ones_take_away() -> None:
    chosen = [parse_selector(each) for each in ("legacy", "buildkit", "!@28")]
    assert matches(chosen, OLD)
    assert not matches(chosen, NEW)
    assert matches([], NEW)


def test_only_negated_selectors_take_away_from_all() -> None:
    chosen = [parse_selector("!buildkit")]
    assert matches(chosen, OLD)
    assert not matches(chosen, NEW)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("@=>20", ">=23"),
        ("@20.10.x", ">=23"),
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


@pytest.mark.parametrize(
    "text",
    [
        f"buildkit@{'9' * 5000}",
        f"buildkit@<={'9' * 5000}",
        f"buildkit@{'.'.join('1' * 5000)}",
        f"buildkit@{','.join(['>=1'] * 50_000)}",
        "buildkit@²",
        "legacy\n@20.10",
    ],
)
def test_what_is_too_long_or_odd_for_a_selector_is_refused(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_selector(text)
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize(
    "text",
    [
        "legacy@20.10.24\n",
        "legacy@20.10.24+overlay2\n",
        "legacy@20.10/../../x",
        "legacy@20.10 24",
        f"legacy@{'9' * 5000}",
    ],
)
def test_an_id_ends_where_it_ends_and_is_the_name_of_a_file(text: str) -> None:
    with pytest.raises(ValueError, match="not a target"):
        BUILDERS.target(text)
