"""The table of answers: questions by builders."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness.book.book import Book, open_book
from harness.builders.records import standard_builders
from harness.judge.matrix import Matrix
from harness.judge.row import Cell, Row
from harness.judge.verdict import Check
from harness.report.answer_table import AGAINST, answer_table, by_surprise
from harness.report.text import page, terminal
from harness.terminal.screen import PLAIN, Screen

ROOT = Path(__file__).parents[2]
LEGACY, BUILDKIT, CLIENT = (
    "legacy@20.10.24",
    "buildkit@20.10.24",
    "buildx-0.13@20.10.24",
)


def cell(answer: str, *, expected: str = "", held: bool = True) -> Cell:
    check = Check(
        expectation=0,
        because="the reference",
        verdict="pass" if held else "known",
        held=held,
        answer=expected,
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
    table = answer_table(made, made.rows, None)
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


def test_an_answer_that_is_not_the_expected_one_is_marked() -> None:
    against = cell("kept", expected="lost", held=False)
    other = cell("kept", held=False)
    made = matrix(row("one", legacy=against, buildkit=other))
    assert lines(made)[2][1:3] == [f"{AGAINST} kept", "kept"]


def test_what_surprises_comes_first() -> None:
    same = row("same", legacy=cell("kept"), buildkit=cell("kept"))
    layers = row("layers", "layering", legacy=cell("kept"), buildkit=cell("lost"))
    image = row("image", legacy=cell("kept"), buildkit=cell("lost"))
    false = cell("kept", expected="lost", held=False)
    nowhere = row("nowhere", legacy=false, buildkit=false)
    true = cell("lost", expected="lost")
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


@pytest.fixture(scope="module")
def volume() -> tuple[Book, Matrix]:
    book = open_book(ROOT / "cases", ROOT / "results")
    return book, book.matrix({e.id for e in book.files if e.group == "volume"})


# the grid of classes has a column for each set of targets, too many for 60
@pytest.mark.parametrize(
    ("width", "detail"), [(60, False), (80, True), (120, True), (200, True)]
)
def test_the_report_fits_the_screen(
    volume: tuple[Book, Matrix], width: int, *, detail: bool
) -> None:
    book, made = volume
    text = terminal(made, book.groups, detail=detail, screen=Screen(width=width))
    assert max(map(len, text.splitlines())) <= width


def test_a_screen_of_120_columns_has_a_column_for_each_builder(
    volume: tuple[Book, Matrix],
) -> None:
    table = answer_table(volume[1], volume[1].rows, Screen(width=120))
    heads = " ".join(table.partition("---")[0].split())
    for name in ("legacy", "BuildKit", "docker build", "buildah", "podman build"):
        assert name in heads


def test_a_screen_of_80_columns_has_a_line_for_each_answer(
    volume: tuple[Book, Matrix],
) -> None:
    said = answer_table(volume[1], volume[1].rows, Screen(width=80)).split("\n\n")
    (found,) = (each for each in said if "volume/run-after" in each)
    assert found.splitlines() == [
        "Does RUN keep what it changes in a directory that VOLUME has declared?",
        "volume/run-after",
        "  legacy                     discarded",
        "  BuildKit, docker build     kept",
        "  buildah, buildah --layers  discarded until 1.28.2, kept since 1.39.3",
        "  podman build               discarded until 4.3.1, kept since 5.4.2",
    ]


def test_a_question_is_a_line_in_a_pipe(volume: tuple[Book, Matrix]) -> None:
    made = volume[1]
    lines = answer_table(made, made.rows, PLAIN).splitlines()[2:]
    assert [line.split()[0] for line in lines] == [row.case for row in made.rows]
    assert all(row.question in text for row, text in zip(made.rows, lines, strict=True))


def test_a_page_folds_what_is_below_the_table(volume: tuple[Book, Matrix]) -> None:
    book, made = volume
    text = page(made, book.groups, "volume")
    assert text.count("<details>") == text.count("</details>") == 2
    assert text.index("Does RUN keep") < text.index("<details>")
