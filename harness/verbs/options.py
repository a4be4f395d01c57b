"""Options that several verbs share."""

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
    help="Folder of results; results/ beside the cases if missing.",
)
engine = click.option(
    "-e",
    "--engine",
    "engines",
    multiple=True,
    metavar="ENGINE",
    help="default, bookworm, debian:trixie, unix:///..., tcp://..., ssh://..., "
    "context:NAME; repeatable.",
)
target = click.option(
    "-t",
    "--target",
    "targets",
    multiple=True,
    metavar="SELECTOR",
    help="legacy, buildkit@>=23, *+containerd, !legacy@20.10; repeatable.",
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
