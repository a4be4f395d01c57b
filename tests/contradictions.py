"""Sentences of rendered pages that contradict each other, or the Dockerfile.

`python tests/contradictions.py results` counts them in all pages of a folder.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_CASE = re.compile(r"^\*\*(\S+)\*\*, ")
_SENTENCE = re.compile(
    r"^\s*- (?:build \\?`(?P<build>[^`]*)`, )?"
    r"(?:(?:line (?P<line>\d+), )?(?P<subject>.*?)): (?P<told>\S.*)$"
)
_PATH = re.compile(r"\b(?:adds?|changes?|deletes?|records?) (?:\w+ )?(?P<path>/\S+)")
_GROUP = re.compile(
    r"^(?P<who>.+?) (?P<what>(?:adds?|changes?|deletes?|hides?|records?|gives?|makes?"
    r"|has|have|do|does|none|sets?|takes?|runs?|leaves?|links?|builds?|fails?"
    r"|puts?|tells?)\b.*)$"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What one name is said to do at a place: to do it, or not to.

    The place is the number of a line, or a layer by its height.
    """

    case: str
    build: str
    place: str
    path: str
    who: str
    does: bool


def mistakes(page: str) -> Iterator[str]:
    """Yield each sentence that cannot be true beside the Dockerfile or another."""
    case = ""
    claims: dict[tuple[str, str, str, str], set[tuple[bool, str]]] = {}
    for text in page.splitlines():
        if found := _CASE.match(text):
            case = found[1]
        sentence = _SENTENCE.match(text)
        if sentence and case:
            reasons = [*_within(sentence), *_beside(case, sentence, claims)]
            if reasons:
                yield f"{case}: {reasons[0]}: {text}"


def _within(sentence: re.Match[str]) -> Iterator[str]:
    if re.search(r"\bha(?:s|ve) no such line\b", sentence["told"]):
        yield "no such line"
    names = [name for who, _ in _groups(sentence["told"]) for name in who]
    if len(names) != len(set(names)):
        yield "in two groups"


def _beside(
    case: str,
    sentence: re.Match[str],
    claims: dict[tuple[str, str, str, str], set[tuple[bool, str]]],
) -> Iterator[str]:
    for each in _claims(case, sentence):
        said = claims.setdefault((case, each.build, each.path, each.who), set())
        where = each.place
        against = {at for does, at in said if does is not each.does}
        if where in against:
            yield f"does and does not, {each.path}"
        # of a layer by its height nothing is said of a line
        elif any(at.isdigit() is not where.isdigit() for at in against):
            yield f"of a line and of no line, {each.path}"
        said.add((each.does, where))


def _claims(case: str, sentence: re.Match[str]) -> Iterator[Claim]:
    path = _PATH.search(sentence["told"])
    if path is None:
        return
    for who, what in _groups(sentence["told"]):
        for name in who:
            yield Claim(
                case=case,
                build=sentence["build"] or "",
                place=sentence["line"] or sentence["subject"] or "",
                path=path["path"],
                who=name,
                does=not what.startswith(("do not", "does not")),
            )


def _groups(told: str) -> Iterator[tuple[list[str], str]]:
    parts = (
        told.split("; ") if "; " in told else re.split(r", (?=[\w.@+-]+ \w+s? )", told)
    )
    for part in parts:
        if found := _GROUP.match(part):
            yield re.split(r", | and ", found["who"]), found["what"]


if __name__ == "__main__":
    total = 0
    for folder in map(Path, sys.argv[1:]):
        for place in sorted(folder.glob("*/README.md")):
            for mistake in mistakes(place.read_text(encoding="utf-8")):
                total += 1
                print(f"{place}: {mistake[:160]}")
    print(f"{total} sentences that cannot be true")
