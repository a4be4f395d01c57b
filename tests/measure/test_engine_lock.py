"""Turns on an engine: many at once, or one alone."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from harness.measure.engine_lock import Turns

LIMIT = 20.0


@pytest.fixture
def turns(tmp_path: Path) -> Turns:
    return Turns(place=tmp_path / "one.turn")


def test_builds_stand_beside_each_other(turns: Turns) -> None:
    both = threading.Barrier(2, timeout=LIMIT)

    def build() -> None:
        with turns.shared():
            both.wait()

    other = threading.Thread(target=build)
    other.start()
    with turns.shared():
        both.wait()
    other.join()


def test_who_is_alone_waits_for_the_others_and_lets_none_in(turns: Turns) -> None:
    order: list[str] = []
    began, asked, over = (threading.Event() for _ in range(3))

    def alone() -> None:
        began.wait(LIMIT)
        asked.set()
        with turns.alone():
            order.append("alone")

    def late() -> None:
        over.wait(LIMIT)
        with turns.shared():
            order.append("late")

    threads = [threading.Thread(target=each) for each in (alone, late)]
    for each in threads:
        each.start()
    with turns.shared():
        began.set()
        assert asked.wait(LIMIT)
        order.append("first")
    # the gate is held now or was: either way the late one comes behind
    threads[0].join(LIMIT)
    over.set()
    threads[1].join(LIMIT)
    assert order == ["first", "alone", "late"]


def test_a_turn_ends_with_an_error_too(turns: Turns) -> None:
    with pytest.raises(ValueError, match="broken"), turns.alone():
        raise ValueError("broken")
    with turns.shared():
        pass
