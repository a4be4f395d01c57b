"""`run`: pytest with our plugin and our names for its options."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext, redirect_stdout
from dataclasses import replace
from importlib import resources
from itertools import takewhile
from pathlib import Path

import click
import pytest

from harness.cases.case import load_cases, load_groups
from harness.cases.selection import select
from harness.errors import CaseError
from harness.provision.settings import DEFAULTS, Settings
from harness.report.matrix_record import matrix_json
from harness.results import disk
from harness.run.options import Caller
from harness.verbs import options, output, places


@click.command(context_settings={"ignore_unknown_options": False})
@click.argument("words", nargs=-1, metavar="[CASE|GROUP]... [-- PYTEST-OPTION...]")
@options.engine
@options.target
@options.on
@options.builders
@options.every
@options.memory
@options.bounds
@places.group
@click.option("-k", "keyword", help="Only items whose name matches, like pytest's -k.")
@click.option("--tag", "tags", multiple=True, help="Only cases with this tag.")
@click.option(
    "-n",
    "jobs",
    type=click.IntRange(0),
    default=None,
    help="Number of builds at a time.",
)
@click.option("--base", default="", help="Image to use as BASE instead of our own.")
@click.option(
    "--limit",
    type=float,
    default=DEFAULTS.limit,
    show_default=True,
    help="Seconds that one build may take.",
)
@click.option(
    "--repeat",
    type=click.IntRange(1),
    default=1,
    help="Build each case this often, to find noise.",
)
@click.option(
    "--fresh",
    is_flag=True,
    help="Build all again, also what is fresh: the same case, versions, base, rules.",
)
@click.option(
    "--missing",
    is_flag=True,
    help="Build only what has no result, whatever versions the others are of.",
)
@click.option("-x", "--exitfirst", is_flag=True, help="Stop at the first failure.")
@click.option("--lf", is_flag=True, help="Only what failed in the last run.")
@click.option(
    "--junitxml",
    type=click.Path(path_type=Path),
    help="Write a JUnit report to this file.",
)
@output.text_or_json
@places.own_cases
@places.results
def command(
    *,
    words: tuple[str, ...],
    engines: tuple[str, ...],
    targets: tuple[str, ...],
    builders: tuple[Path, ...],
    on: str,
    every: bool,
    memory: float,
    bounds: str,
    groups: tuple[str, ...],
    keyword: str | None,
    tags: tuple[str, ...],
    jobs: int | None,
    base: str,
    limit: float,
    repeat: int,
    fresh: bool,
    missing: bool,
    exitfirst: bool,
    lf: bool,
    junitxml: Path | None,
    form: str,
    root: Path,
    results: Path | None,
) -> int:
    """Build cases on targets, check them, write results, print the matrix.

    \b
    Examples:
      layer-harness run                              all cases, both builders
      layer-harness run article copy/into-new-dir    a group and a case
      layer-harness run -t buildkit -n 4             one builder, four at a time
      layer-harness run -e bookworm -e default       two engines in one matrix
      layer-harness run --all -t '*+containerd'      all that is here, of one store
      layer-harness run --lf -- --maxfail=3          what failed, and pytest's options
    """  # noqa: D301  # click's mark
    names = list(takewhile(lambda each: not each.startswith("-"), words))
    extra = words[len(names) :]
    folder = places.results_folder(root, results)
    settings = Settings(
        engines=engines,
        selectors=targets,
        builders=builders,
        every=every,
        on=on,
        base=base,
        memory=memory,
        bounds=bounds,
        limit=limit,
        repeat=repeat,
        results=folder,
        fresh=fresh,
        missing=missing,
    )
    offered = options.check(settings)
    # Read here too, so that a mistake in it costs no engine's start.
    load_groups(root)
    known = load_cases(root, disk.builders(folder, offered))
    chosen = select(known, [*names, *groups])
    if tags:
        chosen = [case for case in chosen if set(tags) & set(case.tags)]
    if not chosen:
        raise CaseError("no case matches", hint="layer-harness list shows all of them")
    caller = Caller(replace(settings, jobs=options.parallel(jobs, len(chosen))), chosen)
    # what is JSON has standard output for itself
    aside = redirect_stdout(sys.stderr) if form == "json" else nullcontext()
    code = _pytest_on(
        root,
        caller,
        [root] if len(chosen) == len(known) else [each.path for each in chosen],
        [
            *(["-k", keyword] if keyword else []),
            *(["-x"] if exitfirst else []),
            *(["--lf"] if lf else []),
            *([f"--junitxml={junitxml}"] if junitxml else []),
            *extra,
        ],
        aside,
    )
    if code == pytest.ExitCode.NO_TESTS_COLLECTED:
        raise CaseError("no case matches", hint="check -k, --tag and --lf")
    if form == "json" and caller.matrix is not None:
        output.show(matrix_json(caller.matrix))
    return code


def _pytest_on(
    root: Path,
    caller: Caller,
    paths: Sequence[Path],
    arguments: Sequence[str],
    aside: AbstractContextManager[object],
) -> int:
    """Run pytest on `paths`, which have the caller's cases; gives its exit code.

    Raises what kept it from starting, KeyboardInterrupt when it was interrupted. What
    pytest prints goes where `aside` has it go.
    """
    words = [*map(str, paths), *_pytest_options(root, caller.settings), *arguments]
    with aside:
        code = int(pytest.main(words, plugins=[caller]))
    if caller.error is not None:
        raise caller.error
    if code == pytest.ExitCode.INTERRUPTED:
        # pytest's code for it is ours for a mistake in a case or an option.
        raise KeyboardInterrupt
    return code


def _pytest_options(root: Path, settings: Settings) -> list[str]:
    """Keep pytest to its part: no configuration of the folder's, no report but ours."""
    ini = resources.files("harness") / "data" / "pytest.ini"
    scratch = places.results_folder(root, settings.results).parent / ".layer-harness"
    several = ["-n", str(settings.workers), "--dist=load", "--maxschedchunk=1"]
    return [
        "-p",
        "layer-harness",
        "-c",
        str(ini),
        f"--rootdir={root.resolve().parent}",
        "-o",
        f"cache_dir={scratch / 'pytest'}",
        "-q",
        "--no-header",
        # Nothing of ours is asserted with `assert`; rewriting it takes a second.
        "--assert=plain",
        # Cases print and log nothing that pytest could catch.
        "--capture=no",
        *("-p", "no:logging"),
        # They look for what tests leave, and collect garbage five times for it.
        *("-p", "no:unraisableexception", "-p", "no:threadexception"),
        *("-p", "no:hypothesispytest"),
        "--tb=no",
        "-rN",
        *(several if settings.jobs > 1 else ["-p", "no:xdist"]),
    ]
