"""What pytest collects: a case as a file, with an item for each target."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest

from harness.cases.case import Case, load_case
from harness.dockerfile.parser import parse
from harness.errors import HarnessError
from harness.images.base import from_archive
from harness.judge.verdict import Judged, judged
from harness.measure.base_copies import base_of
from harness.measure.engine_death import connected
from harness.measure.engine_lock import Turns
from harness.measure.measure import attempt, attempt_in_turn
from harness.measure.open_target import Site
from harness.measure.standard_base import view_of
from harness.provision.fleet import await_engine, turn_file
from harness.provision.plan import Plan, Seat
from harness.results import disk
from harness.results.record import write

#: Seconds for each of an engine's answers but a build's.
ANSWER_LIMIT = 120.0

#: The run's plan, the folder of cases, and the targets' open connections.
PLAN = pytest.StashKey[Plan]()
ROOT = pytest.StashKey[Path]()
SITES = pytest.StashKey[dict[str, Site]]()

#: Names of what an item tells the controlling process: its cell, engine, verdict,
#: seconds.
CELL, ENGINE = "layer cell", "layer engine"
VERDICT, SECONDS = "layer verdict", "layer seconds"


class NotAsExpected(Exception):  # it ends a test, not the harness
    """An expectation that failed; the text is the report."""


#: What is said in a message; all else is a mistake of the harness.
_PLAIN = (NotAsExpected, HarnessError, pytest.skip.Exception, pytest.xfail.Exception)


def weight(case: Case) -> int:
    """Estimate how long a case takes: a RUN is nearly all of it."""
    runs = sum(
        each.keyword == "RUN"
        for build in case.builds.values()
        for each in parse(build.dockerfile).instructions
    )
    again = any(each.reproducible is not None for each in case.expect)
    return (runs + len(case.builds)) * (1 + again)


class CaseFile(pytest.File):
    """A case, with an item for each target it is meant for."""

    def collect(self) -> Iterator[pytest.Item]:
        """List the items, targets in their order."""
        plan = self.config.stash[PLAN]
        try:
            case = load_case(self.path, self.config.stash[ROOT], plan.builders)
        except HarnessError as error:
            raise self.CollectError(str(error)) from error
        there = disk.measured(plan.results, case) if plan.missing else ()
        for seat in plan.seats:
            if case.suits(seat.target) and seat.target.id not in there:
                yield CaseItem.from_parent(
                    self, name=seat.target.id, case=case, seat=seat
                )


class CaseItem(pytest.Item):
    """One case on one target: measured in its set-up, judged in its call.

    What breaks while measuring is thereby an error of pytest's, and only an
    expectation that does not hold is a failure.
    """

    def __init__(self, *, case: Case, seat: Seat, **rest: Any) -> None:
        super().__init__(**rest)
        self.case = case
        self.target = target = seat.target
        self.engine = seat.engine
        self.tool = seat.tool
        self.measured: Judged | None = None
        self.user_properties.append((CELL, [case.id, target.id]))
        self.user_properties.append((ENGINE, seat.engine))
        for tag in case.tags:
            self.keywords[tag] = tag

    def setup(self) -> None:
        """Build and measure; write the result and the log."""
        plan = self.config.stash[PLAN]
        site = self._site(plan)
        began = time.monotonic()
        if site.engine is None:
            trial = attempt(self.case, site, repeat=plan.repeat)
        else:
            turns = Turns(place=turn_file(plan.folder, site.engine.name))
            trial = attempt_in_turn(self.case, site, turns, repeat=plan.repeat)
        bases = {self.target.id: view_of(site.base.diff_ids)}
        found = judged(self.case, {self.target.id: trial.result}, bases, plan.builders)
        self.measured = found[self.target.id]
        self.user_properties.append((SECONDS, time.monotonic() - began))
        disk.save(plan.results, trial.result)
        if trial.measurement is None:
            return
        log = "".join(
            f"== {each.name}\n{each.transcript.log}\n"
            for each in trial.measurement.run.built
        )
        place = plan.logs / self.target.id / f"{self.case.id}.log"
        write(place, log.encode(errors="replace"))

    def _site(self, plan: Plan) -> Site:
        sites = self.config.stash[SITES]
        if self.target.id not in sites:
            engine = await_engine(plan.folder, self.engine) if self.engine else None
            client = connected(engine, timeout=ANSWER_LIMIT) if engine else None
            bases = [
                base_of(
                    plan.shared, self.target.builder.name, self._worker(plan), number
                )
                for number in range(plan.bases)
            ]
            sites[self.target.id] = Site(
                target=self.target,
                engine=engine,
                client=client,
                tool=plan.tools.get(self.tool),
                folder=plan.folder / "benches",
                base=from_archive(plan.base),
                shared=bases[0],
                bases=cycle(bases),
                limit=plan.limit,
                began=plan.began + (engine.clock_offset if engine else 0.0),
            )
        return sites[self.target.id]

    def _worker(self, plan: Plan) -> int:
        """Give the number of this process; one for a worker that died takes its own."""
        told: dict[str, str] = getattr(self.config, "workerinput", {})
        return int(told.get("workerid", "gw0").removeprefix("gw")) % plan.workers

    def runtest(self) -> None:
        """Pass, fail, or say what is known or unsupported."""
        if self.measured is None:  # pragma: no cover  # set-up has raised then
            raise RuntimeError("judged before it was measured")
        lines = [self.measured.reason] if self.measured.reason else []
        lines += [
            f"{check.verdict}: {check.because}\n"
            + "\n".join(f"    {finding}" for finding in check.said)
            for check in self.measured.checks
            if check.verdict != "pass"
        ]
        verdict = self.measured.verdict
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
