"""Options that say which cases, which results, and in which form to print.

Apart from those that need builders, so that listing cases loads nothing else.
"""

from __future__ import annotations

from pathlib import Path

import click

cases = click.option(
    "--cases",
    "root",
    type=click.Path(path_type=Path, file_okay=False),
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
