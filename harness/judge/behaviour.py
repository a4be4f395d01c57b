"""A behaviour: a case's question with its answer on every target. A value, no more.

What questions, tables of answers and programs speak of. Made by `answer_ranges` from
results, and light, so that a question can be found without opening all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

#: What is said of a target that does not show what the question is about.
NOT_TOLD = "not told"
#: What is said where lines cannot be told apart, since all make one layer.
ONE_LAYER = "one layer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """An expectation of a case, by its source, and on which targets it holds.

    `because` is the source: mostly documentation, sometimes an issue, the article, or a
    measurement. `answer` is the name of an answer, empty where the expectation has
    properties of its own. `holds` and `breaks` name groups of targets; empty for none.
    """

    because: str
    answer: str = ""
    holds: str = ""
    breaks: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """A question and its answers.

    `given` has the answer by target, where one was measured. `ranges` say it by column
    (a builder as people know it), along its versions: `discarded until 1.28.2, kept
    since 1.39.3`. `against` are the targets on which an expectation does not hold,
    `fails` those on which a build of the case gave no image.
    """

    case: str
    title: str
    question: str
    why: str
    impact: str = ""
    advice: str = ""
    refs: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    answers: tuple[str, ...] = ()
    given: Mapping[str, str] = field(default_factory=dict)
    ranges: Mapping[str, str] = field(default_factory=dict)
    expected: tuple[Expected, ...] = ()
    against: tuple[str, ...] = ()
    fails: tuple[str, ...] = ()

    @property
    def group(self) -> str:
        """The folder under `cases/`."""
        return self.case.partition("/")[0]

    @property
    def is_disputed(self) -> bool:
        """Say whether targets give several answers."""
        return len(set(self.given.values())) > 1
