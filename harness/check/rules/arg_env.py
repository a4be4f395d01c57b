"""Rules about ARG and ENV, and what variables come to."""

from __future__ import annotations

import re
from collections.abc import Iterator

from harness.check.rule import Occurrence, Rule
from harness.check.source import Source
from harness.check.steps import PLATFORM_ARGS, declared

#: Set by newer BuildKit alone: https://docs.docker.com/reference/dockerfile/
_TARGET_STAGE = "TARGETSTAGE"
_EXPANDED = frozenset(
    "ADD COPY ENV EXPOSE LABEL STOPSIGNAL USER VOLUME WORKDIR ARG".split()  # noqa: SIM905
)
_REQUIRED = re.compile(r"\$\{\w+:?\?")
_PATTERN = re.compile(r"\$\{\w+(?:##?|%%?)[^}]*\}")
_REPLACED = re.compile(r"\$\{\w+//?[^}]*\}")
_WITHOUT_COLON = re.compile(r"\$\{\w+[-+][^}]*\}")


def _arg_below_env(source: Source) -> Iterator[Occurrence]:
    for step in source.steps("ARG"):
        for name, default in declared(step):
            given = default is not None or name in source.args
            if given and name in step.before.env:
                yield Occurrence(line=step.line, detail=name)


def _inherited_arg(source: Source) -> Iterator[Occurrence]:
    for stage in source.stages:
        if not stage.is_needed or stage.parent is None:
            continue
        above = {
            name
            for step in source.stages[stage.parent].steps
            if step.keyword == "ARG"
            for name, value in declared(step)
            if value is not None or name in source.args
        }
        for step in stage.steps:
            if step.keyword == "ARG":
                above -= {name for name, _ in declared(step)}
            for name in sorted(above - step.before.env.keys()):
                if re.search(rf"\$\{{?{re.escape(name)}\b", step.script):
                    yield Occurrence(line=step.line, detail=name)


def _platform_arg(source: Source) -> Iterator[Occurrence]:
    for step in source.steps("ARG"):
        for name, default in declared(step):
            if name in PLATFORM_ARGS and default is None and name not in source.args:
                yield Occurrence(line=step.line, detail=name)


def _target_stage(source: Source) -> Iterator[Occurrence]:
    for step in source.steps("ARG"):
        for name, default in declared(step):
            if name == _TARGET_STAGE and default is None:
                yield Occurrence(line=step.line, detail=name)


def _expansions(source: Source, pattern: re.Pattern[str]) -> Iterator[Occurrence]:
    for step in source.steps():
        match = pattern.search(step.rest) if step.keyword in _EXPANDED else None
        if match:
            yield Occurrence(line=step.line, detail=match[0])


def _required(source: Source) -> Iterator[Occurrence]:
    yield from _expansions(source, _REQUIRED)


def _trimmed(source: Source) -> Iterator[Occurrence]:
    yield from _expansions(source, _PATTERN)


def _substituted(source: Source) -> Iterator[Occurrence]:
    yield from _expansions(source, _REPLACED)


def _without_colon(source: Source) -> Iterator[Occurrence]:
    yield from _expansions(source, _WITHOUT_COLON)


RULES = (
    Rule(
        id="arg-below-env",
        says="An ARG with a value stands below an ENV of the same name.",
        behaviours=("arg/after-env",),
        match=_arg_below_env,
    ),
    Rule(
        id="arg-of-the-parent-stage",
        says="A stage uses an argument that only the stage below it declares.",
        behaviours=("arg/stage-scope",),
        match=_inherited_arg,
    ),
    Rule(
        id="platform-arg",
        says="ARG declares an argument that the builder sets by the platform.",
        behaviours=("arg/platform",),
        match=_platform_arg,
    ),
    Rule(
        id="target-stage-arg",
        says="ARG declares TARGETSTAGE.",
        behaviours=("arg/target-stage",),
        match=_target_stage,
    ),
    Rule(
        id="variable-required",
        says="A variable is required with ${NAME:?message}.",
        behaviours=("arg/required",),
        match=_required,
    ),
    Rule(
        id="variable-trimmed",
        says="A variable is trimmed with ${NAME#pattern} or ${NAME%pattern}.",
        behaviours=("config/env-trimming",),
        match=_trimmed,
    ),
    Rule(
        id="variable-substituted",
        says="A part of a variable is replaced with ${NAME/pattern/text}.",
        behaviours=("config/env-substitution",),
        match=_substituted,
    ),
    Rule(
        id="variable-modifier-without-colon",
        says="A variable has a default with ${NAME-text}, without a colon.",
        behaviours=("config/env-modifiers-without-colon",),
        match=_without_colon,
    ),
)
