"""Measure how soon an engine of our own answers: with an empty cache, with a full one.

Run as root: `python -m benchmarks start_engine [SUITE] [STARTS]`. Packages come from
apt's mirror each time it is run; the cache used is a temporary one.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from harness.engines import debian, roots


def measure(suite: str, cache: Path) -> tuple[float, float]:
    """Start an engine and stop it; gives the seconds until each was done."""
    began = time.perf_counter()
    started = debian.start(roots.suite(suite), cache=cache, say=lambda _: None)
    answered = time.perf_counter()
    started.stop()
    return answered - began, time.perf_counter() - answered


def main(arguments: Sequence[str] = ()) -> None:
    """Print the figures, one line each."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks start_engine")
    parser.add_argument("suite", nargs="?", default="bookworm")
    parser.add_argument("starts", nargs="?", type=int, default=5)
    chosen = parser.parse_args(arguments)
    suite, starts = chosen.suite, chosen.starts
    with tempfile.TemporaryDirectory(prefix="lh-") as folder:
        cache = Path(folder)
        began = time.perf_counter()
        roots.prepare(roots.suite(suite), cache, lambda _: None)
        print(f"{suite}: unpacked in {time.perf_counter() - began:.2f} s")
        up, down = zip(*(measure(suite, cache) for _ in range(starts)), strict=True)
        print(f"{suite}: first start {up[0]:.2f} s")
        print(
            f"{suite}: warm start {statistics.median(up):.2f} s "
            f"(worst of {starts}: {max(up):.2f}), stop {statistics.median(down):.2f} s"
        )


if __name__ == "__main__":
    main(sys.argv[1:])
