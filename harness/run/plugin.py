"""pytest is the runner: one item for each case on each target.

The controlling process opens a session, hands its plan to xdist's workers, and
tabulates at the end; each worker measures, checks and writes only its own results.
`pytest_entry` loads this module where a run names a folder of cases.
"""

from __future__ import annotations

import json
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from harness.book.book import open_book
from harness.cases.case import load_groups
from harness.errors import HarnessError
from harness.judge.matrix import Matrix
from harness.provision import plan
from harness.provision.events import (
    CaseMeasured,
    CaseStarted,
    EngineStopped,
    Event,
)
from harness.pytest_entry import folders_of_cases
from harness.report.files import write_matrix
from harness.report.text import terminal, times
from harness.run import durations
from harness.run.items import (
    CELL,
    ENGINE,
    PLAN,
    ROOT,
    SECONDS,
    VERDICT,
    WORKER,
    CaseCollector,
    CaseItem,
    results_of,
    scratch,
    weight,
)
from harness.run.options import caller_of, settings_of
from harness.run.progress import Progress
from harness.run.time_left import Coming
from harness.session import Session, Worker, looked_at, opened

_STACK = pytest.StashKey[ExitStack]()
_SEEN = pytest.StashKey["Seen"]()
_SESSION = pytest.StashKey[Session]()
_TOLD = "layer_harness_plan"
#: What is to come, as JSON: a file in the session's folder, by one worker.
_COMING = "coming.json"


class Seen:
    """What the controlling process has heard of: verdicts, errors, progress."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.progress = Progress(write=self.say)
        self.cells: list[tuple[str, str]] = []
        self.errors: dict[tuple[str, str], str] = {}
        self.matrix: Matrix | None = None

    def say(self, text: str, **markup: bool) -> None:
        """Print a line through pytest, whose reporter comes after this plugin."""
        reporter = self.config.pluginmanager.get_plugin("terminalreporter")
        if reporter is not None:
            reporter.ensure_newline()
            reporter.write_line(text, **markup)

    def hear(self, event: Event) -> None:
        """Print a line for what happens beside the cases, which have their own."""
        if not isinstance(event, CaseStarted | CaseMeasured | EngineStopped):
            self.say(event.text)


def pytest_configure(config: pytest.Config) -> None:
    """Find the folder of cases that this run is about."""
    roots = folders_of_cases(config.invocation_params.dir, config.args)
    if not roots or config.option.help:
        return
    if len(roots) > 1:
        raise pytest.UsageError(
            "cases from two folders in one run: run them separately"
        )
    config.stash[ROOT] = roots.pop()
    config.stash[_STACK] = ExitStack()
    if not _is_worker(config):
        seen = config.stash[_SEEN] = Seen(config)
        config.pluginmanager.register(ReportListener(seen), "layer-harness-listener")


def _is_worker(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Open the session, before xdist starts its workers."""
    config = session.config
    if ROOT not in config.stash:
        return
    stack = config.stash[_STACK]
    if _is_worker(config):
        told: dict[str, str] = config.workerinput  # type: ignore[attr-defined]  # xdist's
        made = config.stash[PLAN] = plan.from_json(told[_TOLD])
        # one for a worker that died takes its number
        number = int(told["workerid"].removeprefix("gw")) % made.settings.jobs
        config.stash[WORKER] = Worker(made, number)
        stack.callback(config.stash[WORKER].close)
        return
    hear = config.stash[_SEEN].hear
    try:
        settings = settings_of(config, config.stash[ROOT])
        if config.option.collectonly:
            config.stash[PLAN] = looked_at(settings, hear)
            return
        measuring = config.stash[_SESSION] = stack.enter_context(opened(settings, hear))
    except HarnessError as error:
        if (caller := caller_of(config)) is not None:
            caller.error = error
            raise pytest.UsageError from error
        raise pytest.UsageError(str(error)) from error
    config.stash[PLAN] = measuring.plan
    config.stash[WORKER] = Worker(measuring.plan)
    stack.callback(config.stash[WORKER].close)


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
        cases.sort(key=lambda each: (turn(each.target), -weight(each.case)))
        items[:] = cases


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_node_collection_finished(node: Any) -> None:
    """Learn what is to come, which only the workers collect."""
    stash = node.config.stash
    if _SESSION in stash and node.gateway.id == "gw0":
        place = stash[PLAN].folder / _COMING
        _expect(node.config, json.loads(place.read_text(encoding="utf-8")))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    """Say what is to come; a worker tells the controlling process."""
    config = session.config
    if WORKER not in config.stash:
        return
    items = [each for each in session.items if isinstance(each, CaseItem)]
    coming = [(each.case.id, each.target.id, weight(each.case)) for each in items]
    if _SESSION in config.stash:
        _expect(config, coming)
    elif config.workerinput["workerid"] == "gw0":  # type: ignore[attr-defined]  # xdist's
        place = config.stash[PLAN].folder / _COMING
        place.write_text(json.dumps(coming), encoding="utf-8")


def _expect(config: pytest.Config, coming: list[tuple[str, str, int]]) -> None:
    """Have the engines started for what is to come, and tell the time it may take."""
    made, seen = config.stash[PLAN], config.stash[_SEEN]
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
        made.settings.jobs,
    )
    engines = Counter(planned[target].engine for _, target, _ in coming)
    config.stash[_SESSION].expect(engines)


@pytest.hookimpl(tryfirst=True)
def pytest_report_teststatus(
    report: pytest.TestReport, config: pytest.Config
) -> tuple[str, str, str] | None:
    """Leave the letters out: each item has its line."""
    if _SEEN not in config.stash or not _cell(report):
        return None
    if report.when == "call" or not report.passed:
        kind = "error" if report.failed and report.when != "call" else report.outcome
        return kind, "", ""
    return "", "", ""


def _cell(report: pytest.TestReport) -> tuple[str, str] | None:
    value = dict(report.user_properties).get(CELL)
    return (str(value[0]), str(value[1])) if isinstance(value, list | tuple) else None


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Tabulate all results, and let the exit code say what the matrix says."""
    config = session.config
    if _SESSION not in config.stash:
        return
    seen, made, root = config.stash[_SEEN], config.stash[PLAN], config.stash[ROOT]
    results = results_of(made)
    durations.save(scratch(results), seen.progress.took)
    book = open_book(root, results, made.builders)
    whole = book.matrix()
    write_matrix(results, whole, book.groups, book.behaviours)
    cases = {case for case, _ in seen.cells}
    seen.matrix = whole.of(cases)
    if seen.errors or whole.targets != tuple(each.id for each in made.targets):
        seen.matrix = book.matrix(cases, made.targets, seen.errors)
    if session.exitstatus in {pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED}:
        session.exitstatus = exit_code(seen.matrix, session.exitstatus)


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
        groups = load_groups(config.stash[ROOT])
        terminalreporter.write_line(terminal(seen.matrix, groups))
        if len(seen.progress.spent) > 1:
            terminalreporter.write_line("")
            terminalreporter.write_line(times(seen.progress.spent))


class ReportListener:
    """Hears the reports in the controlling process, and prints a line for each."""

    def __init__(self, seen: Seen) -> None:
        self.seen = seen

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Print an item's line as soon as its verdict is known."""
        cell = _cell(report)
        done = report.when == "call" or (report.when == "setup" and report.failed)
        if cell is None or not done:
            return
        told = dict(report.user_properties)
        verdict = str(told.get(VERDICT, "error"))
        self.seen.cells.append(cell)
        if verdict == "error":
            self.seen.errors[cell] = report.longreprtext.strip()
        seconds = float(str(told.get(SECONDS, report.duration)))
        self.seen.progress.tell(*cell, verdict, seconds)
        # an engine that has had its last case is stopped
        self.seen.config.stash[_SESSION].done(str(told.get(ENGINE)))
