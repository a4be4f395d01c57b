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
from harness.report.verb_records import SmokedTarget, SmokeRecord
from harness.results.record import encode
from harness.session import Done, opened
from harness.terminal.layout import paragraph
from harness.terminal.screen import Screen
from harness.verbs import options, output


@click.command
@options.engine
@options.target
@options.on
@options.builders
@options.every
@options.memory
@options.bounds
@output.text_or_json
def command(
    *,
    engines: tuple[str, ...],
    targets: tuple[str, ...],
    builders: tuple[Path, ...],
    on: str,
    every: bool,
    memory: float,
    bounds: str,
    form: str,
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
        found = [
            _smoked(target.id, [each for each in done if each.target is target])
            for target in session.plan.targets
        ]
    if form == "json":
        output.show(encode(SmokeRecord(targets=tuple(found))))
    else:
        screen = output.screen()
        click.echo()
        for each in found:
            output.show(paragraph(screen, _told(each, screen), "", "  "))
    return 0 if all(each.usable for each in found) else HarnessError.exit_code


def _hear(event: Event) -> None:
    if not isinstance(event, CaseStarted):
        click.echo(event.text, err=True)


def _smoked(target: str, found: Sequence[Done]) -> SmokedTarget:
    """See whether a target is usable, and what it fails."""
    failing = [each for each in found if not each.judged or _fails(each.judged)]
    return SmokedTarget(
        target=target,
        usable=not failing,
        builds=len(found),
        failing=len(failing),
        reason=next(filter(None, map(_reason, failing)), ""),
    )


def _told(each: SmokedTarget, screen: Screen) -> str:
    """Say in a line whether a target is usable, and what it fails."""
    if each.usable:
        return screen.ink("good", f"{each.target}: usable")
    said = f": {each.reason}" if each.reason else ""
    if each.failing == each.builds:
        all_fail = f"not usable, all {each.builds} builds fail"
        return screen.ink("bad", f"{each.target}: {all_fail}") + said
    some = f"{each.failing} of {each.builds} builds fail"
    return screen.ink("bad", f"{each.target}: {some}") + said


def _fails(judged: Judged) -> bool:
    return judged.verdict != "pass"


def _reason(done: Done) -> str:
    if done.judged is None:
        return done.error.message if done.error else ""
    findings = [text for check in done.judged.checks for text in check.said]
    return done.judged.reason or (findings[0] if findings else "")
