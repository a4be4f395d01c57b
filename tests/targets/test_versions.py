"""Versions as engines and distributions write them."""

from __future__ import annotations

import pytest

from harness.targets.versions import default_store, parse_version


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
