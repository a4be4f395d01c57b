"""Stages of a Dockerfile: their steps, and which the target needs. Pure."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from harness.check.steps import (
    State,
    Step,
    assigned,
    declared,
    make_step,
    mounts,
)
from harness.dockerfile import words
from harness.dockerfile.parser import Dockerfile
from harness.dockerfile.words import Word


@dataclass(frozen=True, slots=True, kw_only=True)
class StageSteps:
    """A stage: its FROM, its steps behind that, and what it is made of.

    `parent` is the stage that FROM names, if it names one; `base` its image otherwise,
    as far as that is known. `uses` are the stages that it copies from or mounts.
    `is_needed` says that the target is made of it, or copies from it.
    """

    index: int
    name: str
    source: Step
    base: Word
    steps: tuple[Step, ...]
    parent: int | None
    uses: frozenset[int]
    is_needed: bool = True


def walk(
    dockerfile: Dockerfile, args: Mapping[str, str], target: str
) -> tuple[tuple[Step, ...], tuple[StageSteps, ...]]:
    """Give the steps before the first FROM, and the stages."""
    walker = _Walker(dockerfile, args)
    return walker.globals, _needed(walker.stages, dockerfile, target)


class _Walker:
    """Walks over the instructions once, and keeps what holds."""

    def __init__(self, dockerfile: Dockerfile, args: Mapping[str, str]) -> None:
        self._args = args
        self._dockerfile = dockerfile
        self._global: dict[str, str | None] = {}
        self._ends: list[State] = []
        self.globals: tuple[Step, ...] = ()
        self.stages: list[StageSteps] = []
        self._walk()

    def _walk(self) -> None:
        before: list[Step] = []
        state = State(base="")
        steps: list[Step] = []
        head: Step | None = None
        for each in self._dockerfile.instructions:
            if each.keyword == "FROM":
                self._close(head, steps, state)
                head = make_step(each, State(base="", values=self._global))
                state = self._begin(head, each.stage)
                steps = []
            elif each.stage < 0:
                step = make_step(each, State(base="", values=self._global))
                before.append(step)
                self._declare_global(step)
            else:
                step = make_step(each, state)
                steps.append(step)
                state = self._after(step, state)
        self._close(head, steps, state)
        self.globals = tuple(before)

    def _close(self, head: Step | None, steps: list[Step], state: State) -> None:
        if head is None:
            return
        index = head.stage
        stage = self._dockerfile.stages[index]
        self._ends.append(state)
        self.stages.append(
            StageSteps(
                index=index,
                name=stage.name,
                source=head,
                base=_base(head),
                steps=tuple(steps),
                parent=stage.parent,
                uses=frozenset(self._uses(steps, index)),
            )
        )

    def _begin(self, head: Step, index: int) -> State:
        parent = self._dockerfile.stages[index].parent
        if parent is not None:
            # ARG of a parent ends with it for some builders, ENV lasts for all
            end = self._ends[parent]
            return replace(end, values=dict(end.env))
        base = _base(head).text
        if base == "scratch":
            return State(base=base, user="", workdir="/")
        return State(base=base)

    def _declare_global(self, step: Step) -> None:
        if step.keyword == "ARG":
            for name, value in declared(step):
                given = self._args.get(name)
                self._global[name] = given if given is not None else value

    def _after(self, step: Step, state: State) -> State:
        keyword = step.keyword
        if keyword == "ENV":
            values = {
                name: word.text if word.known else None for name, word in assigned(step)
            }
            return replace(
                state, env={**state.env, **values}, values={**state.values, **values}
            )
        if keyword == "ARG":
            return replace(state, values={**state.values, **self._stage_args(step)})
        if keyword == "USER" and step.words:
            word = step.words[0]
            return replace(state, user=word.text if word.known else None)
        if keyword == "WORKDIR" and step.rest:
            word = words.expand(step.rest, state.values, step.instruction.escape)
            path = state.path(word.text) if word.known else None
            return replace(state, workdir=path)
        if keyword == "SHELL":
            return replace(state, shell=tuple(each.text for each in step.words))
        if keyword == "VOLUME":
            paths = {
                posixpath.normpath(posixpath.join("/", each.text)): step.line
                for each in step.words
                if each.known
            }
            return replace(state, volumes={**paths, **state.volumes})
        return state

    def _stage_args(self, step: Step) -> dict[str, str | None]:
        found: dict[str, str | None] = {}
        for name, default in declared(step):
            if name in step.before.env:
                # ENV wins over ARG, but for newer builders below it
                continue
            value = self._args.get(name)
            if value is None:
                value = default if default is not None else self._global.get(name)
            found[name] = value
        return found

    def _uses(self, steps: list[Step], index: int) -> Iterator[int]:
        for step in steps:
            inner = step.trigger or step
            named = [inner.flag("from")] if inner.keyword in {"COPY", "ADD"} else []
            named += [mount.get("from") for mount in mounts(inner)]
            for name in filter(None, named):
                stage = self._named(name, index)
                if stage is not None:
                    yield stage

    def _named(self, name: str, below: int) -> int | None:
        for stage in reversed(self._dockerfile.stages[:below]):
            if stage.name and stage.name.lower() == name.lower():
                return stage.index
        if name.isdecimal() and len(name) < 10 and int(name) < below:
            return int(name)
        return None


def _base(head: Step) -> Word:
    return head.words[0] if head.words else Word(raw="", text="")


def _needed(
    stages: list[StageSteps], dockerfile: Dockerfile, target: str
) -> tuple[StageSteps, ...]:
    """Say of each stage whether the target needs it."""
    chosen = dockerfile.stage(target)
    pending = [chosen.index] if chosen else []
    needed: set[int] = set()
    while pending:
        number = pending.pop()
        if number in needed:
            continue
        needed.add(number)
        stage = stages[number]
        pending += stage.uses
        if stage.parent is not None:
            pending.append(stage.parent)
    return tuple(replace(each, is_needed=each.index in needed) for each in stages)
