"""The front page of the results."""

from __future__ import annotations

from harness.builders.records import standard_builders
from harness.cases.model import Group
from harness.judge.matrix import Matrix
from harness.judge.row import Cell, Row
from harness.judge.verdict import Check
from harness.report.overview import overview
from harness.report.tables import table

OLD, NEW, LEGACY = "podman@4.3.1+vfs", "podman@5.4.2+vfs", "legacy@28.5.2"
SILENTLY = "## A newer version gives another result, without an error"


def cell(answer: str, expected: str = "") -> Cell:
    check = Check(
        expectation=0,
        because="the reference",
        verdict="known",
        held=answer == expected,
        answer=expected,
    )
    return Cell(verdict="pass", answer=answer, checks=(check,) if expected else ())


def row(name: str, **cells: Cell) -> Row:
    names = {"old": OLD, "new": NEW, "legacy": LEGACY}
    return Row(
        case=f"g/{name}",
        title=name,
        group="g",
        question=f"Is {name} so?",
        impact="image",
        cells={
            target: cells.get(short, Cell(verdict="missing"))
            for short, target in names.items()
        },
        divergences=(),
    )


def page(*rows: Row) -> str:
    made = Matrix(builders=standard_builders(), targets=(LEGACY, OLD, NEW), rows=rows)
    return overview(made, {"g": Group(title="The group")})


def test_the_groups_come_first_and_then_what_surprises() -> None:
    changed = row("changed", old=cell("kept"), new=cell("lost"))
    nowhere = row("nowhere", new=cell("kept", expected="lost"))
    text = page(changed, nowhere, row("same", new=cell("kept")))
    order = [
        text.index(each)
        for each in (
            "[The group](g/README.md)",
            "## Expected, but true nowhere",
            SILENTLY,
        )
    ]
    assert order == sorted(order)
    assert "| Is changed so?" in text[order[2] :]
    assert "kept until 4.3.1, lost since 5.4.2" in text
    assert "<sub>g/nowhere, expected: lost</sub>" in text
    assert "Is same so?" not in text


def test_what_is_answered_alike_surprises_nobody() -> None:
    assert SILENTLY not in page(row("same", old=cell("kept"), new=cell("kept")))


def test_many_questions_are_folded_away_by_group() -> None:
    many = [row(f"c{n}", old=cell("kept"), new=cell("lost")) for n in range(30)]
    text = page(*many)
    start = text.index(SILENTLY)
    assert "30 questions." in text[start:]
    assert "<details><summary>The group: 30 questions</summary>" in text[start:]


def test_a_bar_in_a_cell_does_not_end_it() -> None:
    assert table(None, ["x", "y"], [["a | b", 1]]).splitlines()[2] == "| a \\| b | 1 |"
