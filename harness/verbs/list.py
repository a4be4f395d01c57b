"""`list`: the cases, groups, targets or noise rules there are, one a line."""

from __future__ import annotations

import importlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

import click

from harness.book.book import open_book
from harness.book.contents import CaseEntry, known_entries
from harness.book.ingredients import ingredients
from harness.cases.selection import select
from harness.report.tables import table
from harness.report.verb_records import ListedCase, ListedGroup, ListedTarget
from harness.results.record import encode
from harness.terminal.screen import Screen
from harness.verbs import output, places

Listed = ListedCase | ListedGroup | ListedTarget


@click.command(name="list")
@click.argument(
    "what",
    type=click.Choice(["cases", "groups", "targets"]),
    default="cases",
    required=False,
)
@click.option(
    "-k",
    "keyword",
    default="",
    help="Only ids that contain this; for cases, also titles, reasons and tags.",
)
@click.option("--tag", "tags", multiple=True, help="Only cases with this tag.")
@click.option("-q", "--quiet", is_flag=True, help="Print ids only, for use in a pipe.")
@click.option(
    "--all",
    "every",
    is_flag=True,
    help="Include the targets of Docker's engine images.",
)
@places.group
@places.output
@places.cases
@places.results
def command(
    *,
    what: str,
    keyword: str,
    tags: tuple[str, ...],
    quiet: bool,
    every: bool,
    groups: tuple[str, ...],
    form: str,
    root: Path,
    results: Path | None,
) -> None:
    """List cases, groups, or targets with their state.

    \b
    Examples:
      layer-harness list
      layer-harness list -g copy -q | xargs layer-harness run
      layer-harness list targets --format json
    """  # noqa: D301  # click's mark
    folder = places.results_folder(root, results)
    rows = {
        "cases": lambda: _cases(root, folder, groups, tags, keyword),
        "groups": lambda: _groups(root, folder),
        "targets": lambda: _targets(folder, every=every or form == "json"),
    }[what]()
    # `_cases` has looked for the keyword already, in more than the ID
    chosen = [row for row in rows if what == "cases" or keyword in row.id]
    if quiet:
        output.show("\n".join(row.id for row in chosen if row.id))
    elif form == "json":
        output.show(encode(chosen))
    else:
        output.show(_table(chosen, None if form == "markdown" else output.screen()))
    if what == "targets" and not (every or quiet or form == "json"):
        click.echo(
            "\n--all also lists the targets of docker:VERSION-dind (-e docker:27-dind)",
            err=True,
        )


def _cases(
    root: Path,
    folder: Path,
    groups: tuple[str, ...],
    tags: tuple[str, ...],
    words: str,
) -> Sequence[Listed]:
    return [
        ListedCase(id=each.id, title=each.summary.title)
        for each in select(_entries(root, folder), groups)
        if (not tags or set(tags) & set(each.summary.tags)) and each.speaks_of(words)
    ]


def _entries(root: Path, folder: Path) -> tuple[CaseEntry, ...]:
    found = known_entries(root, ingredients(root, folder))
    return open_book(root, folder).entries if found is None else found


def _groups(root: Path, folder: Path) -> Sequence[Listed]:
    book = open_book(root, folder)
    counts = Counter(each.group for each in book.entries)
    return [
        ListedGroup(id=name, title=group.title, cases=counts[name])
        for name, group in book.groups.items()
    ]


def _targets(folder: Path, *, every: bool) -> Sequence[Listed]:
    # Imported here as `cli` imports a verb: it looks for engines, and with docker-py
    # and paramiko it would double the start-up time of `list` (0.22 s to 0.48 s).
    module = importlib.import_module("harness.verbs.listed_targets")
    rows: Sequence[Listed] = module.listed_targets(folder, every=every)
    return rows


def _table(rows: Sequence[Listed], screen: Screen | None) -> str:
    """Write the rows with what each record has, but a yes where that says nothing."""
    heads = [each.name for each in fields(rows[0])] if rows else ["id", "title"]
    cells = [[_cell(getattr(row, name)) for name in heads] for row in rows]
    # an ID is to be copied, so it stays whole
    return table(screen, heads, cells, whole=[0])


def _cell(value: object) -> object:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else value
