"""What is written, over all targets: where it holds, and what is found elsewhere."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from harness.builders.records import standard_builders
from harness.judge.matrix import Matrix
from harness.judge.row import Cell, Row
from harness.judge.statements import statements
from harness.judge.verdict import Check, Verdict
from harness.report.counts import summary
from harness.report.files import write_matrix
from harness.report.matrix_record import matrix_json
from harness.report.text import markdown

LEGACY, BUILDKIT = "legacy@20.10.24", "buildkit@20.10.24"


def check(verdict: Verdict, *, held: bool, note: str = "", issue: str = "") -> Check:
    return Check(
        expectation=0,
        because="the reference says so",
        verdict=verdict,
        held=held,
        findings=() if held else ("layers: 1, not 2",),
        note=note,
        issue=issue,
    )


def row(legacy: Check, buildkit: Check) -> Row:
    checks = {LEGACY: legacy, BUILDKIT: buildkit}
    return Row(
        case="demo/a",
        title="Is it so?",
        group="demo",
        cells={
            name: Cell(
                verdict=each.verdict,
                outcome="A",
                image="A",
                layering="A",
                checks=(each,),
            )
            for name, each in checks.items()
        },
        divergences=(),
    )


HOLDS = check("pass", held=True)
BREAKS = check("fail", held=False)
KNOWN = check("known", held=False, note="since 1.0", issue="o/r#1")
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


def test_what_was_measured_nowhere_is_no_statement_and_hides_none() -> None:
    of_legacy = row(HOLDS, HOLDS).cells[LEGACY]
    later = replace(HOLDS, expectation=1, because="an issue says so")
    cells = {LEGACY: replace(of_legacy, checks=(UNSEEN, later))}
    (found,) = statements([replace(row(HOLDS, HOLDS), cells=cells)])
    assert (found.because, found.holds) == ("an issue says so", (LEGACY,))


def test_what_was_measured_nowhere_is_no_statement() -> None:
    assert statements([row(UNSEEN, UNSEEN)]) == ()


def test_the_report_counts_statements_and_tells_those_that_do_not_hold() -> None:
    matrix = Matrix(
        builders=standard_builders(),
        targets=(LEGACY, BUILDKIT),
        rows=(row(BREAKS, KNOWN),),
    )
    assert summary(matrix).endswith(
        "1 expectation: 0 hold wherever they were measured, "
        "0 on some targets, 1 nowhere"
    )
    text = markdown(matrix, {})
    assert "## Expected, but true nowhere" in text
    assert "- **demo/a**: the reference says so\n" in text
    assert f"  - {LEGACY}: layers: 1, not 2\n" in text
    assert f"  - {BUILDKIT}: since 1.0 (o/r#1)" in text


def test_what_markdown_takes_for_markup_is_marked() -> None:
    """A browser left `<backslash>` out of the words of POSIX."""
    said = replace(
        BREAKS, because="POSIX, the <backslash>, as in `\\*`, _x_ or a_b <= c"
    )
    text = markdown(
        Matrix(
            builders=standard_builders(),
            targets=(LEGACY, BUILDKIT),
            rows=(row(said, UNSEEN),),
        ),
        {},
    )
    assert "POSIX, the &lt;backslash>, as in \\`\\\\\\*\\`, \\_x\\_ or a_b <= c" in text


def test_a_group_has_a_page_that_the_overview_leads_to(tmp_path: Path) -> None:
    matrix = Matrix(
        builders=standard_builders(),
        targets=(LEGACY, BUILDKIT),
        rows=(row(HOLDS, BREAKS),),
    )
    write_matrix(tmp_path, matrix, {}, (), standard_builders())
    front = (tmp_path / "matrix.md").read_text()
    assert "[demo](demo/README.md)" in front
    assert "Not true everywhere: what is found instead" in front
    assert BUILDKIT in front
    assert (
        "| demo/a | nothing | pass Aa" in (tmp_path / "demo" / "README.md").read_text()
    )


def test_equal_cells_are_in_the_json_once() -> None:
    matrix = Matrix(
        builders=standard_builders(),
        targets=(LEGACY, BUILDKIT),
        rows=(row(HOLDS, HOLDS),),
    )
    (found,) = json.loads(matrix_json(matrix))["rows"]
    (cell,) = found["cells"]
    assert cell["targets"] == [LEGACY, BUILDKIT]
    assert cell["verdict"] == "pass"
