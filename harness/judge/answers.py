"""Which of a case's answers a target gives, by what was measured on it. Pure.

Each measured target gives exactly one. Where none fits, or two do, the case is at
fault: a behaviour has no name, or two answers do not exclude each other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from harness.cases.case import Case
from harness.cases.expectation import Properties
from harness.judge.behaviour import NOT_TOLD, ONE_LAYER
from harness.judge.parent_view import ParentView
from harness.judge.properties import CHECKS, NotMeasured, Subject, first_line
from harness.measure.observation import ONE_FOR_A_STAGE, Observation


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """The answers that fit one target's observation: one, where the case is right.

    `findings` say of each answer that does not fit what speaks against it. `not_told`
    is why no answer can be given, though something was measured: a property that this
    target does not show.
    """

    names: tuple[str, ...]
    findings: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    not_told: str = ""

    @property
    def name(self) -> str:
        """The answer; empty where there is none, or more than one."""
        return self.names[0] if len(self.names) == 1 else ""

    @property
    def told(self) -> str:
        """The answer in words, or why there is none."""
        if self.names:
            return " or ".join(self.names)
        if self.not_told == ONE_FOR_A_STAGE:
            return ONE_LAYER
        return NOT_TOLD if self.not_told else "none of these"


def answered(
    case: Case, observation: Observation, below: Mapping[str, ParentView]
) -> Answered:
    """Find the answers of `case` that fit what was measured.

    `below` has the view that each build's layers stand on.
    """
    names: list[str] = []
    findings: dict[str, tuple[str, ...]] = {}
    not_told = ""
    for name, parts in case.answers.items():
        found = differences(parts, observation, below)
        if isinstance(found, NotMeasured):
            not_told = not_told or str(found)
        elif found:
            findings[name] = found
        else:
            names.append(name)
    return Answered(
        names=tuple(names), findings=findings, not_told="" if names else not_told
    )


def differences(
    asked: Sequence[Properties],
    observation: Observation,
    below: Mapping[str, ParentView],
) -> tuple[str, ...] | NotMeasured:
    """Say how what was measured differs from what is asked, or why that is not known.

    Nothing where it holds. What differs does, whatever else could not be measured.
    """
    found: list[str] = []
    unmeasured: NotMeasured | None = None
    for part in asked:
        build = observation.build(part.of)
        subject = Subject(build=build, observation=observation, below=below[build.name])
        for name, value in part.properties():
            if build.outcome == "unexportable" and name != "build":
                unmeasured = NotMeasured("the image cannot be exported")
                continue
            if build.outcome != "ok" and name != "build":
                found.append(f"{name}: the build failed: {first_line(build.error)}")
                continue
            try:
                found.extend(f"{name}: {text}" for text in CHECKS[name](value, subject))
            except NotMeasured as reason:
                unmeasured = unmeasured or reason
    return tuple(dict.fromkeys(found)) or unmeasured or ()
