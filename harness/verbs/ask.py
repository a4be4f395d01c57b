"""`ask`: find questions by words, and print their answers."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path

import click

from harness.book import published
from harness.book.book import open_book
from harness.book.contents import known_behaviours
from harness.book.ingredients import ingredients
from harness.documents import regular_file
from harness.errors import ResultError, UsageError
from harness.judge.behaviour import Behaviour
from harness.judge.behaviours_file import read_behaviours
from harness.judge.questions import find, known_words
from harness.report.answers import answers
from harness.report.behaviours_record import behaviours_json
from harness.terminal.layout import paragraph
from harness.verbs import output, places


@click.command
@click.argument("words", nargs=-1, required=True)
@click.option(
    "-n",
    "--most",
    type=click.IntRange(min=1),
    default=3,
    show_default=True,
    help="Print at most so many questions with their answers.",
)
@output.text_or_json
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@places.cases
@places.results
def command(
    *,
    words: tuple[str, ...],
    most: int,
    form: str,
    as_json: bool,
    root: Path,
    results: Path | None,
) -> None:
    """Find a question by words, in any order, and print what each builder does.

    \b
    Examples:
      layer-harness ask volume run
      layer-harness ask "chown name missing"
    """  # noqa: D301  # click's mark
    every = _behaviours(root, results)
    asked = " ".join(words)
    found = find(every, asked)
    if not found:
        raise UsageError(
            f"no question has the words `{asked}`", hint=_hint(words, every)
        )
    if as_json or form == "json":
        output.show(behaviours_json(each.behaviour for each in found))
        return
    if lacks := found[0].lacks:
        click.echo(f"No question has all words; these lack {', '.join(lacks)}.\n")
    screen = output.screen()
    output.show(answers((each.behaviour for each in found[:most]), screen))
    if rest := found[most:]:
        click.echo(f"\n\nand {len(rest)} more, such as:")
        for each in rest[:8]:
            told = each.behaviour.question or each.behaviour.title
            output.show(paragraph(screen, told, "  ", "    "))
        click.echo("Give more words, or -n with a greater number.")


def _behaviours(root: Path, results: Path | None) -> tuple[Behaviour, ...]:
    """Give all questions, as they were made before where nothing has changed."""
    folder = places.results_folder(root, results)
    if root == published.cases() and results is None:
        place = folder / "behaviours.json"
        body = regular_file.read(place, most=regular_file.WRITTEN, error=ResultError)
        return read_behaviours(body)
    known = known_behaviours(root, ingredients(root, folder))
    return open_book(root, folder).behaviours if known is None else known


def _hint(words: tuple[str, ...], every: tuple[Behaviour, ...]) -> str:
    known = known_words(every)
    near = [
        match
        for word in words
        for match in get_close_matches(word.casefold(), known, n=1)
    ]
    meant = f"did you mean `{' '.join(near)}`? " if near else ""
    return f"{meant}`layer-harness list` shows all cases"
