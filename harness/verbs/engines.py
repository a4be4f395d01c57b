"""`engines`: our own engines, from Debian's packages: prepare, start, stop, status."""

from __future__ import annotations

import click
from tabulate import tabulate

from harness.engines import Suite, cgroups, debian, roots
from harness.engines.bounds import check
from harness.engines.roots import cache_folder
from harness.errors import UsageError
from harness.verbs import options

_names = click.argument("names", nargs=-1, metavar="[SUITE[+STORE]]...")


@click.group(name="engines", invoke_without_command=True)
@click.pass_context
def command(context: click.Context) -> None:
    """Show, prepare, start and stop our own engines.

    \b
    Examples:
      layer-harness engines                    what there is, what runs
      layer-harness engines prepare bookworm   download and unpack, start nothing
      layer-harness engines start bookworm     keep one running between runs
      layer-harness engines start trixie+containerd    with another image store
      layer-harness engines stop               stop all that were kept running
    """  # noqa: D301  # click's mark
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
            each
            for each in running
            if each.engine and each.engine.name.partition("+")[0] == suite.name
        ]
        rows.append(
            {
                "engine": suite.name,
                "version": suite.version,
                "packages": "unpacked" if roots.prepared(suite, cache) else "to fetch",
                "running": ", ".join(
                    f"{each.engine.address.url} [{each.engine.storage}] "
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
        roots.prepare(_named(name)[0], cache_folder(), click.echo)


@command.command
@_names
@options.bounds
def start(names: tuple[str, ...], bounds: str) -> None:
    """Start engines that run until `engines stop`; bookworm's if none is named."""
    check(bounds)
    cgroups.tell_unbounded(bounds, _say)
    for name in names or ("bookworm",):
        suite, store = _named(name)
        _say(f"starting Debian {suite.name}'s Docker engine")
        started = debian.start(
            suite,
            cache=cache_folder(),
            say=_say,
            keep=True,
            store=store,
            bounds=bounds,
        )
        url = started.engine.address.url
        _say(f"Docker {started.engine.version} answers at {url}")
        click.echo(f"export DOCKER_HOST={url}")


@command.command
@_names
def stop(names: tuple[str, ...]) -> None:
    """Stop the engines that `engines start` started; all if none is named."""
    known = [debian.title(*_named(name)) for name in names]
    stopped = debian.stop_kept(cache_folder(), _say, known)
    if names and not stopped:
        raise UsageError(
            f"none of {', '.join(names)} is kept running",
            hint="layer-harness engines shows what runs",
        )


def _named(name: str) -> tuple[Suite, str]:
    """Read the name of an engine of ours, with its store; UsageError for any other."""
    return debian.named(name) or (roots.suite(name), "")


def _say(text: str) -> None:
    click.echo(text, err=True)
