"""`explain`: a case line by line, from stored results or from disk."""

from __future__ import annotations

from pathlib import Path

import click

from harness.book.stored import base_views, stored
from harness.builders.records import standard_builders
from harness.cases.case import Case, load_cases, select
from harness.engines.address import connect
from harness.engines.roots import cache_folder
from harness.errors import UsageError
from harness.images.base import from_archive
from harness.measure import overlay2
from harness.measure.base_copies import loaded, new_base
from harness.measure.build_case import run
from harness.measure.open_target import Site
from harness.provision import sources
from harness.provision.plan import choose
from harness.report import explain as report
from harness.results import disk
from harness.targets.selector import matches
from harness.verbs import options


@click.command
@click.argument("case_id", metavar="CASE")
@click.option(
    "--on-disk",
    is_flag=True,
    help="Build it on an engine of this machine and show the overlay2 directories.",
)
@options.engine
@options.target
@options.cases
@options.results
def command(
    *,
    case_id: str,
    on_disk: bool,
    engines: tuple[str, ...],
    targets: tuple[str, ...],
    root: Path,
    results: Path | None,
) -> None:
    """Tell a case line by line: the layer each line made, its files, who agrees.

    \b
    Examples:
      layer-harness explain article/repeated-lines
      layer-harness explain article/repeated-lines --on-disk -t legacy
    """  # noqa: D301  # click's mark
    folder = options.results_folder(root, results)
    known = options.measured(folder)
    patterns = options.selectors(targets, known)
    chosen = select(load_cases(root, known), [case_id])
    if len(chosen) != 1:
        raise UsageError(
            f"`{case_id}` is a group",
            hint="name one of " + ", ".join(case.id for case in chosen),
        )
    case = chosen[0]
    if on_disk:
        _on_disk(case, engines, targets)
        return
    judged = stored(folder, case, base_views(folder), known)
    found = {
        target.id: judged[target.id]
        for target in disk.targets(folder, known)
        if matches(patterns, target) and target.id in judged
    }
    if not found:
        raise UsageError(
            f"{case.id} is not measured", hint=f"layer-harness run {case.id}"
        )
    stale = [name for name, each in found.items() if each.case_digest != case.digest]
    if stale:
        click.echo(f"measured before the case was changed: {', '.join(stale)}\n")
    click.echo(report.explain(case, found, known))


def _on_disk(case: Case, names: tuple[str, ...], targets: tuple[str, ...]) -> None:
    cache = cache_folder()
    offered = sources.find(names, cache, _say)
    by_name = {each.name: each for each in offered}
    with sources.workspace(cache) as folder:
        archive = folder / "base.tar"
        sources.save_base(None, (), cache, archive, _say)
        base = from_archive(archive)
        for seat in choose(offered, targets, standard_builders()):
            target = seat.target
            with sources.start(by_name[seat.engine], cache, _say) as engine:
                client = connect(engine.address, timeout=120)
                shared = new_base()
                site = Site(
                    target=target,
                    engine=engine,
                    client=client,
                    base=base,
                    shared=shared,
                    limit=300,
                )
                with loaded(client, base, shared):
                    measured = run(case, site, on_disk=True)
            for built in measured.built:
                click.echo(f"{case.id}, build `{built.name}` on {target.id}\n")
                if built.image is None:
                    click.echo(f"fails: {built.transcript.error}\n")
                elif built.directories is None:
                    click.echo(
                        "no overlay2 directories can be read here: that takes root, "
                        "and an engine on this machine with that storage driver\n"
                    )
                else:
                    ids = [layer.diff_id for layer in built.image.layers]
                    record = overlay2.compare(built.directories, built.image.layers)
                    click.echo(report.on_disk(built.directories, ids, record))


def _say(text: str) -> None:
    click.echo(text, err=True)
