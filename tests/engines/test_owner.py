"""Whose something is: no process is mistaken for another, none elsewhere is judged."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from harness.engines import owner


def test_who_lives_is_not_gone() -> None:
    assert not owner.is_gone(owner.name(os.getpid()))
    assert not owner.is_gone(owner.name(os.getppid()))


def test_who_has_ended_is_gone() -> None:
    process = subprocess.Popen(["cat"], stdin=subprocess.PIPE)
    name = owner.name(process.pid)
    assert not owner.is_gone(name)
    process.communicate()
    assert owner.is_gone(name)


@pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="the start time is in Linux's /proc"
)
def test_a_later_process_with_the_same_number_is_another() -> None:
    mine = owner.name(os.getpid())
    assert owner.is_gone(f"{mine}0")


@pytest.mark.parametrize("at", [0, 1, 2])
def test_who_is_elsewhere_is_not_judged(at: int) -> None:
    marks = owner.name(2**22 + 1).split("/")
    assert owner.is_gone("/".join(marks))
    marks[at] += "x"
    assert not owner.is_gone("/".join(marks))


@pytest.mark.parametrize("name", ["", "host:12", "a/b/c/d/e", "a/b/c/-1/e"])
def test_what_is_no_name_of_ours_is_not_judged(name: str) -> None:
    assert not owner.is_gone(name)
