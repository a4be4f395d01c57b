"""What builds may take: the default fits the machine, and `--bounds` changes it."""

from __future__ import annotations

import os

import pytest

from harness.engines import bounds
from harness.engines.bounds import Bounds, for_command, for_engine
from harness.errors import UsageError

GIB = 1 << 20


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "memory_kib", lambda: 32 * GIB)
    monkeypatch.setattr(os, "cpu_count", lambda: 4)


@pytest.mark.usefixtures("machine")
def test_an_engine_gets_a_quarter_of_the_memory_besides_its_data() -> None:
    assert for_engine("", 3 * GIB) == Bounds(
        processes=4096, memory_kib=8 * GIB, data_kib=3 * GIB
    )


@pytest.mark.usefixtures("machine")
def test_commands_that_run_at_a_time_share_half_of_the_memory() -> None:
    assert for_command("", 4) == Bounds(processes=4096, memory_kib=4 * GIB)
    assert for_command("", 100) == Bounds(processes=4096, memory_kib=GIB)


@pytest.mark.usefixtures("machine")
def test_more_cores_run_more_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    found = for_command("", 1)
    assert found
    assert found.processes == 32768


@pytest.mark.usefixtures("machine")
def test_what_is_named_is_changed_and_the_rest_stays() -> None:
    assert for_command("memory=1.5,cpus=0.5", 4) == Bounds(
        processes=4096, memory_kib=3 * GIB // 2, cpus=0.5
    )
    assert for_engine("processes=200") == Bounds(processes=200, memory_kib=8 * GIB)
    assert for_engine("none") is None
    assert for_command("none", 4) is None


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("proceses=3", "did you mean `processes`"),
        ("memory", "`memory` does not say how much"),
        ("memory=4G", r"write processes=20000, memory=16 \(GiB\)"),
        ("processes=0", "does not say how much"),
        ("processes=0.5", "does not say how much"),
        ("cpus=-1", "does not say how much"),
        ("memory=inf", "does not say how much"),
        ("memory=1e9", "does not say how much"),
        ("memory=" + "9" * 5000, "does not say how much"),
        ("memory=²", "does not say how much"),
    ],
)
def test_what_is_no_bound_is_refused(asked: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        bounds.check(asked)


def test_a_bound_that_was_met_says_how_to_give_more() -> None:
    told = str(bounds.bound_met("the build `a`", bounds.processes_text(4096)))
    assert "the build `a` met the harness's bound of 4,096 processes" in told
    assert "--bounds processes=" in told
