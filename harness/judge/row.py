"""One case on all targets: a cell for each, and how the case comes out. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from harness.judge.differences import LEFT_BEHIND
from harness.judge.divergence import Divergence
from harness.judge.facts import QUESTIONS, Question
from harness.judge.verdict import Check, Verdict
from harness.targets.registry import Builders

#: How a case comes out: the first question to which the targets give several answers,
#: or that no target builds it (`fails` where that is expected), or that fewer than two
#: targets have built it.
Standing = Literal[
    "outcome", "image", "layering", "same", "fails", "not built", "not compared"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One case on one target: the verdict, its classes of agreement, the reasons.

    `outcome`, `image` and `layering` are the letters of the classes; empty where
    nothing was built, those of images also where no build made one. `answer` is that
    to the case's question, empty where it has none or nothing was measured. `fails`
    says that a build gave no image.
    """

    verdict: Verdict
    answer: str = ""
    outcome: str = ""
    image: str = ""
    layering: str = ""
    fails: bool = False
    checks: tuple[Check, ...] = ()
    reason: str = ""
    unstable: tuple[str, ...] = ()

    @property
    def is_against(self) -> bool:
        """Say whether the answer there is another than the one that is written."""
        return any(each.is_against for each in self.checks)

    @property
    def letters(self) -> tuple[str, str, str]:
        """The letters of the three questions, in their order."""
        return (self.outcome, self.image, self.layering)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One case on all targets, and where they diverge."""

    case: str
    title: str
    group: str
    cells: Mapping[str, Cell]
    divergences: tuple[Divergence, ...]
    question: str = ""
    impact: str = ""
    advice: str = ""

    @property
    def given(self) -> dict[str, str]:
        """The answers by target, where there is one."""
        return {name: each.answer for name, each in self.cells.items() if each.answer}

    @property
    def differs(self) -> tuple[Question, ...]:
        """Name the questions to which the targets give several answers."""
        return tuple(
            question
            for question in QUESTIONS
            if len({getattr(cell, question) for cell in self.cells.values()} - {""}) > 1
        )

    @property
    def agrees(self) -> bool:
        """Say whether all that were measured give the same answers."""
        return not self.differs

    @property
    def standing(self) -> Standing:
        """Say how the case comes out."""
        measured = [cell for cell in self.cells.values() if cell.outcome]
        if any(cell.verdict == "not built" for cell in measured):
            return "not built"
        if len(measured) < 2:
            return "not compared"
        if not any(cell.image for cell in measured):
            return "fails"
        return self.differs[0] if self.differs else "same"

    @property
    def only_left_behind(self) -> bool:
        """Say whether images differ only in what builders leave there by themselves."""
        return all(
            each.paths and LEFT_BEHIND.issuperset(each.paths)
            for each in self.divergences
            if each.question == "image"
        )

    def by_client(self, builders: Builders) -> tuple[str, ...]:
        """Name the engines on which `buildkit` and a client of it are of two classes.

        The BuildKit is the same one, so the client's way made the difference.
        """
        seen: dict[str, dict[str, tuple[str, ...]]] = {}
        for name, cell in self.cells.items():
            target = builders.target(name)
            if target.family == "buildkit" and cell.outcome:
                engine = name.partition("@")[2]
                seen.setdefault(engine, {})[target.builder.name] = cell.letters
        return tuple(
            engine
            for engine, classes in seen.items()
            if "buildkit" in classes and len(set(classes.values())) > 1
        )
