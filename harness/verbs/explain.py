"""`explain`: a case line by line, from stored results or from disk."""

from __future__ import annotations

from pathlib import Path

import click

from harness.book.book import open_book
from harness.cases.case import Case
from harness.cases.selection import select
from harness.errors import UsageError
from harness.measure import overlay2
from harness.measure.build_case import Built
from harness.provision.events import Event
from harness.provision.settings import Settings
from harness.report import explain as report
from harness.report.explain_record import explain_record
from harness.results.record import encode
from harness.session import opened
from harness.targets.selector import matches
from harness.verbs import options, output, places


@click.command
@click.argument("case_id", metavar="CASE")
@click.option(
    "--on-disk",
    is_flag=True,
    help="Build it on an engine of this machine and show the overlay2 directories.",
)
@options.engine
@options.target
@output.text_or_json
@places.cases
@places.results
def command(
    *,
    case_id: str,
    on_disk: bool,
    engines: tuple[str, ...],
    targets: tuple[str, ...],
    form: str,
    root: Path,
    results: Path | None,
) -> None:
    """Show a case line by line: the layer of each line, its files, who agrees.

    \b
    Examples:
      layer-harness explain article/repeated-lines
      layer-harness explain article/repeated-lines --on-disk -t legacy
    """  # noqa: D301  # click's mark
    folder = places.results_folder(root, results)
    book = open_book(root, folder)
    patterns = options.selectors(targets, book.builders)
    chosen = select(book.files, [case_id])
    if len(chosen) != 1:
        raise UsageError(
            f"`{case_id}` is a group",
            hint="name one of " + ", ".join(case.id for case in chosen),
        )
    case = book.case(chosen[0].id)
    if on_disk and form == "json":
        raise UsageError("--on-disk has no JSON", hint="leave one of them out")
    if on_disk:
        _on_disk(case, engines, targets)
        return
    judged = book.judged(case.id)
    found = {
        target.id: judged[target.id]
        for target in book.targets
        if matches(patterns, target) and target.id in judged
    }
    if not found:
        raise UsageError(
            f"{case.id} is not measured", hint=f"layer-harness run {case.id}"
        )
    if form == "json":
        output.show(encode(explain_record(case, found, book.builders)))
        return
    stale = [name for name, each in found.items() if each.case_digest != case.digest]
    if stale:
        click.echo(f"measured before the case was changed: {', '.join(stale)}\n")
    output.show(report.explain(case, found, book.builders, output.screen()))


def _on_disk(case: Case, names: tuple[str, ...], targets: tuple[str, ...]) -> None:
    """Build a case and show the overlay2 directories of what came out."""
    settings = Settings(engines=names, selectors=targets, on_disk=True)
    with opened(settings, _hear) as session:
        for done in session.run((case, each) for each in session.targets):
            if done.error is not None:
                raise done.error
            if done.judged and done.judged.reason:
                click.echo(f"{done.target.id} cannot build it: {done.judged.reason}\n")
            measured = done.measured.measurement if done.measured else None
            for built in measured.run.built if measured else ():
                click.echo(f"{case.id}, build `{built.name}` on {done.target.id}\n")
                output.show(_directories(built))
                click.echo()


def _directories(built: Built) -> str:
    if built.image is None:
        return f"fails: {built.transcript.error}\n"
    if built.directories is None:
        return (
            "no overlay2 directories can be read here: that takes root, and an engine "
            "on this machine with that storage driver\n"
        )
    ids = [layer.diff_id for layer in built.image.layers]
    record = overlay2.compare(built.directories, built.image.layers)
    return report.on_disk(built.directories, ids, record, output.screen())


def _hear(event: Event) -> None:
    click.echo(event.text, err=True)
