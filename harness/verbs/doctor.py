"""`doctor`: what can run here and, if not, why and what to do."""

from __future__ import annotations

import sys
from importlib.metadata import PackageNotFoundError, version

import click

from harness import __version__
from harness.engines import cgroups, debian
from harness.engines.bounds import for_engine
from harness.engines.roots import cache_folder
from harness.errors import HarnessError
from harness.provision.survey import TargetState, survey
from harness.report.verb_records import BoundsRecord, DoctorRecord, SurveyedTarget
from harness.results.record import encode
from harness.terminal.layout import table
from harness.verbs import output

_PARTS = ("docker", "pydantic", "pytest", "pytest-xdist", "protobuf", "zstandard")


@click.command
@output.text_or_json
def command(*, form: str) -> int:
    """Say for each target whether it can run here. Exit code 3 if none can.

    \b
    Examples:
      layer-harness doctor
      layer-harness doctor --format json
    """  # noqa: D301  # click's mark
    states = survey(cache_folder())
    if form == "json":
        output.show(encode(_record(states)))
    else:
        _tell(states)
    usable = any(each.state != "not here" for each in states)
    return 0 if usable else HarnessError.exit_code


def _tell(states: list[TargetState]) -> None:
    click.echo(f"layer-harness {__version__}, Python {sys.version.split()[0]}")
    click.echo(", ".join(f"{name} {_version(name)}" for name in _PARTS))
    bounds = for_engine("")
    if bounds and not debian.obstacles():
        click.echo(f"builds in an engine of ours may take {bounds.text} (--bounds)")
        cgroups.tell_unbounded("", click.echo)
    click.echo()
    heads = ["engine", "targets", "state", "what to do"]
    output.show(table(output.screen(), heads, _rows(states), apart=True))


def _record(states: list[TargetState]) -> DoctorRecord:
    return DoctorRecord(
        version=__version__,
        python=sys.version.split()[0],
        packages={name: _version(name) for name in _PARTS},
        bounds=_bounds(),
        targets=tuple(
            SurveyedTarget(
                target=each.target,
                engine=each.engine,
                state=each.state,
                why=each.why,
                remedy=each.remedy,
                measured=each.measured,
            )
            for each in states
        ),
    )


def _bounds() -> BoundsRecord | None:
    found = None if debian.obstacles() else for_engine("")
    if found is None:
        return None
    return BoundsRecord(
        processes=found.processes, memory_kib=found.memory_kib, cpus=found.cpus
    )


def _rows(states: list[TargetState]) -> list[list[str]]:
    """Put together what is on one engine, and has one state."""
    groups: dict[tuple[str, str], list[TargetState]] = {}
    for each in states:
        state = ": ".join(filter(None, [each.state, each.why]))
        if not each.measured:
            state += " (not measured)"
        engine = "docker:VERSION-dind" if each.image else each.engine
        groups.setdefault((engine, state), []).append(each)
    return [
        [engine, _named(group), state, group[-1].remedy]
        for (engine, state), group in groups.items()
    ]


def _named(group: list[TargetState]) -> str:
    if group[0].image:
        return f"{len(group)}: {group[0].target} to {group[-1].target}"
    return ", ".join(each.target for each in group)


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "missing"
