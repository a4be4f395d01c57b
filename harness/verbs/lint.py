"""`lint`: check cases without an engine, and their answers against stored results."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import click

from harness.book.book import Book, open_book
from harness.cases.find import find_cases
from harness.cases.lint import lint
from harness.cases.selection import select
from harness.judge import unanswered
from harness.provision.known_targets import known_targets
from harness.report.counts import count
from harness.report.verb_records import LintRecord
from harness.results import disk
from harness.results.record import encode
from harness.terminal.layout import paragraph
from harness.verbs import options, output, places

_STATES: tuple[unanswered.State, ...] = (
    "answered",
    "unanswered",
    "ambiguous",
    "not told",
)


@click.command
@click.option(
    "--results",
    "with_results",
    is_flag=True,
    help="Check also that each measured target gives one answer to each question.",
)
@output.text_or_json
@places.group
@places.own_cases
def command(
    *, with_results: bool, form: str, groups: tuple[str, ...], root: Path
) -> int:
    """Check all cases without an engine. Exit code 2 if there is a mistake.

    A selector has to name a target of the catalogue, or one in results/ beside the
    cases. With --results, -g takes groups and cases: only their answers are checked.

    \b
    Examples:
      layer-harness lint --cases my-cases
      layer-harness lint --results -g volume
    """  # noqa: D301  # click's mark
    folder = places.results_folder(root, None)
    builders = options.measured(folder)
    # What was measured can be named, though it is in no catalogue.
    targets = dict.fromkeys((*known_targets(), *disk.targets(folder, builders)))
    mistakes = list(lint(root, builders, list(targets)))
    states: Counter[unanswered.State] = Counter()
    if with_results and not mistakes:
        mistakes = list(_answers(open_book(root, folder), groups, states))
    found = LintRecord(
        cases=len(find_cases(root)),
        mistakes=tuple(mistakes),
        answers={each: states[each] for each in _STATES} if with_results else None,
    )
    if form == "json":
        output.show(encode(found))
    else:
        _tell(found)
    return 2 if mistakes else 0


def _tell(found: LintRecord) -> None:
    screen = output.screen()
    for each in found.mistakes:
        output.show(paragraph(screen, each, "", "  "))
    if found.answers is not None:
        told = [f"{number} {state}" for state, number in found.answers.items()]
        click.echo(f"questions: {', '.join(told)}")
    if found.mistakes:
        click.echo(count(len(found.mistakes), "mistake"))
    else:
        click.echo(f"{found.cases} cases, no mistakes")


def _answers(
    book: Book, groups: tuple[str, ...], states: Counter[unanswered.State]
) -> Iterator[str]:
    """Find what the cases' answers do not fit; counts how their cells come out."""
    for each in select(book.files, groups):
        case = book.case(each.id)
        if case.answers:
            judged = book.judged(each.id)
            states.update(unanswered.states(judged))
            yield from unanswered.mistakes(case, judged, book.builders)
