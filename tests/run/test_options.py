"""What a run is asked for, by our command or by pytest's options."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness.provision.settings import Settings
from harness.run.options import Caller, settings_of


@pytest.mark.parametrize(
    ("processes", "jobs"),
    [
        # those that `run -n 4` starts, of which four build at a time
        (5, 4),
        # `run -n 4 -- -n 8`: pytest's option counts
        (8, 8),
        (None, 1),
    ],
)
def test_builds_at_a_time_are_those_that_were_asked_for(
    processes: int | None, jobs: int
) -> None:
    caller = Caller(Settings(jobs=4), [])
    config: Any = SimpleNamespace(
        pluginmanager=SimpleNamespace(get_plugins=lambda: [caller]),
        option=SimpleNamespace(numprocesses=processes),
    )
    assert settings_of(config, Path("cases")).jobs == jobs
