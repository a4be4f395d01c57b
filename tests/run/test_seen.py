"""What the controlling process makes of a worker that was killed."""

from __future__ import annotations

from typing import Any, cast

import pytest

from harness.run.items import CELL, ENGINE
from harness.run.seen import ReportListener, Seen, cell_of

ITEM = "cases/demo/one.yaml::legacy@20.10.24"


def crash() -> pytest.TestReport:
    """Give the report that xdist makes of an item whose worker is gone."""
    return pytest.TestReport(
        nodeid=ITEM,
        location=("cases/demo/one.yaml", None, ""),
        keywords={},
        outcome="failed",
        longrepr="worker 'gw0' crashed",
        when=cast("Any", "???"),
    )


@pytest.fixture
def listener(pytestconfig: pytest.Config) -> ReportListener:
    def ignore(_: str = "") -> None:
        pass

    seen = Seen(pytestconfig)
    return ReportListener(seen, {"legacy@20.10.24": "bookworm"}, ignore, ignore)


def test_what_it_was_measuring_is_an_error(listener: ReportListener) -> None:
    report = crash()
    listener.pytest_handlecrashitem(ITEM, report)
    assert cell_of(report) == ("demo/one", "legacy@20.10.24")
    assert dict(report.user_properties)[ENGINE] == "bookworm"
    assert (report.when, report.failed) == ("setup", True)
    assert "the process that measured this was killed" in report.longreprtext


def test_what_it_had_measured_is_none(listener: ReportListener) -> None:
    listener.seen.cells.append(("demo/one", "legacy@20.10.24"))
    report = crash()
    listener.pytest_handlecrashitem(ITEM, report)
    assert (report.when, report.passed) == ("teardown", True)


def test_a_test_of_another_kind_is_left_alone(listener: ReportListener) -> None:
    report = crash()
    listener.pytest_handlecrashitem("test_mine.py::test_mine", report)
    assert CELL not in dict(report.user_properties)
    assert report.failed
