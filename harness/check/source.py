"""A Dockerfile with its context and build arguments, as rules see it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from harness.check.context import Context
from harness.check.stages import StageSteps, walk
from harness.check.steps import Step
from harness.dockerfile import parser
from harness.dockerfile.parser import Dockerfile


# without slots: what is made of it is kept
@dataclass(frozen=True, kw_only=True)
class Source:
    """A Dockerfile that is checked, with its build arguments and its context.

    `context` is None where it is not known. `path` is only for messages; `name` is the
    Dockerfile's path in the context.
    """

    path: str
    text: str
    name: str = "Dockerfile"
    args: Mapping[str, str] = field(default_factory=dict)
    target: str = ""
    context: Context | None = None

    @cached_property
    def lines(self) -> tuple[str, ...]:
        """The lines of the text."""
        return tuple(line.rstrip("\r") for line in self.text.split("\n"))

    @cached_property
    def dockerfile(self) -> Dockerfile:
        """The instructions."""
        return parser.parse(self.text, self.args)

    @cached_property
    def directives(self) -> Mapping[str, str]:
        """The directives in front, such as `syntax`, by name in small letters."""
        return parser.directives(self.text)

    @cached_property
    def globals(self) -> tuple[Step, ...]:
        """The instructions before the first FROM."""
        return self._walked[0]

    @cached_property
    def stages(self) -> tuple[StageSteps, ...]:
        """All stages, in their order."""
        return self._walked[1]

    def steps(self, *keywords: str, unneeded: bool = False) -> Iterator[Step]:
        """Give the steps of the stages that the target needs, FROM left out."""
        for stage in self.stages:
            if stage.is_needed or unneeded:
                for step in stage.steps:
                    if not keywords or step.keyword in keywords:
                        yield step

    @property
    def image_stages(self) -> tuple[StageSteps, ...]:
        """The stages that the image is made of, the lowest first."""
        return tuple(self.stages[n] for n in self.dockerfile.stages_of(self.target))

    def image_steps(self, *keywords: str) -> Iterator[Step]:
        """Give the steps whose layers and settings the image has."""
        for stage in self.image_stages:
            for step in stage.steps:
                if not keywords or step.keyword in keywords:
                    yield step

    def stage_of(self, step: Step) -> StageSteps:
        """Give the stage that a step stands in."""
        return self.stages[step.stage]

    def above(self, step: Step) -> Iterator[Step]:
        """Give the steps that a step's file system is made by, the nearest first."""
        stage: StageSteps | None = self.stages[step.stage]
        behind = True
        while stage is not None:
            for each in reversed(stage.steps):
                if behind and each.line >= step.line:
                    continue
                yield each
            behind = False
            stage = None if stage.parent is None else self.stages[stage.parent]

    @cached_property
    def _walked(self) -> tuple[tuple[Step, ...], tuple[StageSteps, ...]]:
        return walk(self.dockerfile, self.args, self.target)
