"""`diff`: what differs between two folders of results, or between two targets."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from harness.book.book import open_book
from harness.book.stored import base_views, stored
from harness.builders.records import standard_builders
from harness.cases.case import Case, load_cases
from harness.cases.selection import select
from harness.errors import UsageError
from harness.judge.comparison import Comparison, of_runs
from harness.judge.verdict import Judged
from harness.measure.observation import View
from harness.report.diff import terminal
from harness.results import disk
from harness.results.record import encode
from harness.targets import names
from harness.targets.registry import Builders
from harness.targets.selector import matches
from harness.verbs import options, output, places


@click.command
@click.argument("before")
@click.argument("after")
@click.argument("words", nargs=-1, metavar="[CASE|GROUP]...")
@places.group
@options.target
@output.text_or_json
@click.option("--exit-code", is_flag=True, help="Exit with 1 if something differs.")
@places.cases
@places.results
def command(
    *,
    before: str,
    after: str,
    words: tuple[str, ...],
    groups: tuple[str, ...],
    targets: tuple[str, ...],
    form: str,
    exit_code: bool,
    root: Path,
    results: Path | None,
) -> int:
    """Compare two runs by their folders of results, or two targets of one run.

    Runs are compared to the byte; targets by what they build, as in the matrix.

    \b
    Examples:
      layer-harness diff results /tmp/again            is it reproducible?
      layer-harness diff docker@20.10 docker@28              what would change?
      layer-harness diff legacy@20.10.24 buildkit@28.5.2     of these targets alone
      layer-harness diff buildah@1.28.2+vfs buildah@1.43.2+vfs copy
    """  # noqa: D301  # click's mark
    sides = Path(before), Path(after)
    folder = places.results_folder(root, results)
    folders = sides if all(each.is_dir() for each in sides) else (folder,)
    if folders == sides:
        known = standard_builders()
        for each in folders:
            known = disk.builders(each, known)
        cases = select(load_cases(root, known), [*words, *groups])
        patterns = options.selectors(targets, known)
        ids = [
            [t.id for t in disk.targets(each, known) if matches(patterns, t)]
            for each in sides
        ]
        found = _runs(before, after, cases, ids, known)
        every = list(dict.fromkeys(ids[0] + ids[1]))
    else:
        book = open_book(root, folder)
        known = book.builders
        every = [each.id for each in book.targets]
        _need_targets((before, after), targets)
        one, other = (names.one(each, known, book.targets) for each in (before, after))
        chosen = {each.id for each in select(book.files, [*words, *groups])}
        found = book.compared(one.id, other.id, chosen)
    if form == "json":
        output.show(encode(found))
    else:
        output.show(terminal(found, every, known, screen=output.screen()))
    return int(exit_code and found.different > 0)


def _runs(
    before: str,
    after: str,
    cases: Sequence[Case],
    ids: Sequence[Sequence[str]],
    known: Builders,
) -> Comparison:
    bases: dict[str, dict[str, View | None]] = {}

    def side(folder: str, case: Case, wanted: Sequence[str]) -> dict[str, Judged]:
        if folder not in bases:
            bases[folder] = base_views(Path(folder))
        found = stored(Path(folder), case, bases[folder], known)
        return {each: found[each] for each in wanted if each in found}

    return of_runs(
        before,
        after,
        (
            (case, side(before, case, ids[0]), side(after, case, ids[1]))
            for case in cases
        ),
    )


def _need_targets(sides: tuple[str, str], chosen: Sequence[str]) -> None:
    """Refuse a folder where two targets are compared."""
    if chosen:
        raise UsageError(
            "-t is for comparing two folders, but two targets are named",
            hint="leave -t out",
        )
    for name, other in (sides, sides[::-1]):
        if Path(name).is_dir():
            raise UsageError(
                f"`{name}` is a folder of results, but `{other}` is not",
                hint="name two folders, or two targets",
            )
