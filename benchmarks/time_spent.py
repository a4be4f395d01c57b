"""Where the time of a run goes, as a table and a flame graph.

`layer-harness run` in this process, one case after the other, whose stack is sampled.
Each sample counts for the innermost call that the table below knows. What a RUN costs
the engine, its container and its layer, is measured beside it: by builds that have
some more of them.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from benchmarks.flame import flame_graph
from benchmarks.overhead import CASES, measured_cases
from benchmarks.sampler import Stack, sampled
from harness.cases.case import Case
from harness.cases.model import Build
from harness.dockerfile.parser import parse
from harness.provision.settings import Settings
from harness.run.options import Caller
from harness.session import Session, opened
from harness.targets.target import Target

#: What a call is counted for, by the beginning of its module and function.
PHASES: Mapping[str, tuple[str, ...]] = {
    "engine: starting it": ("harness.provision.fleet.await_engine",),
    "engine: builds": (
        "harness.builders.engine_api.build",
        "harness.builders.command.CommandRunner.build",
    ),
    "engine: containers of `run:`": ("harness.measure.containers.",),
    "base: copies": (
        "harness.measure.base_copies.loaded",
        "harness.measure.base_copies.archive_of",
        "harness.measure.base_copies.copy_of",
        "harness.builders.command.CommandRunner.load",
        "harness.images.base.",
    ),
    "removing images": (
        "harness.measure.base_copies.remove",
        "harness.builders.command.CommandRunner.__exit__",
        "harness.builders.command.CommandRunner.remove",
    ),
    "waiting for the next second": ("harness.measure.build_case.next_second",),
    "export": (
        "harness.measure.driver.EngineDriver.image",
        "harness.builders.command.CommandRunner.export",
    ),
    "reading images": ("harness.images.", "harness.tar.read"),
    "contexts": ("harness.measure.build_case._Asked.request", "harness.dockerfile."),
    "observing": ("harness.measure.observe.", "harness.measure.noise."),
    "judging": ("harness.judge.verdict.",),
    "writing results and logs": (
        "harness.results.disk.save",
        "harness.documents.whole_file.",
    ),
    "matrix and pages": ("harness.book.", "harness.report."),
    "cases: reading": ("harness.cases.",),
    "targets, base, what is fresh": (
        "harness.provision.choice.",
        "harness.provision.workspace.",
        "harness.run.fresh_cells.",
        "harness.provision.known_state.",
        "harness.provision.target_record.",
    ),
    "imports": ("importlib._bootstrap.", "_frozen_importlib."),
    "pytest": ("_pytest.", "pluggy."),
}
#: Modules in which a read waits for the engine: then it is its export that takes long.
_WAITING = (
    "socket",
    "http.client",
    "urllib3.",
    "subprocess",
    "harness.builders.sandbox",
)
#: RUN instructions of the builds that tell what one costs.
_FEW, _MANY = 1, 9


def phase_of(stack: Stack) -> str:
    """Say what a sample counts for."""
    for call in reversed(stack):
        # a module that is being imported: its importer counts
        if call.function == "<module>":
            continue
        name = f"{call.module}.{call.function}"
        for phase, beginnings in PHASES.items():
            if name.startswith(beginnings):
                waits = stack[-1].module.startswith(_WAITING)
                return "export" if phase == "reading images" and waits else phase
    return "else"


def with_runs(count: int, salt: float) -> Case:
    """Make a case with so many RUN that change nothing, as no other build has them."""
    lines = [f"RUN : {salt} {number}" for number in range(count)]
    text = "\n".join(["ARG BASE", "FROM ${BASE}", *lines, ""])
    return Case(
        id=f"bench/runs-{count}",
        path=Path("Dockerfile"),
        title="",
        why="",
        refs=(),
        tags=(),
        on=(),
        builds={"build": Build(dockerfile=text)},
        expect=(),
    )


def cost_of_run(session: Session, target: Target, times: int) -> float:
    """Give the seconds that one more RUN takes on a target."""
    found = []
    for number in range(times):
        few, many = (
            session.measure(with_runs(count, time.time() + number), target).seconds
            for count in (_FEW, _MANY)
        )
        found.append((many - few) / (_MANY - _FEW))
    return statistics.median(found)


def runs_of(case: Case) -> int:
    """Count the RUN instructions of a case's builds."""
    return sum(
        each.keyword == "RUN"
        for build in case.builds.values()
        for each in parse(build.dockerfile).instructions
    )


def table(stacks: Mapping[Stack, float], cells: int) -> list[str]:
    """Write the seconds of each phase, the longest first."""
    phases: dict[str, float] = {}
    for stack, seconds in stacks.items():
        phase = phase_of(stack)
        phases[phase] = phases.get(phase, 0.0) + seconds
    whole = sum(phases.values())
    lines = [f"{'':<32} {'seconds':>8} {'share':>6} {'ms a case':>10}"]
    for phase, seconds in sorted(phases.items(), key=lambda each: -each[1]):
        lines.append(
            f"{phase:<32} {seconds:8.1f} {seconds / whole:6.1%} "
            f"{1000 * seconds / max(1, cells):10.1f}"
        )
    return [*lines, f"{'in all':<32} {whole:8.1f}"]


def main(arguments: Sequence[str] = ()) -> None:
    """Print the table, and write the flame graph where one is asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks time_spent")
    parser.add_argument("cases", nargs="*", help="cases or groups; all by default")
    parser.add_argument("-e", "--engine", default="bookworm")
    parser.add_argument("-t", "--target", action="append", default=[])
    parser.add_argument("--flame", type=Path, help="write the flame graph here, as SVG")
    parser.add_argument("--times", type=int, default=5, help="measurements of a RUN")
    chosen = parser.parse_args(arguments)
    cases = measured_cases(chosen.cases)
    engines = () if chosen.target else (chosen.engine,)
    settings = Settings(engines=engines, selectors=tuple(chosen.target))
    with opened(settings) as session:
        targets = session.targets
        with ExitStack() as stack:
            # it is not to be started anew for each of them
            for name in {each.engine for each in session.plan.planned if each.engine}:
                stack.enter_context(session.engine(name))
            costs = {
                each.id: cost_of_run(session, each, chosen.times) for each in targets
            }
    with tempfile.TemporaryDirectory() as folder, sampled() as stacks:
        results = Path(folder, "results")
        options = Settings(
            engines=engines, selectors=tuple(chosen.target), results=results
        )
        words = ["-p", "no:xdist", "-p", "no:cacheprovider", "-q", "--capture=no"]
        pytest.main(
            [
                *(str(each.path) for each in cases),
                *words,
                "--tb=no",
                "-p",
                "no:logging",
            ],
            plugins=[Caller(options, cases)],
        )
    cells = sum(each.suits(target) for each in cases for target in targets)
    print(f"\n{len(cases)} cases of {CASES}/ on {len(targets)} targets, one at a time:")
    lines = table(stacks, cells)
    print("\n".join(lines))
    for target in targets:
        count = sum(runs_of(each) for each in cases if each.suits(target))
        cost = costs[target.id]
        print(
            f"{target.id}: one more RUN takes {cost:.3f} s, its container and its "
            f"layer; the cases have {count}: {count * cost:.0f} s of the builds"
        )
    if chosen.flame:
        title = f"layer-harness run: {lines[-1].split()[-1]} s, {len(cases)} cases"
        chosen.flame.write_text(flame_graph(stacks, title), encoding="utf-8")
        print(f"flame graph: {chosen.flame}")


if __name__ == "__main__":
    main(sys.argv[1:])
