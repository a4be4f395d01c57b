"""pytest is the runner: one item for each case on each target.

The controlling process starts the engines, hands their addresses to xdist's workers,
and tabulates at the end; each worker builds, checks and writes only its own results.
Inert in a session that names no folder of cases (one with `groups.toml`).
"""

from __future__ import annotations

import json
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from harness.cases.case import load_groups
from harness.errors import HarnessError
from harness.judge.matrix import Matrix
from harness.provision import plan
from harness.provision.fleet import Fleet
from harness.report.files import write_matrix
from harness.report.text import terminal, times
from harness.run import prepare
from harness.run.grid import gather
from harness.run.items import (
    CELL,
    ENGINE,
    PLAN,
    ROOT,
    SECONDS,
    SITES,
    VERDICT,
    CaseFile,
    CaseItem,
    weight,
)
from harness.run.progress import Progress

_STACK = pytest.StashKey[ExitStack]()
_SEEN = pytest.StashKey["Seen"]()
_FLEET = pytest.StashKey[Fleet]()
_TOLD = "layer_harness_plan"
#: How many cases come for each engine: a file in the run's folder, by one worker.
_COUNTS = "counts.json"


class Outcome:
    """Takes the error that kept a run from starting to who called pytest."""

    error: HarnessError | None = None


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


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options; `layer-harness run` gives them shorter names."""
    prepare.add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    """Find out whether this session is about cases."""
    folders = {
        _root_of(Path(config.invocation_params.dir, each)) for each in config.args
    }
    roots = {each for each in folders if each is not None}
    if not roots or config.option.help:
        return
    if len(roots) > 1:
        raise pytest.UsageError("cases of two folders in one run: run them apart")
    config.stash[ROOT] = roots.pop()
    config.stash[SITES] = {}
    if not _is_worker(config):
        config.stash[_STACK] = ExitStack()
        seen = config.stash[_SEEN] = Seen(config)
        config.pluginmanager.register(Listener(seen), "layer-harness-listener")


def _root_of(place: Path) -> Path | None:
    """Find the folder of cases that `place` is or lies in."""
    resolved = Path(str(place).partition("::")[0]).resolve()
    for folder in (resolved, *resolved.parents[:2]):
        if (folder / "groups.toml").is_file():
            return folder
    return None


def _is_worker(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Start the engines, before xdist starts its workers."""
    config = session.config
    if ROOT not in config.stash:
        return
    if _is_worker(config):
        config.stash[PLAN] = plan.from_json(
            config.workerinput[_TOLD]  # type: ignore[attr-defined]  # xdist's
        )
        return
    try:
        root, say = config.stash[ROOT], config.stash[_SEEN].say
        start = prepare.start(config.option, root, config.stash[_STACK], say)
        config.stash[PLAN], config.stash[_FLEET] = start
    except HarnessError as error:
        for each in config.pluginmanager.get_plugins():
            if isinstance(each, Outcome):
                each.error = error
                raise pytest.UsageError from error
        raise pytest.UsageError(str(error)) from error


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Hand the plan to one of xdist's workers."""
    if PLAN in node.config.stash:
        node.workerinput[_TOLD] = node.config.stash[PLAN].to_json()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the engines, whatever the end."""
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
    return CaseFile.from_parent(parent, path=file_path)


def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Put together what is of one builder on one engine, the longest cases first.

    So no engine stays longer than it is used, no two builders of an engine build a case
    at the same time (`loading.base_of`), and no worker is left alone with a long case
    at the end.
    """
    cases = [each for each in items if isinstance(each, CaseItem)]
    if PLAN in config.stash and len(cases) == len(items):
        seats = [*enumerate(config.stash[PLAN].seats)]
        places = {seat.engine: place for place, seat in reversed(seats)}
        builders = {seat.target.id: place for place, seat in seats}
        cases.sort(
            key=lambda each: (
                places[each.engine],
                builders[each.target.id] if each.engine else 0,
                -weight(each.case),
            )
        )
        items[:] = cases


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_node_collection_finished(node: Any, ids: list[str]) -> None:
    """Learn the number of items, which only the workers collect."""
    stash = node.config.stash
    if _FLEET not in stash:
        return
    stash[_SEEN].progress.begin(len(ids))
    if node.gateway.id == "gw0":
        place = stash[PLAN].folder / _COUNTS
        stash[_FLEET].expect(json.loads(place.read_text(encoding="utf-8")))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    """Count the items for each engine; a worker tells the controlling process."""
    config = session.config
    if PLAN not in config.stash:
        return
    engines = (each.engine for each in session.items if isinstance(each, CaseItem))
    counts = Counter(engines)
    if _FLEET not in config.stash:
        if config.workerinput["workerid"] == "gw0":  # type: ignore[attr-defined]  # xdist's
            place = config.stash[PLAN].folder / _COUNTS
            place.write_text(json.dumps(counts), encoding="utf-8")
    elif session.items:
        config.stash[_SEEN].progress.begin(len(session.items))
        config.stash[_FLEET].expect(counts)


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
    if _SEEN not in config.stash or PLAN not in config.stash:
        return
    seen, plan, root = config.stash[_SEEN], config.stash[PLAN], config.stash[ROOT]
    whole = gather(root, plan.results, plan.builders)
    write_matrix(plan.results, whole, load_groups(root))
    cases = {case for case, _ in seen.cells}
    seen.matrix = whole.of(cases)
    if seen.errors or whole.targets != tuple(each.id for each in plan.targets):
        seen.matrix = gather(
            root,
            plan.results,
            plan.builders,
            cases=cases,
            targets=plan.targets,
            errors=seen.errors,
        )
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


class Listener:
    """Hears the reports in the controlling process, and prints a line for each."""

    def __init__(self, seen: Seen) -> None:
        self.seen = seen

    def fleet_done(self, engine: str) -> None:
        """Let an engine that has had its last case go."""
        self.seen.config.stash[_FLEET].done(engine)

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
        self.fleet_done(str(told.get(ENGINE)))
