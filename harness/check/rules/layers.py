"""Rules about layers: lines that change nothing, and one layer for a whole stage."""

from __future__ import annotations

from collections.abc import Iterator

from harness.check.rule import Occurrence, Rule
from harness.check.rules.user_workdir import is_made_above, path_of
from harness.check.shell import commands
from harness.check.source import Source
from harness.dockerfile.parser import LAYER_INSTRUCTIONS


def _changes_nothing(source: Source) -> Iterator[Occurrence]:
    for step in source.image_steps("RUN"):
        parts = () if step.is_list else commands(step.script)
        if parts and all(each.is_quiet and each.is_plain for each in parts):
            yield Occurrence(line=step.line)


def _existing_workdir(source: Source) -> Iterator[Occurrence]:
    for step in source.image_steps("WORKDIR"):
        path = path_of(step)
        if path and (path == "/" or is_made_above(source, step, path)):
            yield Occurrence(line=step.line, detail=path)


def _several(source: Source) -> Iterator[Occurrence]:
    """Find the last stage with more than one line that can make a layer."""
    lines = [
        step.line for step in source.image_steps() if step.keyword in LAYER_INSTRUCTIONS
    ]
    if len(lines) > 1:
        yield Occurrence(line=lines[-1], related=tuple(lines[:-1]))


RULES = (
    Rule(
        id="run-without-a-change",
        says="RUN changes no file.",
        behaviours=("article/output-only",),
        match=_changes_nothing,
    ),
    Rule(
        id="workdir-that-exists",
        says="WORKDIR names a directory that is there already.",
        behaviours=("workdir/existing",),
        match=_existing_workdir,
    ),
    Rule(
        id="one-layer",
        says="Several lines can make layers.",
        behaviours=("article/copy-and-add-always-make-a-layer",),
        match=_several,
        whole=True,
    ),
)
