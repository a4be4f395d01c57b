"""Each benchmark still runs to its end."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.__main__ import BENCHMARKS

ROOT = Path(__file__).parents[1]
LITTLE = {
    "overhead": ["article/output-only", "article/metadata"],
    "time_spent": ["article/metadata", "--times", "1"],
}


@pytest.mark.engine
@pytest.mark.parametrize("name", sorted(BENCHMARKS))
def test_a_benchmark_ends_and_prints_its_figures(name: str) -> None:
    words = LITTLE.get(name, BENCHMARKS[name][1])
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", name, *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"== {name}" in done.stdout
    assert " s" in done.stdout.splitlines()[-1]
