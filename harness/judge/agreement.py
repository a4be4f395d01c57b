"""Who does the same as whom: classes of agreement, and divergences in words. Pure.

An observation is told as facts, each with a place, a value and a phrase. Targets with
equal facts are of one class; where facts differ, their phrases make the sentence.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import starmap
from typing import TypeAlias, get_args

from harness.cases.notation import Aspect
from harness.dockerfile.parser import LAYER_INSTRUCTIONS
from harness.judge.properties import first_line, letter, letters
from harness.measure.observation import BuildRecord, Change, LayerRecord, Observation

ASPECTS: tuple[Aspect, ...] = get_args(Aspect)

#: Verbs whose plural does not only lack an s.
_PLURAL = {"does": "do", "has": "have"}

#: Build, line or 0, path or name, attribute: where a fact belongs.
Place: TypeAlias = tuple[str, int, str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """What was found at a place: a value to compare, a phrase to say it with.

    `exact` is said too where the phrases of other values are the same.
    """

    value: object
    phrase: str = field(compare=False)
    exact: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Divergence:
    """One located difference: who does what, in words, by group of targets."""

    aspect: Aspect
    build: str
    line: int | None
    subject: str
    says: tuple[tuple[str, str], ...]

    def sentence(self) -> str:
        """Say it: `line 8, RUN mkdir -p /test: BuildKit makes ..., legacy none`."""
        line = f"line {self.line}" if self.line else ""
        place = ", ".join(filter(None, (self.build, line, self.subject)))
        several = any(" and " in who for who, _ in self.says)
        told = ("; " if several else ", ").join(starmap(_said, self.says))
        return f"{place}: {told}"


def _said(who: str, phrase: str) -> str:
    """Join a name and what it does; two of them do it in the plural."""
    verb, blank, rest = phrase.partition(" ")
    if " and " in who:
        verb = _PLURAL.get(verb) or verb.removesuffix("s")
    return f"{who} {verb}{blank}{rest}"


def classes(
    observations: Mapping[str, Observation], aspects: Sequence[Aspect] = ASPECTS
) -> dict[str, str]:
    """Give each target (by id) the letter of its class of agreement, in given order."""
    seen: dict[str, str] = {}
    found = {}
    told = [_told_by(observations, aspect) for aspect in aspects]
    keys: dict[int, str] = {}
    for target, observation in observations.items():
        same = id(observation.builds)
        if same not in keys:
            keys[same] = repr(
                [
                    (place, fact.value)
                    for each in told
                    for place, fact in sorted(each[target].items())
                ]
            )
        found[target] = seen.setdefault(keys[same], letter(len(seen)))
    return found


def _told_by(
    observations: Mapping[str, Observation], aspect: Aspect
) -> dict[str, dict[Place, Fact]]:
    """Tell one aspect of each observation; equal ones are read from one record."""
    seen: dict[int, dict[Place, Fact]] = {}
    for each in observations.values():
        if id(each.builds) not in seen:
            seen[id(each.builds)] = facts(each, aspect)
    return {name: seen[id(each.builds)] for name, each in observations.items()}


def divergences(
    observations: Mapping[str, Observation],
    subjects: Mapping[tuple[str, int], str],
    *,
    name: Callable[[Sequence[str], Sequence[str]], str],
) -> list[Divergence]:
    """List where the targets differ, one entry a place, in the order of aspects.

    `subjects` gives (build, line) its instruction's text; `name` names some of all
    that `observations` has. What follows from a difference that is named already (the
    pattern from the layers, the mode of a file that only one has) is left out.
    """
    found: list[Divergence] = []
    told_already: set[tuple[object, ...]] = set()
    several = len({build for build, _ in subjects}) > 1
    for aspect in ASPECTS:
        told = _told_by(observations, aspect)
        places = {place for each in told.values() for place in each}
        for place in sorted(places, key=_reading_order):
            said = _groups(told, place, aspect, name)
            if len(said) < 2 or any(place[:end] in told_already for end in (1, 3, 4)):
                continue
            told_already.update(_implied(aspect, place))
            build, line, what, attribute = place
            which = f"build `{build}`" if several else ""
            text = f"{what} {attribute}"
            if line:
                text = subjects.get((build, line), f"layer {-line} above the base")
            found.append(
                Divergence(
                    aspect=aspect,
                    build=which,
                    line=line if line > 0 else None,
                    subject=text.strip(),
                    says=tuple(said),
                )
            )
    return found


def _reading_order(place: Place) -> tuple[object, ...]:
    """Sort lines as they stand, and what belongs to no line behind them."""
    build, line, what, attribute = place
    return (build, line == 0, abs(line), what, attribute)


def _implied(aspect: Aspect, place: Place) -> set[tuple[object, ...]]:
    """Name what need not be told once `place` is."""
    build, line, what, attribute = place
    if aspect == "outcome":
        return {(build,)}
    if aspect == "layers" and line:
        return {(build, 0, "pattern"), (build, 0, "entries")}
    # A path that only some record has attributes that only some record.
    return {(build, line, what)} if what and line and not attribute else set()


def _groups(
    told: Mapping[str, Mapping[Place, Fact]],
    place: Place,
    aspect: Aspect,
    name: Callable[[Sequence[str], Sequence[str]], str],
) -> list[tuple[str, str]]:
    """Group the targets by what they do at a place: name and phrase of each group.

    Those that do nothing there are named last, and in a word.
    """
    groups: dict[str, list[str]] = {}
    said: dict[str, Fact] = {}
    for target, facts_ in told.items():
        fact = facts_.get(place) or Fact(value="", phrase=_nothing(aspect))
        key = repr(fact.value)
        groups.setdefault(key, []).append(target)
        said[key] = fact
    phrases = [fact.phrase for fact in said.values()]
    found = []
    for key in sorted(groups, key={repr(""), repr(_NO_LAYER)}.__contains__):
        phrase = said[key].phrase
        if phrase == _NO_LAYER and len(groups) > 1:
            phrase = "none"
        elif phrases.count(phrase) > 1 and said[key].exact:
            phrase = f"{phrase}: {said[key].exact}"
        found.append((name(groups[key], list(told)), phrase))
    return found


def facts(observation: Observation, aspect: Aspect) -> dict[Place, Fact]:
    """Tell one aspect of an observation, builds in order."""
    return {
        (build.name, line, what, attribute): fact
        for build in observation.builds
        if build.outcome == "ok" or aspect == "outcome"
        for line, what, attribute, fact in _FACTS[aspect](build)
    }


_NO_LAYER = "makes no layer"
#: Labels by which a builder says who it is. In every image of buildah's, and as little
#: a difference of what was built as the texts of the history.
_SIGNATURES = frozenset({"io.buildah.version"})
_Told: TypeAlias = Iterator[tuple[int, str, str, Fact]]


def _nothing(aspect: Aspect) -> str:
    return {
        "layers": "has no such line",
        "config": "sets none",
        "cache": "does not say",
    }.get(aspect, "does not")


def _outcome(build: BuildRecord) -> _Told:
    if build.outcome == "ok":
        yield 0, "outcome", "", Fact(value="ok", phrase="builds it")
        return
    where = f" at line {build.error_line}" if build.error_line else ""
    phrase = f"{build.verb}{where} ({first_line(build.error)})"
    yield 0, "outcome", "", Fact(value=build.outcome, phrase=phrase)


def _layers(build: BuildRecord) -> _Told:
    for step in build.steps:
        if step.keyword in LAYER_INSTRUCTIONS or step.layer is not None:
            phrase = _NO_LAYER
            if step.layer is not None:
                empty = not build.layers[step.layer - 1].changes
                phrase = "makes an empty layer" if empty else "makes a layer"
            yield step.line, "", "", Fact(value=phrase, phrase=phrase)
    pattern = letters(build.layers, "content")
    phrase = f"has the layers {pattern}" if pattern else "has no layer"
    yield 0, "pattern", "", Fact(value=pattern, phrase=phrase)


def _located(build: BuildRecord) -> Iterator[tuple[int, LayerRecord]]:
    for number, layer in enumerate(build.layers, 1):
        # Where lines are not known, layers of equal height are compared.
        yield layer.line or -number, layer


def _files(build: BuildRecord) -> _Told:
    for line, layer in _located(build):
        for each in layer.changes:
            if each.change != "touched":
                value = (each.change, *each.data)
                exact = each.digest[:12] or each.device
                fact = Fact(value=value, phrase=_did(each), exact=exact)
                yield line, each.path, "", fact


def _did(each: Change) -> str:
    verb = {
        "added": "adds",
        "modified": "changes",
        "deleted": "deletes",
        "opaque": "hides what was in",
    }[each.change]
    size = f" ({each.size} bytes)" if each.type == "file" else ""
    kind = f"{each.type} " if each.type else ""
    link = f" -> {each.link}" if each.link else ""
    return f"{verb} {kind}{each.path}{size}{link}"


def _metadata(build: BuildRecord) -> _Told:
    for line, layer in _located(build):
        for each in layer.changes:
            if each.change in {"deleted", "opaque"}:
                continue
            names = ["mode", "owner", "mtime"]
            if each.change == "touched":
                phrase = f"records {each.path} again"
                yield line, each.path, "", Fact(value=True, phrase=phrase)
                names = ["mtime"]
            for name in names:
                value = getattr(each, name)
                phrase = f"gives {each.path} the {name} {value}"
                yield line, each.path, name, Fact(value=value, phrase=phrase)
            for name, value in sorted(each.xattrs.items()):
                phrase = f"gives {each.path} the xattr {name}={value}"
                yield line, each.path, name, Fact(value=value, phrase=phrase)


def _config(build: BuildRecord) -> _Told:
    for name, value in sorted(build.config.items()):
        own: object = value
        if name == "Labels" and isinstance(value, Mapping):
            own = {key: value[key] for key in value if key not in _SIGNATURES}
            if not own:
                continue
        text = json.dumps(own, sort_keys=True)
        yield 0, "config", name, Fact(value=text, phrase=f"sets {text}")


def _history(build: BuildRecord) -> _Told:
    # The texts differ between all builders and versions, and are no behaviour that an
    # image has; how many entries there are, and whose layer is empty, is.
    flags = [each.empty_layer for each in build.history]
    phrase = f"has {len(flags)} history entries, {flags.count(False)} with a layer"
    exact = " ".join("none" if empty else "layer" for empty in flags)
    yield 0, "entries", "", Fact(value=flags, phrase=phrase, exact=exact)
    authors = [each.author for each in build.history]
    if any(authors):
        yield 0, "authors", "", Fact(value=authors, phrase=f"has the authors {authors}")


def _cache(build: BuildRecord) -> _Told:
    for step in build.steps:
        if step.keyword in LAYER_INSTRUCTIONS and step.cached is not None:
            phrase = "takes it from cache" if step.cached else "runs it again"
            yield step.line, "", "cache", Fact(value=step.cached, phrase=phrase)


_FACTS: Mapping[Aspect, Callable[[BuildRecord], _Told]] = {
    "outcome": _outcome,
    "layers": _layers,
    "files": _files,
    "metadata": _metadata,
    "config": _config,
    "history": _history,
    "cache": _cache,
}
