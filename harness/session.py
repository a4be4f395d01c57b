"""Open targets, measure cases on them, close: the one way to measure.

A session chooses its targets, has what they take fetched, and starts each engine for
its first case and stops it after its last. Its clients are pytest's plugin (whose xdist
workers measure with `Worker`), `smoke`, `explain --on-disk`, the benchmarks and the
tests. A case is a value: where it comes from does not matter.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import cycle

from harness.cases.case import Case
from harness.engines import Engine, cgroups, in_memory
from harness.engines.bounds import for_command
from harness.engines.meter import meter_of
from harness.engines.roots import cache_folder
from harness.errors import HarnessError
from harness.images.base import from_archive
from harness.judge.verdict import Judged, judged
from harness.measure.base_copies import base_of, new_base
from harness.measure.engine_death import connected
from harness.measure.engine_lock import EngineLock
from harness.measure.open_target import OpenTarget
from harness.measure.slots import Slots
from harness.measure.standard_base import view_of
from harness.measure_case import MeasuredCase, measure_case, measure_in_turn
from harness.provision import left_images
from harness.provision.choice import chooser_of
from harness.provision.events import CaseMeasured, CaseStarted, Hear, noting, unheard
from harness.provision.fleet import Fleet, await_engine, lock_file
from harness.provision.furnish import ANSWER_LIMIT, furnished
from harness.provision.given_bases import AskedBases, obtain, places
from harness.provision.known_state import known_states
from harness.provision.memory import MemoryShare
from harness.provision.plan import Plan, PlannedTarget, known_builders
from harness.provision.settings import DEFAULTS, Settings
from harness.provision.signals import ending_first
from harness.provision.target_record import ask, record_target
from harness.provision.workspace import (
    runners,
    runners_kib,
    save_base,
    workspace,
)
from harness.results.record import Result, TargetRecord
from harness.targets.target import Target

KnownStates = Callable[[], Mapping[str, TargetRecord | None]]

#: No image of the user's is asked for.
NO_BASES = AskedBases()


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """A case that was measured on a target; or why it could not be.

    `seconds` is what it took, whatever ran beside it; `judged` is its result with the
    verdicts that the case draws.
    """

    case: Case
    target: Target
    seconds: float
    measured: MeasuredCase | None = None
    judged: Judged | None = None
    error: HarnessError | None = None


class Worker:
    """One process or thread that measures: its connections, and bases of its own.

    A target is opened for its first case, when its engine answers, and stays open until
    `close`. `number` tells the workers of a session apart.
    """

    def __init__(self, plan: Plan, number: int = 0) -> None:
        self._plan = plan
        self._number = number
        self._base = from_archive(plan.base)
        self._open: dict[str, OpenTarget] = {}

    def measure(self, case: Case, target: Target) -> MeasuredCase:
        """Build a case on a target, and observe; raises what `measure_case` does."""
        ready = self.open(target)
        repeat = self._plan.settings.repeat
        if ready.engine is None:
            return measure_case(case, ready, repeat=repeat)
        lock = EngineLock(place=lock_file(self._plan.folder, ready.engine.name))
        return measure_in_turn(case, ready, lock, repeat=repeat)

    def judge(self, case: Case, result: Result) -> Judged:
        """Draw the verdicts of what was measured."""
        bases = {result.target: view_of(self._base.diff_ids)}
        found = judged(case, {result.target: result}, bases, self._plan.builders)
        return found[result.target]

    def open(self, target: Target) -> OpenTarget:
        """Open a target, when its engine answers; EngineError if it does not start."""
        if target.id not in self._open:
            self._open[target.id] = self._opened(self._plan.planned_target(target))
        return self._open[target.id]

    def close(self) -> None:
        """Close the connections."""
        for each in self._open.values():
            if each.client is not None:
                each.client.close()
            if each.meter is not None:
                each.meter.close()
        self._open.clear()

    def _opened(self, planned: PlannedTarget) -> OpenTarget:
        plan, place = self._plan, runners(self._plan.folder)
        engine = await_engine(plan.folder, planned.engine) if planned.engine else None
        client = connected(engine, timeout=ANSWER_LIMIT) if engine else None
        bases = [
            base_of(plan.shared, planned.target.builder.name, self._number, number)
            for number in range(plan.bases)
        ]
        return OpenTarget(
            target=planned.target,
            engine=engine,
            meter=meter_of(engine) if engine else None,
            given=plan.given,
            bounds=for_command(
                plan.settings.bounds, plan.settings.workers, in_memory.kib_of(place)
            ),
            client=client,
            tool=plan.tools.get(planned.tool),
            folder=place,
            slots=Slots(folder=plan.folder / "slots", number=plan.settings.jobs),
            base=self._base,
            shared=bases[0],
            bases=cycle(bases),
            limit=plan.settings.limit,
            on_disk=plan.settings.on_disk,
            began=plan.began + (engine.clock_offset if engine else 0.0),
        )


class Session:
    """Targets that are ready to be opened; `opened` makes one.

    `known_states` says what each target is, as far as that is known.
    """

    def __init__(
        self, plan: Plan, fleet: Fleet, hear: Hear, known_states: KnownStates
    ) -> None:
        self.plan = plan
        self.known_states = known_states
        self._fleet = fleet
        self._hear = hear

    @property
    def targets(self) -> tuple[Target, ...]:
        """The targets that were chosen, in the order of their use."""
        return tuple(each.target for each in self.plan.planned)

    def expect(self, counts: dict[str, int]) -> None:
        """Say how many cases come for each engine, so that it is there in time."""
        self._fleet.expect(counts)

    def done(self, engine: str) -> None:
        """Say that a case on an engine is over."""
        self._fleet.done(engine)

    @contextmanager
    def engine(self, name: str) -> Iterator[Engine]:
        """Have an engine of the session run, with its base images, for some time."""
        self._fleet.expect({name: 1})
        try:
            yield await_engine(self.plan.folder, name)
        finally:
            self._fleet.done(name)

    @contextmanager
    def open(self, target: Target) -> Iterator[OpenTarget]:
        """Have a target open, to drive it oneself; `measure` and `run` do it all."""
        planned = self.plan.planned_target(target)
        with ExitStack() as stack:
            if planned.engine:
                stack.enter_context(self.engine(planned.engine))
            worker = Worker(self.plan)
            stack.callback(worker.close)
            yield worker.open(target)

    def measure(self, case: Case, target: Target) -> Done:
        """Measure one case on one target; `run` is quicker for several."""
        (done,) = self.run([(case, target)])
        return done

    def run(self, pairs: Iterable[tuple[Case, Target]]) -> Iterator[Done]:
        """Measure cases on targets, `jobs` at a time; gives each as it is done.

        What keeps a case from being measured is its `error`. What one engine is needed
        for comes together, in the order of the targets.
        """
        chosen = sorted(pairs, key=lambda pair: self.plan.turn(pair[1]))
        engines = Counter(
            self.plan.planned_target(target).engine for _, target in chosen
        )
        self.expect(engines)
        workers = _Workers(self.plan)
        pool = ThreadPoolExecutor(self.plan.settings.workers, initializer=workers.take)
        try:
            waiting = [pool.submit(self._one, workers, *pair) for pair in chosen]
            for each in as_completed(waiting):
                yield each.result()
        finally:
            # a build that still runs, after Ctrl-C, ends with its engine
            pool.shutdown(wait=False, cancel_futures=True)
            workers.close()

    def _one(self, workers: _Workers, case: Case, target: Target) -> Done:
        seconds = 0.0
        try:
            workers.worker.open(target)
            self._hear(CaseStarted(case=case.id, target=target.id))
            began = time.monotonic()
            measured = workers.worker.measure(case, target)
            seconds = time.monotonic() - began
        except HarnessError as error:
            return Done(case=case, target=target, seconds=seconds, error=error)
        finally:
            self.done(self.plan.planned_target(target).engine)
        self._hear(CaseMeasured(case=case.id, target=target.id, seconds=seconds))
        return Done(
            case=case,
            target=target,
            seconds=seconds,
            measured=measured,
            judged=workers.worker.judge(case, measured.result),
        )


class _Workers:
    """The workers of a session's own threads, one each."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._local = threading.local()
        self._all: list[Worker] = []
        self._mutex = threading.Lock()

    @property
    def worker(self) -> Worker:
        worker: Worker = self._local.worker
        return worker

    def take(self) -> None:
        """Make this thread's worker."""
        with self._mutex:
            self._local.worker = Worker(self._plan, len(self._all))
            self._all.append(self._local.worker)

    def close(self) -> None:
        for each in self._all:
            each.close()


@contextmanager
def opened(
    settings: Settings = DEFAULTS,
    hear: Hear = unheard,
    bases: AskedBases = NO_BASES,
) -> Iterator[Session]:
    """Choose the targets, fetch what they take, and give the session; then close all.

    `bases` are images of the user's that Dockerfiles take.

    With `settings.results` each target's record is written there when its engine is
    up. Raises UsageError when no target is left, EngineError for what cannot be had.
    """
    cache, say = cache_folder(), noting(hear)
    with ExitStack() as stack:
        folder = stack.enter_context(workspace(cache, say))
        chooser = chooser_of(settings, hear)
        chosen = chooser.chosen()
        archive = folder / "base.tar"
        running = [each.engine for each in chosen.sources if each.engine]
        save_base(settings.base, running, cache, archive, say)
        base = from_archive(archive)
        given = obtain(bases, places(chosen.sources), folder / "given", say)
        total_kib = int(settings.memory * 1024 * 1024)
        if any(each.record.place == "own" for each in chosen.tools.values()):
            kib = runners_kib(
                base.size + sum(each.size for each in given),
                settings.workers,
                total_kib,
            )
            stack.enter_context(in_memory.kept(runners(folder), kib))
        plan = Plan(
            settings=settings,
            builders=known_builders(settings, chooser.records),
            planned=chosen.planned,
            folder=folder,
            base=archive,
            shared=new_base(),
            given=given,
            began=time.time(),
            tools=chosen.tools,
        )
        left_images.note(folder, plan.shared, [each.address for each in running])
        # of a worker that was killed
        stack.callback(left_images.remove, folder, say)
        for planned in plan.planned:
            if not planned.engine:
                record_target(plan, planned, base, ask(plan, planned, None))
        share = MemoryShare(total_kib=total_kib, engines=len(chosen.sources))
        if len(chosen.sources) > share.at_once:
            say(f"{len(chosen.sources)} engines, {share.at_once} of them at a time")
        if chosen.tools or any(each.suite for each in chosen.sources):
            cgroups.tell_unbounded(settings.bounds, say)
        fleet = Fleet(
            chosen.sources,
            lambda source: furnished(source, plan, base, share, hear),
            folder,
            at_once=share.at_once,
            hear=hear,
        )
        stack.enter_context(ending_first(fleet.end))
        stack.callback(fleet.close)
        states = partial(known_states, plan, base, chosen.sources, cache)
        yield Session(plan, fleet, hear, states)
