"""pytest is the runner: one item for each case on each target.

The controlling process opens a session, hands its plan to xdist's workers, and
tabulates at the end; each worker measures, checks and writes only its own results.
`pytest_entry` loads this module where a run names a folder of cases.
"""

from __future__ import annotations

import json
import pickle
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from harness.book.book import open_book
from harness.cases.case import load_groups
from harness.errors import HarnessError
from harness.judge.matrix import Matrix
from harness.provision import plan
from harness.provision.choice import looked_at
from harness.pytest_entry import folders_of_cases
from harness.report.files import write_matrix
from harness.report.text import terminal, times
from harness.results import disk
from harness.results.record import write
from harness.run import durations, last_errors, run_lock
from harness.run.fresh_cells import fresh_cells
from harness.run.items import (
    CASES,
    FRESH,
    PLAN,
    ROOT,
    WORKER,
    CaseCollector,
    CaseItem,
    cases_of,
    folder_of,
    results_of,
    scratch,
)
from harness.run.options import caller_of, settings_of
from harness.run.seen import ReportListener, Seen, cell_of
from harness.run.time_left import Coming
from harness.session import Session, Worker, opened

_STACK = pytest.StashKey[ExitStack]()
_SEEN = pytest.StashKey[Seen]()
_SESSION = pytest.StashKey[Session]()
_TOLD = "layer_harness_plan"
#: Files in the session's folder, as JSON: what is to come, and what was skipped as
#: fresh, by one worker; and what is fresh, by the controlling process.
_COMING = "coming.json"
_FRESH = "fresh.json"
#: The cases as the controlling process has read them.
_CASES = "cases.pickle"


def pytest_configure(config: pytest.Config) -> None:
    """Find the folder of cases that this run is about, and open its session.

    The session is open before xdist makes its workers: it says whether any are needed.
    """
    roots = folders_of_cases(config.invocation_params.dir, config.args)
    if not roots or config.option.help:
        return
    if len(roots) > 1:
        raise pytest.UsageError(
            "cases from two folders in one run: run them separately"
        )
    config.stash[ROOT] = roots.pop()
    config.stash[_STACK] = ExitStack()
    if hasattr(config, "workerinput"):
        _work(config, config.workerinput)
        return
    config.stash[_SEEN] = Seen(config)
    try:
        _open(config)
    except HarnessError as error:
        if (caller := caller_of(config)) is not None:
            caller.error = error
            raise pytest.UsageError from error
        raise pytest.UsageError(str(error)) from error


def _work(config: pytest.Config, told: Mapping[str, str]) -> None:
    """Take the plan, in one of xdist's workers."""
    made = config.stash[PLAN] = plan.from_json(told[_TOLD])
    place = made.folder / _FRESH
    config.stash[FRESH] = {
        case: frozenset(targets)
        for case, targets in json.loads(place.read_text(encoding="utf-8")).items()
    }
    # our own, in a folder that only we may enter
    config.stash[CASES] = pickle.loads((made.folder / _CASES).read_bytes())
    # one for a worker that died takes its number
    number = int(told["workerid"].removeprefix("gw")) % made.settings.workers
    _measure(config, Worker(made, number))
    stack = config.stash[_STACK]
    stack.enter_context(run_lock.interrupting(made.folder))
    config.pluginmanager.register(run_lock.InterruptedWorker(stack))


def _open(config: pytest.Config) -> None:
    """Open the session, in the controlling process, and see what needs no build."""
    seen, root = config.stash[_SEEN], config.stash[ROOT]
    settings = settings_of(config, root)
    if config.option.collectonly:
        config.stash[PLAN] = looked_at(settings, seen.hear)
        return
    # before an engine is started for results that cannot be kept
    disk.prepare(folder_of(settings))
    stack = config.stash[_STACK]
    measuring = stack.enter_context(opened(settings, seen.hear))
    config.stash[_SESSION] = measuring
    made = config.stash[PLAN] = measuring.plan
    let_go = stack.enter_context(run_lock.held(made.folder))
    config.pluginmanager.register(
        ReportListener(
            seen,
            {each.target.id: each.engine for each in made.planned},
            measuring.done,
            let_go,
        ),
        "layer-harness-listener",
    )
    results = results_of(made)
    cases = config.stash[CASES] = cases_of(config, root, made)
    seen.fresh = fresh_cells(
        results,
        cases.values(),
        measuring.known_states(),
        made.settings,
        last_errors.load(scratch(results), results),
    )
    config.stash[FRESH] = seen.fresh.cells
    told = {case: sorted(targets) for case, targets in seen.fresh.cells.items()}
    (made.folder / _FRESH).write_text(json.dumps(told), encoding="utf-8")
    (made.folder / _CASES).write_bytes(pickle.dumps(cases))
    if all(
        planned.target.id in seen.fresh.cells.get(case.id, ())
        for case in cases.values()
        for planned in made.planned
        if case.suits(planned.target)
    ):
        # nothing is left for workers
        config.option.dist, config.option.tx = "no", []
    _measure(config, Worker(made))


def _measure(config: pytest.Config, worker: Worker) -> None:
    config.stash[WORKER] = worker
    config.stash[_STACK].callback(worker.close)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Hand the plan to one of xdist's workers."""
    if PLAN in node.config.stash:
        node.workerinput[_TOLD] = node.config.stash[PLAN].to_json()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Close the session, whatever the end."""
    if _STACK in config.stash:
        config.stash[_STACK].close()


def pytest_collect_file(
    file_path: Path, parent: pytest.Collector
) -> pytest.Collector | None:
    """Collect `GROUP/CASE.yaml` of the folder of cases."""
    root = parent.config.stash.get(ROOT, None)
    if root is None or file_path.suffix not in {".yaml", ".yml"}:
        return None
    if file_path.parent.parent != root:
        return None
    return CaseCollector.from_parent(parent, path=file_path)


def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Put together what is of one builder on one engine, the longest cases first.

    So no worker is left alone with a long case at the end.
    """
    cases = [each for each in items if isinstance(each, CaseItem)]
    if PLAN in config.stash and len(cases) == len(items):
        turn = config.stash[PLAN].turn
        cases.sort(key=lambda each: (turn(each.target), -each.weight))
        items[:] = cases


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_node_collection_finished(node: Any) -> None:
    """Learn what is to come, which only the workers collect."""
    stash = node.config.stash
    # of whichever comes first: any other may be killed before it has collected
    if _SESSION in stash and not stash[_SEEN].knows_all:
        place = stash[PLAN].folder / _COMING
        _expect(node.config, *json.loads(place.read_text(encoding="utf-8")))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    """Leave out what is fresh, and say what is to come.

    After all of pytest's own choosing (-k, --lf), so that the matrix has what was asked
    for. A worker tells the controlling process.
    """
    config = session.config
    if WORKER not in config.stash:
        return
    items = [each for each in session.items if isinstance(each, CaseItem)]
    known = config.stash[FRESH]
    fresh = {each for each in items if each.target.id in known.get(each.case.id, ())}
    session.items[:] = [each for each in session.items if each not in fresh]
    skipped = [(each.case.id, each.target.id) for each in items if each in fresh]
    coming = [
        (each.case.id, each.target.id, each.weight)
        for each in items
        if each not in fresh
    ]
    if _SESSION in config.stash:
        _expect(config, coming, skipped)
    else:
        write(
            config.stash[PLAN].folder / _COMING, json.dumps([coming, skipped]).encode()
        )


def _expect(
    config: pytest.Config,
    coming: Sequence[tuple[str, str, int]],
    skipped: Iterable[tuple[str, str]],
) -> None:
    """Have the engines started for what is to come, and tell the time it may take."""
    made, seen = config.stash[PLAN], config.stash[_SEEN]
    seen.knows_all = True
    seen.skipped = [(case, target) for case, target in skipped]
    for line in seen.fresh.lines():
        seen.say(line)
    seen.tell_fresh(len(coming))
    if not coming:
        return
    planned = {each.target.id: each for each in made.planned}
    recorded = durations.load(scratch(results_of(made)))
    seen.progress.begin(
        [
            Coming(
                case=case,
                target=target,
                place=planned[target].target.builder.place,
                steps=steps,
                recorded=recorded.get(target, {}).get(case),
            )
            for case, target, steps in coming
        ],
        made.settings.workers,
    )
    engines = Counter(planned[target].engine for _, target, _ in coming)
    config.stash[_SESSION].expect(engines)


@pytest.hookimpl(tryfirst=True)
def pytest_report_teststatus(
    report: pytest.TestReport, config: pytest.Config
) -> tuple[str, str, str] | None:
    """Leave the letters out: each item has its line."""
    if _SEEN not in config.stash or not cell_of(report):
        return None
    if report.when == "call" or not report.passed:
        kind = "error" if report.failed and report.when != "call" else report.outcome
        return kind, "", ""
    return "", "", ""


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> Iterator[None]:
    """Tabulate all results, when xdist's workers have ended."""
    yield
    config = session.config
    if _SESSION in config.stash:
        try:
            _tabulate(session)
        except HarnessError as error:
            config.stash[_SEEN].say(f"error: {error}", red=True)
            session.exitstatus = error.exit_code


def _tabulate(session: pytest.Session) -> None:
    """Write and keep the matrix, and let the exit code say what it says."""
    config = session.config
    seen, made, root = config.stash[_SEEN], config.stash[PLAN], config.stash[ROOT]
    results = results_of(made)
    book = open_book(root, results, made.builders)
    cases = seen.cases
    if session.exitstatus == pytest.ExitCode.INTERRUPTED:
        # to read all cases anew may take as long as many builds
        seen.matrix = book.matrix(cases, made.targets, seen.errors)
        seen.say("the matrix is not written: `layer-harness matrix --write` does it")
        _note(seen, results)
        return
    whole = book.matrix()
    seen.matrix = whole.of(cases)
    if seen.errors or whole.targets != tuple(each.id for each in made.targets):
        seen.matrix = book.matrix(cases, made.targets, seen.errors)
    if seen.skipped and session.exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED:
        session.exitstatus = pytest.ExitCode.OK
    if session.exitstatus in {pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED}:
        session.exitstatus = exit_code(seen.matrix, session.exitstatus)
    if (caller := caller_of(config)) is not None:
        caller.matrix = seen.matrix
    # last, since each may find the disk full
    _note(seen, results)
    write_matrix(results, whole, book.groups, book.behaviours, book.builders)


def _note(seen: Seen, results: Path) -> None:
    """Keep beside the results what the next run wants to know of this one."""
    last_errors.save(scratch(results), results, seen.cells, seen.errors)
    durations.save(scratch(results), seen.progress.took)


def exit_code(matrix: Matrix, otherwise: int) -> int:
    """Choose the exit code: 3 for an error, 1 for a failure or what nothing builds."""
    if matrix.count("error"):
        return HarnessError.exit_code
    return int(not matrix.is_as_expected) or otherwise


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Print the matrix of what was run."""
    seen = config.stash.get(_SEEN, None)
    if seen is not None and seen.matrix is not None and seen.matrix.rows:
        terminalreporter.write_line("")
        groups, screen = load_groups(config.stash[ROOT]), seen.screen
        terminalreporter.write_line(terminal(seen.matrix, groups, screen=screen))
        if len(seen.progress.spent) > 1:
            terminalreporter.write_line("")
            terminalreporter.write_line(times(seen.progress.spent, screen))
