"""A run without engines: made cases on made targets, whose builds are made up.

All else is as it is: pytest, results on disk, verdicts, the matrix.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from harness.builders.records import standard_builders
from harness.cases.case import Case
from harness.judge.verdict import Judged, judged
from harness.measure.observation import BuildRecord, Change, LayerRecord, Step
from harness.measure_case import MeasuredCase
from harness.provision.plan import Plan, PlannedTarget
from harness.provision.settings import Settings
from harness.results import disk
from harness.results.record import Result, TargetRecord, encode, write
from harness.run import plugin
from harness.targets.target import Target

#: A group has so many cases.
GROUP = 100
#: The targets come to so many outcomes, as 64 real ones do.
OUTCOMES = 10
CASE = """\
# yaml-language-server: $schema=../../harness/data/case.schema.json
title: Case {number}
why: Does it grow?
context: {{a: "{number}"}}
dockerfile: |
  ARG BASE
  FROM ${{BASE}}
  COPY a /a{number}
  RUN mkdir /d && echo {number} > /d/file
  RUN rm /a{number}
expect:
  - because: the benchmark
    layers: 3
"""


def write_cases(root: Path, count: int) -> None:
    """Write so many cases, in groups."""
    groups = []
    for number in range(count):
        group = f"group-{number // GROUP:03}"
        if number % GROUP == 0:
            (root / group).mkdir(parents=True)
            groups.append(f'[{group}]\ntitle = "{group}"\nlink = "https://a.org/"\n')
        path = root / group / f"case-{number:05}.yaml"
        path.write_text(CASE.format(number=number), encoding="utf-8")
    (root / "groups.toml").write_text("".join(groups), encoding="utf-8")


def made_targets(count: int) -> tuple[Target, ...]:
    """Give so many targets: both builders of the API on made versions."""
    return tuple(
        standard_builders().target(f"{('legacy', 'buildkit')[each % 2]}@27.{each // 2}")
        for each in range(count)
    )


class Scripted:
    """A session whose engines need not be started."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan

    def known_states(self) -> Mapping[str, TargetRecord | None]:
        """Say what each target is."""
        return {each.target.id: _state(each.target) for each in self.plan.planned}

    def expect(self, counts: Mapping[str, int]) -> None:
        """Start nothing."""

    def done(self, engine: str) -> None:
        """Stop nothing."""


class ScriptedWorker:
    """Measures what is made up, and judges it as any worker does."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan

    def open(self, target: Target) -> None:
        """Open nothing."""

    def close(self) -> None:
        """Close nothing."""

    def measure(self, case: Case, target: Target) -> MeasuredCase:
        """Make up a build."""
        result = Result(
            case=case.id,
            case_digest=case.digest,
            target=target.id,
            builds=(_build(target),),
        )
        return MeasuredCase(result=result, measurement=None)

    def judge(self, case: Case, result: Result) -> Judged:
        """Draw the verdicts."""
        return judged(case, {result.target: result}, {}, self._plan.builders)[
            result.target
        ]


def run(root: Path, targets: int, *words: str) -> int:
    """Run the cases below `root` on so many targets, with pytest's `words`."""

    @contextmanager
    def opened(settings: Settings, _: Any) -> Iterator[Scripted]:
        plan = plan_of(root, targets, settings)
        if settings.results is not None:
            for each in plan.planned:
                place = disk.target_path(settings.results, each.target.id)
                write(place, encode(_state(each.target)))
        yield Scripted(plan)

    def looked_at(settings: Settings, _: Any) -> Plan:
        return plan_of(root, targets, settings)

    with ExitStack() as stack:
        for name, made in (
            ("opened", opened),
            ("looked_at", looked_at),
            ("Worker", ScriptedWorker),
        ):
            stack.enter_context(patch.object(plugin, name, made))
        without = [f"-pno:{each}" for each in ("xdist", "cacheprovider", "logging")]
        return int(
            pytest.main([str(root), "-q", "--tb=no", "--capture=no", *without, *words])
        )


def plan_of(root: Path, targets: int, settings: Settings) -> Plan:
    """Plan the made targets."""
    return Plan(
        settings=settings,
        builders=standard_builders(),
        planned=tuple(
            PlannedTarget(target=each, engine=each.version)
            for each in made_targets(targets)
        ),
        folder=root.parent,
        base=root,
        shared="",
    )


def _state(target: Target) -> TargetRecord:
    return TargetRecord(
        target=target.id,
        builder=target.builder.name,
        version=target.version,
        api="1.44",
        store=target.store,
        architecture="amd64",
    )


def _build(target: Target) -> BuildRecord:
    """Make up what a target makes of a case: one of so many outcomes."""
    minor = int(target.version.split(".")[1])
    kind = minor % (OUTCOMES // 2) + (target.family == "buildkit") * OUTCOMES // 2
    layers = tuple(
        LayerRecord(line=line, diff_id=f"sha256:{line}", size=1024, changes=changes)
        for line, changes in (
            (3, (_change("/a", kind),)),
            (4, (_change("/d", 0), _change("/d/file", kind % 3))),
            (5, (Change(path="/a", change="deleted"),)),
        )
    )
    steps = tuple(
        Step(line=3 + each, text=f"step {each}", layer=1 + each, cached=False)
        for each in range(3)
    )
    return BuildRecord(
        name="build",
        outcome="ok",
        below=1,
        layers=layers,
        steps=steps,
        config={"Env": [f"A={kind}"]},
    )


def _change(path: str, kind: int) -> Change:
    return Change(
        path=path,
        change="added",
        type="file",
        mode=f"{0o600 + kind:04o}",
        owner="0:0",
        size=2,
        digest=f"sha256:{kind}",
    )
