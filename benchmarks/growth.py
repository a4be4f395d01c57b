"""How time and memory grow with cases and targets (bar: no worse than linear).

Each stage is a process of its own, on made cases and targets (`scripted`): collecting,
a run that measures all, one that finds all fresh, and the matrix of it without a cache.
Time is the processor's, so that what else the machine does is no part of it.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import math
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import scripted
from benchmarks.plot import plots
from harness.book.book import open_book
from harness.report.files import write_matrix

STAGES = ("collect", "run", "again", "matrix")
#: Cases and targets. Growth is told by the last two of each: with few, memory that
#: imports have left is taken first, and a case has not all of its outcomes yet.
BY_CASES = ((50, 2), (500, 2), (2000, 2), (5000, 2))
BY_TARGETS = ((20, 2), (20, 10), (20, 50), (20, 100))
FEW = ((5, 2), (50, 2))
_WORDS = {"collect": ["--collect-only"]}
#: What grows faster than this power is worse than linear, but for chance.
MOST = 1.2
#: Less than this beyond the start is chance: seconds, MB.
CHANCE = (1.0, 25.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """What a stage took: seconds of the processor, and the peak of memory in MB."""

    stage: str
    cases: int
    targets: int
    seconds: float
    megabytes: float

    @property
    def cells(self) -> int:
        """How many there are."""
        return self.cases * self.targets


def work(stage: str, root: Path, targets: int) -> None:
    """Do a stage, in a process of its own."""
    results = root.parent / "results"
    if stage == "matrix":
        shutil.rmtree(root.parent / ".layer-harness", ignore_errors=True)
        book = open_book(root, results)
        whole = book.matrix()
        write_matrix(results, whole, book.groups, book.behaviours, book.builders)
        return
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        code = scripted.run(root, targets, *_WORDS.get(stage, ()))
    if code or ("nothing built" in said.getvalue()) != (stage == "again"):
        sys.exit(said.getvalue()[-2000:])


def measured(stage: str, root: Path, cases: int, targets: int) -> Figure:
    """Have a stage done by a child, and say what it took."""
    command = [sys.executable, "-m", "benchmarks.growth", stage, str(root)]
    child = subprocess.Popen([*command, str(targets)])
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise subprocess.CalledProcessError(child.returncode, command)
    return Figure(
        stage=stage,
        cases=cases,
        targets=targets,
        seconds=used.ru_utime + used.ru_stime,
        megabytes=used.ru_maxrss / 1024,
    )


def figures(sizes: Sequence[tuple[int, int]]) -> list[Figure]:
    """Measure all stages at some sizes, and print each."""
    found = []
    for cases, targets in sizes:
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder, "cases")
            scripted.write_cases(root, cases)
            for stage in STAGES:
                each = measured(stage, root, cases, targets)
                found.append(each)
                print(
                    f"{stage:<8} {cases:>6,} {targets:>8} {each.cells:>8,} "
                    f"{each.seconds:>8.2f} {each.megabytes:>6.0f}",
                    flush=True,
                )
    return found


def power(found: Sequence[Figure], stage: str, start: Figure) -> tuple[float, float]:
    """Say with which power of the cells time and memory of a stage grow, at the end.

    What `start` took, with hardly any cells, is taken off.
    """
    before, last = [each for each in found if each.stage == stage][-2:]
    grown = math.log(last.cells / before.cells)

    def of(more: float, less: float, least: float) -> float:
        return math.log(max(more, least) / max(less, least)) / grown

    return (
        of(last.seconds - start.seconds, before.seconds - start.seconds, CHANCE[0]),
        of(
            last.megabytes - start.megabytes,
            before.megabytes - start.megabytes,
            CHANCE[1],
        ),
    )


def main(arguments: Sequence[str] = ()) -> None:
    """Print a table, and the powers of growth; ends with 1 where one is above 1."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks growth")
    parser.add_argument("--few", action="store_true", help="small numbers only")
    parser.add_argument("--plot", type=Path, help="write a plot here, as SVG")
    chosen = parser.parse_args(arguments)
    print("stage     cases  targets    cells  seconds     MB")
    start = {each.stage: each for each in figures([(1, 2)])}
    ways = {"cases": FEW} if chosen.few else {"cases": BY_CASES, "targets": BY_TARGETS}
    found = {way: figures(sizes) for way, sizes in ways.items()}
    worse = []
    for way, every in found.items():
        for stage in STAGES:
            time_power, memory_power = power(every, stage, start[stage])
            print(
                f"{stage} with more {way}: time grows by the power {time_power:.2f} of "
                f"the cells, memory by {memory_power:.2f}"
            )
            if max(time_power, memory_power) > MOST:
                worse.append(f"{stage} with more {way}")
    if chosen.plot:
        chosen.plot.write_text(_plotted(found), encoding="utf-8")
    total = sum(each.seconds for every in found.values() for each in every)
    verdict = f"worse than linear: {', '.join(worse)}" if worse else "all linear"
    print(f"{verdict}; {total:.0f} s in all")
    if worse and not chosen.few:
        sys.exit(1)


def _plotted(found: dict[str, list[Figure]]) -> str:
    return plots(
        {
            f"{what}, with more {way}": {
                stage: [
                    (each.cells, each.seconds if what == "seconds" else each.megabytes)
                    for each in every
                    if each.stage == stage
                ]
                for stage in STAGES
            }
            for way, every in found.items()
            for what in ("seconds", "MB")
        },
        "cells: cases times targets",
    )


if __name__ == "__main__":
    work(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
