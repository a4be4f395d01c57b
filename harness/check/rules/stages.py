"""Rules about stages: unused ones, names, what FROM and COPY --from mean."""

from __future__ import annotations

from collections.abc import Iterator

from harness.check.rule import Occurrence, Rule
from harness.check.source import Source


def _unused(source: Source) -> Iterator[Occurrence]:
    chosen = source.dockerfile.stage(source.target)
    for stage in source.stages:
        # the legacy builder stops at the target
        if stage.is_needed or (chosen and stage.index > chosen.index):
            continue
        for step in stage.steps:
            if step.keyword in {"RUN", "COPY", "ADD"}:
                yield Occurrence(
                    line=stage.source.line,
                    detail=stage.name,
                    certain=False,
                    depends="whether its lines succeed",
                    related=(step.line,),
                )
                break


def _name_twice(source: Source) -> Iterator[Occurrence]:
    seen: dict[str, int] = {}
    for stage in source.stages:
        name = stage.name.lower()
        if name and name in seen:
            yield Occurrence(
                line=stage.source.line, detail=stage.name, related=(seen[name],)
            )
        seen.setdefault(name, stage.source.line)


def _name_numeric(source: Source) -> Iterator[Occurrence]:
    for stage in source.stages:
        if stage.name[:1].isdigit():
            yield Occurrence(line=stage.source.line, detail=stage.name)


def _name_scratch(source: Source) -> Iterator[Occurrence]:
    named = {stage.name.lower() for stage in source.stages}
    for stage in source.stages:
        if stage.base.text == "scratch" and "scratch" in named and stage.index:
            yield Occurrence(line=stage.source.line)


def _name_in_a_variable(source: Source) -> Iterator[Occurrence]:
    for stage in source.stages:
        if "$" in stage.name:
            yield Occurrence(line=stage.source.line, detail=stage.name)


def _from_a_variable(source: Source) -> Iterator[Occurrence]:
    for step in source.steps("COPY", unneeded=True):
        if "$" in (step.flag("from") or ""):
            yield Occurrence(line=step.line, detail=f"--from={step.flag('from')}")


def _from_a_later_stage(source: Source) -> Iterator[Occurrence]:
    names = {each.name.lower(): each.index for each in source.stages if each.name}
    for step in source.steps("COPY", unneeded=True):
        name = (step.flag("from") or "").lower()
        if name not in names or names[name] <= step.stage:
            continue
        # two that need each other are another mistake
        if step.stage not in source.stages[names[name]].uses:
            yield Occurrence(line=step.line, detail=f"--from={name}")


def _from_itself(source: Source) -> Iterator[Occurrence]:
    for step in source.steps("COPY", unneeded=True):
        name = (step.flag("from") or "").lower()
        if name and name == source.stage_of(step).name.lower():
            yield Occurrence(line=step.line, detail=f"--from={name}")


def _platform_in_from(source: Source) -> Iterator[Occurrence]:
    declared = {
        word.partition("=")[0] for step in source.globals for word in step.rest.split()
    }
    for stage in source.stages:
        text = stage.source.instruction.text
        for name in ("BUILDPLATFORM", "TARGETPLATFORM"):
            if name in text and name not in declared:
                yield Occurrence(line=stage.source.line, detail=f"${name}")


def _name_in_capitals(source: Source) -> Iterator[Occurrence]:
    names = {each.name for each in source.stages if each.name}
    lower = {each.lower() for each in names}
    for step in source.steps("COPY"):
        name = step.flag("from") or ""
        if name and name not in names and name.lower() in lower:
            yield Occurrence(line=step.line, detail=f"--from={name}")
    for stage in source.stages:
        name = stage.base.text
        if stage.parent is not None and name not in names and name.lower() in lower:
            yield Occurrence(line=stage.source.line, detail=name)


def _nothing_but_scratch(source: Source) -> Iterator[Occurrence]:
    stages = source.image_stages
    if len(stages) == 1 and stages[0].base.text == "scratch" and not stages[0].steps:
        yield Occurrence(line=stages[0].source.line)


def _unknown_in_an_unused_stage(source: Source) -> Iterator[Occurrence]:
    for stage in source.stages:
        for step in stage.steps:
            if not stage.is_needed and step.keyword not in _KNOWN:
                yield Occurrence(line=step.line, detail=step.keyword)


_KNOWN = frozenset(
    """ADD ARG CMD COPY ENTRYPOINT ENV EXPOSE FROM HEALTHCHECK LABEL MAINTAINER ONBUILD
    RUN SHELL STOPSIGNAL USER VOLUME WORKDIR""".split()  # noqa: SIM905
)

RULES = (
    Rule(
        id="unused-stage",
        says="A stage is above the target, which does not need it.",
        behaviours=("stages/unused",),
        match=_unused,
    ),
    Rule(
        id="stage-name-twice",
        says="Two stages have one name.",
        behaviours=("stages/name-twice",),
        match=_name_twice,
    ),
    Rule(
        id="stage-name-numeric",
        says="The name of a stage begins with a digit.",
        behaviours=("stages/name-numeric",),
        match=_name_numeric,
    ),
    Rule(
        id="stage-name-scratch",
        says="A stage is named scratch, and a later one is FROM scratch.",
        behaviours=("stages/name-reserved",),
        match=_name_scratch,
    ),
    Rule(
        id="stage-name-in-a-variable",
        says="The name of a stage has a variable.",
        behaviours=("stages/name-in-a-variable",),
        match=_name_in_a_variable,
    ),
    Rule(
        id="copy-from-a-variable",
        says="COPY --from has a variable.",
        behaviours=("stages/copy-from-a-variable",),
        match=_from_a_variable,
    ),
    Rule(
        id="copy-from-a-later-stage",
        says="COPY --from names a stage that comes later.",
        behaviours=("stages/copy-from-a-later-stage",),
        match=_from_a_later_stage,
    ),
    Rule(
        id="copy-from-itself",
        says="COPY --from names its own stage.",
        behaviours=("stages/copy-from-itself",),
        match=_from_itself,
    ),
    Rule(
        id="platform-in-from",
        says="FROM uses a platform argument that no ARG declares.",
        behaviours=("arg/build-platform-in-from",),
        match=_platform_in_from,
    ),
    Rule(
        id="stage-name-in-capitals",
        says="A stage is named in other capital letters than it has.",
        behaviours=("stages/name-in-capitals",),
        match=_name_in_capitals,
    ),
    Rule(
        id="nothing-but-scratch",
        says="The image is FROM scratch, and nothing else.",
        behaviours=("scratch/nothing",),
        match=_nothing_but_scratch,
    ),
    Rule(
        id="mistake-in-an-unused-stage",
        says="A stage that the target does not need has an unknown instruction.",
        behaviours=("stages/mistake-in-an-unused-stage",),
        match=_unknown_in_an_unused_stage,
    ),
)
