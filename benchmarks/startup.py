"""Start-up: `layer-harness list`, whole process, seconds (bar: under 0.5)."""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence


def main(arguments: Sequence[str] = ()) -> None:
    """Print minimum, median and maximum of some runs."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks startup")
    parser.add_argument("--runs", type=int, default=10)
    runs = parser.parse_args(arguments).runs
    command = [sys.executable, "-m", "harness", "list", "--quiet"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    times = []
    for _ in range(runs):
        began = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - began)
    print(
        f"list: min {min(times):.2f} s, median {statistics.median(times):.2f} s, "
        f"max {max(times):.2f} s of {runs} runs"
    )


if __name__ == "__main__":
    main(sys.argv[1:])
