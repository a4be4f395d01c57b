"""`matrix`: tabulate the results that are there."""

from __future__ import annotations

from pathlib import Path

import click

from harness.book.book import open_book
from harness.cases.selection import select
from harness.errors import UsageError
from harness.report.files import write_matrix
from harness.report.matrix_record import matrix_json
from harness.report.text import markdown, terminal
from harness.targets.selector import matches
from harness.verbs import options, output, places


@click.command
@click.argument("words", nargs=-1, metavar="[CASE|GROUP]...")
@places.group
@options.target
@places.output
@click.option(
    "--detail",
    is_flag=True,
    help="Show also which targets make the same image, and where they differ.",
)
@click.option("--exit-code", is_flag=True, help="Exit with 1 if targets differ.")
@click.option(
    "--write",
    is_flag=True,
    help="Write matrix.json and the pages beside the results, as a run does.",
)
@places.cases
@places.results
def command(
    *,
    words: tuple[str, ...],
    groups: tuple[str, ...],
    targets: tuple[str, ...],
    form: str,
    detail: bool,
    exit_code: bool,
    write: bool,
    root: Path,
    results: Path | None,
) -> int:
    """Tabulate stored results: cases by targets, claims, divergences in words.

    \b
    Examples:
      layer-harness matrix                        all that was measured
      layer-harness matrix -g article             the article, claim by claim
      layer-harness matrix copy -t '*@20.10'      one group, one version
      layer-harness matrix --format json | jq .rows
    """  # noqa: D301  # click's mark
    if write and (words or groups or targets):
        raise UsageError("--write writes the whole matrix", hint="leave the choice out")
    folder = places.results_folder(root, results)
    book = open_book(root, folder)
    patterns = options.selectors(targets, book.builders)
    cases = select(book.files, [*words, *groups])
    columns = [each for each in book.targets if matches(patterns, each)]
    matrix = book.matrix({each.id for each in cases}, columns)
    if not columns:
        raise UsageError(
            "no results to tabulate", where=str(folder), hint="layer-harness run"
        )
    headings = book.groups
    if write:
        write_matrix(folder, matrix, headings, book.behaviours, book.builders)
    text = {
        "text": lambda: terminal(
            matrix, headings, detail=detail, screen=output.screen()
        ),
        "markdown": lambda: markdown(matrix, headings),
        "json": lambda: matrix_json(matrix).decode(),
    }[form]()
    output.show(text)
    apart = exit_code and any(not row.agrees for row in matrix.rows)
    return int(not matrix.is_as_expected or apart)
