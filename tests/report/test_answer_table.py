"""The table of answers: questions by builders."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from harness.book.book import open_book
from harness.builders.records import standard_builders
from harness.judge.matrix import Matrix
from harness.judge.row import Cell, Row
from harness.judge.verdict import Check
from harness.report.answer_table import AGAINST, answer_table, by_surprise
from harness.report.text import page, terminal

ROOT = Path(__file__).parents[2]
LEGACY, BUILDKIT, CLIENT = (
    "legacy@20.10.24",
    "buildkit@20.10.24",
    "buildx-0.13@20.10.24",
)


def cell(answer: str, *, documented: str = "", held: bool = True) -> Cell:
    check = Check(
        expectation=0,
        because="the reference",
        verdict="pass" if held else "known",
        held=held,
        answer=documented,
    )
    return Cell(verdict=check.verdict, answer=answer, checks=(check,))


def row(name: str, impact: str = "image", **cells: Cell) -> Row:
    names = {"legacy": LEGACY, "buildkit": BUILDKIT, "client": CLIENT}
    missing = Cell(verdict="missing")
    return Row(
        case=f"g/{name}",
        title=name,
        group="g",
        question=f"Is {name} so?",
        impact=impact,
        cells={names[each]: cells.get(each, missing) for each in names},
        divergences=(),
    )


def matrix(*rows: Row) -> Matrix:
    targets = (LEGACY, BUILDKIT, CLIENT)
    return Matrix(builders=standard_builders(), targets=targets, rows=rows)


def lines(made: Matrix) -> list[list[str]]:
    table = answer_table(made, made.rows, "github")
    return [
        [each.strip() for each in line.strip("|").split("|")]
        for line in table.splitlines()
    ]


def test_a_row_is_a_question_and_a_column_a_builder_as_people_know_it() -> None:
    made = matrix(row("one", legacy=cell("kept"), buildkit=cell("lost")))
    heads, _, one = lines(made)
    assert heads == [
        "question",
        "legacy 20.10.24",
        "BuildKit 20.10.24",
        "docker build 20.10.24",
    ]
    assert one == ["Is one so?<br><sub>g/one</sub>", "kept", "lost", "not run"]


def test_globs_in_a_question_are_no_markup_on_a_page() -> None:
    asked = replace(row("one", legacy=cell("kept")), question="Does **/*.go match <x>?")
    assert lines(matrix(asked))[2][0].startswith("Does \\*\\*/\\*.go match &lt;x>?")


def test_an_answer_that_is_not_the_documented_one_is_marked() -> None:
    against = cell("kept", documented="lost", held=False)
    other = cell("kept", held=False)
    made = matrix(row("one", legacy=against, buildkit=other))
    assert lines(made)[2][1:3] == [f"{AGAINST} kept", "kept"]


def test_what_surprises_comes_first() -> None:
    same = row("same", legacy=cell("kept"), buildkit=cell("kept"))
    layers = row("layers", "layering", legacy=cell("kept"), buildkit=cell("lost"))
    image = row("image", legacy=cell("kept"), buildkit=cell("lost"))
    false = cell("kept", documented="lost", held=False)
    nowhere = row("nowhere", legacy=false, buildkit=false)
    true = cell("lost", documented="lost")
    somewhere = row("somewhere", legacy=false, buildkit=true)
    rows = (same, layers, image, nowhere, somewhere)
    assert [each.title for each in by_surprise(rows)] == [
        "nowhere",
        "somewhere",
        "image",
        "layers",
        "same",
    ]


def test_cases_without_a_question_keep_their_letters() -> None:
    asked = row("asked", legacy=cell("kept"))
    plain = Row(
        case="g/plain",
        title="Plain",
        group="g",
        cells=row("x", legacy=cell("")).cells,
        divergences=(),
    )
    text = terminal(matrix(asked, plain), {})
    answers, _, letters = text.partition("differs in")
    assert "Is asked so?" in answers
    assert "g/plain" in letters
    assert "g/asked" not in letters
    assert (
        "g/asked"
        in terminal(matrix(asked, plain), {}, detail=True).partition("differs in")[2]
    )


def test_the_table_fits_a_terminal_and_a_page_folds_what_is_below_it() -> None:
    book = open_book(ROOT / "cases", ROOT / "results")
    made = book.matrix({each.id for each in book.files if each.group == "volume"})
    table, _, _ = terminal(made, book.groups).partition("\n\n!")
    assert max(map(len, table.splitlines())) <= 120
    text = page(made, book.groups, "volume")
    assert text.count("<details>") == text.count("</details>") == 2
    assert text.index("Does RUN keep") < text.index("<details>")
