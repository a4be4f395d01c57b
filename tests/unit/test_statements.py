"""What is written, over all targets: where it holds, and what is found elsewhere."""

from __future__ import annotations

import pytest

from harness.check import Check, Verdict
from harness.matrix import Cell, Matrix, Row
from harness.report.text import markdown, summary
from harness.statements import statements

LEGACY, BUILDKIT = "legacy@20.10.24", "buildkit@20.10.24"


def check(verdict: Verdict, *, held: bool, note: str = "") -> Check:
    return Check(
        expectation=0,
        because="the reference says so",
        verdict=verdict,
        held=held,
        findings=() if held else ("layers: 1, not 2",),
        note=note,
    )


def row(legacy: Check, buildkit: Check) -> Row:
    checks = {LEGACY: legacy, BUILDKIT: buildkit}
    return Row(
        case="demo/a",
        title="Is it so?",
        group="demo",
        cells={
            name: Cell(verdict=each.verdict, klass="A", checks=(each,))
            for name, each in checks.items()
        },
        divergences=(),
    )


HOLDS = check("pass", held=True)
BREAKS = check("fail", held=False)
KNOWN = check("known", held=False, note="since 1.0")
MAY = check("pass", held=False)
UNSEEN = check("unsupported", held=False)


@pytest.mark.parametrize(
    ("legacy", "buildkit", "reach"),
    [
        (HOLDS, HOLDS, "everywhere"),
        (HOLDS, UNSEEN, "everywhere"),
        (HOLDS, BREAKS, "somewhere"),
        (HOLDS, KNOWN, "somewhere"),
        (MAY, HOLDS, "somewhere"),
        (BREAKS, KNOWN, "nowhere"),
        (UNSEEN, KNOWN, "nowhere"),
    ],
)
def test_a_statement_holds_where_it_was_measured(
    legacy: Check, buildkit: Check, reach: str
) -> None:
    (found,) = statements([row(legacy, buildkit)])
    assert found.reach == reach


def test_what_was_measured_nowhere_is_no_statement() -> None:
    assert statements([row(UNSEEN, UNSEEN)]) == ()


def test_the_report_counts_statements_and_tells_those_that_do_not_hold() -> None:
    matrix = Matrix(targets=(LEGACY, BUILDKIT), rows=(row(BREAKS, KNOWN),))
    assert summary(matrix).endswith(
        "1 expectations: 0 hold wherever they were measured, "
        "0 on some targets, 1 nowhere"
    )
    text = markdown(matrix, {})
    assert "## Written, and so nowhere" in text
    assert "- **demo/a**: the reference says so\n" in text
    assert f"  - {LEGACY}: layers: 1, not 2\n" in text
    assert f"  - {BUILDKIT}: since 1.0" in text
