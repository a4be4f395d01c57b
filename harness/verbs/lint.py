"""`lint`: check cases without an engine."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cases.case import find_cases
from harness.cases.lint import lint
from harness.provision.known_targets import known_targets
from harness.report.counts import count
from harness.results import disk
from harness.verbs import options, places


@click.command
@places.cases
def command(*, root: Path) -> int:
    """Check all cases without an engine. Exit code 2 if there is a mistake.

    A selector has to name a target of the catalogue, or one in results/ beside the
    cases.

    \b
    Example:
      layer-harness lint --cases my-cases
    """  # noqa: D301  # click's mark
    folder = places.results_folder(root, None)
    builders = options.measured(folder)
    # What was measured can be named, though it is in no catalogue.
    targets = dict.fromkeys((*known_targets(), *disk.targets(folder, builders)))
    mistakes = list(lint(root, builders, list(targets)))
    for each in mistakes:
        click.echo(each)
    if mistakes:
        click.echo(count(len(mistakes), "mistake"))
        return 2
    click.echo(f"{len(find_cases(root))} cases, no mistakes")
    return 0
