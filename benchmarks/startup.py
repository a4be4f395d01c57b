"""Start-up: `layer-harness list`, whole process, seconds (bar: under 0.5)."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

RUNS = 10


def main() -> None:
    """Print minimum, median and maximum of some runs."""
    command = [sys.executable, "-m", "harness", "list", "--quiet"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    times = []
    for _ in range(RUNS):
        began = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - began)
    print(
        f"list: min {min(times):.2f} s, median {statistics.median(times):.2f} s, "
        f"max {max(times):.2f} s of {RUNS} runs"
    )


if __name__ == "__main__":
    main()
