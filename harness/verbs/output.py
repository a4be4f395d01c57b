"""How verbs print: on which screen, in which form."""

from __future__ import annotations

import sys

import click

from harness.terminal.screen import Screen, screen_of

#: `--format text` or `json`, as `form`.
text_or_json = click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
)


def screen() -> Screen:
    """Give what text on standard output is laid out for."""
    return screen_of(sys.stdout)


def show(text: str | bytes) -> None:
    """Print text that was laid out for `screen()`, or JSON, to its last line's end."""
    told = text.decode() if isinstance(text, bytes) else text
    # the text has colour only if that is wanted, also in a pipe (FORCE_COLOR)
    click.echo(told.rstrip("\n"), color=True)
