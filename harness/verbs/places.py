"""Options that say which cases, which results, and in which form to print.

Apart from those that need builders, so that listing cases loads nothing else.
"""

from __future__ import annotations

from pathlib import Path

import click

from harness.book import published


def _found(
    context: click.Context,  # noqa: ARG001  # click gives it by position
    parameter: click.Parameter,  # noqa: ARG001  # likewise
    root: Path | None,
) -> Path:
    """Give the folder that is named, or `cases` here, or the published cases."""
    here = Path("cases")
    if root is not None or (here / "groups.toml").is_file():
        return root or here
    return published.cases() or here


_FOLDER = click.Path(path_type=Path, file_okay=False)
#: Cases to read: those of a folder, or those that come with the package.
cases = click.option(
    "--cases",
    "root",
    type=_FOLDER,
    callback=_found,
    help="Folder of cases (with groups.toml). Default: cases/ here, or else the "
    "published cases with their results.",
)
#: Cases to build or to check, whose results are written beside them.
own_cases = click.option(
    "--cases",
    "root",
    type=_FOLDER,
    default=Path("cases"),
    show_default=True,
    help="Folder of cases (with groups.toml).",
)
results = click.option(
    "--results",
    type=click.Path(path_type=Path, file_okay=False),
    default=None,
    help="Folder of results. Default: results/ beside the cases.",
)
group = click.option(
    "-g", "--group", "groups", multiple=True, help="Only cases of this group."
)
output = click.option(
    "--format",
    "form",
    type=click.Choice(["text", "markdown", "json"]),
    default="text",
    show_default=True,
)


def results_folder(root: Path, results: Path | None) -> Path:
    """Give the folder of results: as named, or beside the cases."""
    return results or root.resolve().parent / "results"
