"""`doctor`: what can run here and, if not, why and what to do."""

from __future__ import annotations

import sys
from importlib.metadata import PackageNotFoundError, version

import click
from tabulate import tabulate

from harness import __version__
from harness.engines import address, apt, debian, roots
from harness.engines.roots import cache_folder
from harness.errors import HarnessError
from harness.plan import engine_targets

_PARTS = ("docker", "pydantic", "pytest", "pytest-xdist", "protobuf", "zstandard")


@click.command
def command() -> int:
    """Say which targets can run here; exit code 3 when none can.

    \b
    Example:
      layer-harness doctor
    """  # noqa: D301
    click.echo(f"layer-harness {__version__}, Python {sys.version.split()[0]}")
    click.echo(", ".join(f"{name} {_version(name)}" for name in _PARTS))
    rows = [_default()]
    obstacles = debian.obstacles()
    for suite in roots.suites():
        state, remedy = "can be prepared", f"layer-harness engines prepare {suite.name}"
        if obstacles:
            state, remedy = f"not here: {'; '.join(obstacles)}", apt.WAYS_OUT
        elif roots.prepared(suite, cache_folder()):
            state, remedy = "ready", f"layer-harness run -e {suite.name}"
        targets = f"legacy@{suite.version}, buildkit@{suite.version}"
        rows.append([suite.name, targets, state, remedy])
    click.echo()
    click.echo(
        tabulate(
            rows,
            headers=["engine", "targets", "state", "what to do"],
            tablefmt="simple",
            maxcolwidths=[None, 40, 40, 60],
        )
    )
    if any(row[2] in {"ready", "can be prepared"} for row in rows):
        return 0
    return HarnessError.exit_code


def _default() -> list[str]:
    try:
        place = address.find("default")
        engine = address.identify("default", place)
    except HarnessError as error:
        return ["default", "", f"not here: {error.message}", error.hint]
    targets = ", ".join(target.id for target in engine_targets(engine))
    return ["default", targets, "ready", "layer-harness run -e default"]


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "missing"
