"""The command line: find the verb, call it, print what stops it, end with its code.

Each verb is a module under `verbs/` and is imported when it is called, so that a quick
verb starts quickly.
"""

from __future__ import annotations

import importlib
import io
import keyword
import signal
import sys
from typing import Any, NoReturn

import click

from harness import __version__
from harness.documents.document import nearest
from harness.errors import HarnessError

#: Verb to what it does; the module of the same name has its `command`.
VERBS = {
    "ask": "Find a question by words, and print what each builder does.",
    "check": "Say what a Dockerfile does otherwise elsewhere, without building it.",
    "run": "Build cases on targets, check them, print the matrix.",
    "try": "Build your own Dockerfile on several targets: is it the same image?",
    "explain": "Show a case line by line: layers, files, which builders agree.",
    "matrix": "Tabulate stored results.",
    "diff": "Say what differs between two runs, or between two targets.",
    "list": "List cases, targets or groups.",
    "lint": "Check cases without an engine.",
    "smoke": "Check with five small builds whether a target is usable.",
    "engines": "Show, prepare, start and stop our own engines.",
    "doctor": "Say what can run here, and what to do about the rest.",
}


class Verbs(click.Group):
    """A group whose commands are imported when they are asked for."""

    def list_commands(
        self,
        ctx: click.Context,  # noqa: ARG002  # click gives it by position
    ) -> list[str]:
        """Name the verbs in the order of their use."""
        return list(VERBS)

    def get_command(
        self,
        ctx: click.Context,  # noqa: ARG002  # click gives it by name
        cmd_name: str,
    ) -> click.Command | None:
        """Import a verb."""
        if cmd_name not in VERBS:
            return None
        # Click's pattern for lazy loading: all verbs together import docker-py,
        # pydantic and pytest, which takes longer than a quick verb's work.
        # a module cannot be called `try`
        name = f"{cmd_name}_" if keyword.iskeyword(cmd_name) else cmd_name
        module = importlib.import_module(f"harness.verbs.{name}")
        command: click.Command = module.command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Name the nearest verb where there is none."""
        if args and args[0] not in VERBS and not args[0].startswith("-"):
            raise click.UsageError(
                f"unknown verb `{args[0]}`: {nearest(args[0], VERBS)}"
            )
        return super().resolve_command(ctx, args)

    def format_commands(
        self,
        ctx: click.Context,  # noqa: ARG002  # click gives it by position
        formatter: click.HelpFormatter,
    ) -> None:
        """List the verbs without importing them."""
        with formatter.section("Verbs"):
            formatter.write_dl(list(VERBS.items()))


@click.group(
    cls=Verbs,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 all as expected, 1 an expectation failed, 2 a mistake in a "
    "case or an option, 3 an engine or the harness broke, 130 interrupted.",
)
@click.version_option(__version__, prog_name="layer-harness")
def cli() -> None:
    """Tell whether a Dockerfile builds the same image everywhere.

    Layer Harness builds Dockerfiles with the legacy builder, BuildKit, buildah, podman
    and others, on several Docker engine versions. It says which instruction made which
    layer with which files, and where the builders differ.

    \b
    Start here:
      layer-harness run                        all cases, on the engine that is there
      layer-harness run article -e bookworm    one group, on our own Docker 20.10.24
      layer-harness explain article/repeated-lines
      layer-harness matrix -g article          the article's claims, one by one
    """  # noqa: D301  # click's own mark for a paragraph to leave alone


def main() -> NoReturn:
    """Run the command line; errors of ours become a few lines, never a traceback."""
    signal.signal(signal.SIGTERM, _interrupt)
    if isinstance(sys.stdout, io.TextIOWrapper):
        # Results are to be seen as they come, also through a pipe; a name that is no
        # text is written as escapes.
        sys.stdout.reconfigure(line_buffering=True, errors="backslashreplace")
    try:
        code = cli.main(prog_name="layer-harness", standalone_mode=False)
    except HarnessError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(error.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        click.echo("interrupted; what was measured is kept", err=True)
        sys.exit(130)
    sys.exit(code if isinstance(code, int) else 0)


def _interrupt(_signal: int, _frame: Any) -> NoReturn:
    # As Ctrl-C does, so that engines are stopped and results kept.
    raise KeyboardInterrupt
