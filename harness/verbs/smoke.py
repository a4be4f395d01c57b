"""`smoke`: five small builds that tell whether a target is usable at all."""

from __future__ import annotations

import tempfile
from importlib import resources
from pathlib import Path

import click

from harness.book.stored import base_views, stored
from harness.cases.case import load_cases
from harness.errors import HarnessError
from harness.judge.verdict import Judged
from harness.results import disk
from harness.verbs import options
from harness.verbs.run import parallel, pytest_on


@click.command
@options.engine
@options.target
@options.on
@options.builders
@options.every
@options.memory
def command(
    *,
    engines: tuple[str, ...],
    targets: tuple[str, ...],
    builders: tuple[Path, ...],
    on: str,
    every: bool,
    memory: float,
) -> int:
    """Say which targets are usable; exit code 3 when one is not.

    The builds are the harness's own, and their results are not kept: what a target
    fails here it would fail everywhere, and that would say nothing of the cases.

    \b
    Examples:
      layer-harness smoke
      layer-harness smoke -e trixie+containerd
      layer-harness smoke --all -t 'buildah*'
    """  # noqa: D301  # click's mark
    known = options.check(engines, targets, builders, every=every)
    root = Path(str(resources.files("harness"))) / "data" / "smoke"
    cases = load_cases(root, known)
    with tempfile.TemporaryDirectory(prefix="layer-harness-") as place:
        folder = Path(place) / "results"
        arguments = options.chosen(
            engines, targets, builders, every=every, memory=memory, on=on
        )
        # A target has five builds only, so there is no use in more workers than that.
        pytest_on(root, [], folder, [*parallel(None, len(cases)), *arguments])
        bases = base_views(folder)
        judged = [stored(folder, case, bases, known) for case in cases]
        lines = [
            _told(each.id, [found.get(each.id) for found in judged])
            for each in disk.targets(folder, known)
        ]
    click.echo()
    for line, _ in lines:
        click.echo(line)
    return 0 if all(usable for _, usable in lines) else HarnessError.exit_code


def _told(target: str, found: list[Judged | None]) -> tuple[str, bool]:
    """Say in a line whether a target is usable, and what it fails."""
    failing = [each for each in found if each is None or each.verdict != "pass"]
    if not failing:
        return f"{target}: usable", True
    reasons = [reason for each in failing for reason in (_reason(each),) if reason]
    said = f": {reasons[0]}" if reasons else ""
    if len(failing) == len(found):
        return f"{target}: not usable, all {len(found)} builds fail{said}", False
    return f"{target}: {len(failing)} of {len(found)} builds fail{said}", False


def _reason(found: Judged | None) -> str:
    if found is None:
        return "nothing came out, the errors above say why"
    findings = [text for check in found.checks for text in check.said]
    return found.reason or (findings[0] if findings else "")
