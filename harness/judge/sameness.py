"""Whether one Dockerfile made the same image on several targets, and where not. Pure.

For a Dockerfile of the user's: one answer first, then each place where the images
differ. What a repeated build has otherwise than before is chance, and no difference;
what a builder leaves in every image, or what means nothing, is told apart.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from harness.cases.notation import Aspect
from harness.judge.agreement import FactTable, tell
from harness.judge.differences import LEFT_BEHIND, AspectDifference, differences
from harness.judge.facts import ASPECTS, Facts, Place, Question, facts
from harness.measure.observation import Observation

#: `same`: image and layers; `layers`: the same image in other layers; `image`: another
#: image; `outcome`: it builds on some only; `fails`: it builds on none.
Answer = Literal["same", "layers", "image", "outcome", "fails"]

#: Keys of an image's config that change nothing for who runs it, with the reason.
NO_MATTER: Mapping[str, str] = {
    "ArgsEscaped": "it means something on Windows only",
}
_LEFT = "the builder leaves it in every image"
#: An aspect to those that it is seen in too: a file's content that is chance is so in
#: each layer that has it.
_OF_FILES: frozenset[Aspect] = frozenset({"rootfs", "files", "times", "metadata"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """One place where targets differ; `no_matter` says why it is of no consequence."""

    difference: AspectDifference
    no_matter: str = ""

    @property
    def question(self) -> Question:
        """The question that it answers: outcome, image or layering."""
        return self.difference.question


@dataclass(frozen=True, slots=True, kw_only=True)
class Sameness:
    """The answer for a Dockerfile on some targets, and where they differ.

    `failed` are the targets on which it does not build. `chance` names the paths that
    were other when a builder built the same again, and `left_out` counts the
    differences of aspects that were not asked for.
    """

    answer: Answer
    table: FactTable
    spots: tuple[Spot, ...]
    failed: tuple[str, ...] = ()
    chance: tuple[str, ...] = ()
    left_out: int = 0

    @property
    def matter(self) -> tuple[Spot, ...]:
        """Give what is of consequence."""
        return tuple(each for each in self.spots if not each.no_matter)

    def targets(self, numbers: Sequence[int]) -> tuple[str, ...]:
        """Name the targets of some outcomes."""
        return self.table.targets_of(numbers)


def sameness(
    observations: Mapping[str, Observation],
    again: Mapping[str, Observation] | None = None,
    aspects: Collection[Aspect] = ASPECTS,
) -> Sameness:
    """Compare what a Dockerfile made on the targets of `observations`.

    `again` has what some of them made when they built it once more. Only differences
    of `aspects` count, and whether it builds at all.
    """
    chance = _chance(observations, again or {})
    table = tell(observations)
    table = replace(
        table,
        facts={
            aspect: [_without(each, chance.get(aspect, frozenset())) for each in told]
            for aspect, told in table.facts.items()
        },
    )
    every = [Spot(difference=d, no_matter=_no_matter(d)) for d in differences(table)]
    spots = tuple(
        each
        for each in every
        if each.question == "outcome" or each.difference.aspect in aspects
    )
    failed = tuple(
        target
        for target, each in observations.items()
        if any(build.outcome != "ok" for build in each.builds)
    )
    return Sameness(
        answer=_answer(spots, failed, len(observations)),
        table=table,
        spots=spots,
        failed=failed,
        chance=tuple(
            sorted(
                {
                    place.what
                    for aspect, places in chance.items()
                    if aspect in _OF_FILES
                    for place in places
                }
            )
        ),
        left_out=len(every) - len(spots),
    )


def _answer(spots: Sequence[Spot], failed: Sequence[str], targets: int) -> Answer:
    if len(failed) == targets:
        return "fails"
    if failed:
        return "outcome"
    questions = {each.question for each in spots if not each.no_matter}
    if "image" in questions:
        return "image"
    return "layers" if "layering" in questions else "same"


def _no_matter(each: AspectDifference) -> str:
    if each.paths and LEFT_BEHIND.issuperset(each.paths):
        return _LEFT
    if each.aspect == "config":
        return NO_MATTER.get(each.place.what, "")
    return ""


def _chance(
    observations: Mapping[str, Observation], again: Mapping[str, Observation]
) -> dict[Aspect, frozenset[Place]]:
    """Find the places where a target told two things of the same Dockerfile."""
    found: dict[Aspect, set[Place]] = {}
    for target, second in again.items():
        for aspect in ASPECTS:
            one, other = facts(observations[target], aspect), facts(second, aspect)
            found.setdefault(aspect, set()).update(
                place
                for place in one.keys() | other.keys()
                if one.get(place) != other.get(place)
            )
    return {aspect: frozenset(places) for aspect, places in found.items()}


def _without(told: Facts, places: frozenset[Place]) -> Facts:
    if not places:
        return told
    return {place: fact for place, fact in told.items() if place not in places}
