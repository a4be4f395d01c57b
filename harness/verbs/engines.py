"""`engines`: our own engines, from Debian's packages: prepare, start, stop, status."""

from __future__ import annotations

import click
from tabulate import tabulate

from harness.engines import debian, roots
from harness.engines.roots import cache_folder
from harness.errors import UsageError

_names = click.argument("names", nargs=-1, metavar="[SUITE]...")


@click.group(name="engines", invoke_without_command=True)
@click.pass_context
def command(context: click.Context) -> None:
    """Prepare, start and stop our own engines; show them.

    \b
    Examples:
      layer-harness engines                    what there is, what runs
      layer-harness engines prepare bookworm   download and unpack, start nothing
      layer-harness engines start bookworm     keep one running between runs
      layer-harness engines stop               stop all that were kept running
    """  # noqa: D301
    if context.invoked_subcommand is None:
        context.invoke(status)


@command.command
def status() -> None:
    """Show each suite's engine: prepared or not, running or not."""
    cache = cache_folder()
    running = debian.status(cache)
    rows = []
    for suite in roots.suites():
        own = [
            each for each in running if each.engine and each.engine.name == suite.name
        ]
        rows.append(
            {
                "engine": suite.name,
                "version": suite.version,
                "packages": "unpacked" if roots.prepared(suite, cache) else "to fetch",
                "running": ", ".join(
                    f"{each.engine.address.url} "
                    + ("(kept)" if each.kept else f"(of process {each.owner})")
                    for each in own
                    if each.engine
                )
                or "no",
            }
        )
    click.echo(tabulate(rows, headers="keys", tablefmt="simple"))
    click.echo(f"\ncache: {cache}")


@command.command
@_names
def prepare(names: tuple[str, ...]) -> None:
    """Download and unpack the packages of suites; bookworm's if none is named."""
    for name in names or ("bookworm",):
        roots.prepare(roots.suite(name), cache_folder(), click.echo)


@command.command
@_names
def start(names: tuple[str, ...]) -> None:
    """Start engines that run until `engines stop`; bookworm's if none is named."""
    for name in names or ("bookworm",):
        started = debian.start(
            roots.suite(name), cache=cache_folder(), say=_say, keep=True
        )
        url = started.engine.address.url
        _say(f"Docker {started.engine.version} answers at {url}")
        click.echo(f"export DOCKER_HOST={url}")


@command.command
@_names
def stop(names: tuple[str, ...]) -> None:
    """Stop the engines that `engines start` started; all if none is named."""
    known = [roots.suite(name).name for name in names]
    stopped = debian.stop_kept(cache_folder(), _say, known)
    if names and not stopped:
        raise UsageError(
            f"none of {', '.join(names)} is kept running",
            hint="layer-harness engines shows what runs",
        )


def _say(text: str) -> None:
    click.echo(text, err=True)
