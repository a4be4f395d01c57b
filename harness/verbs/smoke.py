"""`smoke`: five small builds that tell whether a target is usable at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from importlib import resources
from pathlib import Path

import click

from harness.cases.case import load_cases
from harness.errors import HarnessError
from harness.judge.verdict import Judged
from harness.provision.events import CaseStarted, Event
from harness.provision.settings import Settings
from harness.session import Done, opened
from harness.verbs import options


@click.command
@options.engine
@options.target
@options.on
@options.builders
@options.every
@options.memory
@options.bounds
def command(
    *,
    engines: tuple[str, ...],
    targets: tuple[str, ...],
    builders: tuple[Path, ...],
    on: str,
    every: bool,
    memory: float,
    bounds: str,
) -> int:
    """Say which targets are usable. Exit code 3 if any is not.

    The builds are the harness's own, and their results are not kept: a target that
    fails here would fail on every case, which would say nothing about the cases.

    \b
    Examples:
      layer-harness smoke
      layer-harness smoke -e trixie+containerd
      layer-harness smoke --all -t 'buildah*'
    """  # noqa: D301  # click's mark
    root = Path(str(resources.files("harness"))) / "data" / "smoke"
    settings = Settings(
        engines=engines,
        selectors=targets,
        builders=builders,
        every=every,
        on=on,
        memory=memory,
        bounds=bounds,
    )
    cases = load_cases(root, options.check(settings))
    # A target has five builds only, so there is no use in more at a time than that.
    settings = replace(settings, jobs=options.parallel(None, len(cases)))
    with opened(settings, _hear) as session:
        pairs = [(case, each) for each in session.targets for case in cases]
        done = list(session.run(pairs))
        lines = [
            _told(target.id, [each for each in done if each.target is target])
            for target in session.plan.targets
        ]
    click.echo()
    for line, _ in lines:
        click.echo(line)
    return 0 if all(usable for _, usable in lines) else HarnessError.exit_code


def _hear(event: Event) -> None:
    if not isinstance(event, CaseStarted):
        click.echo(event.text, err=True)


def _told(target: str, found: Sequence[Done]) -> tuple[str, bool]:
    """Say in a line whether a target is usable, and what it fails."""
    failing = [each for each in found if not each.judged or _fails(each.judged)]
    if not failing:
        return f"{target}: usable", True
    reasons = [reason for each in failing if (reason := _reason(each))]
    said = f": {reasons[0]}" if reasons else ""
    if len(failing) == len(found):
        return f"{target}: not usable, all {len(found)} builds fail{said}", False
    return f"{target}: {len(failing)} of {len(found)} builds fail{said}", False


def _fails(judged: Judged) -> bool:
    return judged.verdict != "pass"


def _reason(done: Done) -> str:
    if done.judged is None:
        return done.error.message if done.error else ""
    findings = [text for check in done.judged.checks for text in check.said]
    return done.judged.reason or (findings[0] if findings else "")
