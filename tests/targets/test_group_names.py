"""Names of sets of targets, as reports say them."""

from __future__ import annotations

import pytest

from harness.builders.records import standard_builders
from harness.targets.builder import Builder
from harness.targets.conventions import LEGACY
from harness.targets.group_names import by_version, group_name

#: A user's own builder beside those that come with the package.
OTHER = Builder(
    name="other", title="other", family="other", conventions=LEGACY, place="own"
)
BUILDERS = standard_builders().with_([OTHER])
OLD, MIDDLE, NEW = (f"legacy@{version}" for version in ("20.10.5", "26.1.5", "28.5.2"))
STORES = [MIDDLE, NEW, f"{MIDDLE}+containerd", f"{NEW}+containerd"]
KITS = ["buildkit@26.1.5", "buildkit@28.5.2"]


@pytest.mark.parametrize(
    ("chosen", "every", "name"),
    [
        ([OLD, MIDDLE, NEW], [OLD, MIDDLE, NEW], "legacy"),
        ([OLD, MIDDLE], [OLD, MIDDLE, NEW], "legacy@<=26.1.5"),
        ([MIDDLE, NEW], [OLD, MIDDLE, NEW], "legacy@>=26.1.5"),
        ([OLD], [OLD, MIDDLE, NEW], "legacy@20.10.5"),
        ([OLD, NEW], [OLD, MIDDLE, NEW], "legacy@20.10.5 and legacy@28.5.2"),
        (STORES[2:], STORES, "legacy+containerd"),
        ([NEW, STORES[3]], STORES, "legacy@28.5.2"),
        ([OLD, *KITS], [OLD, NEW, *KITS], "legacy@20.10.5 and BuildKit"),
        ([KITS[0]], [KITS[0], "buildx-0.29@26.1.5"], "buildkit"),
        ([KITS[0], "buildx-0.29@26.1.5"], [KITS[0], "buildx-0.29@26.1.5"], "BuildKit"),
        (["other@1.2+vfs"], [OLD, "other@1.2+vfs"], "other"),
    ],
)
def test_a_set_of_targets_is_named_as_shortly_as_is_true(
    chosen: list[str], every: list[str], name: str
) -> None:
    assert group_name(BUILDERS, chosen, every) == name


def test_many_groups_are_told_along_versions_and_by_store_where_that_matters() -> None:
    one, two = [OLD, STORES[2], *KITS], [MIDDLE, NEW, STORES[3]]
    assert by_version(BUILDERS, [one, two]) == (
        ("legacy+overlay2", "1 for 20.10.5, 2 for 26.1.5 to 28.5.2"),
        ("legacy+containerd", "1 for 26.1.5, 2 for 28.5.2"),
        ("buildkit", "1"),
    )
