"""What pytest collects: a case as a file, with an item for each target."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from harness.cases.case import Case, load_case
from harness.cases.find import find_cases
from harness.dockerfile.parser import parse
from harness.errors import HarnessError
from harness.judge.verdict import Judged
from harness.provision.plan import Plan, PlannedTarget
from harness.provision.settings import Settings
from harness.results import disk
from harness.results.record import write
from harness.run.fresh_cells import Cells
from harness.run.options import caller_of
from harness.session import Worker

#: The run's plan, the folder of cases, and what measures in this process.
PLAN = pytest.StashKey[Plan]()
ROOT = pytest.StashKey[Path]()
WORKER = pytest.StashKey[Worker]()
#: The cases that the controlling process has read, by path, and what is fresh of them.
CASES = pytest.StashKey[Mapping[Path, Case]]()
FRESH = pytest.StashKey[Cells]()

#: Names of what an item tells the controlling process: its cell, engine, verdict,
#: seconds.
CELL, ENGINE = "layer cell", "layer engine"
VERDICT, SECONDS = "layer verdict", "layer seconds"


class NotAsExpected(Exception):  # it ends a test, not the harness
    """An expectation that failed; the text is the report."""


#: What is said in a message; all else is a mistake of the harness.
_PLAIN = (NotAsExpected, HarnessError, pytest.skip.Exception, pytest.xfail.Exception)


def results_of(plan: Plan) -> Path:
    """Give the folder of results, which a run always has (`options.settings_of`)."""
    return folder_of(plan.settings)


def folder_of(settings: Settings) -> Path:
    """Give the folder of results, before there is a plan."""
    if settings.results is None:  # pragma: no cover
        raise RuntimeError("a run without a folder of results")
    return settings.results


def scratch(results: Path) -> Path:
    """Give the folder beside the results for what is not one: logs, durations."""
    return results.parent / ".layer-harness"


def weight(case: Case) -> int:
    """Estimate how long a case takes: a RUN is nearly all of it."""
    runs = sum(
        each.keyword == "RUN"
        for build in case.builds.values()
        for each in parse(build.dockerfile).instructions
    )
    again = any(each.reproducible is not None for each in case.asked)
    return (runs + len(case.builds)) * (1 + again)


def cases_of(config: pytest.Config, root: Path, plan: Plan) -> dict[Path, Case]:
    """Read the cases that a run names; a broken one is left to its collector."""
    caller = caller_of(config)
    if caller is not None:
        return {case.path.resolve(): case for case in caller.cases}
    named = [
        Path(config.invocation_params.dir, each.partition("::")[0]).resolve()
        for each in config.args
    ]
    found = {}
    for path in find_cases(root):
        if any(path.is_relative_to(each) for each in named):
            with suppress(HarnessError):
                found[path] = load_case(path, root, plan.builders)
    return found


class CaseCollector(pytest.File):
    """A case, with an item for each target it is meant for."""

    def collect(self) -> Iterator[pytest.Item]:
        """List the items, targets in their order."""
        plan = self.config.stash[PLAN]
        case = self.config.stash.get(CASES, {}).get(self.path)
        try:
            case = case or load_case(self.path, self.config.stash[ROOT], plan.builders)
        except HarnessError as error:
            raise self.CollectError(str(error)) from error
        steps = weight(case)
        for planned in plan.planned:
            if case.suits(planned.target):
                yield CaseItem.from_parent(
                    self,
                    name=planned.target.id,
                    case=case,
                    planned=planned,
                    weight=steps,
                )


class CaseItem(pytest.Item):
    """One case on one target: measured in its set-up, judged in its call.

    What breaks while measuring is thereby an error of pytest's, and only an
    expectation that does not hold is a failure.
    """

    def __init__(
        self, *, case: Case, planned: PlannedTarget, weight: int, **rest: Any
    ) -> None:
        super().__init__(**rest)
        self.case = case
        self.weight = weight
        self.target = target = planned.target
        self.engine = planned.engine
        self.judged: Judged | None = None
        self.user_properties.append((CELL, [case.id, target.id]))
        self.user_properties.append((ENGINE, planned.engine))
        for tag in case.tags:
            self.keywords[tag] = tag

    def setup(self) -> None:
        """Build and measure; write the result and the log."""
        plan = self.config.stash[PLAN]
        worker = self.config.stash[WORKER]
        worker.open(self.target)
        began = time.monotonic()
        measured = worker.measure(self.case, self.target)
        self.judged = worker.judge(self.case, measured.result)
        self.user_properties.append((SECONDS, time.monotonic() - began))
        results = results_of(plan)
        disk.save(results, measured.result)
        if measured.measurement is None:
            return
        log = "".join(
            f"== {each.name}\n{each.transcript.log}\n"
            for each in measured.measurement.run.built
        )
        place = scratch(results) / "logs" / self.target.id / f"{self.case.id}.log"
        write(place, log.encode(errors="replace"))

    def runtest(self) -> None:
        """Pass, fail, or say what is known or unsupported."""
        # the item stays until the run's end, and what was measured need not
        judged, self.judged = self.judged, None
        if judged is None:  # pragma: no cover  # set-up has raised then
            raise RuntimeError("judged before it was measured")
        lines = [judged.reason] if judged.reason else []
        lines += [
            f"{check.verdict}: {check.because}\n"
            + "\n".join(f"    {finding}" for finding in check.said)
            for check in judged.checks
            if check.verdict != "pass"
        ]
        verdict = judged.verdict
        self.user_properties.append((VERDICT, verdict))
        if verdict == "fail":
            raise NotAsExpected("\n".join(lines))
        if verdict == "known":
            pytest.xfail("\n".join(lines))
        if verdict == "unsupported":
            pytest.skip("\n".join(lines))

    def repr_failure(
        self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None
    ) -> Any:
        """Give the message alone where a traceback would tell no more and cost more."""
        if isinstance(excinfo.value, _PLAIN):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Name the item by what it is."""
        return self.path, None, f"{self.case.id} on {self.target.id}"
