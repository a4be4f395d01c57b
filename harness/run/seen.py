"""What the controlling process hears of a run, and the lines that it prints."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from harness.judge.matrix import Matrix
from harness.provision.events import CaseMeasured, CaseStarted, EngineStopped, Event
from harness.run.fresh_cells import FreshCells
from harness.run.items import CELL, ENGINE, SECONDS, VERDICT
from harness.run.last_errors import CellId
from harness.run.progress import Progress
from harness.terminal.screen import PLAIN, Screen, screen_of


class Seen:
    """What the controlling process has heard of: verdicts, errors, progress.

    `fresh` are cells that need no build; of those `skipped` were asked for. `knows_all`
    says that it has been told what is to come.
    """

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.progress = Progress(write=self.say)
        self.cells: list[CellId] = []
        self.errors: dict[CellId, str] = {}
        self.fresh = FreshCells()
        self.skipped: list[CellId] = []
        self.knows_all = False
        self.matrix: Matrix | None = None

    @property
    def cases(self) -> set[str]:
        """The cases that the run is about."""
        return {case for case, _ in (*self.cells, *self.skipped)}

    @property
    def screen(self) -> Screen:
        """What pytest's reporter prints on, with the colour that it was asked for."""
        reporter = self.config.pluginmanager.get_plugin("terminalreporter")
        if reporter is None:
            return PLAIN
        writer = self.config.get_terminal_writer()
        # the stream itself is pytest's own; whether it is a terminal is told
        shown = screen_of(sys.stdout)
        width = writer.fullwidth if reporter.isatty else shown.width
        return replace(shown, width=width, colour=writer.hasmarkup)

    def say(self, text: str, **markup: bool) -> None:
        """Print a line through pytest, whose reporter comes after this plugin."""
        reporter = self.config.pluginmanager.get_plugin("terminalreporter")
        if reporter is None:
            print(text, flush=True)
            return
        reporter.ensure_newline()
        reporter.write_line(text, **markup)

    def hear(self, event: Event) -> None:
        """Print a line for what happens beside the cases, which have their own."""
        if not isinstance(event, CaseStarted | CaseMeasured | EngineStopped):
            self.say(event.text)

    def tell_fresh(self, coming: int) -> None:
        """Say what of the run needs no build, and that there is a way to have it."""
        if not self.skipped:
            return
        if coming:
            are = "is" if len(self.skipped) == 1 else "are"
            self.say(
                f"{_count(len(self.skipped), 'result')} {are} fresh, {coming:,} to "
                "build (--fresh measures all again)"
            )
            return
        cases = {case for case, _ in self.skipped}
        targets = {target for _, target in self.skipped}
        self.say(
            f"{_count(len(cases), 'case')} on {_count(len(targets), 'target')}: all "
            "fresh, nothing built (--fresh measures again)"
        )


class ReportListener:
    """Hears the reports in the controlling process, and prints a line for each.

    `done` is told the engine of each case that is over, `engines` are those of the
    targets; `let_go` has the workers end what they build.
    """

    def __init__(
        self,
        seen: Seen,
        engines: Mapping[str, str],
        done: Callable[[str], None],
        let_go: Callable[[], None],
    ) -> None:
        self.seen = seen
        self.engines = engines
        self.done = done
        self.let_go = let_go

    @pytest.hookimpl(optionalhook=True)
    def pytest_handlecrashitem(self, crashitem: str, report: pytest.TestReport) -> None:
        """Tell a case whose worker was killed as an error; its report comes next."""
        place, _, target = crashitem.partition("::")
        case = f"{Path(place).parent.name}/{Path(place).stem}"
        if target not in self.engines:
            return
        report.user_properties += [
            (CELL, [case, target]),
            (ENGINE, self.engines[target]),
        ]
        if (case, target) in self.seen.cells:
            # killed when all was told but that it was over
            report.when, report.outcome, report.longrepr = "teardown", "passed", None
            return
        report.when = "setup"
        report.longrepr = (
            "the process that measured this was killed: nothing of it is stored\n"
            "hint: see whether memory was short (dmesg), and run again"
        )

    def pytest_keyboard_interrupt(self) -> None:
        """Have the workers end before they are waited for."""
        self.seen.say("interrupted: ending what is being built ...")
        self.let_go()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Print an item's line as soon as its verdict is known."""
        cell = cell_of(report)
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
        self.done(str(told.get(ENGINE)))


def cell_of(report: pytest.TestReport) -> CellId | None:
    """Give the cell of a report on a case; None for a test of another kind."""
    value = dict(report.user_properties).get(CELL)
    return (str(value[0]), str(value[1])) if isinstance(value, list | tuple) else None


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
