"""`list`: the cases, groups, targets or noise rules there are, one a line."""

from __future__ import annotations

import importlib
import json
from pathlib import Path

import click
from tabulate import tabulate

from harness.cases.case import load_cases, load_groups, select
from harness.engines.roots import cache_folder
from harness.results import disk
from harness.targets.registry import Builders
from harness.verbs import options


@click.command(name="list")
@click.argument(
    "what",
    type=click.Choice(["cases", "groups", "targets"]),
    default="cases",
    required=False,
)
@click.option("-k", "keyword", default="", help="Only ids that contain this.")
@click.option("--tag", "tags", multiple=True, help="Only cases with this tag.")
@click.option("-q", "--quiet", is_flag=True, help="Ids alone, for a pipe.")
@click.option(
    "--all", "every", is_flag=True, help="Targets of Docker's images of engines too."
)
@options.group
@options.output
@options.cases
@options.results
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
    """List cases, groups, or targets with what is to be done for each.

    \b
    Examples:
      layer-harness list
      layer-harness list -g copy -q | xargs layer-harness run
      layer-harness list targets --format json
    """  # noqa: D301  # click's mark
    folder = options.results_folder(root, results)
    known = options.measured(folder)
    rows = {
        "cases": lambda: _cases(root, known, groups, tags),
        "groups": lambda: _groups(root, known),
        "targets": lambda: _targets(folder, known, every=every or form == "json"),
    }[what]()
    chosen = [row for row in rows if keyword in row["id"]]
    if quiet:
        text = "\n".join(row["id"] for row in chosen if row["id"])
    elif form == "json":
        text = json.dumps(chosen, indent=1, sort_keys=True)
    else:
        style = "github" if form == "markdown" else "plain"
        text = tabulate(chosen, headers="keys", tablefmt=style)
    click.echo(text)
    if what == "targets" and not (every or quiet or form == "json"):
        click.echo(
            "\nand those of docker:VERSION-dind (-e docker:27-dind): --all lists them",
            err=True,
        )


def _cases(
    root: Path, known: Builders, groups: tuple[str, ...], tags: tuple[str, ...]
) -> list[dict[str, str]]:
    return [
        {"id": case.id, "title": case.title}
        for case in select(load_cases(root, known), groups)
        if not tags or set(tags) & set(case.tags)
    ]


def _groups(root: Path, known: Builders) -> list[dict[str, str]]:
    counts: dict[str, int] = {}
    for case in load_cases(root, known):
        counts[case.group] = counts.get(case.group, 0) + 1
    return [
        {"id": name, "title": group.title, "cases": str(counts.get(name, 0))}
        for name, group in load_groups(root).items()
    ]


def _targets(folder: Path, known: Builders, *, every: bool) -> list[dict[str, str]]:
    """List the targets with their state; what has results only is here by them.

    Those of the many images of engines are there with `every` only.
    """
    # Looking for engines takes the docker SDK, and listing cases shall start quickly.
    survey = importlib.import_module("harness.provision.survey")
    counts = disk.counts(folder, known)
    measured = {target: str(count) for target, count in counts.items()}
    rows = [
        {
            "id": each.target,
            "engine": each.engine,
            "state": each.state if each.measured else f"{each.state} (not measured)",
            "why": each.why,
            "results": measured.pop(each.target, ""),
        }
        for each in survey.survey(cache_folder())
        if every or not each.image
    ]
    rows += [
        {
            "id": name,
            "engine": "elsewhere",
            "state": "results only",
            "why": "",
            "results": count,
        }
        for name, count in measured.items()
    ]
    return rows
