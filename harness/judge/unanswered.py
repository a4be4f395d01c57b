"""Find cells whose question no answer of the case fits, or more than one. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Literal

from harness.cases.case import Case
from harness.judge.answers import Answered
from harness.judge.verdict import Judged
from harness.targets.group_names import group_name
from harness.targets.registry import Builders

State = Literal["answered", "unanswered", "ambiguous", "not told"]


def state(answered: Answered) -> State:
    """Say how a cell's question comes out."""
    if answered.names:
        return "answered" if answered.name else "ambiguous"
    return "not told" if answered.not_told else "unanswered"


def states(results: Mapping[str, Judged]) -> Counter[State]:
    """Count how the question of a case comes out on its targets."""
    return Counter(state(each.answered) for each in results.values() if each.answered)


def mistakes(
    case: Case, results: Mapping[str, Judged], builders: Builders
) -> Iterator[str]:
    """Say where a case's answers do not fit what was measured, and why not.

    Targets with the same reasons are told together. An answer that nothing gives is a
    mistake too, unless an expectation names it: it is then expected, but true
    nowhere.
    """
    if not case.answers:
        return
    every = list(results)
    alike: dict[str, list[str]] = {}
    given: set[str] = set()
    for target, result in results.items():
        if result.answered is None:
            continue
        given.update(result.answered.names)
        if state(result.answered) in {"unanswered", "ambiguous"}:
            alike.setdefault(_reasons(result.answered), []).append(target)
    for reasons, targets in alike.items():
        yield f"{case.path}: on {group_name(builders, targets, every)}: {reasons}"
    named = {each.answer for each in case.expect}
    for name in case.answers if given else ():
        if name not in given and name not in named:
            yield (
                f"{case.path}: no target gives the answer `{name}`, and no expectation "
                "names it\nhint: leave it out"
            )


def _reasons(answered: Answered) -> str:
    if answered.names:
        names = " and ".join(f"`{name}`" for name in answered.names)
        return (
            f"ambiguous: {names} hold\n"
            "hint: give one of them a property that the other does not have"
        )
    told = "".join(
        f"\n  {name}: {'; '.join(found)}" for name, found in answered.findings.items()
    )
    return f"unanswered{told}\nhint: give what happens there a name of its own"
