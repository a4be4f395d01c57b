"""What the escapes add to pytest: an option, and a table of what was reached."""

from __future__ import annotations

import json
import textwrap

import pytest
from tabulate import tabulate

PROPERTY = "escapes"
WORDS = ("reached", "held", "refused")


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
    """Tabulate words by target, and attempts that were not held on all targets."""
    counts = [
        (target, *(list(each.values()).count(word) for word in WORDS))
        for target, each in said.items()
    ]
    names = list(dict.fromkeys(name for each in said.values() for name in each))
    words = {name: [each.get(name, "") for each in said.values()] for name in names}
    held = [name for name in names if set(words[name]) == {"held"}]
    rows = [[name, *words[name]] for name in names if name not in held]
    everywhere = textwrap.fill(f"held everywhere: {', '.join(held)}", 100)
    return "\n\n".join(
        [
            tabulate(counts, ["target", *WORDS]),
            tabulate(rows, ["attempt", *said]),
            everywhere,
        ]
    )
