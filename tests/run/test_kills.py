"""A run that was killed leaves nothing that the next one does not remove."""

from __future__ import annotations

import kills
import pytest

from harness.engines import Engine

pytestmark = pytest.mark.engine


def test_a_killed_run_leaves_nothing_behind_the_next(
    engine: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    """`kills.py 50` is the same with more."""
    assert engine.log, "one of our own can be had"
    assert kills.main(1, seed=5) == 0, capsys.readouterr().out
