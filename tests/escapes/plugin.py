"""What the escapes add to pytest: an option, and a table of what was reached."""

from __future__ import annotations

import json

import pytest
from tabulate import tabulate

PROPERTY = "escapes"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--escape-target",
        action="append",
        default=[],
        metavar="BUILDER@PLACE",
        help="what escapes are tried on: legacy@forky, buildkit@trixie+containerd, "
        "podman@bullseye; or `all`",
    )


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what each attempt came to, by target."""
    said = dict(
        json.loads(str(value))
        for reports in terminalreporter.stats.values()
        for report in reports
        if isinstance(report, pytest.TestReport) and report.when == "call"
        for key, value in report.user_properties
        if key == PROPERTY
    )
    if said:
        terminalreporter.section("escapes: what was tried, and what it came to")
        terminalreporter.write_line(table(said))


def table(said: dict[str, dict[str, str]]) -> str:
    """Tabulate words by attempt and target; equal rows of `held` are one."""
    names = list(dict.fromkeys(name for each in said.values() for name in each))
    rows = [[name, *(each.get(name, "") for each in said.values())] for name in names]
    return tabulate(rows, ["attempt", *said])
