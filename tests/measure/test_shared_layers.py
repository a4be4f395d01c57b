"""Layers of several builds: one and the same, or equal by chance."""

from __future__ import annotations

from harness.measure.observation import Step
from harness.measure.shared_layers import Lineage, relate, trace


def line(name: str, ids: str, reused: str, *earlier: Lineage) -> Lineage:
    """Trace layers named by letters: capitals last, small ones have a build's time."""
    return trace(
        name,
        list(ids),
        lasting=[each.isupper() for each in ids],
        reused=[each == "c" for each in reused],
        earlier=earlier,
    )


def steps(count: int) -> dict[int, Step]:
    return {
        place: Step(line=place + 3, text="RUN x", layer=place + 1, cached=None)
        for place in range(count)
    }


def told(own: Lineage, other: Lineage) -> tuple[int, tuple[int, ...]]:
    relation = relate(own, other, steps(len(own.diff_ids)))
    return relation.leading, relation.lines


FIRST = line("first", "aBc", "---")


def test_what_came_from_the_cache_is_shared() -> None:
    second = line("second", "aBd", "cc-", FIRST)
    assert told(second, FIRST) == (2, (3, 4))


def test_what_was_made_anew_in_the_same_second_is_equal_by_chance_only() -> None:
    second = line("second", "aBc", "c--", FIRST)
    assert told(second, FIRST) == (2, (3, 4))


def test_a_cached_layer_is_of_the_build_whose_layers_lie_below_it() -> None:
    second = line("second", "aDc", "c--", FIRST)
    third = line("third", "aBc", "ccc", FIRST, second)
    assert told(third, FIRST) == (3, (3, 4, 5))
    assert told(third, second) == (1, (3,))


def test_equal_files_of_the_context_are_one_layer_wherever_they_are() -> None:
    second = line("second", "xB", "--", FIRST)
    assert told(second, FIRST) == (0, (4,))


def test_of_equal_layers_in_two_builds_the_one_on_the_same_layers_is_meant() -> None:
    second = line("second", "aDc", "c--", FIRST)
    third = line("third", "aDc", "ccc", FIRST, second)
    assert told(third, second) == (3, (3, 4, 5))
    assert told(third, FIRST) == (1, (3,))


def test_a_cached_layer_on_other_layers_is_still_the_earlier_one() -> None:
    second = line("second", "xc", "-c", FIRST)
    assert told(second, FIRST) == (0, (4,))


def test_builds_of_different_length_share_what_they_both_have() -> None:
    assert told(line("second", "a", "c", FIRST), FIRST) == (1, (3,))
    assert told(line("second", "aBcd", "ccc-", FIRST), FIRST) == (3, (3, 4, 5))


def test_a_cached_layer_that_no_earlier_build_has_is_of_its_own_build() -> None:
    second = line("second", "z", "c", FIRST)
    assert second.origins == (("second", 0),)
