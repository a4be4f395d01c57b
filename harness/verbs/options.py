"""Options that several verbs share."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import click

from harness.builders.records import builders_of, known_records, standard_builders
from harness.engines import bounds as engine_bounds
from harness.errors import UsageError
from harness.provision.settings import DEFAULTS, Settings
from harness.results import disk
from harness.targets.registry import Builders
from harness.targets.selector import Selector, parse_selector

#: More at a time than this gains nothing on two cores (benchmarks/overhead.py).
PER_CORE = 2

engine = click.option(
    "-e",
    "--engine",
    "engines",
    multiple=True,
    metavar="ENGINE",
    help="default, bookworm, trixie+containerd, docker:27-dind, unix:///..., "
    "tcp://..., ssh://..., context:NAME; repeatable.",
)
target = click.option(
    "-t",
    "--target",
    "targets",
    multiple=True,
    metavar="SELECTOR",
    help="docker@28, legacy, buildkit@>=23, *+containerd, !legacy@20.10; repeatable.",
)
on = click.option(
    "--on",
    default="",
    metavar="ENGINE",
    help="Engine on which engines in containers (docker:27-dind) run.",
)
builders = click.option(
    "--builders",
    "builders",
    multiple=True,
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="File with records of other builders (see CONTRIBUTING.md); repeatable.",
)
every = click.option(
    "--all",
    "every",
    is_flag=True,
    help="Use every engine that can run here, one after the other.",
)
memory = click.option(
    "--memory",
    type=click.FloatRange(1),
    default=DEFAULTS.memory,
    show_default=True,
    help="GiB of memory for our own engines; two run at a time if it is enough.",
)
bounds = click.option(
    "--bounds",
    default=DEFAULTS.bounds,
    metavar="NAME=NUMBER,...",
    help="What an engine's builds, or a builder's command, may take: processes=20000, "
    "memory=16 (GiB), cpus=2, or `none`. Default: 4,096 processes or more, and a part "
    "of the machine's memory.",
)


def check(settings: Settings) -> Builders:
    """Refuse selectors, bounds and records that are none, and engines beside `--all`.

    Gives the builders that can be asked for: those of the files too. One that has
    `results` only cannot, and is told apart from one that is unknown.
    """
    engine_bounds.check(settings.bounds)
    known = builders_of(known_records(settings.builders).values())
    if settings.results is not None:
        found = disk.builders(settings.results, known)
        _need_records(settings.selectors, known, found)
    selectors(settings.selectors, known)
    if settings.every and settings.engines:
        raise UsageError(
            "--all means every engine, and -e names some",
            hint="give one of them; -t chooses among the targets of --all",
        )
    return known


def _need_records(targets: Sequence[str], known: Builders, stored: Builders) -> None:
    """Refuse selectors of builders that are known from their results alone."""
    unknown = [each for name, each in stored.items() if name not in known]
    for selector in map(parse_selector, targets):
        named = [each.name for each in unknown if selector.names(each)]
        if named and not any(map(selector.names, known.values())):
            raise UsageError(
                f"`{named[0]}` has results here, and building takes its record",
                hint="give the file that has it: --builders FILE",
            )


def selectors(targets: Sequence[str], known: Builders) -> list[Selector]:
    """Read the selectors of `-t`; UsageError for one that names nothing known."""
    found = [parse_selector(each) for each in targets]
    for each in found:
        known.check(each)
    return found


def measured(results: Path) -> Builders:
    """Give the builders that come with the package, and those that have results."""
    return disk.builders(results, standard_builders())


def parallel(jobs: int | None, cases: int) -> int:
    """Say how many cases are built at a time; by the cores if None."""
    cores = os.cpu_count() or 1
    return max(1, min(PER_CORE * cores, cases) if jobs is None else jobs)
