from __future__ import annotations

import pytest

from harness.errors import ArchiveError
from harness.tar.budget import Account, Budget


class Clock:
    """A clock that goes on when it is told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def account(clock: Clock) -> Account:
    return Account(Budget(seconds=10, pace=1000), clock=clock)


def test_the_time_of_an_archive_is_bounded() -> None:
    clock = Clock()
    spent = account(clock)
    clock.now += 10
    spent.check_time()
    clock.now += 0.5
    spent.blob = "layer.tar"
    with pytest.raises(ArchiveError, match="more than 10 seconds of work") as caught:
        spent.check_time()
    assert caught.value.where == "layer.tar"
    assert "`seconds`" in caught.value.hint


def test_what_arrives_of_an_archive_buys_time() -> None:
    clock = Clock()
    spent = account(clock)
    assert b"".join(spent.arriving([bytes(1500), bytes(500)])) == bytes(2000)
    clock.now += 11.5
    spent.check_time()
    clock.now += 1
    with pytest.raises(ArchiveError, match="more than 12 seconds"):
        spent.check_time()


def test_time_is_looked_at_while_nothing_comes_out() -> None:
    clock = Clock()
    spent = account(clock)
    parts = spent.unpacking(iter([b"a", b"", b""]))
    assert next(parts) == b"a"
    clock.now += 11
    with pytest.raises(ArchiveError, match="seconds"):
        next(parts)


def test_what_is_taken_adds_up() -> None:
    spent = Account(Budget(names=5))
    spent.spend("names", 2)
    spent.spend("names", 3)
    with pytest.raises(ArchiveError, match="more than 5 names"):
        spent.spend("names", 1)
