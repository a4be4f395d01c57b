"""The time left is told once it can be known."""

from __future__ import annotations

import pytest

from harness.run.time_left import Coming, Place, TimeLeft


def coming(
    count: int, place: Place = "api", recorded: float | None = None
) -> list[Coming]:
    return [
        Coming(
            case=f"demo/{number}",
            target=f"{place}@1.0.0",
            place=place,
            steps=2,
            recorded=recorded,
        )
        for number in range(count)
    ]


def test_nothing_is_told_before_a_few_cases_were_measured() -> None:
    left = TimeLeft(jobs=1)
    left.expect(coming(100))
    for number in range(4):
        left.measured(f"demo/{number}", "api@1.0.0", 1.0, 40.0 + number)
        assert left.left(40.0 + number) is None
    left.measured("demo/4", "api@1.0.0", 1.0, 44.0)
    assert left.left(44.0) == pytest.approx(95.0)


def test_an_engine_that_was_waited_for_does_not_count() -> None:
    left = TimeLeft(jobs=1)
    left.expect(coming(10, recorded=2.0))
    left.measured("demo/0", "api@1.0.0", 2.0, 600.0)
    assert left.left(600.0) == pytest.approx(18.0)


def test_recorded_durations_weigh_targets() -> None:
    left = TimeLeft(jobs=1)
    left.expect([*coming(2, recorded=1.0), *coming(2, "own", recorded=30.0)])
    left.measured("demo/0", "api@1.0.0", 1.0, 1.0)
    assert left.left(1.0) == pytest.approx(61.0)


def test_a_slow_kind_that_was_not_measured_yet_leaves_the_time_unknown() -> None:
    left = TimeLeft(jobs=1)
    left.expect([*coming(10), *coming(10, "own")])
    for number in range(10):
        left.measured(f"demo/{number}", "api@1.0.0", 1.0, number + 1.0)
    assert left.left(10.0) is None


def test_cases_at_a_time_share_the_time() -> None:
    left = TimeLeft(jobs=2)
    left.expect(coming(12, recorded=1.0))
    for number in range(2):
        left.measured(f"demo/{number}", "api@1.0.0", 1.0, 1.0)
    assert left.left(1.0) == pytest.approx(5.0)


def test_when_all_is_measured_nothing_is_left() -> None:
    left = TimeLeft(jobs=1)
    left.expect(coming(1))
    left.measured("demo/0", "api@1.0.0", 1.0, 1.0)
    assert left.left(1.0) is None
