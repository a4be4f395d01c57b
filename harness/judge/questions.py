"""Find the questions that some words ask, in any order and with any ending. Pure."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

import snowballstemmer

from harness.judge.behaviour import Behaviour

#: What a word is worth by the place it stands in.
_QUESTION, _ID, _NAME, _REST = 4.0, 3.0, 2.0, 0.5
#: Words that nearly every question has.
_COMMON = frozenset(
    re.findall(
        r"\w+",
        "a an and are as at be by can do does for from has how i if in is it its my of "
        "on or that the this to what when where which who why will with",
    )
)
#: Every question is answered for these, whether it names them or not.
_BUILDERS = frozenset(("legacy", "buildkit", "buildx", "buildah", "podman", "docker"))
_STEMMER = snowballstemmer.stemmer("english")
#: What people search for, in the words that questions have.
_SYNONYMS = {"mtime": "time", "timestamp": "time", "permission": "mode", "uid": "owner"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A behaviour that was found, and the words of the search that it lacks."""

    behaviour: Behaviour
    lacks: tuple[str, ...]


def find(behaviours: Iterable[Behaviour], words: str) -> list[Found]:
    """List the behaviours that have the most of `words`, the fittest first.

    Those that have all words, if any has. A rare word counts more than a common one.
    """
    given = _words(words)
    asked = [word for word in given if word not in _BUILDERS] or given
    wanted = {stem: word for word in asked for stem in _stems([word])}
    texts = [(each, _weights(each)) for each in behaviours]
    frequent = Counter(stem for _, weights in texts for stem in weights)
    scored: list[tuple[float, int, Found]] = []
    for place, (each, weights) in enumerate(texts):
        has = [stem for stem in wanted if stem in weights]
        score = sum(
            weights[stem] * math.log(1 + len(texts) / frequent[stem]) for stem in has
        )
        if has:
            lacks = tuple(word for stem, word in wanted.items() if stem not in has)
            scored.append((score, -place, Found(behaviour=each, lacks=lacks)))
    fewest = min((len(each.lacks) for _, _, each in scored), default=0)
    ordered = sorted(scored, key=lambda each: each[:2], reverse=True)
    return [each for _, _, each in ordered if len(each.lacks) == fewest]


def known_words(behaviours: Iterable[Behaviour]) -> set[str]:
    """List the words that questions, titles and reasons have."""
    return {word for each in behaviours for text in _texts(each) for word in text}


def _weights(each: Behaviour) -> dict[str, float]:
    found: dict[str, float] = {}
    places = zip((_QUESTION, _ID, _NAME, _REST), _texts(each), strict=True)
    for weight, words in places:
        for stem in set(_stems(words)):
            found[stem] = found.get(stem, 0.0) + weight
    return found


def _texts(each: Behaviour) -> tuple[list[str], ...]:
    """Give the words of the question, of its ID, of other names, and of all else."""
    names = (each.title, *each.answers, *each.tags)
    return (
        _words(each.question),
        _words(each.case),
        _words(" ".join(names)),
        _words(f"{each.why} {each.advice}"),
    )


def _words(text: str) -> list[str]:
    found = re.findall(r"[a-z0-9]+", text.casefold())
    return [word for word in found if word not in _COMMON] or found


def _stems(words: Sequence[str]) -> list[str]:
    return [_stem(word) for word in words]


@cache
def _stem(word: str) -> str:
    stemmed: str = _STEMMER.stemWord(word)
    return _SYNONYMS.get(stemmed, stemmed)
