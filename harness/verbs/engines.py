"""`engines`: our own engines, from Debian's packages: prepare, start, stop, status."""

from __future__ import annotations

import click

from harness.engines import Suite, cgroups, debian, roots
from harness.engines.bounds import check
from harness.engines.roots import cache_folder
from harness.errors import UsageError
from harness.report.verb_records import EnginesRecord, RunningEngine, SuiteEngine
from harness.results.record import encode
from harness.terminal.layout import table
from harness.verbs import options, output

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
        context.invoke(status, form="text")


@command.command
@output.text_or_json
def status(*, form: str) -> None:
    """Show each suite's engine: prepared or not, running or not."""
    found = _status()
    if form == "json":
        output.show(encode(found))
        return
    rows = [
        [
            each.engine,
            each.version,
            "unpacked" if each.unpacked else "to fetch",
            ", ".join(map(_running, each.running)) or "no",
        ]
        for each in found.engines
    ]
    heads = ["engine", "version", "packages", "running"]
    output.show(table(output.screen(), heads, rows, whole=range(3)))
    click.echo(f"\ncache: {found.cache}")


def _running(each: RunningEngine) -> str:
    kept = "(kept)" if each.kept else f"(of process {each.process})"
    return f"{each.address} [{each.store}] {kept}"


def _status() -> EnginesRecord:
    cache = cache_folder()
    running = debian.status(cache)
    return EnginesRecord(
        cache=str(cache),
        engines=tuple(
            SuiteEngine(
                engine=suite.name,
                version=suite.version,
                unpacked=roots.prepared(suite, cache) is not None,
                running=tuple(
                    RunningEngine(
                        address=each.engine.address.url,
                        store=each.engine.storage,
                        kept=each.kept,
                        process=each.owner,
                    )
                    for each in running
                    if each.engine and each.engine.name.partition("+")[0] == suite.name
                ),
            )
            for suite in roots.suites()
        ),
    )


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
